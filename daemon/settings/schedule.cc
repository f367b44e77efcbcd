#include "settings/schedule.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/duration.h"
#include "base/url.h"
#include "settings/expand.h"
#include "settings/rules.h"

namespace codedriftd {
namespace {

constexpr std::string_view kGetAlias = "GetAlias", kGetFunction = "GetFunction", kListFunctions = "ListFunctions",
                           kListVersions = "ListVersionByFunction", kListAliases = "ListAliases",
                           kGetLayerVersion = "GetLayerVersion";
constexpr double kUsedOfOthers = 15;
constexpr double kUsedOfGetFunction = 50;  ///< by polls; discovery has the rest of its share

/// Rounded up to what people would write: seconds under two minutes, minutes under two hours, else hours.
Millis round_up(double ms) {
  double unit = 3'600'000;
  if (ms <= 120'000) {
    unit = 1'000;
  } else if (ms <= 7'200'000) {
    unit = 60'000;
  }
  // Without the 1e-9 a quotient that should be 3 but came out as 3.0000000001 would be rounded up to 4.
  return Millis{static_cast<Millis::rep>(std::ceil(ms / unit - 1e-9) * unit)};
}

/// The shortest interval that `usable` requests a second have room for, if every shorter one becomes that long:
/// what is most overdue is polled first, so a lack of requests is felt by those that ask most often.
/// `intervals` are sorted.
double shortest_kept(const std::vector<double>& intervals, double usable) {
  double left = usable / 1000;  // requests a millisecond for those that are stretched
  for (const double interval : intervals) left -= 1 / interval;
  std::size_t stretched = 0;
  double kept = 0;
  while (stretched < intervals.size() && (left <= 0 || kept > intervals[stretched])) {
    left += 1 / intervals[stretched++];
    if (left > 0) kept = static_cast<double>(stretched) / left;
  }
  return kept;
}

std::string remedy(const PaceLoad& load, bool any_limit) {
  const double requests = std::ceil(load.demand / kUsableShare - 1e-9);
  const bool raise_limit = load.action == kGetFunctionAddress && (any_limit || requests <= kMostRequests);
  return fmt::format("raise interval to at least {}", format_duration(load.shortest_kept)) +
         (raise_limit ? fmt::format(" or requests_per_second to {:.0f}", requests) : "");
}

/// Watches whose calls one limit counts.
struct Share {
  std::string_view action;
  std::vector<const WatchSettings*> watches;
  double limit = 0;
  bool any_limit = true;  ///< all of them are simulated
};

PaceLoad load_of(const Share& share) {
  PaceLoad load;
  load.action = share.action;
  std::set<std::string> accounts, regions;
  std::vector<double> intervals;
  for (const WatchSettings* watch : share.watches) {
    accounts.insert(watch->target.account);
    regions.insert(watch->target.region);
    intervals.push_back(static_cast<double>(watch->interval.count()));
    load.demand += 1000 / intervals.back();
  }
  load.accounts.assign(accounts.begin(), accounts.end());
  load.regions.assign(regions.begin(), regions.end());
  load.targets = share.watches.size();
  load.limit = share.limit;
  load.utilisation = load.demand / (load.limit * kUsableShare);
  if (load.utilisation <= 1 + 1e-9) return load;
  std::sort(intervals.begin(), intervals.end());
  load.shortest_kept = round_up(shortest_kept(intervals, load.limit * kUsableShare));
  load.stale = static_cast<std::size_t>(
      std::count_if(share.watches.begin(), share.watches.end(), [&](const WatchSettings* watch) {
        return watch->interval < load.shortest_kept && watch->stale_after < load.shortest_kept;
      }));
  load.remedy = remedy(load, share.any_limit);
  return load;
}

constexpr double kDay = 86'400'000;
double a_day(Millis interval) { return kDay / static_cast<double>(interval.count()); }

struct Limit {
  double per_second = 0;  ///< the lowest of the accounts that share it
  bool any = true;        ///< all of them are simulated: it may be any
};
/// By pace_key.
std::map<std::string, Limit> limits_of(const Settings& settings) {
  std::map<std::string, Limit> limits;
  for (const auto& [name, account] : settings.accounts) {
    Limit& limit = limits[pace_key(account)];
    limit.per_second =
        limit.per_second == 0 ? account.requests_per_second : std::min(limit.per_second, account.requests_per_second);
    limit.any = limit.any && is_loopback(account.endpoint);
  }
  return limits;
}

double limit_for(std::string_view action, const Limit& own) {
  return action == kGetFunctionAddress ? own.per_second : calls_used(action);
}

/// Of all accounts with discovery that share a pace: its calls of ListFunctions, for one namespace in each region.
struct ListDemand {
  std::size_t regions = 0;
  double listings = 0, changes = 0;  ///< calls a second
};

std::string words_of_listings(const DiscoverySettings& discovery, std::size_t regions) {
  return fmt::format("each listing, every {}{}", format_duration(discovery.every),
                     regions == 1 ? "" : fmt::format(", of {} regions", regions));
}

/// How long changes_every has to be for the usual number of namespaces; nullopt: the listings alone are too many.
std::optional<Millis> changes_that_fit(const ListDemand& looking) {
  const double left = kListFunctionsUsed / static_cast<double>(kUsualNamespaces) - looking.listings;
  if (left <= 0) return std::nullopt;
  return round_up(1000 * static_cast<double>(looking.regions) / left);
}

}  // namespace

std::string pace_key(const AccountSettings& account) {
  const Result<Url> url = parse_url(account.endpoint);
  const CredentialSettings& c = account.credentials;
  std::string key = url ? url->origin : account.endpoint;
  for (const std::string& part : {std::to_string(static_cast<int>(c.source)), c.profile_file, c.profile,
                                  c.secret_id_file, c.secret_key_file, c.token_file, c.role, c.metadata_endpoint}) {
    key += '\n' + part;
  }
  return key;
}

std::string PaceLoad::name() const {
  if (accounts.size() == 1 && regions.size() == 1) return accounts.front() + "/" + regions.front();
  return fmt::format("{} ({})", fmt::join(accounts, ", "), fmt::join(regions, ", "));
}

std::string PaceLoad::limit_in_words() const {
  return action == kGetFunctionAddress ? fmt::format("a limit of {:g}/s", limit)
                                       : fmt::format("the {:g}/s that are used of the limit of {}", limit, action);
}

std::string_view polled_with(TargetKind kind) {
  switch (kind) {
    case TargetKind::code:
      break;
    case TargetKind::layers:
    case TargetKind::image:
      return kGetFunction;
    case TargetKind::alias:
      return kGetAlias;
  }
  return kGetFunctionAddress;
}

double calls_used(std::string_view action) {
  if (action == kListFunctions) return kListFunctionsUsed;
  return action == kGetFunction ? kUsedOfGetFunction : kUsedOfOthers;
}

std::vector<PaceLoad> schedule_of(const Settings& settings) {
  std::map<std::string, std::string> keys;  // by account
  std::map<std::pair<std::string, std::string_view>, Share> shares;
  const std::map<std::string, Limit> limits = limits_of(settings);
  for (const auto& [name, account] : settings.accounts) keys[name] = pace_key(account);
  std::vector<const Share*> order;
  for (const WatchSettings& watch : settings.watches) {
    const std::string& key = keys.at(watch.target.account);
    const std::string_view action = polled_with(kind_of_qualifier(watch.target.qualifier));
    Share& share = shares[{key, action}];
    if (share.watches.empty()) {
      share.action = action;
      share.limit = limit_for(action, limits.at(key));
      share.any_limit = limits.at(key).any;
      order.push_back(&share);
    }
    share.watches.push_back(&watch);
  }
  std::vector<PaceLoad> loads;
  for (const Share* share : order) loads.push_back(load_of(*share));
  return loads;
}

std::vector<DiscoveryLoad> discovery_of(const Settings& settings) {
  std::map<std::string, std::vector<std::string>> regions;  // by account
  for (const ListedRegion& listed : listed_regions(settings)) regions[listed.account].push_back(listed.region);
  std::map<std::string, ListDemand> shared;  // by pace_key
  for (const auto& [name, listed] : regions) {
    const AccountSettings& account = settings.accounts.at(name);
    ListDemand& looking = shared[pace_key(account)];
    looking.regions += listed.size();
    looking.listings += static_cast<double>(listed.size()) * a_day(account.discovery.every) / 86'400;
    looking.changes += static_cast<double>(listed.size()) * a_day(account.discovery.changes_every) / 86'400;
  }
  std::vector<DiscoveryLoad> loads;
  for (auto& [name, listed] : regions) {
    const AccountSettings& account = settings.accounts.at(name);
    const DiscoverySettings& discovery = account.discovery;
    const double listings = static_cast<double>(listed.size()) * a_day(discovery.every);
    DiscoveryLoad load;
    load.account = name;
    load.calls = {
        {listings, "GetAccount", words_of_listings(discovery, listed.size())},
        {listings, "ListNamespaces", "each listing"},
        {listings, "ListFunctions", "each listing, namespace and 100 functions in it"},
        {static_cast<double>(listed.size()) * a_day(discovery.changes_every), "ListFunctions",
         fmt::format("each look at changes, every {}, and namespace", format_duration(discovery.changes_every))}};
    load.seen_within = discovery.changes_every + Millis{2'000};
    if (!is_loopback(account.endpoint)) {
      const ListDemand& looking = shared.at(pace_key(account));
      load.namespaces = static_cast<std::size_t>(kListFunctionsUsed / (looking.listings + looking.changes) + 1e-9);
      if (!load.fits()) {
        const std::optional<Millis> fits = changes_that_fit(looking);
        load.remedy = fits ? fmt::format("raise changes_every to at least {}", format_duration(*fits))
                           : std::string("list fewer regions, or give every and changes_every more time");
      }
    }
    load.regions = std::move(listed);
    loads.push_back(std::move(load));
  }
  return loads;
}

std::vector<CallsADay> polling_of(const RuleSettings& rule) {
  const std::string every = format_duration(rule.watch.interval), lists_every = format_duration(rule.versions_interval);
  const double polls = a_day(rule.watch.interval), lists = a_day(rule.versions_interval);
  std::vector<CallsADay> calls;
  const auto add = [&calls](double count, std::string_view action, std::string of, unsigned times = 1) {
    calls.push_back({count, std::string(action), std::move(of), times});
  };
  add(polls, kGetFunctionAddress, fmt::format("$LATEST, every {}", every));
  if (rule.rule.versions > 0) {
    add(lists, kListVersions, fmt::format("which versions it has, every {}", lists_every));
    add(lists, kGetFunctionAddress,
        fmt::format("each of {} version{}, every {}", rule.rule.versions, rule.rule.versions == 1 ? "" : "s",
                    lists_every),
        rule.rule.versions);
  }
  if (rule.rule.aliases) {
    add(lists, kListAliases, fmt::format("which aliases it has, every {}", lists_every));
    add(polls, kGetAlias, fmt::format("each alias, every {}", every));
  }
  if (rule.rule.layers) {
    add(lists, kGetFunction, fmt::format("whether it is an image, every {}", lists_every));
    add(polls, kGetFunction, fmt::format("its layers, every {}", every));
    add(std::min(polls, 24.0), kGetLayerVersion, "each layer of all functions together");
    calls.back().shared = true;
  }
  return calls;
}

Room room_for(const RuleSettings& rule, const Settings& settings) {
  const std::string key = pace_key(settings.accounts.at(rule.rule.account));
  const Limit own = limits_of(settings).at(key);
  std::map<std::string_view, double> named, each;  // calls a second, by action
  for (const WatchSettings& watch : settings.watches) {
    if (pace_key(settings.accounts.at(watch.target.account)) == key)
      named[polled_with(kind_of_qualifier(watch.target.qualifier))] +=
          1000 / static_cast<double>(watch.interval.count());
  }
  const std::vector<CallsADay> costs = polling_of(rule);
  for (const CallsADay& cost : costs) {
    if (!cost.shared) each[cost.action] += cost.calls * cost.times / 86'400;
  }
  std::optional<Room> least;
  for (const CallsADay& cost : costs) {
    if (cost.shared) continue;
    const double left = limit_for(cost.action, own) * kUsableShare - named[cost.action];
    const std::size_t functions = left <= 0 ? 0 : static_cast<std::size_t>(left / each[cost.action] + 1e-9);
    if (!least || functions < least->functions) least = {functions, cost.action};
  }
  return *std::move(least);
}

}  // namespace codedriftd
