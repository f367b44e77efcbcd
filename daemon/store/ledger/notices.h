#pragma once
/// Alerts that are no events: what is said again of drift that stays open, signs of life, tests. Each function belongs
/// into a Writer::Work; the outbox itself says when a destination was last told. Throw StoreError.
#include <optional>
#include <string>
#include <string_view>

#include "store/ledger/ledger.h"

namespace codedriftd::notices {

/// Reminds `to` of drift that is open, that it was told of, and that it has heard nothing about for `to.reminder`; a
/// few hundred targets at a time. How many were queued.
int remind(Tx& tx, Ledger& ledger, const Route& to, WallTime now);

/// Tells `to` of all drift that is open now among its targets, whether it was told before or not. How many.
int tell_open_drift(Tx& tx, Ledger& ledger, const Route& to, WallTime now);

/// Queues a sign of life for `to` if its time has come and a whole cycle has been committed: every watched function has
/// been polled since the last one (or, where its interval is longer than the heartbeat's, within stale_after). One that
/// still waits is dropped: a sign of life is of no use later. True if one was queued.
bool beat(Tx& tx, Ledger& ledger, const Route& to, WallTime now);

/// Queues an alert of kind `test`; its id.
std::string send_test(Tx& tx, Ledger& ledger, const Route& to, std::string_view actor, WallTime now);

}  // namespace codedriftd::notices
