#include "commands/maintain.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/print.h"
#include "base/text.h"
#include "commands/reach/owner.h"
#include "commands/reach/schema_owner.h"
#include "store/db/lock.h"
#include "store/db/migrate.h"
#include "store/db/snapshot.h"
#include "store/db/sqlite.h"

namespace codedriftd {
namespace {

/// A file that exists is replaced by a copy only if it is an older copy, or empty: never the record itself, one of its
/// parts, or somebody else's file.
Checked check_may_become_copy(const std::string& file, const Settings& settings) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  // What is not there now: the database's -wal, -shm and -journal.
  const std::string part = fs::weakly_canonical(settings.database(), ignored).string() + "-";
  if (fs::weakly_canonical(file, ignored).string().starts_with(part))
    return Error{fmt::format("{}: is a part of the database; choose another FILE", file)};
  struct stat info {};
  if (::stat(file.c_str(), &info) != 0) return Done{};  // not there; what else is wrong shows when it is written
  for (const std::string& own : {settings.database(), settings.lock_file()}) {
    if (fs::equivalent(file, own, ignored))
      return Error{fmt::format("{}: is the daemon's own {}; choose another FILE", file, own)};
  }
  if (S_ISREG(info.st_mode) && info.st_size == 0) return Done{};
  std::array<unsigned char, 72> header{};
  std::ifstream(file, std::ios::binary).read(reinterpret_cast<char*>(header.data()), header.size());
  uint32_t application = 0;
  for (std::size_t i = 68; i < header.size(); ++i) application = application << 8 | header[i];
  const std::string_view magic(reinterpret_cast<const char*>(header.data()), 16);
  if (!S_ISREG(info.st_mode) || magic != std::string_view("SQLite format 3\0", 16) ||
      application != static_cast<uint32_t>(sqlite::kApplicationId)) {
    return Error{fmt::format("{}: exists and is not a codedriftd database; choose another FILE, or remove it", file)};
  }
  return Done{};
}

}  // namespace

namespace {

void tell(const MigrationReport& migrated, const std::string& name, std::ostream& out) {
  if (migrated.from == migrated.to) {
    print(out, "{}: schema {} is up to date\n", name, migrated.to);
  } else {
    print(out, "{}: schema {} -> {}\n", name, migrated.from, migrated.to);
    if (!migrated.copy.empty()) print(out, "the old database is kept in {}\n", migrated.copy);
  }
}

void migrate_file(const Settings& settings, std::ostream& out) {
  if (auto owner = become_owner(settings.state_dir); !owner) throw std::runtime_error(owner.error().message);
  ::umask(027);
  auto lock = StateLock::take(settings.lock_file());
  if (!lock) throw std::runtime_error(lock.error().message);
  Database db = lock->open_writer(settings.database());
  auto migrated = migrate(db, embedded_migrations(), SystemClock{}.wall());
  if (!migrated) throw std::runtime_error(migrated.error().message);
  tell(*migrated, settings.database(), out);
}

void migrate_server(const StoreSettings& store, const MigrateOptions& options, std::ostream& out) {
  Database db = open_as_schema_owner(store, options.user, options.password_file);
  auto migrated = migrate(db, embedded_migrations(Engine::postgres), SystemClock{}.wall());
  if (!migrated) throw std::runtime_error(migrated.error().message);
  tell(*migrated, db.name(), out);
}

}  // namespace

int run_migrate(const Settings& settings, const MigrateOptions& options, std::ostream& out, std::ostream& err) {
  try {
    if (settings.store.server) {
      migrate_server(settings.store, options, out);
    } else if (!options.user.empty() || !options.password_file.empty()) {
      throw std::runtime_error(fmt::format(
          "{}: the record is a file, and whoever owns its folder migrates it: without --user and --password-file",
          settings.database()));
    } else {
      migrate_file(settings, out);
    }
    return EXIT_SUCCESS;
  } catch (const std::exception& error) {
    print(err, "codedriftd migrate: {}\n", harmless(error.what()));
    return EXIT_FAILURE;
  }
}

namespace {

void copy_record(const std::string& database, const std::string& file) {
  with_snapshot(database, sqlite::kReportCacheKib, [&](Snapshot& snapshot) {
    if (auto owner = check_owner(snapshot.db()); !owner) throw std::runtime_error(owner.error().message);
    sqlite::backup_to(snapshot.db(), file, [&] { return snapshot.take(); });
    return true;
  });
}

/// A copy as a stream: made as a file first, because it is checked before anybody gets it.
void backup_to_stream(const std::string& database, std::ostream& out) {
  namespace fs = std::filesystem;
  std::string folder = (fs::temp_directory_path() / "codedriftd-backup-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr)
    throw std::runtime_error(fmt::format("{}: cannot be made: {}; set TMPDIR", folder, std::strerror(errno)));
  struct Remove {
    const std::string& folder;
    ~Remove() {
      std::error_code ignored;
      fs::remove_all(folder, ignored);
    }
  } const cleanup{folder};
  copy_record(database, folder + "/copy");
  std::ifstream copy(folder + "/copy", std::ios::binary);
  out << copy.rdbuf() << std::flush;
}

}  // namespace

int run_backup(const Settings& settings, const std::string& file, std::ostream& out, std::ostream& err) {
  try {
    if (settings.store.server)
      throw std::runtime_error(
          fmt::format("{}: a server's administrator keeps copies of the record: pg_dump for one of this moment, base "
                      "backups and archived WAL to go back to any",
                      settings.store.url));
    if (file == "-") {
      backup_to_stream(settings.database(), out);
      return EXIT_SUCCESS;
    }
    if (auto free = check_may_become_copy(file, settings); !free) throw std::runtime_error(free.error().message);
    copy_record(settings.database(), file);
    print(out, "{}: a copy of {}, checked\n", file, settings.database());
    return EXIT_SUCCESS;
  } catch (const std::exception& error) {
    print(err, "codedriftd backup: {}\n", harmless(error.what()));
    return EXIT_FAILURE;
  }
}

}  // namespace codedriftd
