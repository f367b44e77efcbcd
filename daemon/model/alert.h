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

/// The alert (`codedriftd.alert.v1`) for one event: JSON bytes, every member of the contract present, null where it
/// does not apply.
std::string compose_alert(const LoggedEvent& event, std::string_view instance, std::string_view log_origin);

}  // namespace codedriftd
