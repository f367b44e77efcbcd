#pragma once
/// What is known of one target.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/sha256.h"
#include "model/content.h"
#include "model/observation.h"

namespace codedriftd {

enum class AcceptedSource {
  first_seen,
  approval,
  pin,
  deploy,
  content,  ///< the content and modes of what was accepted before, packed anew
};
std::string_view to_string(AcceptedSource source);
std::optional<AcceptedSource> parse_accepted_source(std::string_view name);

enum class Baseline {
  first_seen,  ///< the first hash observed is accepted: trusted on first sight, not reviewed
  review,      ///< nothing is accepted until somebody accepts it
};

/// The most that `examine_within` may be.
inline constexpr Millis kLongestExamineWithin{3'600'000};

/// What a verified attestation says about a target (attest/trust.h), and who brought it. All text is clean UTF-8.
struct Attestation {
  std::string key;     ///< the name of its [trust.NAME]
  std::string key_id;  ///< SHA-256 of the public key, in hex
  Sha256 sha256{};     ///< of what was signed, which is in the record (store/record/attestations.h)
  std::string predicate_type, builder, source, commit;  ///< empty: it does not say
  std::string sent_by;                                  ///< as an event's actor

  friend bool operator==(const Attestation&, const Attestation&) = default;
};

/// What somebody said would come: a pipeline (`expect`) or a pin that changed in the configuration. A hash or a
/// content.
struct Announcement {
  std::optional<Sha256> sha256;
  bool pin = false;
  WallTime announced_at{};
  WallTime valid_until{};  ///< for a pin: when it becomes overdue; it stays announced after that
  bool overdue = false;    ///< `deploy.overdue` was written
  std::string build, commit;
  std::string actor = "config";               ///< who announced it, as an event's actor
  std::string claimed = {};                   ///< what that client claimed beside it
  std::optional<ContentDigest> content = {};  ///< exactly one of the two is set
  std::optional<Attestation> attested = {};   ///< what vouches for it

  friend bool operator==(const Announcement&, const Announcement&) = default;
};

/// All that is known of one target between two inputs; stored as one row. Times of one target never go back.
struct TargetState {
  // What the configuration says, as last loaded.
  bool watched = false;
  Baseline baseline = Baseline::first_seen;
  std::optional<Sha256> pin;
  std::optional<ContentDigest> content_pin;  ///< one of the two at most
  std::string pin_where;                     ///< "FILE:LINE"
  Millis interval{300'000}, stale_after{900'000}, deploy_grace{3'600'000};
  Millis examine_within{60'000};      ///< how long a verdict may wait for an examination
  std::vector<std::string> ignore;    ///< globs: files that its content digests leave out
  bool same_content_accepted = true;  ///< another hash with the content and modes of what is accepted is accepted

  // What is live against what is accepted.
  std::optional<Sha256> live;          ///< the hash last seen
  std::optional<WallTime> live_since;  ///< when it was first seen, nothing else since
  std::optional<Sha256> accepted;
  AcceptedSource accepted_source = AcceptedSource::first_seen;
  std::optional<WallTime> accepted_at;
  std::vector<Announcement> announced;  ///< oldest first, 8 at most
  bool drift_open = false;
  std::optional<WallTime> drift_since;

  // What is inside.
  PackageState package = PackageState::unknown;  ///< what looking into the package of `live` came to
  std::optional<KnownContent> live_content;      ///< set exactly when that is `content`
  std::optional<KnownContent> accepted_content;  ///< of `accepted`, where it was examined
  std::optional<WallTime> examining_until;       ///< set while the verdict on `live` waits for its examination
  std::optional<Sha256> examining_previous;      ///< what was live before, while it waits

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

}  // namespace codedriftd
