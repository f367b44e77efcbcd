#pragma once
/// The arguments of `alerts`. Private to commands/.
#include <string>
#include <vector>

#include "actions/alert_actions.h"
#include "base/result.h"

namespace codedriftd {

struct AlertsOptions {
  AlertRequest request;
  bool json = false;
  std::string help;  ///< not empty: it was asked for, and the rest is nothing
};

/// Reads what follows the word "alerts"; an age counts back from `now`. The error is a sentence or two, for exit
/// code 64.
Result<AlertsOptions> parse_alerts(const std::vector<std::string>& args, WallTime now);

}  // namespace codedriftd
