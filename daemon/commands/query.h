#pragma once
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "base/clock.h"
#include "settings/settings.h"

namespace codedriftd {

/// `codedriftd query REPORT …`: an audit report out of the database, which is only read. `args` is what follows the
/// word "query". Prints the report to `out` (or a file, with -o), everything else to `err`. Returns the exit code:
///   0    done, --help included
///   1    the database cannot be read, a name matched nothing, or a stored event contradicts itself
///   2, 3 `status --detailed-exitcode`, see the contract
///   64   wrong usage
/// `settings`, which say where the record is, are asked for once, after the arguments were understood and only if they
/// need a record; what that throws passes through. `terminal` says that `out` is one: then there is colour and tables
/// fit its width, unless -o is given.
int run_query(const std::vector<std::string>& args, const std::function<Settings()>& settings, WallTime now,
              bool terminal, std::ostream& out, std::ostream& err);

}  // namespace codedriftd
