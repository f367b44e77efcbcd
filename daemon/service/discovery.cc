#include "service/discovery.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "settings/expand.h"
#include "store/record/inventory.h"

namespace codedriftd {
namespace {

/// What the record knows of a scope: where its surveyor goes on after a restart.
void remember(Database& record, Surveyor::Scope& scope, const std::vector<inventory::ListingRun>& runs) {
  for (const inventory::ListingRun& run : runs) {
    if (run.account != scope.account || run.region != scope.region || !run.complete) continue;
    scope.last_complete_at = std::max(scope.last_complete_at.value_or(run.until), run.until);
  }
  for (const InventoryEntry& entry : inventory::of_region(record, scope.account, scope.region)) {
    if (entry.gone_at) continue;
    std::optional<WallTime>& newest = scope.namespaces[entry.function.ns];
    newest = std::max(newest, entry.function.modified_at);
  }
}

}  // namespace

DiscoveryRules discovery_rules(const Settings& settings) {
  DiscoveryRules rules;
  rules.plan = watch_plan(settings);
  std::map<std::string, std::set<std::string>> regions;  // by account
  for (const RuleSettings& rule : settings.rules) {
    regions[rule.rule.account].insert(rule.rule.regions.begin(), rule.rule.regions.end());
    rules.details_every[rule.rule.where] = rule.versions_interval;
  }
  for (const WatchSettings& watch : settings.watches) {
    const auto account = settings.accounts.find(watch.target.account);
    if (account != settings.accounts.end() && (account->second.discovery.enabled || regions.contains(account->first)))
      regions[account->first].insert(watch.target.region);
  }
  for (const auto& [account, of_account] : regions) {
    const DiscoverySettings& discovery = settings.accounts.at(account).discovery;
    rules.report_unmanaged[account] = discovery.report_unmanaged;
    for (const std::string& region : of_account)
      rules.scopes.push_back({account, region, discovery.every, discovery.changes_every, {}, {}});
  }
  return rules;
}

Discovery::Discovery(std::unique_ptr<ReadApi> api, Writer& writer, Ledger& ledger, const Clock& clock, Hooks hooks)
    : writer_(writer),
      ledger_(ledger),
      clock_(clock),
      hooks_(std::move(hooks)),
      rules_(std::make_shared<const DiscoveryRules>()),
      surveyor_(std::move(api), clock,
                {[this](Listing listing) {
                   record(listing.account, [this, listing](Tx& tx, const DiscoveryRules& rules, bool unmanaged) {
                     return take_listing(tx, ledger_, listing, rules.plan, unmanaged, clock_.wall());
                   });
                 },
                 [this](NewestChanges changes) {
                   record(changes.account, [this, changes](Tx& tx, const DiscoveryRules& rules, bool unmanaged) {
                     return take_changes(tx, ledger_, changes, rules.plan, unmanaged, clock_.wall());
                   });
                 },
                 [this](Details details) { take(std::move(details)); }}) {}

Discovery::~Discovery() { stop(); }

void Discovery::apply(DiscoveryRules rules, Paces paces, std::function<void()> apply, Database& record) {
  const auto runs = inventory::last_listings(record);
  for (Surveyor::Scope& scope : rules.scopes) remember(record, scope, runs);
  std::vector<Surveyor::Scope> scopes = rules.scopes;
  const bool any = !scopes.empty();
  *rules_.lock() = std::make_shared<const DiscoveryRules>(std::move(rules));
  surveyor_.set_scopes(std::move(scopes), std::move(paces), {}, std::move(apply));
  if (any) surveyor_.start();
}

void Discovery::stop() { surveyor_.stop(); }

/// What was read is recorded by the rules in force when its turn comes, not by those of when it was begun: an account
/// that is not surveyed any more is left as it was.
void Discovery::record(const std::string& account, Take take) {
  writer_.post(
      [this, account, take = std::move(take)](Tx& tx) {
        const std::shared_ptr<const DiscoveryRules> rules = rules_.copy();
        const auto unmanaged = rules->report_unmanaged.find(account);
        if (unmanaged != rules->report_unmanaged.end()) follow(tx, *rules, take(tx, *rules, unmanaged->second));
      },
      [](std::exception_ptr why) {
        if (!why) return;
        try {
          std::rethrow_exception(why);
        } catch (const std::exception& error) {
          log(LogLevel::warning, "discovery.unrecorded",
              std::string("what a listing showed could not be recorded, the next one has it: ") + error.what());
        }
      });
}

void Discovery::follow(Tx& tx, const DiscoveryRules& rules, Discovered found) {
  std::vector<DetailWish> wishes;
  for (const auto& [function, where] : found.details) {
    for (const WatchRule& rule : rules.plan.rules) {
      if (rule.where != where) continue;
      wishes.push_back(
          {function.account, function.region, function.ns, function.name, rule.versions, rule.aliases, rule.layers});
    }
  }
  tx.after_commit([this, found = std::move(found), wishes = std::move(wishes)]() mutable {
    if (!found.moved.empty()) hooks_.moved(std::move(found.moved));
    if (!wishes.empty()) surveyor_.want_details(std::move(wishes));
    if (found.watch_changed) hooks_.watch_changed();
  });
}

void Discovery::take(Details details) {
  if (!details.complete) {
    log(LogLevel::warning, "discovery.details",
        fmt::format("{}/{}/{}/{}: its versions and aliases could not be listed: {}", details.wish.account,
                    details.wish.region, details.wish.ns, details.wish.name, details.trouble.message));
    return;
  }
  record(details.wish.account, [this, details](Tx& tx, const DiscoveryRules&, bool) {
    std::vector<std::string> aliases;
    for (const FoundAlias& alias : details.aliases) aliases.push_back(alias.name);
    const DetailWish& wish = details.wish;
    Discovered found;
    found.watch_changed = take_details(tx, {wish.account, wish.region, wish.ns, wish.name}, details.versions, aliases,
                                       details.image, clock_.wall());
    return found;
  });
}

}  // namespace codedriftd
