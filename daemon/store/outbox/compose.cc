#include "store/outbox/compose.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/sha256.h"
#include "model/event.h"
#include "model/kinds.h"
#include "model/message.h"
#include "store/outbox/waiting.h"

namespace codedriftd::outbox {
namespace {

/// From this many targets on, a digest takes the place of single messages, if something is behind.
constexpr std::size_t kFewestInDigest = 5;
/// What fits into a chat message by name. So many at once are a digest in any case.
constexpr std::size_t kMostInDigest = 50;
/// Who waited longer than this waited for more than the messages before it.
constexpr Millis kOnTime{10'000};
// Together they keep a message well below what a channel carries.
constexpr int kLongestStory = 100, kLongestStoryInDigest = 10, kLongestFlapping = 1'000;

struct Waiting {
  int64_t id = 0;
  std::string kind;
  std::optional<std::string> target;
  std::string body;
  WallTime created_at{}, give_up_at{};
  bool flapping = false, alone = false;
};
using Story = std::vector<Waiting>;  ///< of one target, oldest first

Waiting read(const Query& q) {
  return {q.integer(0), q.string(1), q.optional_string(2), q.string(3),
          q.time(4),    q.time(5),   q.boolean(6),         q.boolean(7)};
}

Waiting load(Database& db, int64_t row) {
  auto q = db.query(
      "SELECT id, kind, target, body, created_at_ms, give_up_at_ms, flapping, alone FROM outbox WHERE id = ?", row);
  q.step();
  return read(q);
}

/// What waits for the target of `first` and can be told with it.
Story story_of(Database& db, std::string_view destination, const Waiting& first, int longest) {
  Story story{first};
  if (!first.target) return story;
  auto q = db.query(
      "SELECT id, kind, target, body, created_at_ms, give_up_at_ms, flapping, alone, message IS NOT NULL FROM outbox "
      "WHERE destination = ? AND target = ? AND id > ? AND state = 'pending' ORDER BY id",
      destination, first.target, first.id);
  while (static_cast<int>(story.size()) < longest && q.step()) {
    if (q.boolean(8)) break;  // composed already: its bytes stand, and what comes later waits for it
    Waiting next = read(q);
    if (!told_together(first.kind, next.kind) || next.flapping != first.flapping) break;
    story.push_back(std::move(next));
  }
  return story;
}

/// The first waiting row of each target that is due, as many as a digest holds.
std::vector<Waiting> firsts(Database& db, std::string_view destination, WallTime now, bool about_deliveries) {
  static const Sql kSql = Sql::forever(fmt::format(
      "SELECT id, kind, target, body, created_at_ms, give_up_at_ms, flapping, alone FROM outbox o WHERE destination = "
      "?1 AND state = 'pending' AND next_attempt_at_ms <= ?2 AND message IS NULL AND target IS NOT NULL AND flapping = "
      "0 AND alone = 0 AND NOT {} AND NOT EXISTS {} ORDER BY next_attempt_at_ms, id LIMIT ?3",
      held_row("o"), earlier_row()));
  std::vector<Waiting> rows;
  auto q = db.query(kSql, destination, now, static_cast<int64_t>(kMostInDigest));
  while (q.step()) {
    Waiting row = read(q);
    if (about_delivery(row.kind) == about_deliveries) rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<std::string> bodies(const Story& story) {
  std::vector<std::string> bytes;
  for (const Waiting& row : story) bytes.push_back(row.body);
  return bytes;
}

struct Composed {
  std::vector<int64_t> rows;
  std::string id, kind, body;  ///< empty: the only row's own
  WallTime give_up_at{};

  void add(const Story& story) {
    for (const Waiting& row : story) {
      rows.push_back(row.id);
      give_up_at = std::max(give_up_at, row.give_up_at);
    }
  }
};

Composed digest(Database& db, std::string_view destination, const std::vector<Waiting>& waiting) {
  Composed composed;
  std::vector<std::vector<std::string>> by_target;
  for (const Waiting& first : waiting) {
    const Story story = story_of(db, destination, first, kLongestStoryInDigest);
    by_target.push_back(bodies(story));
    composed.add(story);
  }
  composed.id = random_id();
  composed.kind = about_delivery(waiting.front().kind) ? kDeliveryDigestKind : kDigestKind;
  composed.body = compose_digest(by_target, composed.id, composed.kind);
  return composed;
}

Composed single(Database& db, std::string_view destination, const Waiting& first) {
  Composed composed;
  const Story story = story_of(db, destination, first, first.flapping ? kLongestFlapping : kLongestStory);
  composed.add(story);
  if (story.size() == 1 && !first.flapping) return composed;
  composed.id = random_id();
  composed.kind = first.flapping ? kFlappingKind : std::string_view(story.back().kind);
  composed.body =
      first.flapping ? compose_flapping(bodies(story), composed.id) : compose_series(bodies(story), composed.id);
  return composed;
}

Composed composed_from(Database& db, std::string_view destination, const Waiting& first, WallTime now, bool behind,
                       unsigned capacity) {
  const bool late = behind || first.created_at + kOnTime <= now || first.kind == kReminderKind;
  if (first.target && !first.flapping && !first.alone) {
    const std::vector<Waiting> waiting = firsts(db, destination, now, about_delivery(first.kind));
    const bool crowded = late || waiting.size() > capacity || waiting.size() == kMostInDigest;
    if (crowded && waiting.size() >= kFewestInDigest) return digest(db, destination, waiting);
  }
  return single(db, destination, first);
}

}  // namespace

int64_t compose(Database& db, std::string_view destination, int64_t row, WallTime now, bool behind, unsigned capacity) {
  const Composed composed = composed_from(db, destination, load(db, row), now, behind, capacity);
  // The oldest row leads. Who waits always waits for an older row, so no two messages can wait for each other.
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
