#pragma once
#include <iosfwd>
#include <string>

#include "settings/settings.h"

namespace codedriftd {

/// `codedriftd migrate`: brings the database to this program's schema without starting the daemon. Takes the state
/// folder's lock; as root it first becomes the folder's owner, so that no file of it ends up root's. The exit code.
int run_migrate(const Settings& settings, std::ostream& out, std::ostream& err);

/// `codedriftd backup FILE`: a consistent copy of the database, also while the daemon runs. The exit code.
int run_backup(const Settings& settings, const std::string& file, std::ostream& out, std::ostream& err);

}  // namespace codedriftd
