#pragma once
/// The verbs of `codedriftd packages`, one file each. Private to commands/.
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "base/clock.h"
#include "commands/reach/ask.h"
#include "settings/settings.h"

namespace codedriftd {

struct PackagesContext {
  std::function<Settings()> settings;  ///< asked once, after the arguments were understood; what it throws passes
  const Clock& clock;
  bool terminal_out = false, terminal_err = false;
  std::ostream& out;
  std::ostream& err;
  Patience patience{};
  Millis examined_within{180'000};  ///< `fetch`: how long it waits for what comes
};

/// Each reads `args`, what stands behind the verb; the exit code as run_packages() says. std::exception: it failed.
int packages_list(const std::vector<std::string>& args, const PackagesContext& context);
int packages_fetch(const std::vector<std::string>& args, const PackagesContext& context);
int packages_export(const std::vector<std::string>& args, const PackagesContext& context);
int packages_prune(const std::vector<std::string>& args, const PackagesContext& context);

}  // namespace codedriftd
