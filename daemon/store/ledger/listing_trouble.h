#pragma once
/// What a listing leaves in the record where it could not read everything. Private to store/ledger/; on the writer's
/// thread.
#include <map>
#include <string>
#include <utility>

#include "model/inventory.h"
#include "store/ledger/ledger.h"

namespace codedriftd {

/// A region's inventory by namespace and name.
using InventoryByName = std::map<std::pair<std::string, std::string>, InventoryEntry>;

/// A namespace that could not be read has an entry without a function's name, a function whose name no address can have
/// one without a namespace. A region of which it is not known whether that is all has one with neither.
bool stands_for_unreadable(const InventoryByName::key_type& key);
/// Makes those entries, and lets them go when what they stand for can be read or is no more.
void note_unreadable(Tx& tx, const Listing& listing, InventoryByName& known, WallTime now);

/// discovery.failing and discovery.recovered. Only listings count, not the time that passes without any: a day of
/// downtime is no failure.
void judge_discovery(Tx& tx, Ledger& ledger, const Listing& listing, WallTime now);

}  // namespace codedriftd
