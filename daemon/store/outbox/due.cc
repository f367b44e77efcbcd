#include "store/outbox/due.h"

#include <fmt/format.h>

#include <limits>
#include <map>

#include "store/outbox/waiting.h"

namespace codedriftd::outbox {
namespace {

/// How many rows are asked for at first. Most often the first of them is it; each further time it is this many times
/// more, so that they are few.
constexpr int64_t kAtFirst = 64, kMore = 4;

/// The row that all later ones about a target wait for. Asked for once for each target, however many of its rows are
/// due, and by itself: as a condition of a row it is a join, for which a planner without statistics finds no good way.
class Heads {
 public:
  Heads(Database& db, std::string_view destination, int on_request)
      : db_(db), destination_(destination), on_request_(on_request) {}

  bool waits(int64_t row, const std::optional<int64_t>& target) {
    const auto [head, unknown] = heads_.try_emplace(target, 0);
    if (unknown) head->second = head_of(target);
    return head->second < row;
  }

 private:
  int64_t head_of(const std::optional<int64_t>& target) {
    // Nobody waits for what is held: neither because its target flaps (that it is missing, say, must not wait for it to
    // be quiet), nor because somebody said so. And what happened does not wait for what somebody asked for.
    // "+on_request" has the index on the target serve.
    static const auto head = [](std::string_view same_target) {
      return Sql::forever(
          fmt::format("SELECT id FROM outbox o WHERE state = 'pending' AND destination = ?1 AND +on_request <= ?2 AND "
                      "NOT (flapping = 1 AND message IS NULL) AND NOT {} AND {} ORDER BY target_id, id LIMIT 1",
                      held_row("o"), same_target));
    };
    static const Sql kOfTarget = head("target_id = ?3"), kOfNone = head("target_id IS NULL");
    auto q = target ? db_.query(kOfTarget, destination_, on_request_, *target)
                    : db_.query(kOfNone, destination_, on_request_);
    return q.step() ? q.integer(0) : std::numeric_limits<int64_t>::max();
  }

  Database& db_;
  std::string_view destination_;
  int on_request_;
  std::map<std::optional<int64_t>, int64_t> heads_;
};

}  // namespace

Sql due_rows(std::string_view rest) {
  return Sql::forever(fmt::format(
      "SELECT id, target_id, next_attempt_at_ms, kind, message IS NOT NULL FROM outbox o WHERE destination = "
      "?1 AND on_request = ?2 AND state = 'pending' AND next_attempt_at_ms <= ?3 AND (next_attempt_at_ms, "
      "id) > (?4, ?5) AND (message IS NULL OR message = id) AND NOT {} {} ORDER BY next_attempt_at_ms, id "
      "LIMIT ?6",
      held_row("o"), rest));
}

void each_first(Database& db, const Sql& due_rows, std::string_view destination, int on_request, WallTime until,
                const std::function<bool(Due&&)>& take) {
  enum Column : int { kId, kTarget, kAt, kKind, kComposed };
  Heads heads(db, destination, on_request);
  WallTime last_at = WallTime::min();
  int64_t last = 0;
  for (int64_t most = kAtFirst;; most *= kMore) {
    int64_t rows = 0;
    auto q = db.query(due_rows, destination, on_request, until, last_at, last, most);
    for (; q.step(); ++rows) {
      last_at = q.time(kAt);
      last = q.integer(kId);
      if (heads.waits(last, q.optional_integer(kTarget))) continue;
      if (!take({last, last_at, q.string(kKind), q.boolean(kComposed)})) return;
    }
    if (rows < most) return;
  }
}

}  // namespace codedriftd::outbox
