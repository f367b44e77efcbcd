#include "store/log/event_log.h"

#include <fmt/format.h>

#include "base/json.h"

namespace codedriftd::event_log {

namespace {

/// True for clock.stepped where the times ahead of it were a clock's mistake.
bool brings_back(const NewEvent& event) {
  return event.kind == "clock.stepped" && event.data->value("brought_back", false);
}

}  // namespace

LoggedEvent append(Database& db, const NewEvent& event, std::string_view origin, WallTime now) {
  LoggedEvent logged{event, 0, random_id(), now, {}};
  {
    auto last = db.query("SELECT seq, time_ms FROM event ORDER BY seq DESC LIMIT 1");
    if (last.step()) {
      logged.seq = last.integer(0) + 1;
      const WallTime before = last.time(1);
      const bool goes_back = brings_back(event) || before > now + Millis{86'400'000};
      logged.time = goes_back ? now : std::max(now, before);
    }
  }
  const std::string body = event_body(event, origin, logged.seq, logged.id, logged.time);
  logged.leaf = leaf_hash(body);
  static const Sql kInsert = Sql::forever(
      fmt::format("INSERT INTO event (seq, id, time_ms, kind, severity, actor, target_id, body, leaf_hash) VALUES (?1, "
                  "?2, ?3, ?4, ?5, ?6, coalesce(?10, {}), ?8, ?9)",
                  row_of_address("?7")));
  db.run(kInsert, logged.seq, logged.id, logged.time, event.kind, to_string(event.severity), event.actor, event.target,
         Blob{body}, logged.leaf, event.target_id);
  return logged;
}

std::string row_of_address(std::string_view address) {
  return fmt::format(
      "coalesce((SELECT id FROM target WHERE address = {0}), (SELECT max(target) FROM earlier_address WHERE address = "
      "{0}))",
      address);
}

int64_t size(Database& db) {
  auto q = db.query("SELECT coalesce(max(seq) + 1, 0) FROM event");
  q.step();
  return q.integer(0);
}

std::vector<Missing> missing(Database& db) {
  std::vector<Missing> gaps;
  {
    auto q = db.query("SELECT (SELECT count(*) FROM event) = (SELECT coalesce(max(seq) + 1, 0) FROM event)");
    if (q.step() && q.boolean(0)) return gaps;
  }
  auto q = db.query(
      "SELECT before + 1, seq - 1 FROM (SELECT seq, lag(seq, 1, -1) OVER (ORDER BY seq) AS before FROM event) AS "
      "pairs WHERE seq > before + 1");
  while (q.step()) gaps.push_back({q.integer(0), q.integer(1)});
  return gaps;
}

std::string words_of(const Missing& missing) {
  constexpr std::string_view kWhy = "the log has no gaps by itself, so somebody took them out";
  if (missing.first == missing.last) return fmt::format("event {} is missing: {}", missing.first, kWhy);
  return fmt::format("events {} to {} are missing: {}", missing.first, missing.last, kWhy);
}

std::optional<WallTime> last_time(Database& db) {
  auto q = db.query("SELECT time_ms FROM event ORDER BY seq DESC LIMIT 1");
  if (!q.step()) return std::nullopt;
  return q.time(0);
}

}  // namespace codedriftd::event_log
