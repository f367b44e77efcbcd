#pragma once
/// What an attestation that came with a request makes of it. Private to actions/.
#include <optional>
#include <string>

#include "actions/caller.h"
#include "attest/load_trust.h"
#include "model/content.h"
#include "model/target_state.h"
#include "store/record/attestations.h"

namespace codedriftd {

/// What is attested about a target; or why it does not count.
struct Vouched {
  std::optional<Sha256> sha256;
  std::optional<ContentDigest> content;  ///< rather than the hash, where both are told: it survives packing again
  std::optional<Attestation> said;
  SignedStatement statement;  ///< to be kept where it is believed
  std::string objection;      ///< empty: none
};
/// Verifies it. One that names several things as the target says nothing: which of them is meant cannot be told.
/// nullptr for `trust`: nothing is trusted.
Vouched vouch(const std::string& attestation, const Trust* trust, const Target& target, const Caller& caller);

/// Why nothing is accepted for the target without an attestation; empty: it is.
std::string needs_attestation(const Trust* trust, const Target& target);

}  // namespace codedriftd
