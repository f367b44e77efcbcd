#pragma once
#include <array>
#include <string_view>

namespace codedriftd {

/// Every kind of event there is, in the order of the contract's table.
inline constexpr std::array<std::string_view, 43> kEventKinds{
    "drift.detected",     "drift.changed",      "drift.resolved",      "function.missing",  "function.returned",
    "poll.failing",       "poll.recovered",     "account.failing",     "account.recovered", "deploy.expected",
    "deploy.arrived",     "deploy.superseded",  "deploy.overdue",      "deploy.withdrawn",  "baseline.set",
    "watch.added",        "watch.removed",      "watch.suspended",     "watch.resumed",     "delivery.dead",
    "delivery.refused",   "alert.replayed",     "alert.dropped",       "config.loaded",     "account.renamed",
    "daemon.started",     "daemon.stopped",     "clock.stepped",       "control.denied",    "record.restored",
    "log.genesis",        "package.examined",   "package.mismatch",    "package.pruned",    "function.discovered",
    "function.unmanaged", "function.recreated", "function.touched",    "alias.moved",       "layer.changed",
    "change.attributed",  "discovery.failing",  "discovery.recovered",
};

/// Alerts that are no events: what is said again of drift that stays open, the sign of life of an alert with
/// `heartbeat`, and what `alerts test` sends.
inline constexpr std::string_view kReminderKind = "drift.reminder";
inline constexpr std::string_view kHeartbeatKind = "heartbeat";
inline constexpr std::string_view kTestKind = "test";

}  // namespace codedriftd
