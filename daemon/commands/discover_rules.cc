#include "commands/discover_rules.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

namespace codedriftd {
namespace {

constexpr std::size_t kUsualMostFunctions = 2'000;  // max_targets, unless a rule says more
constexpr std::size_t kNamesInLine = 8;

/// What was found in one account.
struct Found {
  std::map<std::string, std::size_t> regions, namespaces;  ///< how many functions are in each
  std::set<std::string> excluded;                          ///< names
  std::vector<std::string> unmanaged;                      ///< names
  std::size_t functions = 0;
};

/// "a (3), b (1), …"
std::string counted_names(const std::map<std::string, std::size_t>& counts) {
  std::string words;
  std::size_t named = 0;
  for (const auto& [name, count] : counts) {
    if (named++ == kNamesInLine) return words + ", …";
    words += fmt::format("{}{} ({})", words.empty() ? "" : ", ", name, count);
  }
  return words;
}

std::vector<std::string> quoted(const auto& names) {
  std::vector<std::string> all;
  for (const auto& name : names) all.push_back(fmt::format("\"{}\"", name));
  return all;
}

std::string rule_text(const std::string& account, const Found& found) {
  std::vector<std::string> regions;
  for (const auto& [region, count] : found.regions) regions.push_back(region);
  std::string text = fmt::format("\n# {} function{} found in {}", found.functions, found.functions == 1 ? "" : "s",
                                 counted_names(found.regions));
  if (!found.namespaces.empty()) text += fmt::format("; by namespace: {}", counted_names(found.namespaces));
  text += fmt::format(
      "\n[[watch]]\naccount = \"{}\"\nregions = [{}]\nnamespaces = [\"*\"]  # also those that are made later\n"
      "names = [\"*\"]\n",
      account, fmt::join(quoted(regions), ", "));
  if (!found.excluded.empty()) text += fmt::format("except = [{}]\n", fmt::join(quoted(found.excluded), ", "));
  text += "baseline = \"review\"  # nothing is trusted on first sight; \"first-seen\" accepts what is live now\n";
  if (found.functions >= kUsualMostFunctions)
    text += fmt::format("max_targets = {}\n", (found.functions * 3 / 2 / 1'000 + 1) * 1'000);
  return text;
}

bool says_nothing_of(const WatchPlan& plan, const std::string& account) {
  return std::ranges::none_of(plan.rules, [&](const WatchRule& rule) { return rule.account == account; }) &&
         std::ranges::none_of(plan.named, [&](const auto& named) { return named.first.account == account; });
}

}  // namespace

WrittenRules rules_for(const std::vector<Listing>& listings, const WatchPlan& plan, WallTime now) {
  std::map<std::string, Found> accounts;
  for (const Listing& listing : listings) {
    if (!listing.complete && listing.functions.empty()) continue;
    Found& found = accounts[listing.account];
    found.regions[listing.region] += listing.functions.size();
    found.functions += listing.functions.size();
    for (const FoundFunction& function : listing.functions) {
      ++found.namespaces[function.ns];
      const InventoryState state = judge(listing.account, listing.region, function, plan).state;
      if (state == InventoryState::excluded) found.excluded.insert(function.name);
      if (state == InventoryState::unmanaged) found.unmanaged.push_back(function.name);
    }
  }
  WrittenRules written;
  for (const auto& [account, found] : accounts) {
    const auto would_be_watched = static_cast<std::size_t>(std::ranges::count_if(
        found.unmanaged, [&excluded = found.excluded](const std::string& name) { return !excluded.contains(name); }));
    if (would_be_watched == 0 && !says_nothing_of(plan, account)) continue;
    written.functions += would_be_watched;
    written.accounts.push_back(account);
    written.text += rule_text(account, found);
  }
  if (!written.text.empty())
    written.text.insert(0,
                        fmt::format("# Written by \"codedriftd discover\" from what was there at {}.\n", rfc3339(now)));
  return written;
}

}  // namespace codedriftd
