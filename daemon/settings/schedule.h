#pragma once
/// What the configuration asks of the cloud, and whether that fits. Pure.
#include <optional>
#include <string>
#include <string_view>
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

/// The calls of GetFunctionAddress, and of what else targets are polled with.
inline constexpr std::string_view kGetFunctionAddress = "GetFunctionAddress";
/// The action that a target of that kind is polled with; layers also have GetLayerVersion, whose answers are kept.
std::string_view polled_with(TargetKind kind);
/// The calls a second of an action that are used of its documented limit, as scf/actions.h has it. Not of
/// GetFunctionAddress, which has requests_per_second.
double calls_used(std::string_view action);

/// The calls of one action by polls that one limit of the cloud counts: those of all regions, and of the accounts that
/// share a pace.
struct PaceLoad {
  std::string action;
  std::vector<std::string> accounts, regions;  ///< in order; those that have targets
  std::size_t targets = 0;
  double demand = 0;        ///< calls a second: the sum of 1/interval
  double limit = 0;         ///< requests_per_second, the lowest of the accounts that share it; else calls_used()
  double utilisation = 0;   ///< demand / (limit * kUsableShare)
  Millis shortest_kept{0};  ///< shorter intervals become about that long; 0: the schedule can be met
  std::size_t stale = 0;    ///< targets whose interval then is longer than their stale_after
  std::string remedy;       ///< what would make it fit; empty if it does

  bool fits() const { return shortest_kept == Millis{0}; }
  /// For people: "prod/ap-guangzhou", or "prod, staging (ap-guangzhou, ap-shanghai)".
  std::string name() const;
  /// For people: "a limit of 15/s", or "the 15/s that are used of the limit of GetAlias".
  std::string limit_in_words() const;
};

/// In order of the first target; only what has targets. What is watched beside the code (TargetKind) is polled with
/// other actions, which have limits of their own.
std::vector<PaceLoad> schedule_of(const Settings& settings);

/// The calls of ListFunctions a second that are used of the documented 100 (scf/actions.h).
inline constexpr double kListFunctionsUsed = 75;
/// So many namespaces a region has at most, until its owner has that raised.
inline constexpr std::size_t kUsualNamespaces = 5;

/// Calls of one action, as many a day as can be told before anything is listed.
struct CallsADay {
  double calls = 0;
  std::string action;
  std::string of;       ///< what they are for: "each listing, every 10m, of 2 regions"
  unsigned times = 1;   ///< so often for one function: `of` says "each of 3 versions"
  bool shared = false;  ///< for all functions together
};

/// What discovery costs for one account, and what it brings.
struct DiscoveryLoad {
  std::string account;
  std::vector<std::string> regions;  ///< sorted
  std::vector<CallsADay> calls;
  /// From a change to the answer that shows it: changes_every, and a second each for the look and the poll.
  Millis seen_within{0};
  /// So many namespaces in each region fit into the limit of ListFunctions, beside those of the accounts that share a
  /// pace; nullopt: a simulated endpoint, which has none.
  std::optional<std::size_t> namespaces;
  std::string remedy;  ///< what would make the usual number fit; empty if it does

  bool fits() const { return !namespaces || *namespaces >= kUsualNamespaces; }
};
/// One for each account with discovery and regions to list, by name.
std::vector<DiscoveryLoad> discovery_of(const Settings& settings);

/// What one function costs that a rule watches: its polls, and the lists that say what there is to be polled.
std::vector<CallsADay> polling_of(const RuleSettings& rule);
/// How many functions there is room for that a rule watches, with one alias each where it watches aliases, beside all
/// that [[function]]s name and nothing else; and the action whose limit says so.
struct Room {
  std::size_t functions = 0;
  std::string action;
};
Room room_for(const RuleSettings& rule, const Settings& settings);

}  // namespace codedriftd
