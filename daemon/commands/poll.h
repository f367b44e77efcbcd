#pragma once
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "base/clock.h"
#include "settings/settings.h"

namespace codedriftd {

/// `codedriftd poll TARGET…`: has the running daemon poll these targets now, waits, and prints what came of each.
/// `settings` is asked once, after the arguments were understood. Returns the exit code: 0; 1 if no daemon runs, it
/// refuses, or one of the targets gave no answer; 64 a name that several targets have. Throws UsageError for arguments
/// that are wrong.
int run_poll(const std::vector<std::string>& args, const std::function<Settings()>& settings, const Clock& clock,
             bool terminal_err, std::ostream& out, std::ostream& err);

/// `codedriftd reload`: has the running daemon load its configuration again, waits, and prints what came of it. Returns
/// the exit code: 0; 1 if no daemon runs, it refuses or fails; 78 mistakes, which are printed. Throws UsageError.
int run_reload(const std::vector<std::string>& args, const std::function<Settings()>& settings, const Clock& clock,
               std::ostream& out, std::ostream& err);

}  // namespace codedriftd
