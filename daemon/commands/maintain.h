#pragma once
#include <iosfwd>
#include <string>

#include "settings/settings.h"

namespace codedriftd {

/// Who migrates a record on a server. Of one in a file neither means anything.
struct MigrateOptions {
  std::string user{};           ///< a member of codedriftd_owner; empty: who libpq takes, as psql does
  std::string password_file{};  ///< empty: none, or what libpq finds itself
};

/// `codedriftd migrate`: brings the database to this program's schema without starting the daemon. Takes the state
/// folder's lock; as root it first becomes the folder's owner, so that no file of it ends up root's. On a server it
/// acts as the schema's owner, while daemons may run. The exit code.
int run_migrate(const Settings& settings, const MigrateOptions& options, std::ostream& out, std::ostream& err);

/// `codedriftd backup FILE`: a consistent copy of the database, also while the daemon runs. Refused for one on a
/// server, which has its own means. The exit code.
int run_backup(const Settings& settings, const std::string& file, std::ostream& out, std::ostream& err);

}  // namespace codedriftd
