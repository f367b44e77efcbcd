#pragma once
/// How a stay of the daemon begins in the record.
#include <optional>
#include <string>

#include "service/record_head.h"
#include "settings/settings.h"
#include "store/ledger/ledger.h"

namespace codedriftd::stay {

/// Writes what is to be said at a start, in this order: log.genesis, if the record has no event; record.restored, if it
/// does not go on from `known`; clock.stepped, if it is ahead of `now` and was brought back; daemon.started. The row of
/// `daemon_run` that the stay is. Throws StoreError.
int64_t begin(Tx& tx, Ledger& ledger, const std::optional<RecordHead>& known, WallTime now);

/// log.genesis, if the record has no event. Throws StoreError.
void begin_log_if_empty(Tx& tx, Ledger& ledger, WallTime now);

/// The origin of the log in `db`, fixed when it was begun; of one that is not, what the settings give it. A host's own
/// name is not that of a fleet's log. Throws StoreError.
std::string origin_of(Database& db, const Settings& settings);
/// Who writes the record, as alerts name it: the instance, and where it is one of a fleet, of which.
std::string name_of(const Settings& settings);

}  // namespace codedriftd::stay
