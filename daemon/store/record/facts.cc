#include "store/record/facts.h"

namespace codedriftd {

namespace facts {

std::optional<std::string> read(Database& db, std::string_view name) {
  auto q = db.query("SELECT value FROM fact WHERE name = ?", name);
  if (!q.step()) return std::nullopt;
  return q.string(0);
}

void write(Database& db, std::string_view name, std::string_view value) {
  db.run("INSERT INTO fact (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name,
         value);
}

}  // namespace facts

namespace daemon_runs {

std::optional<DaemonStay> last(Database& db) {
  auto q = db.query(
      "SELECT alive_at_ms, stopped_at_ms IS NOT NULL FROM (SELECT id, alive_at_ms, stopped_at_ms, CASE WHEN id IN "
      "(SELECT holder FROM lease) THEN 2 WHEN host != '' AND stopped_at_ms IS NULL AND fenced_by IS NULL THEN 1 ELSE 0 "
      "END AS working FROM daemon_run) AS stay ORDER BY working DESC, CASE WHEN working > 0 THEN alive_at_ms ELSE 0 "
      "END "
      "DESC, id DESC LIMIT 1");
  if (!q.step()) return std::nullopt;
  return DaemonStay{q.time(0), q.boolean(1)};
}

Stays::Stays(Database& db) : last_(last(db)) {
  // What nobody holds was worked on until it was let go of.
  auto q = db.query(
      "SELECT lane.account, coalesce(d.alive_at_ms, lease.since_ms), d.stopped_at_ms IS NOT NULL FROM lane JOIN lease "
      "ON "
      "lease.name = lane.lease LEFT JOIN daemon_run AS d ON d.id = lease.holder");
  while (q.step()) {
    const auto alive_at = q.optional_time(1);
    lanes_.emplace(q.string(0), alive_at ? std::optional(DaemonStay{*alive_at, q.boolean(2)}) : std::nullopt);
  }
}

const std::optional<DaemonStay>& Stays::of(std::string_view account) const {
  const auto lane = lanes_.find(account);
  return lane == lanes_.end() ? last_ : lane->second;
}

int64_t begin(Database& db, int64_t pid, WallTime now) {
  auto q =
      db.query("INSERT INTO daemon_run (version, pid, started_at_ms, alive_at_ms) VALUES (?1, ?2, ?3, ?3) RETURNING id",
               CODEDRIFTD_VERSION, pid, now);
  q.step();
  return q.integer(0);
}

void alive(Database& db, int64_t id, WallTime now) {
  db.run("UPDATE daemon_run SET alive_at_ms = CASE WHEN alive_at_ms > ?1 THEN alive_at_ms ELSE ?1 END WHERE id = ?2",
         now, id);
}

void end(Database& db, int64_t id, WallTime now) {
  db.run(
      "UPDATE daemon_run SET alive_at_ms = CASE WHEN alive_at_ms > ?1 THEN alive_at_ms ELSE ?1 END, stopped_at_ms = "
      "CASE WHEN alive_at_ms > ?1 THEN alive_at_ms ELSE ?1 END WHERE id = ?2",
      now, id);
}

}  // namespace daemon_runs
}  // namespace codedriftd
