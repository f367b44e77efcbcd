#include "store/log/event_log.h"

namespace codedriftd::event_log {

LoggedEvent append(Database& db, const NewEvent& event, std::string_view origin, WallTime now) {
  LoggedEvent logged{event, 0, random_id(), now, {}};
  {
    auto last = db.query("SELECT seq, time_ms FROM event ORDER BY seq DESC LIMIT 1");
    if (last.step()) {
      logged.seq = last.integer(0) + 1;
      const WallTime before = last.time(1);
      logged.time = before > now + Millis{86'400'000} ? now : std::max(now, before);
    }
  }
  const std::string body = event_body(event, origin, logged.seq, logged.id, logged.time);
  logged.leaf = leaf_hash(body);
  db.run(
      "INSERT INTO event (seq, id, time_ms, kind, severity, actor, target, body, leaf_hash) VALUES (?, ?, ?, ?, ?, ?, "
      "?, ?, ?)",
      logged.seq, logged.id, logged.time, event.kind, to_string(event.severity), event.actor, event.target, Blob{body},
      logged.leaf);
  return logged;
}

int64_t size(Database& db) {
  auto q = db.query("SELECT coalesce(max(seq) + 1, 0) FROM event");
  q.step();
  return q.integer(0);
}

std::optional<WallTime> last_time(Database& db) {
  auto q = db.query("SELECT time_ms FROM event ORDER BY seq DESC LIMIT 1");
  if (!q.step()) return std::nullopt;
  return q.time(0);
}

}  // namespace codedriftd::event_log
