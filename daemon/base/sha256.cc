#include "base/sha256.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <sys/random.h>

#include <algorithm>
#include <stdexcept>

namespace codedriftd {
namespace {

constexpr char kHex[] = "0123456789abcdef";

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

}  // namespace

std::string Sha256::hex() const { return codedriftd::hex(bytes); }

std::optional<Sha256> Sha256::from_hex(std::string_view hex) {
  if (hex.size() != 64) return std::nullopt;
  Sha256 digest;
  for (std::size_t i = 0; i < digest.bytes.size(); ++i) {
    const int high = hex_value(hex[2 * i]);
    const int low = hex_value(hex[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    digest.bytes[i] = static_cast<uint8_t>(high * 16 + low);
  }
  return digest;
}

std::optional<Sha256> Sha256::from_bytes(std::span<const uint8_t> bytes) {
  Sha256 digest;
  if (bytes.size() != digest.bytes.size()) return std::nullopt;
  std::copy(bytes.begin(), bytes.end(), digest.bytes.begin());
  return digest;
}

Sha256 sha256(std::string_view data) {
  Sha256 digest;
  SHA256(bytes_of(data), data.size(), digest.bytes.data());
  return digest;
}

struct Sha256Stream::Context {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> evp{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
};

Sha256Stream::Sha256Stream() : context_(std::make_unique<Context>()) {
  if (!context_->evp || EVP_DigestInit_ex(context_->evp.get(), EVP_sha256(), nullptr) != 1)
    throw std::runtime_error("OpenSSL could not begin a SHA-256");
}

Sha256Stream::~Sha256Stream() = default;

void Sha256Stream::add(std::string_view data) {
  if (EVP_DigestUpdate(context_->evp.get(), data.data(), data.size()) != 1)
    throw std::runtime_error("OpenSSL could not compute a SHA-256");
}

Sha256 Sha256Stream::digest() {
  Sha256 digest;
  if (EVP_DigestFinal_ex(context_->evp.get(), digest.bytes.data(), nullptr) != 1)
    throw std::runtime_error("OpenSSL could not compute a SHA-256");
  return digest;
}

Sha256 hmac_sha256(std::string_view key, std::string_view data) {
  Sha256 digest;
  unsigned int length = 0;
  const char* key_bytes = key.empty() ? "" : key.data();  // OpenSSL takes a null pointer for "no key given"
  if (HMAC(EVP_sha256(), key_bytes, static_cast<int>(key.size()), bytes_of(data), data.size(), digest.bytes.data(),
           &length) == nullptr) {
    throw std::runtime_error("OpenSSL could not compute an HMAC");
  }
  return digest;
}

std::string hex(std::span<const uint8_t> bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const uint8_t byte : bytes) {
    text += kHex[byte >> 4];
    text += kHex[byte & 15];
  }
  return text;
}

std::string base64(std::span<const uint8_t> bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

std::string base64(std::string_view bytes) {
  return base64(std::span(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()));
}

std::optional<std::string> base64_decode(std::string_view text) {
  if (text.empty()) return std::string();  // EVP_DecodeBlock reads a first byte even of nothing
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  // EVP_DecodeBlock forgives white space and padding anywhere; this does not.
  const std::string_view digits = text.substr(0, text.size() - padding);
  const bool clean = std::all_of(digits.begin(), digits.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
  });
  if (!clean) return std::nullopt;
  std::string data(text.size() / 4 * 3, '\0');
  if (EVP_DecodeBlock(reinterpret_cast<unsigned char*>(data.data()), bytes_of(text), static_cast<int>(text.size())) < 0)
    return std::nullopt;
  data.erase(data.size() - padding);
  return data;
}

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  std::size_t filled = 0;
  while (filled < count) {
    const ssize_t got = getrandom(bytes.data() + filled, count - filled, 0);
    if (got < 0 && errno != EINTR) throw std::runtime_error("getrandom failed");
    if (got > 0) filled += static_cast<std::size_t>(got);
  }
  return bytes;
}

std::string random_id() {
  static constexpr char kBase32[] = "abcdefghijklmnopqrstuvwxyz234567";
  const std::string bytes = random_bytes(16);
  std::string id;
  unsigned buffer = 0;
  unsigned bits = 0;
  for (const char byte : bytes) {
    buffer = (buffer << 8) | static_cast<unsigned char>(byte);
    for (bits += 8; bits >= 5; bits -= 5) id += kBase32[(buffer >> (bits - 5)) & 31];
  }
  id += kBase32[(buffer << (5 - bits)) & 31];
  return id;
}

}  // namespace codedriftd
