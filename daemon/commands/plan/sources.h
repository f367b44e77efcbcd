#pragma once
/// Where the rows of a plan come from. Private to commands/.
#include <optional>
#include <string>
#include <vector>

#include "audit/query/plan.h"
#include "commands/files/progress.h"
#include "commands/reach/make_api.h"
#include "settings/settings.h"

namespace codedriftd {

/// Why there is no plan.
struct NoPlan {
  int code;  ///< the exit code
  std::string message;
};

/// The selected targets as they stand in the record. Throws StoreError; std::runtime_error for a damaged row.
Result<Plan, NoPlan> plan_from_record(Database& db, Selection selection, WallTime now);

/// Has the running daemon poll the selected targets, and waits for that. Nullopt: no daemon runs.
Result<std::optional<Plan>, NoPlan> plan_by_daemon(const Settings& settings, Selection selection, const Clock& clock,
                                                   Progress& progress);

/// Polls what is selected of the configuration's targets with the caller's credentials, and judges the answers in
/// memory, on top of what the record says of each target as far as it can be read. Nothing is written, nothing is
/// accepted: where nobody has accepted a hash yet the first one seen is not.
Result<Plan, NoPlan> plan_directly(const Settings& settings, Selection selection, const MakeApi& make_api,
                                   const Clock& clock, Progress& progress);

}  // namespace codedriftd
