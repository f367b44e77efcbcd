#pragma once
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "base/clock.h"
#include "settings/settings.h"

namespace codedriftd {

/// How long the command waits for others.
struct AlertsPatience {
  Millis daemon{60'000};  ///< for the daemon's answer
  Millis socket{5'000};   ///< for a daemon that starts or stops
  Millis test{30'000};    ///< for a receiver's answer to a test
};

/// `codedriftd alerts replay|drop|test …`: asks the running daemon, or, if nobody holds the state folder's lock, takes
/// it and does it itself as the owner of the folder. `args` is what follows the word "alerts". `settings` is asked
/// once, after the arguments were understood; what it throws passes through. Returns the exit code:
///   0   done; a test: delivered
///   1   nothing matches, the daemon refuses or does not answer, a test was not delivered
///   64  wrong usage, also when only the record shows it (an [[alert]] that there is not)
int run_alerts(const std::vector<std::string>& args, const std::function<Settings()>& settings, const Clock& clock,
               std::ostream& out, std::ostream& err, const AlertsPatience& patience = {});

}  // namespace codedriftd
