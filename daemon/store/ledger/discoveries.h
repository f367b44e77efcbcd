#pragma once
/// What listings say goes into the record here: inventory, events, and what each watched target is told.
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "model/inventory.h"
#include "model/watch_rules.h"
#include "store/ledger/ledger.h"

namespace codedriftd {

struct Discovered {
  bool watch_changed = false;   ///< the plan watches others than before: the watch list is to be made anew
  std::vector<TargetId> moved;  ///< changed since they were last seen: to be polled at once
  struct Wanted {
    FunctionName function;
    std::string where;  ///< "FILE:LINE" of its rule
    bool kind = false;  ///< also whether it is a container image: its code cannot be asked for
  };
  std::vector<Wanted> details;  ///< of these a rule wants to know versions, aliases or layers (new, or moved)
};

/// A listing: functions that are new (function.discovered, function.unmanaged), another one under a name, changed or
/// gone; discovery.failing where it is the third incomplete one in a row (or nothing was complete for an hour), and
/// discovery.recovered. An incomplete one adds and never removes. On the writer's thread.
Discovered take_listing(Tx& tx, Ledger& ledger, const Listing& listing, const WatchPlan& plan, bool report_unmanaged,
                        WallTime now);
/// The same for the newest changes of a namespace; a failed look changes nothing.
Discovered take_changes(Tx& tx, Ledger& ledger, const NewestChanges& changes, const WatchPlan& plan,
                        bool report_unmanaged, WallTime now);
/// Versions, aliases and kind of one function, each completely read; nullopt: it was not, and what is known of it
/// stays. A version or alias that is watched and that is not there any more stays watched for kGoneKept, and is polled
/// at once: that it is missing is told by its own answer. So is one that is back. Not a version that newer ones would
/// have displaced from the newest `most_versions` anyhow.
Discovered take_details(Tx& tx, const FunctionName& function, std::size_t most_versions,
                        const std::optional<std::vector<std::string>>& versions,
                        const std::optional<std::vector<std::string>>& aliases, std::optional<bool> image,
                        WallTime now);

/// The plan is another one: an entry whose rule says the same at another place gets that place; those of regions that
/// are not among `listed` (account, region) any more get what the new plan says of them. How all others stand to it,
/// the next listing judges. After a start, with nothing before, a place that moved is told by what is at it. Entries of
/// the accounts `elsewhere` are left alone. On the writer's thread.
void replan(Tx& tx, const WatchPlan& before, const WatchPlan& after,
            const std::set<std::pair<std::string, std::string>>& listed, const std::set<std::string>& elsewhere,
            WallTime now);

}  // namespace codedriftd
