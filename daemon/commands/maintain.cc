#include "commands/maintain.h"

#include <fmt/format.h>
#include <fmt/ostream.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "base/text.h"
#include "store/lock.h"
#include "store/migrate.h"

namespace codedriftd {
namespace {

Checked become_owner(const std::string& folder) {
  struct stat info {};
  if (::stat(folder.c_str(), &info) != 0) {
    return Error{fmt::format("{}: there is no such folder; start the daemon once, or set state_dir", folder)};
  }
  if (::geteuid() != 0 || info.st_uid == 0) return Done{};
  if (::setgroups(0, nullptr) != 0 || ::setgid(info.st_gid) != 0 || ::setuid(info.st_uid) != 0) {
    return Error{fmt::format("{}: cannot become its owner (uid {})", folder, info.st_uid)};
  }
  return Done{};
}

}  // namespace

int run_migrate(const Settings& settings, std::ostream& out, std::ostream& err) {
  try {
    if (auto owner = become_owner(settings.state_dir); !owner) throw std::runtime_error(owner.error().message);
    ::umask(027);
    auto lock = StateLock::take(settings.lock_file());
    if (!lock) throw std::runtime_error(lock.error().message);
    Database db = Database::open_writer(settings.database());
    auto migrated = migrate(db, embedded_migrations(), SystemClock{}.wall());
    if (!migrated) throw std::runtime_error(migrated.error().message);
    if (migrated->from == migrated->to) {
      fmt::print(out, "{}: schema {} is up to date\n", settings.database(), migrated->to);
    } else {
      fmt::print(out, "{}: schema {} -> {}\n", settings.database(), migrated->from, migrated->to);
      if (!migrated->copy.empty()) fmt::print(out, "the old database is kept in {}\n", migrated->copy);
    }
    return EXIT_SUCCESS;
  } catch (const std::exception& error) {
    fmt::print(err, "codedriftd migrate: {}\n", harmless(error.what()));
    return EXIT_FAILURE;
  }
}

int run_backup(const Settings& settings, const std::string& file, std::ostream& out, std::ostream& err) {
  try {
    Database db = Database::open_reader(settings.database());
    if (auto owner = check_owner(db); !owner) throw std::runtime_error(owner.error().message);
    db.backup_to(file);
    fmt::print(out, "{}: a copy of {}, checked\n", file, settings.database());
    return EXIT_SUCCESS;
  } catch (const std::exception& error) {
    fmt::print(err, "codedriftd backup: {}\n", harmless(error.what()));
    return EXIT_FAILURE;
  }
}

}  // namespace codedriftd
