#pragma once
/// The poll: what is live under a target. Of code, SCF's GetFunctionAddress (API 2018-04-16); of the other kinds, the
/// calls that scf/actions.h names.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/secret.h"
#include "model/observation.h"
#include "model/target.h"

namespace codedriftd {

/// Codes of this side, beside the API's own. All are `Outcome::failed` unless said otherwise.
///   Client.Timeout        the attempt's deadline passed
///   Client.Network        name resolution, connect, reset, protocol
///   Client.Tls            the certificate or the handshake was refused
///   Client.HttpStatus     an HTTP status other than 200 without a readable error
///   Client.TooLarge       headers or body over the cap
///   Client.BadAnswer      200, but not the documented JSON, or no CodeSha256 of 64 hex digits
///   Client.Clock          the clocks differ by more than five minutes; message says by how much
///   Client.NoCredentials  there are none to sign with
///   Client.NoDigest       a function without a container image, or whose image's reference names no digest
///   Client.Updating       GetFunction tells that the function is being deployed: `Outcome::updating`
/// The API never gets to send these: an answer whose code begins with `Client.` is Client.BadAnswer.
///
/// Movable only: `url` is a secret.
struct ApiAnswer {
  Observation observation;
  bool retry_soon = false;  ///< another attempt within the same poll makes sense
  bool slow_down = false;   ///< RequestLimitExceeded*: the rate limit was hit
  /// The cloud refused the credentials. The client has asked their provider to read them again, which takes a moment:
  /// one more attempt (and only one) makes sense then, though `retry_soon` is false.
  bool refresh_credentials = false;
  /// Whoever answered knew the credentials: a cause that was the account's is over. Never without doubt: the rate limit
  /// and errors of the cloud's own come from before that.
  bool proves_account = false;
  Millis took{0};
  std::optional<Millis>
      clock_error;  ///< this machine's clock minus the cloud's, from the response's Date, if it had one
  /// Of a success: the signed link to the package, for package/fetch.h; whoever has it can download the code. Empty if
  /// none came, or none that may be called (https; http to loopback). That makes no answer a bad one.
  Secret url;
};

/// What one error code means. The table behind this covers every documented code of the actions that are called and
/// every common one; unknown codes are `failed`, by their first part where that says more (`InternalError.*` is
/// retried). `updating` is not for `retry_soon`: a deployment takes longer than the retries of one poll.
struct CodeMeaning {
  Outcome outcome;
  std::string_view reason;  ///< Observation::reason
  bool retry_soon;
  bool slow_down;
  bool refresh_credentials;
  bool account_cause;
  bool proves_account;
};
CodeMeaning meaning_of(std::string_view code);

/// Reads the body of an answer. Pure. The signed `Url` in it is copied into ApiAnswer::url and nowhere else; what else
/// held it is overwritten, but for `body`, which is the caller's to wipe. A status other than 200 is Client.HttpStatus,
/// unless the body is the API's own error.
ApiAnswer read_answer(std::string_view body, int http_status = 200);

struct ApiCall {
  Target target;
  bool new_connection = false;  ///< for a retry: a kept connection may lead to the backend that failed
};

/// Seam for tests: carries calls. One thread owns an object and makes every call on it but `wake`.
class Api {
 public:
  using Callback = std::function<void(ApiAnswer)>;
  virtual ~Api() = default;
  /// Starts one attempt; `done` runs inside a later `turn`, exactly once, within the account's timeout; never inside
  /// `start`.
  virtual void start(const ApiCall& call, Callback done) = 0;
  /// Moves what is in flight along and runs callbacks; returns after the first activity, `wake`, or `at_most`.
  virtual void turn(Millis at_most) = 0;
  /// Ends the wait of `turn`. Thread-safe.
  virtual void wake() = 0;
  virtual std::size_t in_flight() const = 0;
};

}  // namespace codedriftd
