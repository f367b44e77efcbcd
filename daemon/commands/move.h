#pragma once
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "base/clock.h"
#include "settings/settings.h"

namespace codedriftd {

/// `codedriftd move --from WHERE --to WHERE`: moves the whole record from the file in state_dir to the server of
/// [store] url, or back; nobody may use either. The target has no record before, and a verified one after it, or none.
/// Where it came from it stays, out of the way: the file under another name, on the server with a mark that daemons
/// refuse. `args` is what follows the command's name. `settings` is asked once, after the arguments were understood;
/// what it throws passes through. Throws UsageError for arguments that are wrong. The exit code: 0; 1 not moved, or
/// moved and what follows it failed: `err` says which.
int run_move(const std::vector<std::string>& args, const std::function<Settings()>& settings, const Clock& clock,
             std::ostream& out, std::ostream& err);

}  // namespace codedriftd
