#pragma once
/// What `codedriftd packages prune` does to the record and to the folder of packages that are kept whole: the same
/// inside the daemon, asked through its control socket, and without one.
#include <cstdint>
#include <string>

#include "actions/arguments.h"
#include "actions/caller.h"
#include "base/clock.h"
#include "base/json_box.h"
#include "base/result.h"
#include "store/ledger/ledger.h"

namespace codedriftd {

struct PruneRequest {
  uint64_t max_total = 0;  ///< bytes that the packages left may take together; 0: none is left
  std::string reason;
  std::string folder = {};  ///< Settings::packages_folder() of who does it; never from a client
};

/// A request as the arguments of the verb "packages.prune", and back, without `folder`. Reading fails for what has
/// another shape.
JsonBox arguments_of(const PruneRequest& request);
Result<PruneRequest> read_prune_request(const JsonBox& arguments);

/// What is wrong with a request as it stands: no reason.
Checked check_request(const PruneRequest& request);

/// Keeps no longer what has to go, in the order of packages::prune_candidates(), with one event (package.pruned); what
/// was inside stays in the record. The files are removed after the commit; one that cannot be is logged, and goes when
/// the daemon starts next.
///   {"count", "bytes", "left": {"count", "bytes"}, "packages": [HASH, …]}: the first kPrunedListed
/// "nothing": all of it fits already, or none is kept. After NothingDone the record is as it was.
Result<JsonBox, NothingDone> perform(Tx& tx, Ledger& ledger, const PruneRequest& request, const Caller& caller,
                                     WallTime now);

inline constexpr std::size_t kPrunedListed = 1'000;

}  // namespace codedriftd
