#pragma once
/// What people and pipelines do to what is accepted. The same inside the daemon, asked through its control socket, and
/// without one.
#include <optional>
#include <string>
#include <string_view>

#include "actions/arguments.h"
#include "actions/caller.h"
#include "actions/reconcile_requests.h"
#include "store/ledger/ledger.h"

namespace codedriftd {

/// Does it, in the caller's transaction, all or nothing. After "usage" and "nothing" the record is as it was; what is
/// "refused" adds one event that says so (control.denied) and nothing else.
///   approve  {"count", "targets": [{"target", "sha256", "previous_sha256"}, …]}
///   expect   {"count", "targets": [{"target", "sha256", "valid_until"}, …]}; of what is live and accepted already
///            "arrived": true; of what was announced until later before "previous_until"
///   withdraw {"count", "targets": [{"target", "sha256"}, …]}: one for each announcement
///   suspend  {"count", "targets": [{"target", "until"}, …]}; of what was held until later before "previous_until"
///   resume   {"count", "targets": [{"target"}, …]}
Result<JsonBox, NothingDone> perform(Tx& tx, Ledger& ledger, const ApproveRequest& request, const Caller& caller,
                                     WallTime now);
Result<JsonBox, NothingDone> perform(Tx& tx, Ledger& ledger, const ExpectRequest& request, const Caller& caller,
                                     WallTime now);
Result<JsonBox, NothingDone> perform(Tx& tx, Ledger& ledger, const WithdrawRequest& request, const Caller& caller,
                                     WallTime now);
Result<JsonBox, NothingDone> perform(Tx& tx, Ledger& ledger, const SuspendRequest& request, const Caller& caller,
                                     WallTime now);

/// control.denied: `caller` asked for `verb`, about `target` if it named one, and did not get it because of `reason`.
NewEvent control_denied(const Caller& caller, std::string_view verb, const std::optional<std::string>& target,
                        std::string_view reason);

/// Takes back what was announced, but by the configuration, and does not count any more as it says now: without an
/// attestation where only attested code is accepted, or by a key that is not trusted any more.
void withdraw_untrusted(Tx& tx, Ledger& ledger, const Trust& trust, WallTime now);

}  // namespace codedriftd
