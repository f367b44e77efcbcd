#include "audit/query/inventory_rows.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "audit/format/values.h"
#include "audit/story/coverage.h"

namespace codedriftd {

std::vector<OrderedJson> discovered_values(std::string_view account, std::string_view region,
                                           const FoundFunction& function, InventoryState state, std::string_view rule) {
  return {account,
          region,
          text_or_null(function.ns),
          text_or_null(function.name),
          text_or_null(function.function_id),
          to_string(state),
          text_or_null(rule),
          value_of(function.modified_at)};
}

bool selects(const Selection& selection, std::string_view account, std::string_view region,
             const FoundFunction& function, InventoryState state) {
  const auto named = [&](const std::string& glob) {
    return glob.find('/') == std::string::npos
               ? glob_match(glob, function.name)
               : glob_match(glob, fmt::format("{}/{}/{}/{}", account, region, function.ns, function.name));
  };
  return (selection.targets.empty() || std::ranges::any_of(selection.targets, named)) &&
         any_matches(selection.accounts, account) && any_matches(selection.regions, region) &&
         any_matches(selection.namespaces, function.ns) && any_matches(selection.functions, function.name) &&
         any_matches(selection.states, to_string(state));
}

int64_t InventoryCounts::found() const {
  int64_t all = 0;
  for (const InventoryState state : kInventoryStates) all += state == InventoryState::gone ? 0 : of(state);
  return all;
}

OrderedJson InventoryCounts::summary() const {
  OrderedJson summary{{"found", found()}, {"watched", watched()}, {"coverage", value_of(share_of(watched(), found()))}};
  for (const InventoryState state : kInventoryStates) summary[std::string(to_string(state))] = of(state);
  return summary;
}

std::string InventoryCounts::line() const {
  const auto share = share_of(watched(), found());
  std::vector<std::string> rest;
  for (const InventoryState state : {InventoryState::excluded, InventoryState::unmanaged, InventoryState::unreadable}) {
    if (of(state) > 0) rest.push_back(fmt::format("{} {}", of(state), to_string(state)));
  }
  std::string line = fmt::format("{} found, {} watched", found(), watched());
  if (share) line += fmt::format(" ({})", percent(*share));
  if (!rest.empty()) line += fmt::format(": {}", fmt::join(rest, ", "));
  if (of(InventoryState::gone) > 0) line += fmt::format("; {} gone", of(InventoryState::gone));
  return line;
}

}  // namespace codedriftd
