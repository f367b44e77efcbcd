#pragma once
/// How a stay of the daemon begins in the record.
#include <optional>

#include "service/record_head.h"
#include "store/ledger/ledger.h"

namespace codedriftd::stay {

/// Writes what is to be said at a start, in this order: log.genesis, if the record has no event; record.restored, if it
/// does not go on from `known`; clock.stepped, if it is ahead of `now` and was brought back; daemon.started. The row of
/// `daemon_run` that the stay is. Throws StoreError.
int64_t begin(Tx& tx, Ledger& ledger, const std::optional<RecordHead>& known, WallTime now);

/// log.genesis, if the record has no event. Throws StoreError.
void begin_log_if_empty(Tx& tx, Ledger& ledger, WallTime now);

}  // namespace codedriftd::stay
