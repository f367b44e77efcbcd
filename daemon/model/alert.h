#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "model/event.h"

namespace codedriftd {

/// What one `[[alert]]` wants to hear.
struct Subscription {
  std::string name;
  std::vector<std::string> kinds;    ///< globs; empty: all that alert by default
  std::vector<std::string> targets;  ///< globs of addresses; empty: all. An event without a target is always wanted
};

/// True if `event` goes to `subscription`: decided when the event is written, and never again.
bool wants(const Subscription& subscription, const NewEvent& event);

/// An event that has its place in the log.
struct LoggedEvent {
  NewEvent event;
  int64_t seq = 0;
  std::string id;
  WallTime time{};
  Sha256 leaf;
};

/// An alert that is no event of its own: a reminder, a heartbeat, a test.
struct Notice {
  NewEvent about;  ///< kind, severity, actor, target and facts; its data is not told
  std::vector<std::string> event_ids;
  int64_t log_index = 0;  ///< of the event it stands for, or the log's head
  Sha256 leaf;
  JsonBox heartbeat;  ///< null but in a heartbeat
};

/// What to type next, where drift is open. With the target's address behind it in the alert of one function.
inline constexpr std::string_view kPlanCommand = "codedriftd plan";

/// A link with {address}, {account}, {region}, {namespace}, {function}, {qualifier} of `address` in their places; empty
/// if there is no pattern.
std::string link_to(std::string_view pattern, std::string_view address);

/// The alert (`codedriftd.alert.v1`) for one event: JSON bytes, every member of the contract present, null where it
/// does not apply. `link`: the pattern of the link to its target; empty: none.
std::string compose_alert(const LoggedEvent& event, std::string_view instance, std::string_view log_origin,
                          std::string_view link = {});

/// The alert `alert` (its bytes) of a change, with what changed inside: `changes` (model/changes.h) as its member, and
/// in its summary in words. Throws std::runtime_error for bytes that are no alert.
std::string explained_alert(std::string_view alert, const JsonBox& changes, std::string_view words);

/// The same as compose_alert() for a notice; a heartbeat has the member `heartbeat` beside the others.
std::string compose_notice(const Notice& notice, std::string_view id, WallTime time, std::string_view instance,
                           std::string_view log_origin, std::string_view link = {});

}  // namespace codedriftd
