#pragma once
/// The heart: what an input does to what is known of one target. Pure: no clock, no SQL, no network.
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/sha256.h"
#include "model/event.h"
#include "model/observation.h"
#include "model/target.h"

namespace codedriftd {

enum class AcceptedSource { first_seen, approval, pin, deploy };
std::string_view to_string(AcceptedSource source);
std::optional<AcceptedSource> parse_accepted_source(std::string_view name);

enum class Baseline {
  first_seen,  ///< the first hash observed is accepted: trusted on first sight, not reviewed
  review,      ///< nothing is accepted until somebody accepts it
};

/// A hash that somebody said would come: a pipeline (`expect`) or a pin that changed in the configuration.
struct Announcement {
  Sha256 sha256;
  bool pin = false;
  WallTime announced_at{};
  WallTime valid_until{};  ///< for a pin: when it becomes overdue; it stays announced after that
  bool overdue = false;    ///< `deploy.overdue` was written
  std::string build, commit;
  std::string actor = "config";  ///< who announced it, as an event's actor
  std::string claimed = {};      ///< what that client claimed beside it

  friend bool operator==(const Announcement&, const Announcement&) = default;
};

/// All that is known of one target between two inputs; stored as one row. Times of one target never go back.
struct TargetState {
  // What the configuration says, as last loaded.
  bool watched = false;
  Baseline baseline = Baseline::first_seen;
  std::optional<Sha256> pin;
  std::string pin_where;  ///< "FILE:LINE"
  Millis interval{300'000}, stale_after{900'000}, deploy_grace{3'600'000};

  // What is live against what is accepted.
  std::optional<Sha256> live;          ///< the hash last seen
  std::optional<WallTime> live_since;  ///< when it was first seen, nothing else since
  std::optional<Sha256> accepted;
  AcceptedSource accepted_source = AcceptedSource::first_seen;
  std::optional<WallTime> accepted_at;
  std::vector<Announcement> announced;  ///< oldest first, 8 at most
  bool drift_open = false;
  std::optional<WallTime> drift_since;

  // Whether it can be seen.
  unsigned not_found_in_a_row = 0;
  bool missing = false;      ///< not found twice in a row
  std::string missing_code;  ///< the API's code
  bool failing = false;      ///< `poll.failing` is open
  std::string failing_reason;
  bool failing_quiet =
      false;  ///< that poll.failing was not alerted (its account was failing): nor is its poll.recovered
  std::optional<WallTime> last_polled_at;   ///< of any finished poll
  std::optional<WallTime> last_success_at;  ///< of the last answer: a hash, or "missing"
  unsigned consecutive_failures = 0;        ///< finished polls since the last answer
  std::optional<PollError> last_error;      ///< of the last poll, if it had no hash
  std::string last_reason;                  ///< its Observation::reason

  // The status as of the last input, and since when.
  std::optional<WallTime> status_since;

  friend bool operator==(const TargetState&, const TargetState&) = default;
};

enum class Status { missing, drifted, unobserved, unreviewed, pending_deploy, in_sync };
/// What needs attention first: the order of the contract's table.
inline constexpr std::array kStatuses{Status::missing,    Status::drifted,        Status::unobserved,
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

// ---- inputs ---------------------------------------------------------------------------------------------------

/// Time passes. `unseen_for` is monotonic time since the later of the last answer and the start of this process.
struct Tick {
  Millis unseen_for{0};
  bool account_failing = false;  ///< `account.failing` is open: a poll.failing is recorded, not alerted
};
/// The configuration watches the target (at start, at reload, again).
struct Watched {
  std::optional<Sha256> pin;
  std::string pin_where;
  Baseline baseline = Baseline::first_seen;
  Millis interval, stale_after, deploy_grace;
};
/// The configuration no longer watches it.
struct Unwatched {};
/// Somebody accepts what is live.
struct Approved {
  Sha256 sha256;
  std::string reason, ticket, actor;
  std::string claimed = {};  ///< what the client claims beside its uid, or empty: believed by nobody
};
/// A pipeline announces a hash.
struct Expected {
  Sha256 sha256;
  WallTime valid_until;
  std::string build, commit, actor;
  std::string claimed = {};  ///< as in Approved
};
/// A pipeline takes back what it announced: one hash, or all that it announced of this target. A pin is the
/// configuration's and stays.
struct Withdrawn {
  std::optional<Sha256> sha256;
  std::string reason, actor;
  std::string claimed = {};  ///< as in Approved
};
using Input = std::variant<Observation, Tick, Watched, Unwatched, Approved, Expected, Withdrawn>;

struct Decision {
  TargetState state;
  std::vector<NewEvent> events;  ///< in order
  std::optional<std::string>
      refused;  ///< why Approved, Expected or Withdrawn was refused; then state and events are unchanged/empty
};

/// What `input` at `now` makes of `state`. `target` is only named in events. Every change of a target's state goes
/// through here; the cases are tests/model/verdict_test.cc's table.
Decision decide(const Target& target, const TargetState& state, const Input& input, WallTime now);

/// What is said again of a target whose drift is still open: kind `drift.reminder`, no event of the log.
NewEvent drift_reminder(const Target& target, const TargetState& state, WallTime now);

// ---- accounts ---------------------------------------------------------------------------------------------------

/// One cause, many functions: kept for each account and region.
struct AccountState {
  bool failing = false;
  std::string reason;
  std::optional<WallTime> since;
};
struct AccountInput {
  unsigned watched = 0;            ///< functions of this account in this region
  unsigned stale = 0;              ///< of those, unseen for longer than their stale_after (monotonic, as in Tick)
  bool cause_open = false;         ///< the last finished poll had a cause that is the account's
  std::string reason;              ///< of that cause, or the commonest among the stale
  std::optional<PollError> error;  ///< an example
};
/// Opens when a cause is the account's, or at least 5 and more than half of the functions are stale; closes when
/// neither holds.
struct AccountDecision {
  AccountState state;
  std::vector<NewEvent> events;
};
AccountDecision decide_account(std::string_view account, std::string_view region, const AccountState& state,
                               const AccountInput& input, WallTime now);

}  // namespace codedriftd
