#pragma once
#include <iosfwd>
#include <string>

#include "commands/reach/make_api.h"
#include "settings/settings.h"

namespace codedriftd {

struct CheckOptions {
  bool list_all = false;   ///< list every target, however many there are (--log-level debug)
  bool online = false;     ///< --online: one call for each account and region
  bool plugins = false;    ///< --plugins: list the plugins found
  std::string sinkhost{};  ///< loads the plugins: find_sinkhost()
};

/// `codedriftd check`: loads `file`, asks the plugins of its alerts which options they take, prints what would be
/// watched to `out`, mistakes to `err`. Returns the exit code: 0; 78 for a wrong configuration, wrong options and
/// plugins that cannot be used among it; 1 when a plugin crashed or hung, or an online call failed. A schedule that
/// cannot be met and a secret file that this process cannot read are visible warnings, and 0. `make_api` is called only
/// for --online; what it throws passes.
int run_check(const std::string& file, const CheckOptions& options, const MakeApi& make_api, std::ostream& out,
              std::ostream& err);

/// What would be watched, each region's demand on its rate limit, and who would be told. Up to 50 targets are listed by
/// name.
void print_settings(const Settings& settings, bool list_all, std::ostream& out);

/// Every plugin in plugin_dir with its version and its options, and each unusable one with the reason.
void print_plugins(const Settings& settings, const std::string& sinkhost, std::ostream& out);

/// One call for each account and region that has targets; prints each outcome and the clock's error.
/// False if one was refused or failed. "No such function" and "is being deployed" are answers: the way to the cloud is
/// good.
bool check_online(const Settings& settings, Api& api, std::ostream& out);

}  // namespace codedriftd
