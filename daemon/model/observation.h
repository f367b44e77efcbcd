#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/json_box.h"
#include "base/sha256.h"
#include "model/content.h"

namespace codedriftd {

/// What one finished poll amounted to.
enum class Outcome {
  observed,  ///< a CodeSha256 of 64 hex digits
  missing,   ///< the API says that there is no such function, version or namespace
  updating,  ///< the function is being deployed
  denied,    ///< the call was refused
  failed,    ///< anything else: nothing is known
};
std::string_view to_string(Outcome outcome);
std::optional<Outcome> parse_outcome(std::string_view name);

/// Why a poll had no answer, in the cloud's words or ours. Text is clean UTF-8.
struct PollError {
  std::string code;        ///< the API's `Error.Code`, or `Client.…` for what went wrong on this side (scf/api.h)
  std::string message;     ///< for people
  std::string request_id;  ///< the API's, or empty

  friend bool operator==(const PollError&, const PollError&) = default;
};

/// Codes that mean more than "denied" or "failed", also where only the stored code is left, and their reasons.
inline constexpr std::string_view kClockCode = "Client.Clock", kClockReason = "clock";
inline constexpr std::string_view kCodeSecretCode = "UnauthorizedOperation.CodeSecret",
                                  kCodeSecretReason = "code_secret";

/// What is known of the inside of one package.
struct Inside {
  PackageState package = PackageState::unknown;
  std::optional<KnownContent> content;  ///< of one that was examined, if it can be held against others
  std::string why;                      ///< ambiguous, unavailable: one sentence, foreign text made clean
  JsonBox changes;                      ///< against what is accepted, as an alert has it; null: not known
  std::string changes_words = {};       ///< the same in one sentence, or empty
};

/// The reason that a status or an event gives for not seeing: the contract's words.
/// `denied code_secret updating failed clock credentials`, or empty for an answer.
struct Observation {
  Outcome outcome = Outcome::failed;
  std::optional<Sha256> sha256;  ///< set exactly when `observed`
  PollError error;               ///< empty code when `observed`; `request_id` is set whenever known
  std::string reason;            ///< see above
  bool account_cause = false;    ///< the cause is the account's, not this function's: bad credentials, a wrong clock
  bool obtainable = false;       ///< a link to the package came with it, and packages are looked at
  std::optional<WallTime> asked_at{};  ///< when its call was sent, by the cloud's clock; nullopt: not known
  std::string value_before{};          ///< of the value that was live until now, where the record knows its text
  Inside inside{};                     ///< of `sha256`, where it was looked at before
  /// The canonical text of a value that is no code (model/value.h), of which `sha256` tells; empty: code, or not
  /// observed.
  std::string value{};
};

}  // namespace codedriftd
