#include "audit/query/discovered.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "audit/format/look_values.h"
#include "audit/format/values.h"
#include "audit/query/inventory_rows.h"
#include "audit/story/coverage.h"

namespace codedriftd {
namespace {

constexpr Column kDiscoverColumns[] = {
    {"account", "ACCOUNT", 0, 1},     {"region", "REGION", 0, 1}, {"namespace", "NAMESPACE", 0, 1},
    {"function", "FUNCTION", 0},      {"state", "STATE", 0},      {"rule", "RULE", 40, 3},
    {"modified_at", "MODIFIED", 0, 2}};

struct Judged {
  const Listing* listing;
  FoundFunction function;  ///< what is not known of it is empty
  InventoryState state;
  std::string rule;
};

bool contains(const std::vector<std::string>& sorted, const std::string& text) {
  return std::ranges::binary_search(sorted, text);
}

/// True if a function of `ns` that `listing` does not show is not there.
bool shows_all_of(const Listing& listing, const std::string& ns) {
  return listing.complete || (contains(listing.namespaces, ns) && !contains(listing.unread, ns));
}

/// True if anything is known by it.
bool told_something(const Listing& listing) {
  return listing.complete || !listing.functions.empty() || !listing.unreadable.empty() ||
         listing.unread.size() < listing.namespaces.size();
}

/// All that one listing says.
std::vector<Judged> judged_of(const Listing& listing, const WatchPlan& plan) {
  std::vector<Judged> all;
  std::set<std::pair<std::string, std::string>> there;
  for (const FoundFunction& function : listing.functions) {
    Judgement judgement = judge(listing.account, listing.region, function, plan);
    all.push_back({&listing, function, judgement.state, std::move(judgement.where)});
    there.emplace(function.ns, function.name);
  }
  const auto nameless = [](std::string ns, std::string name) {
    FoundFunction function;
    function.ns = std::move(ns);
    function.name = std::move(name);
    return function;
  };
  for (const auto& [name, where] : plan.named) {
    if (name.account == listing.account && name.region == listing.region && !there.contains({name.ns, name.name}) &&
        shows_all_of(listing, name.ns))
      all.push_back({&listing, nameless(name.ns, name.name), InventoryState::gone, where});
  }
  for (const std::string& name : listing.unreadable)
    all.push_back({&listing, nameless({}, name), InventoryState::unreadable, {}});
  for (const std::string& ns : listing.unread)
    all.push_back({&listing, nameless(ns, {}), InventoryState::unreadable, {}});
  if (listing.may_have_more()) all.push_back({&listing, {}, InventoryState::unreadable, {}});
  return all;
}

std::string region_words(const Listing& listing, const InventoryCounts& counts) {
  std::string words = fmt::format("{} in {}: ", listing.account, listing.region);
  if (!told_something(listing)) return words + "could not be listed: " + trouble_words(listing.trouble);
  words += counts.line();
  if (!listing.complete) words += fmt::format("; not complete, there may be more ({})", trouble_words(listing.trouble));
  return words;
}

OrderedJson region_value(const Listing& listing, const InventoryCounts& counts) {
  const bool known = told_something(listing);
  const auto if_known = [&](OrderedJson value) { return known ? std::move(value) : OrderedJson(); };
  return {{"account", listing.account},
          {"region", listing.region},
          {"found", if_known(counts.found())},
          {"watched", if_known(counts.watched())},
          {"coverage", if_known(value_of(share_of(counts.watched(), counts.found())))},
          {"complete", listing.complete},
          {"calls", listing.calls},
          {"error", error_value(listing.trouble)}};
}

}  // namespace

const Report kDiscoverReport{"discover", kDiscoveredFields, kDiscoverColumns, nullptr};

ReportEnd discovered(std::vector<Listing> listings, const WatchPlan& plan, const Selection& selection,
                     const Emit& emit) {
  std::ranges::sort(listings, {}, [](const Listing& l) { return std::tie(l.account, l.region); });
  ReportEnd end;
  InventoryCounts counts;
  std::vector<Judged> rows;
  OrderedJson regions = OrderedJson::array();
  Selection any_state = selection;
  any_state.states.clear();
  bool told = false, incomplete = false;
  for (const Listing& listing : listings) {
    told |= told_something(listing);
    incomplete |= !listing.complete;
    InventoryCounts in_region;
    for (Judged& each : judged_of(listing, plan)) {
      in_region.add(each.state);
      if (!selects(any_state, listing.account, listing.region, each.function, each.state)) continue;
      counts.add(each.state);
      if (any_matches(selection.states, to_string(each.state))) rows.push_back(std::move(each));
    }
    regions.push_back(region_value(listing, in_region));
    end.remarks.push_back(region_words(listing, in_region));
  }
  std::ranges::stable_sort(rows, {}, [](const Judged& each) {
    return std::tie(each.listing->account, each.listing->region, each.function.ns, each.function.name);
  });
  for (const Judged& each : rows) {
    if (selection.limit && end.rows == *selection.limit) break;
    emit({discovered_values(each.listing->account, each.listing->region, each.function, each.state, each.rule), {}});
    ++end.rows;
  }
  end.summary = counts.summary();
  end.summary["selected"] = rows.size();
  end.summary["regions"] = std::move(regions);
  if (end.rows < static_cast<int64_t>(rows.size()))
    end.remarks.push_back(fmt::format("{} of {} rows are shown.", end.rows, rows.size()));
  if (!told) {
    end.nothing = "no region could be listed";
  } else if (counts.found() + counts.of(InventoryState::gone) == 0 && !selection_words(any_state).empty()) {
    end.nothing = fmt::format("no function that was found matches {}", selection_words(any_state));
  }
  const bool open = counts.of(InventoryState::unmanaged) + counts.of(InventoryState::gone) > 0;
  end.detailed_exit = open ? 2 : incomplete || counts.of(InventoryState::unreadable) > 0 ? 3 : 0;
  end.remarks.push_back(counts.line());
  return end;
}

}  // namespace codedriftd
