#pragma once
/// Signatures of Standard Webhooks: pure but for OpenSSL.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"

namespace codedriftd::webhook {

/// One key to sign with.
struct SigningKey {
  enum class Kind {
    hmac,     ///< whsec_: HMAC-SHA256, signature "v1,…"
    ed25519,  ///< whsk_: the private key, signature "v1a,…"
  };
  Kind kind = Kind::hmac;
  Secret bytes;  ///< hmac: 24 to 64; ed25519: the seed, 32
};

/// The keys in a secret file's text, separated by white space: "whsec_BASE64" of 24 to 64 bytes, and "whsk_BASE64" of
/// an Ed25519 private key as its 32 bytes of seed, as seed and public key (64 bytes), or in PKCS #8 (48 bytes, what
/// openssl writes). All of them sign, so that a receiver accepts either while one is being replaced. The error repeats
/// nothing of the text.
Result<std::vector<SigningKey>> decode_keys(std::string_view text);
/// The words of a secret file's text, as they stand there: what must not be shown.
std::vector<std::string_view> words(std::string_view text);

/// "whpk_BASE64" of an Ed25519 key: what the receiver verifies with. REQUIRES: ed25519.
std::string public_key(const SigningKey& key);

/// The value of webhook-signature: one signature for each key. `timestamp` is in Unix seconds.
std::string signature(const std::vector<SigningKey>& keys, std::string_view id, int64_t timestamp,
                      std::string_view body);

/// True for what may stand in the signed text between dots: [A-Za-z0-9_-]{1,64}.
bool is_message_id(std::string_view id);

}  // namespace codedriftd::webhook
