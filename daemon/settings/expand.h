#pragma once
/// From rules and what is there to what is watched. Pure.
#include <compare>
#include <string>
#include <vector>

#include "model/inventory.h"
#include "settings/settings.h"

namespace codedriftd {

/// A rule that matches more functions than its max_targets: those watched already are, and those found first. What is
/// gone, and what a [[function]] names, does not count.
struct OverfullRule {
  std::string where;
  std::size_t matched = 0, watched = 0;  ///< functions
};
struct Expanded {
  /// Sorted by target, none twice: those of [[function]], and of each function that a rule watches `$LATEST`, its
  /// newest published versions, its aliases and its layers; of one that is a container image `$IMAGE` and its aliases,
  /// because it has no package. What a [[function]] names stays as it says. A function that is gone stays watched until
  /// its entry is let go of (kLetGo), if a rule was at it: it is missing. So do the versions and aliases that its entry
  /// says are deleted. Versions have the rule's versions_interval, and are stale after three of them, one minute at
  /// least.
  std::vector<WatchSettings> watches;
  std::vector<OverfullRule> overfull;  ///< in the order of the rules
};
Expanded expand(const Settings& settings, const std::vector<InventoryEntry>& inventory);

/// What the record's side needs of the same settings.
WatchPlan watch_plan(const Settings& settings);

struct ListedRegion {
  std::string account, region;

  friend auto operator<=>(const ListedRegion&, const ListedRegion&) = default;
};
/// What discovery lists: the regions of the [[watch]] and [[function]] of each account whose discovery is enabled,
/// sorted, none twice.
std::vector<ListedRegion> listed_regions(const Settings& settings);

}  // namespace codedriftd
