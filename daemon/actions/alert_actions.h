#pragma once
/// What `codedriftd alerts` does to the record: the same inside the daemon, asked through its control socket, and
/// without one.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actions/arguments.h"
#include "actions/caller.h"
#include "base/clock.h"
#include "base/json_box.h"
#include "base/result.h"
#include "store/ledger/ledger.h"

namespace codedriftd {

struct AlertRequest {
  enum class Verb { replay, drop, test };
  Verb verb = Verb::replay;
  // Which alerts (replay, drop); the parts narrow each other.
  std::vector<std::string> ids;
  std::string alert;                 ///< a destination's name
  std::vector<std::string> targets;  ///< as target_matches() reads them, without patterns; several are alternatives
  std::optional<WallTime> since, until;
  std::string to;     ///< replay: another destination; test: the one to be tested
  bool open = false;  ///< replay: tell `to` of the drift that is open now, whatever was sent about it
  std::string reason;
};
std::string_view to_string(AlertRequest::Verb verb);  ///< "replay" "drop" "test"

/// A request as the arguments of the verb "alerts.VERB", and back. Reading fails for what has another shape.
JsonBox arguments_of(const AlertRequest& request);
Result<AlertRequest> read_alert_request(std::string_view verb, const JsonBox& arguments);

/// What is wrong with a request as it stands, whatever the record holds: it selects everything without saying so, …
Checked check_alert_request(const AlertRequest& request);

/// Does it, in the caller's transaction, with an event for each alert:
///   replay  {"count", "alerts": [{"id", "alert", "kind", "target"}, …], "there", "waiting": [{"alert", "state",
///           "until", "reason"}, …]}: at most kAlertsListed are listed; `there`: left alone because `to` has it
///           already; `waiting`: destinations that do not take alerts at the moment
///   replay of open drift  {"count", "waiting"}
///   drop    {"count", "alerts"}
///   test    {"id", "alert"}: it was queued
/// After NothingDone the record is as it was.
Result<JsonBox, NothingDone> perform(Tx& tx, Ledger& ledger, const AlertRequest& request, const Caller& caller,
                                     WallTime now);

inline constexpr std::size_t kAlertsListed = 1'000;

}  // namespace codedriftd
