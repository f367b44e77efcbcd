#include "settings/schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/duration.h"
#include "settings/rules.h"

namespace codedriftd {
namespace {

constexpr double kMostRequests = 20;  // of an account that is not simulated: what the settings allow

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

std::string remedy(const RegionLoad& load, bool any_limit) {
  const double requests = std::ceil(load.demand / kUsableShare - 1e-9);
  const bool raise_limit = any_limit || requests <= kMostRequests;
  return fmt::format("raise interval to at least {}", format_duration(load.shortest_kept)) +
         (raise_limit ? fmt::format(" or requests_per_second to {:.0f}", requests) : "");
}

}  // namespace

std::vector<RegionLoad> schedule_of(const Settings& settings) {
  std::vector<RegionLoad> loads;
  // Watches are sorted by target, so those of one account and region stand together.
  for (auto begin = settings.watches.begin(); begin != settings.watches.end();) {
    const auto end = std::find_if(begin, settings.watches.end(), [&](const WatchSettings& watch) {
      return watch.target.account != begin->target.account || watch.target.region != begin->target.region;
    });
    const AccountSettings& account = settings.accounts.at(begin->target.account);
    RegionLoad load;
    load.account = begin->target.account;
    load.region = begin->target.region;
    load.targets = static_cast<std::size_t>(end - begin);
    load.limit = account.requests_per_second;
    std::vector<double> intervals;
    for (auto watch = begin; watch != end; ++watch) intervals.push_back(static_cast<double>(watch->interval.count()));
    for (const double interval : intervals) load.demand += 1000 / interval;
    load.utilisation = load.demand / (load.limit * kUsableShare);
    if (load.utilisation > 1 + 1e-9) {
      std::sort(intervals.begin(), intervals.end());
      load.shortest_kept = round_up(shortest_kept(intervals, load.limit * kUsableShare));
      load.stale = static_cast<std::size_t>(std::count_if(begin, end, [&](const WatchSettings& watch) {
        return watch.interval < load.shortest_kept && watch.stale_after < load.shortest_kept;
      }));
      load.remedy = remedy(load, is_loopback(account.endpoint));
    }
    loads.push_back(std::move(load));
    begin = end;
  }
  return loads;
}

}  // namespace codedriftd
