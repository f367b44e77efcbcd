#pragma once
#include <array>
#include <string_view>

namespace codedriftd {

/// Every kind of event there is, in the order of the contract's table.
inline constexpr std::array<std::string_view, 52> kEventKinds{
    "drift.detected",     "drift.changed",      "drift.resolved",      "function.missing",  "function.returned",
    "poll.failing",       "poll.recovered",     "account.failing",     "account.recovered", "deploy.expected",
    "deploy.arrived",     "deploy.superseded",  "deploy.overdue",      "deploy.withdrawn",  "baseline.set",
    "watch.added",        "watch.removed",      "watch.suspended",     "watch.resumed",     "delivery.dead",
    "delivery.refused",   "alert.replayed",     "alert.dropped",       "config.loaded",     "account.renamed",
    "daemon.started",     "daemon.stopped",     "clock.stepped",       "control.denied",    "record.restored",
    "log.genesis",        "package.examined",   "package.mismatch",    "package.pruned",    "function.discovered",
    "function.unmanaged", "function.recreated", "function.touched",    "alias.moved",       "layer.changed",
    "change.attributed",  "discovery.failing",  "discovery.recovered", "storage.low",       "storage.recovered",
    "storage.blocked",    "storage.unblocked",  "fleet.joined",        "fleet.left",        "fleet.took_over",
    "store.rolled_back",  "config.outdated",
};

/// Of the layers of a function and of its aliases: what drift.detected and drift.changed are of its code.
inline constexpr std::string_view kLayersKind = "layer.changed", kAliasKind = "alias.moved";

/// True for every kind that is about drift: `drift.*`, and those of layers and aliases.
/// In SQL: outbox::drift_row().
constexpr bool about_drift(std::string_view kind) {
  return kind.starts_with("drift.") || kind == kLayersKind || kind == kAliasKind;
}
/// True for those events that say what is live though nobody accepted it; not for drift.resolved.
constexpr bool tells_of_drift(std::string_view kind) {
  return kind == "drift.detected" || kind == "drift.changed" || kind == kLayersKind || kind == kAliasKind;
}

/// Alerts that are no events: what is said again of drift that stays open, the sign of life of an alert with
/// `heartbeat`, and what `alerts test` sends.
inline constexpr std::string_view kReminderKind = "drift.reminder";
inline constexpr std::string_view kHeartbeatKind = "heartbeat";
inline constexpr std::string_view kTestKind = "test";

}  // namespace codedriftd
