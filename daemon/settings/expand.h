#pragma once
/// From rules and what is there to what is watched. Pure.
#include <string>
#include <vector>

#include "model/inventory.h"
#include "settings/settings.h"

namespace codedriftd {

/// A rule that matches more functions than its max_targets: those found first are watched.
struct OverfullRule {
  std::string where;
  std::size_t matched = 0, watched = 0;
};
struct Expanded {
  /// Sorted by target, none twice: those of [[function]], and of each function that a rule watches `$LATEST` (or
  /// `$IMAGE` for a container image), its newest published versions, its aliases and its layers. A function that is
  /// gone stays watched until it is let go of: it is missing.
  std::vector<WatchSettings> watches;
  std::vector<OverfullRule> overfull;
};
Expanded expand(const Settings& settings, const std::vector<InventoryEntry>& inventory);

/// What the record's side needs of the same settings.
WatchPlan watch_plan(const Settings& settings);

}  // namespace codedriftd
