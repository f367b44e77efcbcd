#pragma once
/// What the configuration asks of the cloud, and whether that fits. Pure.
#include <string>
#include <vector>

#include "settings/settings.h"

namespace codedriftd {

/// The most that requests_per_second may be: the documented limit, which all calls of one key to one host share. What
/// stands behind a loopback endpoint is no cloud and has none.
inline constexpr double kMostRequests = 20;
/// How much of requests_per_second the pace uses at most: the rest is kept for jitter between us and the counter.
inline constexpr double kUsableShare = 0.98;

/// Accounts with the same text share a pace: it names their endpoint's host and where their key comes from. The cloud
/// counts the calls of one key to one host together, whatever their region.
std::string pace_key(const AccountSettings& account);

/// The calls that one limit of the cloud counts: those of all regions, and of the accounts that share a pace.
struct PaceLoad {
  std::vector<std::string> accounts, regions;  ///< in order; those that have targets
  std::size_t targets = 0;
  double demand = 0;        ///< calls a second: the sum of 1/interval
  double limit = 0;         ///< requests_per_second, the lowest of the accounts that share it
  double utilisation = 0;   ///< demand / (limit * kUsableShare)
  Millis shortest_kept{0};  ///< shorter intervals become about that long; 0: the schedule can be met
  std::size_t stale = 0;    ///< targets whose interval then is longer than their stale_after
  std::string remedy;       ///< what would make it fit; empty if it does

  bool fits() const { return shortest_kept == Millis{0}; }
  /// For people: "prod/ap-guangzhou", or "prod, staging (ap-guangzhou, ap-shanghai)".
  std::string name() const;
};

/// In order of the first account; only what has targets.
std::vector<PaceLoad> schedule_of(const Settings& settings);

}  // namespace codedriftd
