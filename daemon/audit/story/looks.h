#pragma once
/// How well an account was looked through in a region: how many functions listings found there, how many of them are
/// watched, and when no listing was complete. What listings did not show nobody can know.
#include <compare>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "model/inventory.h"
#include "select/selection.h"
#include "store/record/inventory.h"

namespace codedriftd {

struct AccountRegion {
  std::string account, region;

  friend auto operator<=>(const AccountRegion&, const AccountRegion&) = default;
};

/// A time in which no listing was complete, from the last one that was to the next. Where none was begun in it (no
/// daemon ran, or nothing had it list) it is longer than an hour.
struct LookGap {
  WallTime from, until;
  int64_t listings = 0;  ///< that were begun in it, and not complete
  PollError trouble;     ///< of the last of them; empty code: there was none
};

struct RegionLook {
  AccountRegion place;
  /// False: no listing was ever made, and nothing is known of functions that are not configured. Then the rest is
  /// empty.
  bool looked = false;
  // At the end of the time that is asked about.
  int64_t found = 0, watched = 0;
  std::optional<WallTime> last_complete_at;
  bool failing = false;  ///< three listings in a row were not complete, or none for an hour
  PollError trouble;     ///< of the last listing; empty code if it was complete
  // Within that time.
  std::vector<LookGap> gaps;
};

/// The same of the listings of one account and region, by time, in since..until. `found` and `watched` stay 0. Pure.
RegionLook look_of(AccountRegion place, const std::vector<inventory::ListingRun>& runs, WallTime since, WallTime until);

/// One for each of `places`, those of what `selection` selects; where it asks for no functions, one for every account
/// and region that was ever listed until then and that it selects, too. By place. Throws StoreError, and
/// std::runtime_error for a row that cannot be.
std::vector<RegionLook> region_looks(Database& db, const Selection& selection, std::set<AccountRegion> places,
                                     WallTime since, WallTime until);

}  // namespace codedriftd
