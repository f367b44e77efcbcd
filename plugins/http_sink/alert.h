#pragma once
/// The alert (codedriftd.alert.v1) as the plugins read it: what they show, and nothing they do not.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/target.h"

namespace codedriftd::http_sink {

/// What one target has to say: a single alert's own, or one item of a digest. Text that the alert does not have is
/// empty.
struct Report {
  std::string kind;
  std::string severity;
  std::string time;              ///< RFC 3339
  std::string summary;           ///< one sentence; foreign text
  std::string address;           ///< of the target; empty: none
  std::optional<Target> target;  ///< the address in its parts
  std::string status;
  std::string observed, accepted, previous, expected;  ///< hashes
  std::string drift_since;
  std::string resolution, reason, error, request_id;
  std::string next_step, link;
  std::size_t events = 0;  ///< how many it stands for
};

struct Alert {
  std::string id;
  std::string instance;
  std::string actor;
  std::string account, region;  ///< of an alert that has no target but is about one account
  Report own;
  std::vector<Report> items;                                   ///< of a digest
  std::vector<std::pair<std::string, std::string>> heartbeat;  ///< of a heartbeat: name and value
};

/// An error if `json` is no alert. Members that are not known, and those of another type, are passed over.
Result<Alert> read_alert(std::string_view json);

inline constexpr std::size_t kShortHash = 12;
/// The first twelve digits of a hash.
std::string_view short_hash(std::string_view hash);

}  // namespace codedriftd::http_sink
