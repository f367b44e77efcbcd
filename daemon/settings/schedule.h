#pragma once
/// What the configuration asks of the cloud, and whether that fits. Pure.
#include <string>
#include <vector>

#include "settings/settings.h"

namespace codedriftd {

/// How much of requests_per_second the pace uses at most: the rest is kept for jitter between us and the counter.
inline constexpr double kUsableShare = 0.98;

/// One account in one region: what a rate limit is for.
struct RegionLoad {
  std::string account, region;
  std::size_t targets = 0;
  double demand = 0;        ///< calls a second: the sum of 1/interval
  double limit = 0;         ///< requests_per_second
  double utilisation = 0;   ///< demand / (limit * kUsableShare)
  Millis shortest_kept{0};  ///< shorter intervals become about that long; 0: the schedule can be met
  std::size_t stale = 0;    ///< targets whose interval then is longer than their stale_after
  std::string remedy;       ///< what would make it fit; empty if it does

  bool fits() const { return shortest_kept == Millis{0}; }
};

/// In order of account and region; only what has targets.
std::vector<RegionLoad> schedule_of(const Settings& settings);

}  // namespace codedriftd
