#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/ledger/ledger.h"
#include "store/record/targets.h"

namespace codedriftd {

/// The alerts of one target are held: it is polled and recorded as ever, and what there is to tell waits in the outbox.
struct Suspension {
  WallTime since{}, until{};
  std::string actor;    ///< who asked for it, as an event's actor
  std::string claimed;  ///< what that client claimed beside its uid
  std::string reason;
};

/// Table `suspension`. What begins or ends one is an event (watch.suspended, watch.resumed). Throws StoreError.
namespace suspensions {

std::optional<Suspension> find(Database& db, TargetId target);
struct Suspended {
  TargetId id = 0;
  std::string address;
  Suspension suspension;
};
/// All there are, by address.
std::vector<Suspended> all(Database& db);

/// Holds the alerts of `target` from now on, also those that wait and were never attempted. One that is suspended gets
/// the new end and reason.
void begin(Tx& tx, Ledger& ledger, const TargetRow& target, const Suspension& suspension);
/// What was held is told. REQUIRES: it is suspended. `actor` and `reason` say who ends it and why.
void end(Tx& tx, Ledger& ledger, const TargetRow& target, std::string_view actor, std::string_view claimed,
         std::string_view reason, WallTime now);
/// Ends those whose time is over.
void end_over(Tx& tx, Ledger& ledger, WallTime now);

}  // namespace suspensions
}  // namespace codedriftd
