#include "webhook/signing.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <stdexcept>

#include "base/sha256.h"

namespace codedriftd::webhook {
namespace {

constexpr std::string_view kHmacPrefix = "whsec_", kEd25519Prefix = "whsk_";
constexpr std::size_t kShortestKey = 24, kLongestKey = 64;  // bytes; Standard Webhooks
constexpr std::size_t kSeed = 32;
/// What PKCS #8 (RFC 8410) puts in front of an Ed25519 seed.
constexpr std::string_view kPkcs8Head{"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20", 16};

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

Key private_key(std::string_view seed) {
  return {EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes_of(seed), seed.size()), EVP_PKEY_free};
}

std::string raw_public_key(std::string_view seed) {
  std::array<uint8_t, kSeed> bytes{};
  std::size_t size = bytes.size();
  const Key key = private_key(seed);
  if (!key || EVP_PKEY_get_raw_public_key(key.get(), bytes.data(), &size) != 1 || size != bytes.size()) {
    throw std::runtime_error("OpenSSL refuses the Ed25519 key");
  }
  return {bytes.begin(), bytes.end()};
}

/// The seed in any of the forms a private key comes in.
std::optional<std::string> seed_of(const std::string& key) {
  if (key.size() == kSeed) return key;
  if (key.size() == kSeed + kPkcs8Head.size() && key.starts_with(kPkcs8Head)) return key.substr(kPkcs8Head.size());
  if (key.size() == 2 * kSeed && raw_public_key(key.substr(0, kSeed)) == key.substr(kSeed)) return key.substr(0, kSeed);
  return std::nullopt;
}

std::optional<SigningKey> decode_key(std::string_view word) {
  if (word.starts_with(kHmacPrefix)) {
    auto key = base64_decode(word.substr(kHmacPrefix.size()));
    if (!key || key->size() < kShortestKey || key->size() > kLongestKey) return std::nullopt;
    return SigningKey{SigningKey::Kind::hmac, Secret(std::move(*key))};
  }
  if (word.starts_with(kEd25519Prefix)) {
    auto key = base64_decode(word.substr(kEd25519Prefix.size()));
    auto seed = key ? seed_of(*key) : std::nullopt;
    if (key) wipe(*key);
    if (seed) return SigningKey{SigningKey::Kind::ed25519, Secret(std::move(*seed))};
  }
  return std::nullopt;
}

std::string ed25519_signature(std::string_view seed, std::string_view text) {
  std::array<uint8_t, 64> bytes{};
  std::size_t size = bytes.size();
  const Key key = private_key(seed);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  if (!key || !context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), bytes.data(), &size, bytes_of(text), text.size()) != 1) {
    throw std::runtime_error("OpenSSL cannot sign with Ed25519");
  }
  return base64(bytes);
}

}  // namespace

std::vector<std::string_view> words(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  std::vector<std::string_view> found;
  for (;;) {
    text.remove_prefix(std::min(text.find_first_not_of(kBlank), text.size()));
    if (text.empty()) return found;
    found.push_back(text.substr(0, text.find_first_of(kBlank)));
    text.remove_prefix(found.back().size());
  }
}

Result<std::vector<SigningKey>> decode_keys(std::string_view text) {
  std::vector<SigningKey> keys;
  for (const std::string_view word : words(text)) {
    auto key = decode_key(word);
    if (!key) {
      return Error{
          "secret_file should hold \"whsec_\" and 24 to 64 random bytes in base64, or \"whsk_\" and an Ed25519 private "
          "key in base64; make one with: echo whsec_$(openssl rand -base64 32), or: echo whsk_$(openssl genpkey "
          "-algorithm ed25519 -outform DER | base64 -w0)"};
    }
    keys.push_back(std::move(*key));
  }
  if (keys.empty()) return Error{"secret_file is empty"};
  return keys;
}

std::string public_key(const SigningKey& key) {
  const std::string raw = raw_public_key(key.bytes.reveal());
  return "whpk_" + base64({bytes_of(raw), raw.size()});
}

std::string signature(const std::vector<SigningKey>& keys, std::string_view id, int64_t timestamp,
                      std::string_view body) {
  const std::string signed_text = fmt::format("{}.{}.{}", id, timestamp, body);
  std::string list;
  for (const SigningKey& key : keys) {
    if (!list.empty()) list += ' ';
    if (key.kind == SigningKey::Kind::hmac) {
      list += "v1," + base64(hmac_sha256(key.bytes.reveal(), signed_text).bytes);
    } else {
      list += "v1a," + ed25519_signature(key.bytes.reveal(), signed_text);
    }
  }
  return list;
}

bool is_message_id(std::string_view id) {
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

}  // namespace codedriftd::webhook
