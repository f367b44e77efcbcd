#pragma once
/// What `query inventory` and `discover` have in common: functions that are there, and how each stands to the
/// configuration.
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "audit/format/report.h"
#include "model/inventory.h"

namespace codedriftd {

/// Every state, in the order of summaries.
inline constexpr std::array kInventoryStates{InventoryState::watched, InventoryState::excluded,
                                             InventoryState::unmanaged, InventoryState::gone,
                                             InventoryState::unreadable};

/// The fields of a row of discover; those of the inventory have times from the record after them.
inline constexpr std::array<std::string_view, 8> kDiscoveredFields{"account",     "region", "namespace", "function",
                                                                   "function_id", "state",  "rule",      "modified_at"};
/// Their values; text that is empty is null.
std::vector<OrderedJson> discovered_values(std::string_view account, std::string_view region,
                                           const FoundFunction& function, InventoryState state, std::string_view rule);

/// True if accounts, regions, namespaces, functions, states and target globs of `selection` select it. A target glob is
/// compared with the address without a qualifier, or with the name of the function.
bool selects(const Selection& selection, std::string_view account, std::string_view region,
             const FoundFunction& function, InventoryState state);

/// How many functions have each state.
class InventoryCounts {
 public:
  void add(InventoryState state) { ++counts_[static_cast<std::size_t>(state)]; }
  int64_t of(InventoryState state) const { return counts_[static_cast<std::size_t>(state)]; }
  /// All but those that are gone. What could not be read is there too, so that nothing unread is ever full coverage.
  int64_t found() const;
  int64_t watched() const { return of(InventoryState::watched); }
  /// {found, watched, coverage, a number for each other state}: coverage is watched / found, six decimals, null of
  /// nothing.
  OrderedJson summary() const;
  /// "12 found, 9 watched (75.00 %): 1 excluded, 2 unmanaged; 1 gone"
  std::string line() const;

 private:
  std::array<int64_t, kInventoryStates.size()> counts_{};
};

}  // namespace codedriftd
