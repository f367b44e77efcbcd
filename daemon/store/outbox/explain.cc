#include "store/outbox/explain.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/json.h"
#include "model/alert.h"

namespace codedriftd::outbox {

void hold_for_explanation(Database& db, std::string_view destination, int64_t seq, WallTime until) {
  db.run(
      "UPDATE outbox SET next_attempt_at_ms = ?1 WHERE destination = ?2 AND event_seq = ?3 AND state = 'pending' AND "
      "attempts = 0 AND next_attempt_at_ms < ?1",
      until, destination, seq);
}

std::vector<std::string> explain(Database& db, int64_t target, const Sha256& code, const JsonBox& changes,
                                 std::string_view words, Millis most, WallTime now) {
  struct Waiting {
    int64_t row = 0;
    std::string destination, body;
  };
  std::vector<Waiting> rows;
  {
    auto q = db.query(
        "SELECT id, destination, body FROM outbox WHERE target_id = ? AND state = 'pending' AND attempts = 0 AND "
        "message IS NULL AND kind IN ('drift.detected', 'drift.changed') ORDER BY id",
        target);
    while (q.step()) rows.push_back({q.integer(0), q.string(1), q.string(2)});
  }
  std::vector<std::string> destinations;
  const std::string wanted = code.hex();
  for (Waiting& waiting : rows) {
    const OrderedJson alert = OrderedJson::parse(waiting.body, nullptr, false);
    const auto observed = alert.is_object() ? alert.find("observed_sha256") : alert.end();
    if (observed == alert.end() || *observed != wanted) continue;
    if (!changes->is_null() && alert.value("changes", OrderedJson()).is_null()) {
      const std::string body = explained_alert(waiting.body, changes, words);
      db.run("UPDATE outbox SET body = ? WHERE id = ?", Blob{body}, waiting.row);
    }
    db.run(
        "UPDATE outbox SET next_attempt_at_ms = ?1 WHERE id = ?2 AND next_attempt_at_ms > ?1 AND next_attempt_at_ms <= "
        "?3",
        now, waiting.row, now + most);
    if (std::find(destinations.begin(), destinations.end(), waiting.destination) == destinations.end())
      destinations.push_back(std::move(waiting.destination));
  }
  return destinations;
}

}  // namespace codedriftd::outbox
