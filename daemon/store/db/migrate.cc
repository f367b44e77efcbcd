#include "store/db/migrate.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <span>

#include "base/embedded_file.h"
#include "store/db/postgres.h"
#include "store/db/sqlite.h"

namespace codedriftd {

extern const std::span<const EmbeddedFile> kMigrationFiles, kPostgresMigrationFiles;  // NNNN_name.sql

namespace {

/// Two programs that bring one server's database up to date wait for each other: the lock of this number.
constexpr int64_t kMigrationLock = 0x44524654;

bool on_postgres(const Database& db) { return db.engine() == Engine::postgres; }

/// Nothing is there: neither ours nor anybody else's.
bool is_empty(Database& db) {
  if (on_postgres(db)) {
    return !db.query_once("SELECT 1 FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = ?",
                          postgres::kSchema)
                .step();
  }
  return sqlite::pragma(db, "user_version") == 0 && sqlite::pragma(db, "application_id") == 0 &&
         !db.query("SELECT 1 FROM sqlite_schema").step();
}

Checked check_ours(Database& db) {
  if (on_postgres(db)) {
    auto row = db.query_once(
        "SELECT has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = ? AND relname = 'migration'",
        postgres::kSchema);
    if (row.step()) {
      if (row.boolean(0)) return Done{};
      return Error{fmt::format(
          "{}: the role that logs in may not read the record in its schema {}; log in as codedriftd_reader or "
          "codedriftd_writer, whose rights {} sets",
          db.name(), postgres::kSchema, postgres::kRolesScript)};
    }
    return Error{
        fmt::format("{}: has no record of codedriftd in its schema {}; choose another database, or migrate this one as "
                    "a member of codedriftd_owner",
                    db.name(), postgres::kSchema)};
  }
  const int64_t application = sqlite::pragma(db, "application_id");
  if (application == sqlite::kApplicationId) return Done{};
  return Error{
      fmt::format("{}: is not a codedriftd database (application_id {:#010x}, expected {:#010x}); move it away or "
                  "set another state_dir",
                  db.name(), static_cast<uint32_t>(application), static_cast<uint32_t>(sqlite::kApplicationId))};
}

Checked check_applied(Database& db, const std::vector<Migration>& migrations) {
  auto rows = db.query("SELECT version, name, sha256 FROM migration ORDER BY version");
  std::size_t applied = 0;
  while (rows.step()) {
    if (applied >= migrations.size() || rows.integer(0) != migrations[applied].version ||
        rows.text(2) != sha256(migrations[applied].sql).hex()) {
      return Error{
          fmt::format("{}: migration {} ({}) was applied with another text than this program has; restore a copy, or "
                      "install the codedriftd that made it",
                      db.name(), rows.integer(0), rows.text(1))};
    }
    ++applied;
  }
  const int version = schema_version(db);
  const auto expected = static_cast<std::size_t>(version - migrations.front().version + 1);
  if (version == 0 || applied != expected) {
    return Error{fmt::format("{}: has schema version {} but a record of {} migrations; restore a copy", db.name(),
                             version, applied)};
  }
  return Done{};
}

/// One after the other, as long as this transaction lasts; and the schema that the first migration needs. False if
/// somebody else was quicker.
bool prepare_server(Database& db, const Migration& migration) {
  db.query("SELECT CAST(pg_advisory_xact_lock(?) AS text)", kMigrationLock).step();
  if (!db.query_once("SELECT 1 FROM pg_namespace WHERE nspname = ?", postgres::kSchema).step())
    db.execute(fmt::format("CREATE SCHEMA {}", postgres::kSchema));
  return is_empty(db) || schema_version(db) < migration.version;
}

void apply(Database& db, const Migration& migration, WallTime now) {
  db.begin_write();
  try {
    if (on_postgres(db) && !prepare_server(db, migration)) return db.rollback();
    db.execute(migration.sql);
    db.run("INSERT INTO migration (version, name, sha256, applied_at_ms, program) VALUES (?, ?, ?, ?, ?)",
           migration.version, migration.name, sha256(migration.sql).hex(), now, "codedriftd " CODEDRIFTD_VERSION);
    if (!on_postgres(db)) {
      db.execute(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}", sqlite::kApplicationId,
                             migration.version));
    }
    db.commit();
  } catch (const StoreError& error) {
    db.rollback();
    throw StoreError(error.kind(), fmt::format("migration {}: {}", migration.name, error.what()));
  }
}

std::vector<Migration> read_embedded(std::span<const EmbeddedFile> files) {
  std::vector<Migration> made;
  for (const auto& [name, sql] : files) {
    int version = 0;
    std::from_chars(name.data(), name.data() + name.size(), version);
    made.push_back({version, std::string(name.substr(0, name.find('.'))), std::string(sql)});
  }
  return made;
}

}  // namespace

const std::vector<Migration>& embedded_migrations(Engine engine) {
  static const std::vector<Migration> sqlite = read_embedded(kMigrationFiles),
                                      postgres = read_embedded(kPostgresMigrationFiles);
  return engine == Engine::sqlite ? sqlite : postgres;
}

int schema_version(Database& db) {
  if (!on_postgres(db)) return static_cast<int>(sqlite::pragma(db, "user_version"));
  auto row = db.query("SELECT coalesce(max(version), 0) FROM migration");
  return row.step() ? static_cast<int>(row.integer(0)) : 0;
}

std::string free_name(const std::string& name) {
  std::string free = name;
  struct stat info {};
  for (int n = 2; ::lstat(free.c_str(), &info) == 0; ++n) free = fmt::format("{}.{}", name, n);
  return free;
}

int newest_schema() { return embedded_migrations().back().version; }

Checked check_owner(Database& db, int newest) {
  if (auto ours = check_ours(db); !ours) return ours;
  if (const int version = schema_version(db); version > newest) {
    return Error{
        fmt::format("{}: has schema version {}, this program knows up to {}; install the newer codedriftd, or restore "
                    "a copy of version {} or older",
                    db.name(), version, newest, newest)};
  }
  return Done{};
}

Result<MigrationReport> migrate(Database& db, const std::vector<Migration>& migrations, WallTime now) {
  MigrationReport report;
  const int newest = migrations.back().version;
  if (!is_empty(db)) {
    if (auto owner = check_owner(db, newest); !owner) return owner.error();
    if (auto applied = check_applied(db, migrations); !applied) return applied.error();
    report.from = schema_version(db);
  }
  report.to = newest;
  if (report.from == newest) return report;
  if (report.from > 0 && !on_postgres(db)) {
    report.copy = free_name(fmt::format("{}.v{}", db.name(), report.from));
    sqlite::backup_to(db, report.copy);
  }
  for (const Migration& migration : migrations) {
    if (migration.version <= report.from) continue;
    try {
      apply(db, migration, now);
    } catch (const StoreError&) {
      // Nothing was changed: the next try keeps a copy again, and a restart loop does not fill the disk.
      if (migration.version == report.from + 1 && !report.copy.empty()) ::unlink(report.copy.c_str());
      throw;
    }
  }
  return report;
}

Checked check_schema(Database& db, int newest) {
  if (auto owner = check_owner(db, newest); !owner) return owner;
  if (const int version = schema_version(db); version < newest) {
    return Error{
        fmt::format("{}: has schema version {}, this program reads {}; run `codedriftd migrate` or start the daemon",
                    db.name(), version, newest)};
  }
  return Done{};
}

}  // namespace codedriftd
