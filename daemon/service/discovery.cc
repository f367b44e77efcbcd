#include "service/discovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/log.h"
#include "store/record/inventory.h"

namespace codedriftd {
namespace {

bool wants_details(const WatchRule& rule) { return rule.versions > 0 || rule.aliases || rule.layers; }

}  // namespace

DiscoveryRules discovery_rules(const Settings& settings) {
  DiscoveryRules rules;
  rules.plan = watch_plan(settings);
  for (const RuleSettings& rule : settings.rules) rules.details_every[rule.rule.where] = rule.versions_interval;
  for (const ListedRegion& listed : listed_regions(settings)) {
    const DiscoverySettings& discovery = settings.accounts.at(listed.account).discovery;
    rules.report_unmanaged[listed.account] = discovery.report_unmanaged;
    rules.scopes.push_back({listed.account, listed.region, discovery.every, discovery.changes_every, {}, {}});
  }
  for (const auto& [name, account] : settings.accounts) {
    if (account.audit.enabled) rules.deploy_principals.emplace(name, account.audit.deploy_principals);
  }
  return rules;
}

std::vector<OverfullRule> match_rules(Settings& settings, Database& record) {
  if (settings.rules.empty()) return {};
  settings.named = settings.watches;
  std::vector<InventoryEntry> found = inventory::all(record);
  // Of an account that goes on under another label the record has the old one, until the watch list is taken over.
  std::map<std::string, std::string> renamed;
  for (const auto& [name, account] : settings.accounts) {
    if (!account.previous.empty()) renamed.emplace(account.previous, name);
  }
  for (InventoryEntry& entry : found) {
    if (const auto label = renamed.find(entry.account); label != renamed.end()) entry.account = label->second;
  }
  Expanded expanded = expand(settings, found);
  settings.watches = std::move(expanded.watches);
  return std::move(expanded.overfull);
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
                     Discovered found = take_listing(tx, ledger_, listing, rules.plan, unmanaged, clock_.wall());
                     if (listing.complete) ask_again(tx, listing, rules, found);
                     return found;
                   });
                 },
                 [this](NewestChanges changes) {
                   record(
                       changes.account,
                       [this, changes](Tx& tx, const DiscoveryRules& rules, bool unmanaged) {
                         return take_changes(tx, ledger_, changes, rules.plan, unmanaged, clock_.wall());
                       },
                       [this, changes] { surveyor_.look_again(changes); });
                 },
                 [this](Details details) { take(std::move(details)); }}),
      attributor_(writer, ledger, clock, [this](std::shared_ptr<ReadJob> job, std::function<void()> over) {
        surveyor_.run(std::move(job), std::move(over));
      }) {
  surveyor_.ask_only_while(hooks_.may_call);
}

Discovery::~Discovery() { stop(); }

void Discovery::apply(DiscoveryRules rules, Paces paces, std::function<void()> apply, Database& record) {
  for (const inventory::KnownRegion& known : inventory::known_regions(record)) {
    for (Surveyor::Scope& scope : rules.scopes) {
      if (scope.account != known.account || scope.region != known.region) continue;
      scope.namespaces = known.namespaces;
      scope.last_complete_at = known.last_complete_at;
    }
  }
  std::vector<Surveyor::Scope> scopes = rules.scopes;
  const std::shared_ptr<const DiscoveryRules> before = rules_.copy();
  // An account that comes anew was looked after by another daemon, and by another plan, for all that is known here.
  const bool more = std::any_of(rules.report_unmanaged.begin(), rules.report_unmanaged.end(),
                                [&](const auto& account) { return !before->report_unmanaged.contains(account.first); });
  const bool another_plan = more || before->plan != rules.plan;
  const bool needed = !scopes.empty() || !rules.deploy_principals.empty();
  attributor_.set_accounts(rules.deploy_principals);
  const auto after = std::make_shared<const DiscoveryRules>(std::move(rules));
  if (another_plan) {
    std::set<std::pair<std::string, std::string>> listed;
    for (const Surveyor::Scope& scope : scopes) listed.emplace(scope.account, scope.region);
    writer_.run([&](Tx& tx) {
      replan(tx, more ? WatchPlan{} : before->plan, after->plan, listed, after->elsewhere, clock_.wall());
    });
  }
  *rules_.lock() = after;
  surveyor_.set_scopes(scopes, std::move(paces), std::move(apply));
  // How each function stands to the rules is judged by listings.
  if (another_plan) {
    for (const Surveyor::Scope& scope : scopes) surveyor_.list_now(scope.account, scope.region);
  }
  if (needed) surveyor_.start();
}

