#pragma once
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "base/clock.h"
#include "commands/reach/make_api.h"
#include "settings/settings.h"

namespace codedriftd {

/// Which of the streams are a terminal.
struct Terminals {
  bool out = false;
  bool err = false;
};

/// `codedriftd plan …`: has the running daemon poll the selected targets, or, if nobody holds the state folder's lock,
/// polls them itself and records nothing; then prints how live code differs from what is accepted. `args` is what
/// follows the word "plan". `settings` is asked once, after the arguments were understood; what it throws passes
/// through. Returns the exit code:
///   0   done; with --detailed-exitcode: everything selected is in sync, and was seen
///   1   failed; nothing is selected; none of what was selected could be observed
///   2   --detailed-exitcode: something is drifted or missing
///   3   --detailed-exitcode: nothing of that, but something is pending, unreviewed, unobserved or did not answer
///   64  wrong usage
int run_plan(const std::vector<std::string>& args, const std::function<Settings()>& settings, const MakeApi& make_api,
             const Clock& clock, Terminals terminals, std::ostream& out, std::ostream& err);

}  // namespace codedriftd
