#include "store/store_support.h"

#include <fmt/format.h>

#include "base/json.h"

namespace codedriftd::test {

std::string broken_invariant(Database& db) {
  if (db.engine() == Engine::sqlite) {
    if (const auto words = text(db, "PRAGMA integrity_check"); words != "ok") return "integrity_check: " + words;
    if (number(db, "SELECT count(*) FROM pragma_foreign_key_check") != 0) return "foreign keys";
  }
  if (number(db, "SELECT count(*) - coalesce(max(seq) + 1, 0) FROM event") != 0) return "a gap in seq";
  auto events = db.query_once("SELECT seq, id, body, leaf_hash, kind FROM event ORDER BY seq");
  while (events.step()) {
    if (events.optional_sha256(3) != leaf_hash(events.text(2)))
      return fmt::format("leaf of event {}", events.integer(0));
    const Json body = Json::parse(events.text(2));
    if (body.at("seq") != events.integer(0) || body.at("id") != events.string(1) || body.at("kind") != events.string(4))
      return fmt::format("body of event {}", events.integer(0));
  }
  for (const char* destination : {"ops", "chat"}) {
    const std::string missing = fmt::format(
        "SELECT count(*) FROM event WHERE (substr(kind, 1, 6) = 'drift.' OR kind IN ('layer.changed', 'alias.moved')) "
        "AND NOT "
        "EXISTS (SELECT 1 FROM outbox WHERE event_seq = "
        "seq AND destination = '{}')",
        destination);
    if (number(db, missing) != 0) return fmt::format("an event without its alert to {}", destination);
  }
  if (number(db,
             "SELECT count(*) FROM target t WHERE drift_open != coalesce((SELECT CASE kind WHEN 'drift.resolved' THEN "
             "0 ELSE 1 END FROM event "
             "e WHERE e.target_id = t.id AND (substr(kind, 1, 6) = 'drift.' OR kind IN ('layer.changed', "
             "'alias.moved')) ORDER "
             "BY seq DESC LIMIT 1), 0)") != 0)
    return "state and events differ about drift";
  if (number(db, "SELECT count(*) FROM outbox WHERE (state = 'delivered') != (delivered_at_ms IS NOT NULL)") != 0)
    return "an outbox row is half delivered";
  if (number(db,
             "SELECT (SELECT coalesce(sum(delivered), 0) FROM destination) != (SELECT count(*) FROM outbox WHERE state "
             "= 'delivered')") != 0)
    return "a delivery was not counted, or twice";
  if (number(db,
             "SELECT count(*) FROM outbox o JOIN outbox l ON l.id = o.message WHERE l.message IS DISTINCT FROM l.id OR "
             "l.id > "
             "o.id OR l.destination != o.destination OR l.state != o.state OR l.attempts != o.attempts") != 0)
    return "rows of one message do not share its fate";
  return {};
}

}  // namespace codedriftd::test
