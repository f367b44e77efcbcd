#pragma once
/// The heart: what an input does to what is known of one target. Pure: no clock, no SQL, no network.
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/sha256.h"
#include "model/event.h"
#include "model/observation.h"
#include "model/status.h"
#include "model/target.h"
#include "model/target_state.h"

namespace codedriftd {

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
  Millis interval{300'000}, stale_after{900'000}, deploy_grace{3'600'000};
  Millis examine_within{60'000};
  std::optional<ContentDigest> content_pin = {};  ///< instead of `pin`
  bool same_content_accepted = true;
  std::vector<std::string> ignore = {};
  bool touched_alerts = false;  ///< function.touched alerts
};
/// The configuration no longer watches it.
struct Unwatched {};
/// Somebody accepts what is live.
struct Approved {
  Sha256 sha256;
  std::string reason, ticket, actor;
  std::string claimed = {};                  ///< what the client claims beside its uid, or empty: believed by nobody
  std::optional<Attestation> attested = {};  ///< what vouches for the hash
};
/// A pipeline announces a hash or a content.
struct Expected {
  std::optional<Sha256> sha256;
  WallTime valid_until;
  std::string build, commit, actor;
  std::string claimed = {};                   ///< as in Approved
  std::optional<ContentDigest> content = {};  ///< exactly one of the two is set
  std::optional<Attestation> attested = {};   ///< what vouches for it
};
/// A pipeline takes back what it announced: one hash, or all that it announced of this target. A pin is the
/// configuration's and stays.
struct Withdrawn {
  std::optional<Sha256> sha256;
  std::string reason, actor;
  std::string claimed = {};                   ///< as in Approved
  std::optional<ContentDigest> content = {};  ///< one of the two at most
};
/// Somebody looked into the package of `sha256`, or tried to. Of a hash that is neither live nor accepted it says
/// nothing.
struct Examined {
  Sha256 sha256;
  Inside inside;  ///< its state is not `unknown`
  int64_t files = 0, findings = 0;
};
/// What a listing says of the function that the target is of. Times are the cloud's, whole seconds.
struct Listed {
  std::string function_id;
  std::optional<WallTime> added_at, modified_at;
  Millis clock_error{0};  ///< this machine's clock minus the cloud's; 0: not known
};
/// Two times that are not further apart may be of one moment: the cloud's are whole seconds by its own clock, ours are
/// not.
inline constexpr Millis kSameMoment{2'000};
/// The same, where a time more than a day ahead of `now` is not told: no clock that is right wrote it, and nothing
/// would ever be later.
Listed believed(Listed listed, WallTime now);
/// How what a listing says of a name stands to what one said before.
enum class Sighting {
  same,      ///< the same function
  another,   ///< another function under the name
  outdated,  ///< a function that was there before the one that is known: the listing lags behind
};
/// REQUIRES: both are believed().
Sighting compare(const Listed& known, const Listed& seen);
using Input = std::variant<Observation, Tick, Watched, Unwatched, Approved, Expected, Withdrawn, Examined, Listed>;

struct Decision {
  TargetState state;
  std::vector<NewEvent> events;  ///< in order
  std::optional<std::string>
      refused;  ///< why Approved, Expected or Withdrawn was refused; then state and events are unchanged/empty
};

/// What `input` at `now` makes of `state`. `target` is only named in events. Every change of a target's state goes
/// through here; the cases are tests/model/verdict_test.cc's table.
Decision decide(const Target& target, const TargetState& state, const Input& input, WallTime now);

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
