#include "model/status.h"

#include <algorithm>

#include "model/verdict_time.h"

namespace codedriftd {
namespace {

bool stale(const TargetState& state, WallTime now) {
  return state.last_success_at && now - as_stored(*state.last_success_at, now) > state.stale_after;
}

bool overdue(const TargetState& state) {
  return std::any_of(state.announced.begin(), state.announced.end(), [](const Announcement& a) { return a.overdue; });
}

/// Why a target is not seen, in the contract's words.
std::string unobserved_reason(const TargetState& state, WallTime now, const std::optional<DaemonStay>& stay) {
  if (!stay) return "daemon_not_running";
  // Signs of life are 20 seconds apart: without a goodbye, silence shorter than a minute says nothing.
  const Millis silence =
      stay->stopped ? state.stale_after : std::max<Millis>(state.stale_after, std::chrono::minutes(1));
  if (now - as_stored(stay->alive_at, now) > silence) return "daemon_not_running";
  if (!state.last_polled_at) return "never_polled";
  if (state.last_reason == "credentials") {  // a word of events; the status has the outcome's
    return state.last_error && state.last_error->code.starts_with("Client.") ? "failed" : "denied";
  }
  if (!state.last_reason.empty()) return state.last_reason;
  // Without a hash so far, but with an answer: not found, once.
  return state.live ? "stale" : "failed";
}

}  // namespace

std::string_view to_string(Status status) {
  switch (status) {
    case Status::missing:
      return "missing";
    case Status::drifted:
      return "drifted";
    case Status::unobserved:
      return "unobserved";
    case Status::examining:
      return "examining";
    case Status::unreviewed:
      return "unreviewed";
    case Status::pending_deploy:
      return "pending_deploy";
    case Status::in_sync:
      return "in_sync";
  }
  return "unobserved";
}

std::optional<Status> parse_status(std::string_view name) {
  for (const Status status : kStatuses) {
    if (name == to_string(status)) return status;
  }
  return std::nullopt;
}

Status bare_status(const TargetState& state, WallTime now) {
  if (state.missing) return Status::missing;
  if (state.drift_open) return Status::drifted;
  if (!state.live || stale(state, now)) return Status::unobserved;
  if (state.examining_until) return Status::examining;
  if (!state.accepted) return Status::unreviewed;
  return state.announced.empty() ? Status::in_sync : Status::pending_deploy;
}

StatusView status_of(const TargetState& state, WallTime now, const std::optional<DaemonStay>& stay) {
  StatusView view{bare_status(state, now), {}, as_stored(state.status_since.value_or(now), now)};
  switch (view.status) {
    case Status::missing:
      view.reason = state.missing_code;
      break;
    case Status::drifted:
      if (stale(state, now)) view.reason = "stale";
      break;
    case Status::unobserved:
      view.reason = unobserved_reason(state, now, stay);
      // Nothing happens at the moment a row becomes stale; it is stale from then on all the same.
      if (state.live && stale(state, now)) {
        view.since = std::max(view.since, as_stored(*state.last_success_at, now) + state.stale_after);
      }
      break;
    case Status::pending_deploy:
      if (overdue(state)) view.reason = "overdue";
      break;
    case Status::examining:
    case Status::unreviewed:
    case Status::in_sync:
      break;
  }
  return view;
}

}  // namespace codedriftd
