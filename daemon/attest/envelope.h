#pragma once
/// DSSE envelopes (github.com/secure-systems-lab/dsse, protocol and envelope version 1), alone or inside a Sigstore
/// bundle. Nothing here is verified: see attest/trust.h.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace codedriftd {

inline constexpr std::size_t kMostEnvelopeBytes = std::size_t{1} << 20;
/// Each is tried with each key.
inline constexpr std::size_t kMostSignatures = 32;
/// The one type of payload that is taken.
inline constexpr std::string_view kInTotoType = "application/vnd.in-toto+json";

struct EnvelopeSignature {
  std::string keyid;  ///< as the envelope says, which nobody signed: a hint in messages, never a decision
  std::string bytes;
};

struct Envelope {
  std::string payload;                        ///< decoded; its type is kInTotoType
  std::vector<EnvelopeSignature> signatures;  ///< 1 to kMostSignatures
};

/// Reads an envelope, or a bundle (mediaType application/vnd.dev.sigstore.bundle…) with one in `dsseEnvelope`; of a
/// bundle nothing else is looked at: neither certificates nor the transparency log. Unknown members are ignored, as the
/// protocol asks. The error is a sentence about "the attestation".
Result<Envelope> read_envelope(std::string_view bytes);

/// The same around a payload and one signature of it, as JSON on one line.
std::string write_envelope(std::string_view payload, std::string_view signature);

/// What a signature is over: PAE(type, body).
std::string pre_authentication_encoding(std::string_view type, std::string_view body);

/// Base64 in the standard or the URL-safe alphabet, all of it in one of them, with its padding or without; what no
/// encoder writes (white space, bits left over that are not zero) is nullopt.
std::optional<std::string> any_base64_decode(std::string_view text);

}  // namespace codedriftd
