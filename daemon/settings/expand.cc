#include "settings/expand.h"

#include <algorithm>
#include <set>
#include <tuple>

namespace codedriftd {
namespace {

constexpr Millis kLeastStale{60'000};

/// The targets that a rule makes of one function.
void add_targets(const RuleSettings& rule, const InventoryEntry& entry, std::vector<WatchSettings>& watches) {
  const auto add = [&](std::string qualifier, const WatchSettings& as) {
    // What the cloud says has been checked where it was read; an address that cannot be read again must not come about.
    if (!valid_part(qualifier)) return;
    watches.push_back(as);
    watches.back().target = {entry.account, entry.region, entry.function.ns, entry.function.name, std::move(qualifier)};
  };
  add(std::string(entry.image ? kImageQualifier : kLatestQualifier), rule.watch);
  if (rule.rule.aliases) {
    for (const std::string& alias : entry.aliases) add(std::string(kAliasPrefix) + alias, rule.watch);
    for (const auto& [qualifier, since] : entry.deleted) {
      if (kind_of_qualifier(qualifier) == TargetKind::alias) add(qualifier, rule.watch);
    }
  }
  if (entry.image) return;  // no package, and no layers: neither it nor its versions have a CodeSha256
  if (rule.rule.layers) add(std::string(kLayersQualifier), rule.watch);
  WatchSettings of_version = rule.watch;
  of_version.interval = rule.versions_interval;
  of_version.stale_after = std::max(3 * rule.versions_interval, kLeastStale);
  const std::size_t versions = std::min<std::size_t>(rule.rule.versions, entry.versions.size());
  for (std::size_t i = 0; i < versions; ++i) add(entry.versions[i], of_version);
  if (rule.rule.versions == 0) return;
  for (const auto& [qualifier, since] : entry.deleted) {
    if (kind_of_qualifier(qualifier) == TargetKind::code) add(qualifier, of_version);
  }
}

/// What is watched, then by the time it was found first, then by name: who comes later displaces nobody.
bool goes_first(const InventoryEntry* a, const InventoryEntry* b) {
  const auto key = [](const InventoryEntry& e) {
    return std::tuple(e.state != InventoryState::watched, e.first_found_at, std::string_view(e.account),
                      std::string_view(e.region), std::string_view(e.function.ns), std::string_view(e.function.name));
  };
  return key(*a) < key(*b);
}

/// False for what cannot be an address, for what was gone before any rule was at it (it never was watched), and for
/// what was let go of.
bool can_be_watched(const InventoryEntry& entry) {
  if (entry.state == InventoryState::unreadable) return false;
  if (!valid_part(entry.function.ns) || !valid_part(entry.function.name)) return false;
  return entry.state != InventoryState::gone || (!entry.rule.empty() && entry.not_listed < kLetGo);
}

}  // namespace

Expanded expand(const Settings& settings, const std::vector<InventoryEntry>& inventory) {
  Expanded expanded;
  expanded.watches = settings.watches;
  const WatchPlan plan = watch_plan(settings);
  std::vector<std::vector<const InventoryEntry*>> of_rule(plan.rules.size());
  for (const InventoryEntry& entry : inventory) {
    if (!can_be_watched(entry)) continue;
    const Judgement judged = judge(entry.account, entry.region, entry.function, plan);
    if (judged.state != InventoryState::watched || judged.rule == nullptr) continue;
    of_rule[static_cast<std::size_t>(judged.rule - plan.rules.data())].push_back(&entry);
  }
  std::vector<WatchSettings> found;
  for (std::size_t i = 0; i < of_rule.size(); ++i) {
    std::vector<const InventoryEntry*>& matched = of_rule[i];
    const RuleSettings& rule = settings.rules[i];
    const std::size_t most = rule.rule.max_targets;
    std::sort(matched.begin(), matched.end(), goes_first);
    std::size_t counted = 0;
    for (const InventoryEntry* entry : matched) {
      const bool counts =
          entry->state != InventoryState::gone &&
          !plan.named.contains({entry->account, entry->region, entry->function.ns, entry->function.name});
      if (counts && ++counted > most) continue;
      add_targets(rule, *entry, found);
    }
    if (counted > most) expanded.overfull.push_back({rule.rule.where, counted, most});
  }
  // Stable, and those of [[function]] first: of two with one target theirs stays.
  expanded.watches.insert(expanded.watches.end(), std::make_move_iterator(found.begin()),
                          std::make_move_iterator(found.end()));
  std::stable_sort(expanded.watches.begin(), expanded.watches.end(),
                   [](const WatchSettings& a, const WatchSettings& b) { return a.target < b.target; });
  const auto last = std::unique(expanded.watches.begin(), expanded.watches.end(),
                                [](const WatchSettings& a, const WatchSettings& b) { return a.target == b.target; });
  expanded.watches.erase(last, expanded.watches.end());
  return expanded;
}

WatchPlan watch_plan(const Settings& settings) {
  WatchPlan plan;
  plan.rules.reserve(settings.rules.size());
  for (const RuleSettings& rule : settings.rules) plan.rules.push_back(rule.rule);
  for (const WatchSettings& watch : settings.watches) {
    const Target& target = watch.target;
    plan.named.emplace(FunctionName{target.account, target.region, target.ns, target.function}, watch.where);
  }
  return plan;
}

std::vector<ListedRegion> listed_regions(const Settings& settings) {
  std::set<ListedRegion> listed;
  for (const RuleSettings& rule : settings.rules) {
    for (const std::string& region : rule.rule.regions) listed.insert({rule.rule.account, region});
  }
  for (const WatchSettings& watch : settings.watches) listed.insert({watch.target.account, watch.target.region});
  std::vector<ListedRegion> regions;
  for (const ListedRegion& region : listed) {
    const auto account = settings.accounts.find(region.account);
    if (account != settings.accounts.end() && account->second.discovery.enabled) regions.push_back(region);
  }
  return regions;
}

}  // namespace codedriftd
