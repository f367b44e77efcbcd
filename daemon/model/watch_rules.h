#pragma once
/// [[watch]]: which functions that are found are watched, without being named. Pure.
#include <compare>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "model/inventory.h"
#include "model/target.h"

namespace codedriftd {

/// What a [[watch]] matches. A function is matched if its account is the rule's, region, namespace and name match one
/// pattern each (glob_match), and it has every tag with a value that matches; `except` patterns of names take it out
/// again.
struct WatchRule {
  std::string where;  ///< "FILE:LINE": its name in reports
  std::string account;
  std::vector<std::string> regions;  ///< regions, no patterns: they are what is listed
  std::vector<std::string> namespaces{"*"}, names{"*"};
  std::vector<std::string> except;
  std::map<std::string, std::string> tags;
  unsigned versions = 0;  ///< the newest so many published versions are watched, too
  bool aliases = false, layers = false;
  std::size_t max_targets = 2000;  ///< a listing that would have it watch more is not taken over

  friend bool operator==(const WatchRule&, const WatchRule&) = default;
};

/// A function without a qualifier.
struct FunctionName {
  std::string account, region, ns, name;

  friend auto operator<=>(const FunctionName&, const FunctionName&) = default;
};

/// What the configuration says of functions that are found.
struct WatchPlan {
  std::vector<WatchRule> rules;               ///< in the order of the files
  std::map<FunctionName, std::string> named;  ///< by a [[function]], and its "FILE:LINE"

  friend bool operator==(const WatchPlan&, const WatchPlan&) = default;
};

struct Judgement {
  InventoryState state = InventoryState::unmanaged;  ///< watched, excluded or unmanaged
  /// Of the plan: the rule that watches it, of a named function too, else the first that excludes it; nullptr: no rule.
  const WatchRule* rule = nullptr;
  std::string where;  ///< "FILE:LINE" of the rule or the [[function]]; empty: unmanaged
};

/// What the plan says of one function. A [[function]] wins over rules; the first rule that watches it wins over any
/// that excludes it. A named function has the rule that watches it all the same: its versions, aliases and layers are
/// watched by it as far as no [[function]] names them.
Judgement judge(std::string_view account, std::string_view region, const FoundFunction& function,
                const WatchPlan& plan);

}  // namespace codedriftd
