#include "store/fleet/generations.h"

namespace codedriftd::generations {

std::optional<Generation> current(Database& db) {
  auto row = db.query(
      "SELECT generation, digest, adopted_at_ms, adopted_by FROM fleet_config ORDER BY generation DESC LIMIT 1");
  if (!row.step()) return std::nullopt;
  return Generation{row.integer(0), row.string(1), row.time(2), row.string(3)};
}

Standing standing_of(Database& db, std::string_view digest) {
  if (const auto counts = current(db); counts && counts->digest == digest) return Standing::current;
  auto row = db.query("SELECT 1 FROM fleet_config WHERE digest = ? LIMIT 1", digest);
  return row.step() ? Standing::replaced : Standing::never_seen;
}

Generation adopt(Database& db, std::string_view digest, std::string_view by, WallTime now) {
  const auto before = current(db);
  Generation next{before ? before->number + 1 : 1, std::string(digest), now, std::string(by)};
  db.run("INSERT INTO fleet_config (generation, digest, adopted_at_ms, adopted_by) VALUES (?, ?, ?, ?)", next.number,
         next.digest, next.adopted_at, next.adopted_by);
  return next;
}

}  // namespace codedriftd::generations
