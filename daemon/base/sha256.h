#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace codedriftd {

/// A SHA-256 digest: 32 bytes.
struct Sha256 {
  std::array<uint8_t, 32> bytes{};

  /// 64 lower-case hex digits.
  std::string hex() const;
  /// From exactly 64 hex digits of either case; nullopt for anything else.
  static std::optional<Sha256> from_hex(std::string_view hex);
  /// From exactly 32 bytes; nullopt for anything else.
  static std::optional<Sha256> from_bytes(std::span<const uint8_t> bytes);

  friend auto operator<=>(const Sha256&, const Sha256&) = default;
};

Sha256 sha256(std::string_view data);
/// The digest of what comes piece by piece. Throws std::runtime_error if OpenSSL has no memory.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(const Sha256Stream&) = delete;
  void add(std::string_view data);
  Sha256 digest();  ///< of all of it; ends the stream

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};
Sha256 hmac_sha256(std::string_view key, std::string_view data);

std::string hex(std::span<const uint8_t> bytes);
std::string base64(std::span<const uint8_t> bytes);
std::string base64(std::string_view bytes);
/// Standard alphabet with padding; nullopt for anything else.
std::optional<std::string> base64_decode(std::string_view text);

/// `count` bytes from the system's generator. Throws std::runtime_error if it fails.
std::string random_bytes(std::size_t count);
/// 128 random bits as 26 characters of lower-case base32 (RFC 4648 alphabet, no padding): an id made once.
std::string random_id();

}  // namespace codedriftd
