#pragma once
#include <iosfwd>
#include <string>
#include <vector>

#include "base/clock.h"

namespace codedriftd {

/// `codedriftd show PLAN`: prints a plan that `plan --out` saved, as a table. `args` is what follows the command's
/// name. Throws UsageError for what is wrong with them. The exit code: 0; 1 if the file cannot be read or is not a
/// plan.
int run_show(const std::vector<std::string>& args, bool terminal, WallTime now, std::ostream& out, std::ostream& err);

}  // namespace codedriftd
