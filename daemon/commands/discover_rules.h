#pragma once
/// From what was listed to a configuration that watches it. Pure. Private to commands/.
#include <cstddef>
#include <string>
#include <vector>

#include "base/clock.h"
#include "model/inventory.h"
#include "model/watch_rules.h"

namespace codedriftd {

struct WrittenRules {
  std::string text;  ///< TOML: one [[watch]] for each of `accounts`; empty: none is needed
  std::vector<std::string> accounts;
  std::size_t functions = 0;  ///< that nothing matches so far, and that these rules watch
};

/// One [[watch]] for each account in which something is unmanaged, or of which `plan` says nothing at all: all names in
/// all namespaces, in the regions that could be listed. The names that a rule of `plan` excludes in that account are
/// left out.
WrittenRules rules_for(const std::vector<Listing>& listings, const WatchPlan& plan, WallTime now);

}  // namespace codedriftd
