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
  std::string text;  ///< TOML: [[watch]] of each of `accounts`; empty: none is needed
  std::size_t rules = 0;
  std::vector<std::string> accounts;
  std::size_t functions = 0;  ///< that nothing matches so far, and that these rules watch
};

/// One [[watch]] for each account in which something is unmanaged, or of which `plan` says nothing at all: all names in
/// all namespaces, in the regions that could be listed. The names that a rule of `plan` excludes are left out where it
/// excludes them and nowhere else: for regions that differ in that there are several, and where a name is excluded in
/// one namespace alone, rules that name the namespaces that are there.
WrittenRules rules_for(const std::vector<Listing>& listings, const WatchPlan& plan, WallTime now);

}  // namespace codedriftd
