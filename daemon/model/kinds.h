#pragma once
#include <array>
#include <string_view>

namespace codedriftd {

/// Every kind of event there is, in the order of the contract's table.
inline constexpr std::array<std::string_view, 26> kEventKinds{
    "drift.detected", "drift.changed",     "drift.resolved",   "function.missing",  "function.returned",
    "poll.failing",   "poll.recovered",    "account.failing",  "account.recovered", "deploy.expected",
    "deploy.arrived", "deploy.superseded", "deploy.overdue",   "baseline.set",      "watch.added",
    "watch.removed",  "delivery.dead",     "delivery.refused", "alert.replayed",    "alert.dropped",
    "config.loaded",  "daemon.started",    "daemon.stopped",   "clock.stepped",     "control.denied",
    "log.genesis",
};

}  // namespace codedriftd
