#pragma once
/// Tables `inventory`, `inventory_state`, `listing`, `discovery` and `discovery_told`: what was found, and when it was
/// looked for. Throw StoreError; a row whose values cannot be is an error that names it.
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/inventory.h"
#include "store/db/database.h"

namespace codedriftd::inventory {

/// By account, region, namespace, name; those that are gone, too. `last_found_at` is the last complete listing's, or
/// later, unless one did not show it; a row is written only when it changes.
std::vector<InventoryEntry> all(Database& db);
std::vector<InventoryEntry> of_region(Database& db, std::string_view account, std::string_view region);
std::optional<InventoryEntry> find(Database& db, std::string_view account, std::string_view region, std::string_view ns,
                                   std::string_view name);
/// As it stood at `at`: state, rule and function id of then; without what was not known yet, and the cloud's times that
/// are later. The rest is as it is now: `last_found_at`, of which only the newest is kept, may be later than `at`.
std::vector<InventoryEntry> at(Database& db, WallTime at);
/// A new row (entry.id 0), or the row `entry.id`; what state, rule and function id were before stays in the record. Its
/// id.
int64_t save(Database& db, const InventoryEntry& entry, WallTime now);

/// Its rule stands at another place, and says the same.
void move_rule(Database& db, int64_t id, std::string_view rule);

/// Of `rule`, how many functions it watches.
int64_t watched_by(Database& db, std::string_view account, std::string_view rule);

/// How looking went, run-length: one row for listings in a row that were complete, or failed with the same code, none
/// of which began more than an hour after the one before ended.
struct ListingRun {
  std::string account, region;
  bool complete = false;
  PollError trouble;
  WallTime from{}, until{};
  int64_t listings = 0;
  int64_t found = 0, watched = 0;  ///< at the last one; of a failed run, at the last complete one
};
void record_listing(Database& db, const Listing& listing, int64_t found, int64_t watched);
/// Those that reach into since..until, by account and region, oldest first.
std::vector<ListingRun> listings(Database& db, std::optional<WallTime> since, std::optional<WallTime> until);
/// The last run of each account and region.
std::vector<ListingRun> last_listings(Database& db);

/// What discovery knows of one account in one region between two listings.
struct RegionState {
  bool failing = false;                      ///< discovery.failing is open
  std::string reason;                        ///< of that
  unsigned incomplete = 0;                   ///< listings in a row that were not complete
  std::optional<WallTime> incomplete_since;  ///< the first of them began
  std::optional<WallTime> last_complete_at;
  std::vector<std::string> namespaces;  ///< of the last complete one

  friend bool operator==(const RegionState&, const RegionState&) = default;
};
RegionState region_state(Database& db, std::string_view account, std::string_view region);
void save_region_state(Database& db, std::string_view account, std::string_view region, const RegionState& state);

/// Where a start takes up: every region that was ever listed completely, its namespaces, and the newest modified_at
/// that was seen in each.
struct KnownRegion {
  std::string account, region;
  std::map<std::string, std::optional<WallTime>> namespaces;
  std::optional<WallTime> last_complete_at;
};
std::vector<KnownRegion> known_regions(Database& db);

/// True the first time that it is asked for this kind of event and this function; never again.
bool first_told(Database& db, std::string_view account, std::string_view region, std::string_view kind,
                const FoundFunction& function, WallTime now);

}  // namespace codedriftd::inventory
