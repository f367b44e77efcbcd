#include "store/ledger/storage.h"

#include "store/record/facts.h"

namespace codedriftd::storage {
namespace {

constexpr std::string_view kLow = "storage_low", kBlocked = "storage_blocked";
constexpr std::string_view kTold = "told", kOver = "over";

}  // namespace

void note(Tx& tx, Ledger& ledger, const StorageLook& look, WallTime now) {
  const StorageTold before{facts::read(tx.db, kLow) == kTold, facts::read(tx.db, kBlocked) == kTold};
  const StorageDecision decision = decide_storage(before, look);
  for (const NewEvent& event : decision.events) ledger.append(tx, event, now);
  const auto keep = [&](std::string_view name, bool was, bool is) {
    if (is != was) facts::write(tx.db, name, is ? kTold : kOver);
  };
  keep(kLow, before.low, decision.told.low);
  keep(kBlocked, before.blocked, decision.told.blocked);
}

}  // namespace codedriftd::storage
