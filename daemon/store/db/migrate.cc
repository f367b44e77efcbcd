#include "store/db/migrate.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <span>

#include "base/embedded_file.h"

namespace codedriftd {

extern const std::span<const EmbeddedFile> kMigrationFiles;  // NNNN_name.sql

namespace {

Checked check_applied(Database& db, const std::vector<Migration>& migrations) {
  auto rows = db.query("SELECT version, name, sha256 FROM migration ORDER BY version");
  int64_t applied = 0;
  while (rows.step()) {
    ++applied;
    const auto index = static_cast<std::size_t>(rows.integer(0) - 1);
    if (index >= migrations.size() || rows.text(2) != sha256(migrations[index].sql).hex()) {
      return Error{
          fmt::format("{}: migration {} ({}) was applied with another text than this program has; restore a copy, or "
                      "install the codedriftd that made it",
                      db.path(), rows.integer(0), rows.text(1))};
    }
  }
  if (const int64_t version = db.pragma("user_version"); applied != version) {
    return Error{fmt::format("{}: has schema version {} but a record of {} migrations; restore a copy", db.path(),
                             version, applied)};
  }
  return Done{};
}

void apply(Database& db, const Migration& migration, WallTime now) {
  db.execute("BEGIN IMMEDIATE");
  try {
    db.execute(migration.sql);
    db.run("INSERT INTO migration (version, name, sha256, applied_at_ms, program) VALUES (?, ?, ?, ?, ?)",
           migration.version, migration.name, sha256(migration.sql).hex(), now, "codedriftd " CODEDRIFTD_VERSION);
    db.execute(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}", kApplicationId, migration.version));
    db.execute("COMMIT");
  } catch (const SqliteError& error) {
    try {
      db.execute("ROLLBACK");
    } catch (const SqliteError&) {  // SQLite rolled back by itself
    }
    throw SqliteError(error.extended_code(), fmt::format("migration {}: {}", migration.name, error.what()));
  }
}

/// `name`, or `name`.2, `name`.3 …: the first that nothing stands at.
std::string free_name(const std::string& name) {
  std::string free = name;
  struct stat info {};
  for (int n = 2; ::lstat(free.c_str(), &info) == 0; ++n) free = fmt::format("{}.{}", name, n);
  return free;
}

}  // namespace

const std::vector<Migration>& embedded_migrations() {
  static const std::vector<Migration> all = [] {
    std::vector<Migration> made;
    for (const auto& [name, sql] : kMigrationFiles) {
      int version = 0;
      std::from_chars(name.data(), name.data() + name.size(), version);
      made.push_back({version, std::string(name.substr(0, name.find('.'))), std::string(sql)});
    }
    return made;
  }();
  return all;
}

Checked check_owner(Database& db, int newest) {
  const int64_t application = db.pragma("application_id");
  const int64_t version = db.pragma("user_version");
  if (application != kApplicationId) {
    return Error{
        fmt::format("{}: is not a codedriftd database (application_id {:#010x}, expected {:#010x}); move it away or "
                    "set another state_dir",
                    db.path(), static_cast<uint32_t>(application), static_cast<uint32_t>(kApplicationId))};
  }
  if (version > newest) {
    return Error{
        fmt::format("{}: has schema version {}, this program knows up to {}; install the newer codedriftd, or restore "
                    "a copy of version {} or older",
                    db.path(), version, newest, newest)};
  }
  return Done{};
}

Result<MigrationReport> migrate(Database& db, const std::vector<Migration>& migrations, WallTime now) {
  MigrationReport report;
  const int newest = static_cast<int>(migrations.size());
  const bool empty = db.pragma("user_version") == 0 && db.pragma("application_id") == 0 &&
                     !db.query("SELECT 1 FROM sqlite_schema").step();
  if (!empty) {
    if (auto owner = check_owner(db, newest); !owner) return owner.error();
    if (auto applied = check_applied(db, migrations); !applied) return applied.error();
    report.from = static_cast<int>(db.pragma("user_version"));
  }
  report.to = newest;
  if (report.from == newest) return report;
  if (report.from > 0) {
    report.copy = free_name(fmt::format("{}.v{}", db.path(), report.from));
    db.backup_to(report.copy);
  }
  for (const Migration& migration : migrations) {
    if (migration.version <= report.from) continue;
    try {
      apply(db, migration, now);
    } catch (const SqliteError&) {
      // Nothing was changed: the next try keeps a copy again, and a restart loop does not fill the disk.
      if (migration.version == report.from + 1 && !report.copy.empty()) ::unlink(report.copy.c_str());
      throw;
    }
  }
  return report;
}

Checked check_schema(Database& db, int newest) {
  if (auto owner = check_owner(db, newest); !owner) return owner;
  const int64_t version = db.pragma("user_version");
  if (version < newest) {
    return Error{
        fmt::format("{}: has schema version {}, this program reads {}; run `codedriftd migrate` or start the daemon",
                    db.path(), version, newest)};
  }
  return Done{};
}

}  // namespace codedriftd
