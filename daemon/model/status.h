#pragma once
/// The status of a target: derived from its state, never stored.
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "model/target_state.h"

namespace codedriftd {

enum class Status { missing, drifted, unobserved, examining, unreviewed, pending_deploy, in_sync };
/// What needs attention first: the order of the contract's table.
inline constexpr std::array kStatuses{Status::missing,    Status::drifted,        Status::unobserved, Status::examining,
                                      Status::unreviewed, Status::pending_deploy, Status::in_sync};
std::string_view to_string(Status status);
std::optional<Status> parse_status(std::string_view name);

/// One time that the daemon ran.
struct DaemonStay {
  WallTime alive_at{};   ///< its last sign of life; it gives one every 20 seconds, and one as it stops
  bool stopped = false;  ///< it said goodbye: that sign was the last
};

struct StatusView {
  Status status;
  std::string reason;  ///< the contract's words, or empty
  WallTime since;      ///< when the present status began
};

/// The status of `state` at `now`, by the wall clock; the first that holds of the contract's table.
/// `stay` is the daemon's last one (nullopt: there was none): a row that is stale while the daemon has not run for
/// longer than `stale_after` says `daemon_not_running`. Inside the daemon pass one that is alive `now`.
StatusView status_of(const TargetState& state, WallTime now, const std::optional<DaemonStay>& stay);

/// The status alone, without its words.
Status bare_status(const TargetState& state, WallTime now);

}  // namespace codedriftd
