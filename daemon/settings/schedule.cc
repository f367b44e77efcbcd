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
  // A hair below the next unit is rounding noise, not demand.
  return Millis{static_cast<Millis::rep>(std::ceil(ms / unit - 1e-9) * unit)};
}

struct Intervals {
  Millis shortest = Millis::max();
  Millis longest{0};
};

std::string remedy(const RegionLoad& load, const Intervals& intervals, bool any_limit) {
  const double requests = std::ceil(load.demand / kUsableShare - 1e-9);
  const bool raise_limit = any_limit || requests <= kMostRequests;
  if (intervals.shortest == intervals.longest) {
    const Millis needed = round_up(static_cast<double>(intervals.longest.count()) * load.stretch);
    return fmt::format("raise interval to at least {}", format_duration(needed)) +
           (raise_limit ? fmt::format(" or requests_per_second to {:.0f}", requests) : "");
  }
  return fmt::format("make the intervals {:.1f} times as long", std::ceil(load.stretch * 10 - 1e-9) / 10) +
         (raise_limit ? fmt::format(" or raise requests_per_second to {:.0f}", requests) : "");
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
    Intervals intervals;
    for (auto watch = begin; watch != end; ++watch) {
      load.demand += 1000.0 / static_cast<double>(watch->interval.count());
      intervals.shortest = std::min(intervals.shortest, watch->interval);
      intervals.longest = std::max(intervals.longest, watch->interval);
    }
    load.utilisation = load.demand / (load.limit * kUsableShare);
    if (load.utilisation > 1 + 1e-9) {
      load.stretch = load.utilisation;
      load.stale = static_cast<std::size_t>(std::count_if(begin, end, [&](const WatchSettings& watch) {
        return static_cast<double>(watch.interval.count()) * load.stretch >
               static_cast<double>(watch.stale_after.count());
      }));
      load.remedy = remedy(load, intervals, is_loopback(account.endpoint));
    }
    loads.push_back(std::move(load));
    begin = end;
  }
  return loads;
}

}  // namespace codedriftd
