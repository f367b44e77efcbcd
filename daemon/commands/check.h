#pragma once
#include <functional>
#include <iosfwd>
#include <memory>
#include <string>

#include "scf/api.h"
#include "settings/settings.h"

namespace codedriftd {

struct CheckOptions {
  bool list_all = false;  ///< list every target, however many there are (--log-level debug)
  bool online = false;    ///< --online: one call for each account and region
};

/// Makes the API client for --online.
using MakeApi = std::function<std::unique_ptr<Api>(const Settings&)>;

/// `codedriftd check`: loads `file`, prints what would be watched to `out`, mistakes to `err`.
/// Returns the exit code: 0; 78 for a wrong configuration; 1 when an online call failed. A schedule that cannot be met
/// and a plugin that is not there are visible warnings, and 0. `make_api` is called only for --online; what it throws
/// passes.
int run_check(const std::string& file, const CheckOptions& options, const MakeApi& make_api, std::ostream& out,
              std::ostream& err);

/// What would be watched, each region's demand on its rate limit, and who would be told. Up to 50 targets are listed by
/// name.
void print_settings(const Settings& settings, bool list_all, std::ostream& out);

/// One call for each account and region that has targets; prints each outcome and the clock's error.
/// False if one was refused or failed. "No such function" and "is being deployed" are answers: the way to the cloud is
/// good.
bool check_online(const Settings& settings, Api& api, std::ostream& out);

}  // namespace codedriftd
