#pragma once
/// What listings that were made just now say, without a record. Pure.
#include <vector>

#include "audit/format/report.h"
#include "model/inventory.h"
#include "model/watch_rules.h"

namespace codedriftd {

/// The form of the report: kDiscoveredFields. Its rows come from discovered(); it has no `run`.
extern const Report kDiscoverReport;

/// Rows by address, each judged by `plan`: every function found; one that a [[function]] names and a complete reading
/// of its namespace does not show, which is gone; and for what could not be read a row `unreadable`: of a function
/// whose name no address can have, of a namespace (without a function), of a region (without a namespace). `plan` has
/// to be of the accounts of `listings`.
///
/// The summary counts all that `selection` selects, but for its states and its limit: {found, watched, coverage, a
/// number for each state, selected, regions: [{account, region, found, watched, coverage, complete, calls, error}]};
/// `selected` is how many rows have a state that was asked for, and regions are counted whole. The last remark sums up.
/// `detailed_exit` is 2 if something is unmanaged or gone, else 3 if something could not be read, else 0. `nothing`
/// says why there is nothing to show: no region could be listed, or no function matches.
ReportEnd discovered(std::vector<Listing> listings, const WatchPlan& plan, const Selection& selection,
                     const Emit& emit);

}  // namespace codedriftd
