#include "commands/discover_rules.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

namespace codedriftd {
namespace {

constexpr std::size_t kUsualMostFunctions = 2'000;  // max_targets, unless a rule says more
constexpr std::size_t kNamesInLine = 8;

using Names = std::set<std::string>;

/// What one [[watch]] asks for within a region.
struct Shape {
  std::set<std::string> namespaces;  ///< empty: all, also those that are made later
  Names except;

  friend auto operator<=>(const Shape&, const Shape&) = default;
};
/// What was found in one region.
struct FoundRegion {
  std::map<std::string, std::size_t> namespaces;  ///< how many functions are in each
  std::map<std::string, Names> excluded;          ///< by namespace
  bool only_there = false;  ///< a name is excluded in one namespace, and is not in another that is there or made later
};
/// What was found in one account.
struct Found {
  std::map<std::string, FoundRegion> regions;
  std::size_t unmanaged = 0;
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

/// As few as leave out what is excluded and nothing else. An `except` leaves out a name in all namespaces of its rule:
/// where that would be too much, rules name theirs.
std::set<Shape> shapes_of(const FoundRegion& region) {
  Names all;
  for (const auto& [ns, names] : region.excluded) all.insert(names.begin(), names.end());
  if (!region.only_there) return {Shape{{}, std::move(all)}};
  std::map<Names, std::set<std::string>> alike;
  for (const auto& [ns, count] : region.namespaces) {
    const auto excluded = region.excluded.find(ns);
    alike[excluded == region.excluded.end() ? Names() : excluded->second].insert(ns);
  }
  std::set<Shape> shapes;
  for (const auto& [except, namespaces] : alike) shapes.insert({namespaces, except});
  return shapes;
}

std::string rule_text(const std::string& account, const Shape& shape, const std::vector<std::string>& regions,
                      const Found& found) {
  std::map<std::string, std::size_t> by_region, by_namespace;
  std::size_t functions = 0;
  for (const std::string& region : regions) {
    by_region[region];
    for (const auto& [ns, count] : found.regions.at(region).namespaces) {
      if (count == 0 || (!shape.namespaces.empty() && !shape.namespaces.contains(ns))) continue;
      by_region[region] += count;
      by_namespace[ns] += count;
      functions += count;
    }
  }
  std::string text =
      fmt::format("\n# {} function{} found in {}", functions, functions == 1 ? "" : "s", counted_names(by_region));
  if (!by_namespace.empty()) text += fmt::format("; by namespace: {}", counted_names(by_namespace));
  text += fmt::format("\n[[watch]]\naccount = \"{}\"\nregions = [{}]\n", account, fmt::join(quoted(regions), ", "));
  if (shape.namespaces.empty()) {
    text += "namespaces = [\"*\"]  # also those that are made later\n";
  } else {
    text += fmt::format("namespaces = [{}]  # those that were there: functions of others are told as unmanaged\n",
                        fmt::join(quoted(shape.namespaces), ", "));
  }
  text += "names = [\"*\"]\n";
  if (!shape.except.empty()) text += fmt::format("except = [{}]\n", fmt::join(quoted(shape.except), ", "));
  text += "baseline = \"review\"  # nothing is trusted on first sight; \"first-seen\" accepts what is live now\n";
  if (functions >= kUsualMostFunctions)
    text += fmt::format("max_targets = {}\n", (functions * 3 / 2 / 1'000 + 1) * 1'000);
  return text;
}

/// What one listing shows, and what `plan` excludes of it.
FoundRegion found_in(const Listing& listing, const WatchPlan& plan, std::size_t& unmanaged) {
  FoundRegion region;
  for (const std::string& ns : listing.namespaces) region.namespaces[ns];
  std::vector<const FoundFunction*> excluded;
  std::set<std::pair<std::string, std::string>> others;  // that are there and not excluded, by name and namespace
  for (const FoundFunction& function : listing.functions) {
    ++region.namespaces[function.ns];
    const InventoryState state = judge(listing.account, listing.region, function, plan).state;
    if (state == InventoryState::unmanaged) ++unmanaged;
    if (state == InventoryState::excluded) {
      excluded.push_back(&function);
    } else {
      others.emplace(function.name, function.ns);
    }
  }
  for (const FoundFunction* each : excluded) {
    const auto excluded_in = [&](const std::string& ns) {
      FoundFunction there = *each;
      there.ns = ns;
      return !others.contains({there.name, ns}) &&
             judge(listing.account, listing.region, there, plan).state == InventoryState::excluded;
    };
    for (const auto& [ns, count] : region.namespaces) {
      if (excluded_in(ns)) {
        region.excluded[ns].insert(each->name);
      } else {
        region.only_there = true;
      }
    }
    region.only_there |= !excluded_in("a namespace that is made later");
  }
  return region;
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
    found.regions.emplace(listing.region, found_in(listing, plan, found.unmanaged));
  }
  WrittenRules written;
  for (const auto& [account, found] : accounts) {
    if (found.unmanaged == 0 && !says_nothing_of(plan, account)) continue;
    written.functions += found.unmanaged;
    written.accounts.push_back(account);
    std::map<Shape, std::vector<std::string>> regions;
    for (const auto& [name, region] : found.regions) {
      for (const Shape& shape : shapes_of(region)) regions[shape].push_back(name);
    }
    for (const auto& [shape, names] : regions) written.text += rule_text(account, shape, names, found);
    written.rules += regions.size();
  }
  if (!written.text.empty())
    written.text.insert(0,
                        fmt::format("# Written by \"codedriftd discover\" from what was there at {}.\n", rfc3339(now)));
  return written;
}

}  // namespace codedriftd
