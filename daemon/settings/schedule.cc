#include "settings/schedule.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/duration.h"
#include "base/url.h"
#include "settings/rules.h"

namespace codedriftd {
namespace {

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
  const bool raise_limit = any_limit || requests <= kMostRequests;
  return fmt::format("raise interval to at least {}", format_duration(load.shortest_kept)) +
         (raise_limit ? fmt::format(" or requests_per_second to {:.0f}", requests) : "");
}

/// Watches whose calls one limit counts.
struct Share {
  std::vector<const WatchSettings*> watches;
  double limit = 0;
  bool any_limit = true;  ///< all of them are simulated
};

PaceLoad load_of(const Share& share) {
  PaceLoad load;
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

std::vector<PaceLoad> schedule_of(const Settings& settings) {
  std::map<std::string, std::string> keys;  // by account
  std::map<std::string, Share> shares;
  for (const auto& [name, account] : settings.accounts) {
    const std::string key = keys[name] = pace_key(account);
    Share& share = shares[key];
    share.limit = share.limit == 0 ? account.requests_per_second : std::min(share.limit, account.requests_per_second);
    share.any_limit = share.any_limit && is_loopback(account.endpoint);
  }
  std::vector<const Share*> order;
  for (const WatchSettings& watch : settings.watches) {
    Share& share = shares.at(keys.at(watch.target.account));
    if (share.watches.empty()) order.push_back(&share);
    share.watches.push_back(&watch);
  }
  std::vector<PaceLoad> loads;
  for (const Share* share : order) loads.push_back(load_of(*share));
  return loads;
}

}  // namespace codedriftd
