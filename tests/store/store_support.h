#pragma once
/// What the store's tests share: a migrated database, hashes and observations with short names.
#include <fmt/format.h>
#include <sys/stat.h>

#include <map>
#include <string>
#include <vector>

#include "store/db/migrate.h"
#include "store/db/sqlite.h"
#include "store/ledger/ledger.h"
#include "store/ledger/watch_list.h"
#include "store/outbox/outbox.h"
#include "support/temp_dir.h"
#include "support/test_record.h"
#include "support/test_sql.h"

namespace codedriftd::test {

constexpr WallTime kStart{Millis{1'795'478'400'000}};  // 2026-11-24T00:00:00Z
constexpr Millis kMinute{60'000};
constexpr Millis kHour = 60 * kMinute;
constexpr Millis kStaleAfter{20 * kMinute};

/// A database of its own, as the daemon has it after the start.
struct Store {
  TempDir dir;
  std::string path = dir / "codedriftd.db";  ///< SQLite's
  TestRecord record{path};
  Database db = record.open_writer();
};

/// The first column of the first row; -1 if there is none.
inline int64_t number(Database& db, const std::string& sql) {
  auto rows = db.query_once(sql);
  return rows.step() ? rows.integer(0) : -1;
}
inline std::string text(Database& db, const std::string& sql) {
  auto rows = db.query_once(sql);
  return rows.step() ? rows.string(0) : "(no row)";
}

/// The permissions of a file; 0 if there is none.
inline unsigned mode_of(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777U : 0U;
}

/// How many rows each table has.
inline std::map<std::string, int64_t> rows_by_table(Database& db) {
  std::vector<std::string> names;
  {
    auto tables = db.query_once(db.engine() == Engine::sqlite
                                    ? "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
                                    : "SELECT tablename FROM pg_tables WHERE schemaname = 'codedriftd'");
    while (tables.step()) names.push_back(tables.string(0));
  }
  std::map<std::string, int64_t> counts;
  for (const std::string& name : names) counts[name] = number(db, "SELECT count(*) FROM " + name);
  return counts;
}

inline Sha256 hash_of(std::string_view name) { return sha256(name); }

inline Target function_named(const std::string& name) { return {"prod", "ap-guangzhou", "default", name, "$LATEST"}; }

inline Watched watched(Millis stale_after = kStaleAfter) {
  return {std::nullopt, "conf.toml:1", Baseline::first_seen, Millis{300'000}, stale_after, Millis{3'600'000}};
}

inline Observation saw(std::string_view name) {
  Observation observation;
  observation.outcome = Outcome::observed;
  observation.sha256 = hash_of(name);
  return observation;
}
inline Observation not_found(std::string code = "ResourceNotFound.Function") {
  Observation observation;
  observation.outcome = Outcome::missing;
  observation.error = {std::move(code), "no such function", "request-1"};
  return observation;
}
inline Observation failed(std::string code = "InternalError", Outcome outcome = Outcome::failed) {
  Observation observation;
  observation.outcome = outcome;
  observation.error = {std::move(code), "it failed", "request-2"};
  observation.reason = to_string(outcome);
  return observation;
}

inline const AttemptOutcome kOk{"delivered", 200, "ok", Millis{12}};
inline const AttemptOutcome kRetry{"retry", 503, "busy", Millis{30}};

inline Route route(std::string name, std::string fallback = {}) {
  return {{std::move(name), {}, {}}, Millis{72 * 60 * kMinute}, std::move(fallback)};
}

/// A ledger whose alerts go to `ops` and `chat`.
inline Ledger ledger_with_routes(Ledger::Hooks hooks = {}) {
  Ledger ledger("ops-1", "ops-1/codedriftd", std::move(hooks));
  ledger.set_routes({route("ops", "chat"), route("chat")});
  return ledger;
}

/// A watched target.
inline TargetId add_target(Database& db, Ledger& ledger, const std::string& name, WallTime at = kStart) {
  Tx tx(db);
  const TargetId id = targets::insert(db, function_named(name));
  ledger.apply(tx, id, watched(), at);
  return id;
}

/// What must hold after whatever happened to the file: it is whole, the log has no gap, every leaf covers its body,
/// events and outbox agree, and so do events and state. Empty if all is well.
std::string broken_invariant(Database& db);

}  // namespace codedriftd::test
