#pragma once
#include <iosfwd>
#include <string>
#include <vector>

#include "commands/reach/make_api.h"
#include "settings/settings.h"

namespace codedriftd {

struct CheckOptions {
  bool list_all = false;   ///< --list: list every target, however many there are
  bool online = false;     ///< --online: one call for each account and region
  bool all = false;        ///< --all: with --online, one for each function
  bool plugins = false;    ///< --plugins: list the plugins found
  bool strict = false;     ///< --strict: warnings are errors
  bool json = false;       ///< --json: one JSON object instead of text
  bool as_owner = false;   ///< root becomes the owner of state_dir, who the service is, for good
  std::string sinkhost{};  ///< loads the plugins: find_sinkhost()
};

/// `codedriftd check`: loads `file`, has the plugin of each alert open it without sending, loads the certificates that
/// are named, prints what would be watched to `out`, mistakes to `err`. Returns the exit code: 0; 78 for a wrong
/// configuration, options that a plugin refuses and plugins that cannot be used among it, and with --strict for any
/// warning; 1 when a plugin crashed or hung, an online call failed, or no daemon could work with the record on a
/// server. Warnings (a schedule that cannot be met, a pattern that matches nothing, a secret file that this process
/// cannot read, …) are shown, and 0. `make_api` is called only for --online, `make_read_api` only if there is something
/// to discover, too; what they throw passes. JSON:
/// {"schema":"codedriftd.check.v1","file","valid","mistakes":[{file,line,column,message}],"functions","rules",
/// "store":{url,schema},"paces":[{accounts,regions,targets,calls_per_second,limit,fits}],"discovery","alerts","warnings","faults",
/// "online":[{target,outcome,code,message,request_id,clock_error_ms}],"online_discovery"}, those of discovery as
/// commands/check_rules.h has them; all goes to `out` then.
int run_check(const std::string& file, const CheckOptions& options, const MakeApi& make_api,
              const MakeReadApi& make_read_api, std::ostream& out, std::ostream& err);

/// What would be watched, each region's demand on its rate limit, and who would be told. Up to 50 targets are listed by
/// name.
void print_settings(const Settings& settings, bool list_all, std::ostream& out);

/// Every plugin in plugin_dir with its version and its options, and each unusable one with the reason.
void print_plugins(const Settings& settings, const std::string& sinkhost, std::ostream& out);

struct OnlineAnswer {
  Target target;
  ApiAnswer answer;
};
/// One call for each account and region that has targets.
std::vector<OnlineAnswer> ask_each_region(const Settings& settings, Api& api);
/// One poll of every function, at the accounts' pace.
std::vector<OnlineAnswer> ask_each(const Settings& settings, Api& api);
/// Each outcome and the clock's error; with `all` only what was not answered with a hash, and how many were.
void print_online(const std::vector<OnlineAnswer>& answers, bool all, std::ostream& out);

}  // namespace codedriftd
