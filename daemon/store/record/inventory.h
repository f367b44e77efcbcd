#pragma once
/// Tables `inventory`, `inventory_state` and `listing`: what was found, and when it was looked for. Throw SqliteError;
/// a row whose values cannot be is an error that names it.
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "model/inventory.h"
#include "store/db/sqlite.h"

namespace codedriftd::inventory {

/// By account, region, namespace, name; those that are gone, too.
std::vector<InventoryEntry> all(Database& db);
std::vector<InventoryEntry> of_region(Database& db, std::string_view account, std::string_view region);
/// As it stood at `at`: state and rule of then, null where it was not known.
std::vector<InventoryEntry> at(Database& db, WallTime at);
/// A new row, or the row `entry.id`; what state and rule were before stays in the record.
int64_t save(Database& db, const InventoryEntry& entry, WallTime now);

/// How looking went, run-length: one row for listings in a row that went alike.
struct ListingRun {
  std::string account, region;
  bool complete = false;
  PollError trouble;
  WallTime from{}, until{};
  int64_t listings = 0;
  int64_t found = 0, watched = 0;  ///< at the last one; of a failed run, at the last complete one
};
void record_listing(Database& db, const Listing& listing, int64_t found, int64_t watched);
std::vector<ListingRun> listings(Database& db, std::optional<WallTime> since, std::optional<WallTime> until);
/// The last run of each account and region.
std::vector<ListingRun> last_listings(Database& db);

}  // namespace codedriftd::inventory
