#pragma once
/// What people and pipelines ask for: approve, expect, withdraw, suspend, resume. As commands make these requests, and
/// as they travel over the control socket.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "attest/load_trust.h"
#include "base/clock.h"
#include "base/json_box.h"
#include "base/result.h"
#include "base/sha256.h"
#include "model/content.h"

namespace codedriftd {

/// Accept what is live.
struct ApproveRequest {
  struct Item {
    std::string target;  ///< as TARGET of the contract, never a pattern
    Sha256 sha256;
    /// From a plan: what it saw as accepted (nullopt: nothing). It must still be so.
    bool planned = false;
    std::optional<Sha256> accepted;
    std::string attestation = {};  ///< the bytes of what vouches for the hash, or for its content; or empty
  };
  std::vector<Item> items;
  std::optional<int64_t> count;  ///< what somebody says their number is
  std::string reason, ticket;
  std::shared_ptr<const Trust> trust = {};  ///< of who does it; never from a client. nullptr: nothing is trusted
};

/// Announce what a deployment will bring.
struct ExpectRequest {
  struct Item {
    std::string target;
    std::optional<Sha256> sha256;
    std::optional<Millis> valid;  ///< nullopt: the target's deploy_grace
    std::string build, commit;
    std::optional<ContentDigest> content = {};  ///< instead of `sha256`
    /// Instead of both, and of build and commit: what is announced is what it names for the target. Alone in its
    /// request: verifying takes its time.
    std::string attestation = {};
  };
  std::vector<Item> items;
  std::shared_ptr<const Trust> trust = {};  ///< as in ApproveRequest
  /// Who sends it has no permission of their own, only the attestation: it counts once for its target, and changes
  /// nothing about what others announced. Never from a client.
  bool only_attested = false;
};

/// Take back an announcement.
struct WithdrawRequest {
  std::string target;
  std::optional<Sha256> sha256;
  std::string reason;
  std::optional<ContentDigest> content = {};  ///< instead of `sha256`; neither: all that is announced of it, but a pin
};

/// Hold the alerts of a target, or no longer.
struct SuspendRequest {
  bool resume = false;
  std::string target;             ///< with `count` also a pattern, see target_matches()
  std::optional<WallTime> until;  ///< suspend; nullopt: for kSuspended
  std::string reason;
  std::optional<int64_t> count = {};  ///< what somebody says the number of targets is that the pattern matches
};

inline constexpr std::size_t kMostItems = 20'000;  ///< of one request
inline constexpr Millis kShortestValid{60'000}, kLongestValid{30LL * 24 * 3'600'000};
inline constexpr Millis kSuspended{24 * 3'600'000}, kLongestSuspended{90LL * 24 * 3'600'000};

/// Requests as the arguments of the verbs "approve", "expect", "withdraw", "suspend", "resume", and back. Reading fails
/// for what has another shape.
JsonBox arguments_of(const ApproveRequest& request);
JsonBox arguments_of(const ExpectRequest& request);
JsonBox arguments_of(const WithdrawRequest& request);
JsonBox arguments_of(const SuspendRequest& request);
Result<ApproveRequest> read_approve_request(const JsonBox& arguments);
Result<ExpectRequest> read_expect_request(const JsonBox& arguments);
Result<WithdrawRequest> read_withdraw_request(const JsonBox& arguments);
Result<SuspendRequest> read_suspend_request(bool resume, const JsonBox& arguments);

/// What is wrong with a request as it stands, whatever the record holds: no reason, a pattern, nothing to do, …
Checked check_request(const ApproveRequest& request);
Checked check_request(const ExpectRequest& request);
Checked check_request(const WithdrawRequest& request);
Checked check_request(const SuspendRequest& request);

}  // namespace codedriftd
