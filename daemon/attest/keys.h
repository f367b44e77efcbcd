#pragma once
/// The public keys that attestations are verified with.
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace codedriftd {

/// An Ed25519 key, or an ECDSA key on P-256 (with SHA-256 and signatures in DER, as securesystemslib and Sigstore write
/// them). Copies share the key; any number of threads may verify with it.
class PublicKey {
 public:
  enum class Kind { ed25519, ecdsa_p256 };

  /// Reads a file that holds one SubjectPublicKeyInfo in PEM. Refused, with the path and the remedy in the message:
  /// what cannot be read, is no regular file, is over 64 KiB, may be changed by its group or others, holds a private
  /// key, a certificate, several keys, or a key of another kind.
  static Result<PublicKey> load(const std::string& path);
  /// The same from text; `name` stands for the path in messages.
  static Result<PublicKey> from_pem(std::string_view pem, const std::string& name);

  /// True if `signature` is this key's over `message`. Throws std::runtime_error if OpenSSL has no memory.
  bool verify(std::string_view message, std::string_view signature) const;
  Kind kind() const { return kind_; }
  /// SHA-256 of the SubjectPublicKeyInfo in DER, in hex: `openssl pkey -pubin -in FILE -outform DER | sha256sum`.
  const std::string& id() const { return id_; }

 private:
  struct Handle;
  PublicKey(std::shared_ptr<const Handle> handle, Kind kind, std::string id);

  std::shared_ptr<const Handle> handle_;
  Kind kind_;
  std::string id_;
};

}  // namespace codedriftd