void Discovery::stop() { surveyor_.stop(); }

/// What was read is recorded by the rules in force when its turn comes, not by those of when it was begun: an account
/// that is not surveyed any more is left as it was. `lost` runs where it could not be recorded.
void Discovery::record(const std::string& account, Take take, std::function<void()> lost) {
  writer_.post(
      [this, account, take = std::move(take)](Tx& tx) {
        const std::shared_ptr<const DiscoveryRules> rules = rules_.copy();
        const auto unmanaged = rules->report_unmanaged.find(account);
        if (unmanaged != rules->report_unmanaged.end()) follow(tx, *rules, take(tx, *rules, unmanaged->second));
      },
      [lost = std::move(lost)](std::exception_ptr why) {
        if (!why) return;
        if (lost) lost();
        try {
          std::rethrow_exception(why);
        } catch (const StoreError& error) {  // the writer has said it, once for all
          log(LogLevel::debug, "discovery.unrecorded",
              std::string("what was found could not be recorded, the next reading has it: ") + error.what());
        } catch (const std::exception& error) {
          log(LogLevel::warning, "discovery.unrecorded",
              std::string("what was found could not be recorded, the next reading has it: ") + error.what());
        }
      });
}

void Discovery::follow(Tx& tx, const DiscoveryRules& rules, Discovered found) {
  std::vector<DetailWish> wishes;
  for (const auto& [function, where, kind] : found.details) {
    for (const WatchRule& rule : rules.plan.rules) {
      if (rule.where != where) continue;
      wishes.push_back({function.account, function.region, function.ns, function.name, rule.versions, rule.aliases,
                        rule.layers, kind});
    }
  }
  tx.after_commit([this, found = std::move(found), wishes = std::move(wishes)]() mutable {
    if (!found.moved.empty()) hooks_.moved(std::move(found.moved));
    if (!wishes.empty()) surveyor_.want_details(std::move(wishes));
    if (found.watch_changed) hooks_.watch_changed();
  });
}

/// A version that is published moves nothing that a listing shows: what a rule wants to know of its functions is asked
/// anew from time to time, and once after a start.
void Discovery::ask_again(Tx& tx, const Listing& listing, const DiscoveryRules& rules, Discovered& found) {
  const MonoTime now = clock_.mono();
  std::set<std::string> due;  // rules
  for (const WatchRule& rule : rules.plan.rules) {
    if (rule.account != listing.account || !wants_details(rule)) continue;
    const auto asked = asked_at_.find({rule.where, listing.region});
    if (asked != asked_at_.end() && now - asked->second < rules.details_every.at(rule.where)) continue;
    due.insert(rule.where);
  }
  if (due.empty()) return;
  for (const InventoryEntry& entry : inventory::of_region(tx.db, listing.account, listing.region)) {
    if (entry.state != InventoryState::watched) continue;
    // The rule of one that a [[function]] names, too, which is not at its entry.
    const WatchRule* rule = judge(entry.account, entry.region, entry.function, rules.plan).rule;
    if (rule == nullptr || !due.contains(rule->where)) continue;
    found.details.push_back(
        {{entry.account, entry.region, entry.function.ns, entry.function.name}, rule->where, false});
  }
  tx.after_commit([this, now, region = listing.region, due = std::move(due)] {
    for (const std::string& rule : due) asked_at_[{rule, region}] = now;
  });
}

void Discovery::take(Details details) {
  if (const auto word = troubles_.note(details, clock_.mono())) {
    if (word->recovered) {
      log(LogLevel::info, "discovery.recovered", word->text);
    } else {
      log(LogLevel::warning, "discovery.details", word->text,
          {field("code", details.trouble.code), field("request_id", details.trouble.request_id)});
    }
  }
  if (details.missing) return;  // the next listing says so, or has it again
  if (!details.versions && !details.aliases && !details.image) return;
  record(details.wish.account, [this, details](Tx& tx, const DiscoveryRules&, bool) {
    std::optional<std::vector<std::string>> aliases;
    if (details.aliases) {
      aliases.emplace();
      for (const FoundAlias& alias : *details.aliases) aliases->push_back(alias.name);
    }
    const DetailWish& wish = details.wish;
    return take_details(tx, {wish.account, wish.region, wish.ns, wish.name}, wish.versions, details.versions, aliases,
                        details.image, clock_.wall());
  });
}

}  // namespace codedriftd
