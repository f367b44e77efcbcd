#pragma once
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "audit/story/looks.h"
#include "base/clock.h"
#include "commands/plan.h"
#include "commands/reach/make_api.h"
#include "settings/settings.h"

namespace codedriftd {

/// `codedriftd discover …`: lists the functions of every account and region that the configuration names, with the
/// caller's credentials, and prints how each stands to the configuration; needs neither daemon nor record. With --write
/// a configuration that watches them is written to a new file, and taken away again (or what was there put back) if the
/// whole configuration cannot be read with it. `args` is what follows the word "discover". `settings` is asked once,
/// after the arguments were understood, and with --write again; what it throws passes through the first time. Returns
/// the exit code:
///   0   done; with --detailed-exitcode: everything that was found is watched or excluded, and all could be read
///   1   failed; no region could be listed; nothing matches; --write could not write
///   2   --detailed-exitcode: something is unmanaged, or gone
///   3   --detailed-exitcode: nothing of that, but something could not be read
///   64  wrong usage
int run_discover(const std::vector<std::string>& args, const std::function<Settings()>& settings,
                 const MakeReadApi& make_api, const Clock& clock, Terminals terminals, std::ostream& out,
                 std::ostream& err);

/// What `discover` lists: the regions of each account's [[function]] and [[watch]] that `selection` selects, and those
/// that --region names in full, whether configured or not. Fails if that is nothing; the error says what would be
/// right.
Result<std::vector<AccountRegion>> places_to_list(const Settings& settings, const Selection& selection);

}  // namespace codedriftd
