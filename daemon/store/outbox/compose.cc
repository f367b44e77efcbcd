#include "store/outbox/compose.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/sha256.h"
#include "model/event.h"
#include "model/kinds.h"
#include "model/message.h"
#include "store/outbox/due.h"
#include "store/outbox/flapping.h"

namespace codedriftd::outbox {
namespace {

// Why a digest: after an outage, or for a receiver that takes few messages, one message for each target would come too
// late, too many, and in an order that says nothing. But a person wants one message about one thing, so a digest is
// only made where something is behind, and of enough targets.

/// From this many targets on, a digest takes the place of single messages, if something is behind.
constexpr std::size_t kFewestInDigest = 5;
/// What fits into a chat message by name. So many at once are a digest in any case.
constexpr std::size_t kMostInDigest = 50;
/// A row older than this shows that the destination is behind.
constexpr Millis kOnTime{10'000};
// How many alerts of one target a message lists. Together they keep it well below what a channel carries; those between
// the first and the newest are counted, and share the message's fate.
constexpr std::size_t kListed = 100, kListedInDigest = 10, kListedOfFlapping = 1'000;

struct Waiting {
  int64_t id = 0;
  std::string kind;
  std::optional<int64_t> target;
  std::string body;
  WallTime created_at{}, give_up_at{};
  bool flapping = false, alone = false;
};

/// What waits to be told of one target, oldest first.
struct Story {
  std::vector<Waiting> listed;  ///< the first and the newest
  std::vector<int64_t> rows;    ///< all of them
  WallTime give_up_at{};
  std::size_t between() const { return rows.size() - listed.size(); }
};

Waiting load_waiting(Database& db, int64_t row) {
  enum Column : int { kId, kKind, kTarget, kBody, kCreatedAt, kGiveUpAt, kFlapping, kAlone };
  auto q = db.query(
      "SELECT id, kind, target_id, body, created_at_ms, give_up_at_ms, flapping, alone FROM outbox WHERE id = ?", row);
  q.step();
  return {q.integer(kId),     q.string(kKind),   q.optional_integer(kTarget), q.string(kBody),
          q.time(kCreatedAt), q.time(kGiveUpAt), q.boolean(kFlapping),        q.boolean(kAlone)};
}

/// What waits for the target of `first` and can be told with it: all of it, or the message would say less than is so.
Story story_of(Database& db, std::string_view destination, const Waiting& first, std::size_t listed) {
  Story story{{first}, {first.id}, first.give_up_at};
  if (!first.target) return story;
  {
    enum Column : int { kId, kKind, kFlapping, kComposed, kGiveUpAt };
    auto q = db.query(
        "SELECT id, kind, flapping, message IS NOT NULL, give_up_at_ms FROM outbox WHERE destination = ? AND target_id "
        "= ? AND id > ? AND state = 'pending' ORDER BY id",
        destination, first.target, first.id);
    while (q.step()) {
      if (q.boolean(kComposed)) break;  // composed already: its bytes stand, and what comes later waits for it
      if (!told_together(first.kind, q.text(kKind)) || q.boolean(kFlapping) != first.flapping) {
        if (first.flapping) continue;  // nobody waits for what is held, so it tells its own story to the end
        break;
      }
      story.rows.push_back(q.integer(kId));
      story.give_up_at = std::max(story.give_up_at, q.time(kGiveUpAt));
    }
  }
  const std::size_t from = story.rows.size() > listed ? story.rows.size() - listed + 1 : 1;
  for (std::size_t i = from; i < story.rows.size(); ++i) story.listed.push_back(load_waiting(db, story.rows[i]));
  return story;
}

/// The first waiting row of each target that is due, as many as a digest holds, what is due longest first.
std::vector<Waiting> firsts(Database& db, std::string_view destination, WallTime now, bool about_deliveries) {
  static const Sql kDue = due_rows("AND message IS NULL AND target_id IS NOT NULL AND flapping = 0 AND alone = 0");
  std::vector<int64_t> rows;
  for (int on_request = 0; on_request < kClasses && rows.size() < kMostInDigest; ++on_request) {
    each_first(db, kDue, destination, on_request, now, [&](Due&& due) {
      if (about_delivery(due.kind) == about_deliveries) rows.push_back(due.row);
      return rows.size() < kMostInDigest;
    });
  }
  std::vector<Waiting> waiting;
  waiting.reserve(rows.size());
  for (const int64_t row : rows) waiting.push_back(load_waiting(db, row));
  return waiting;
}

std::vector<std::string> bodies(const Story& story) {
  std::vector<std::string> bytes;
  for (const Waiting& row : story.listed) bytes.push_back(row.body);
  return bytes;
}

struct Composed {
  std::vector<int64_t> rows;
  std::string id, kind, body;  ///< empty: the only row's own
  WallTime give_up_at{};

  void add(const Story& story) {
    rows.insert(rows.end(), story.rows.begin(), story.rows.end());
    give_up_at = std::max(give_up_at, story.give_up_at);
  }
};

Composed digest(Database& db, std::string_view destination, const std::vector<Waiting>& waiting) {
  Composed composed;
  std::vector<std::vector<std::string>> by_target;
  std::vector<std::size_t> between;
  for (const Waiting& first : waiting) {
    const Story story = story_of(db, destination, first, kListedInDigest);
    by_target.push_back(bodies(story));
    between.push_back(story.between());
    composed.add(story);
  }
  composed.id = random_id();
  composed.kind = about_delivery(waiting.front().kind) ? kDeliveryDigestKind : kDigestKind;
  composed.body = compose_digest(by_target, composed.id, composed.kind, between);
  return composed;
}

Composed single(Database& db, std::string_view destination, const Waiting& first, WallTime now) {
  Composed composed;
  const Story story = story_of(db, destination, first, first.flapping ? kListedOfFlapping : kListed);
  composed.add(story);
  if (story.rows.size() == 1 && !first.flapping) return composed;
  composed.id = random_id();
  if (first.flapping) {
    composed.kind = kFlappingKind;
    composed.body = compose_flapping(bodies(story), composed.id, story.between(),
                                     flaps(db, destination, first.target.value_or(0), now));
  } else {
    composed.kind = story.listed.back().kind;
    composed.body = compose_series(bodies(story), composed.id, story.between());
  }
  return composed;
}

Composed composed_from(Database& db, std::string_view destination, const Waiting& first, WallTime now, bool behind,
                       unsigned capacity) {
  // Reminders come due together, and none of them is urgent.
  const bool late = behind || first.created_at + kOnTime <= now || first.kind == kReminderKind;
  if (first.target && !first.flapping && !first.alone) {
    const std::vector<Waiting> waiting = firsts(db, destination, now, about_delivery(first.kind));
    const bool crowded = late || waiting.size() > capacity || waiting.size() == kMostInDigest;
    if (crowded && waiting.size() >= kFewestInDigest) return digest(db, destination, waiting);
  }
  return single(db, destination, first, now);
}

}  // namespace

int64_t compose(Database& db, std::string_view destination, int64_t row, WallTime now, bool behind, unsigned capacity) {
  const Composed composed = composed_from(db, destination, load_waiting(db, row), now, behind, capacity);
  // The oldest row leads, which need not be the one that is due first. Who waits always waits for an older row, so no
  // two messages can wait for each other.
  const int64_t leading = *std::min_element(composed.rows.begin(), composed.rows.end());
  for (const int64_t id : composed.rows) {
    db.run("UPDATE outbox SET message = ?, give_up_at_ms = ? WHERE id = ?", leading, composed.give_up_at, id);
  }
  if (!composed.id.empty()) {
    db.run("UPDATE outbox SET message_id = ?, message_kind = ?, message_body = ? WHERE id = ?", composed.id,
           composed.kind, Blob{composed.body}, leading);
  }
  return leading;
}

}  // namespace codedriftd::outbox
