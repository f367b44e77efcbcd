#pragma once
/// Keys and signed envelopes for tests, made with OpenSSL and nlohmann::json alone.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace codedriftd::test {

/// A key pair of its own. Everything throws std::runtime_error if OpenSSL refuses.
class TestSigner {
 public:
  static TestSigner ed25519();
  /// A group as OpenSSL names it: "P-256", "P-384".
  static TestSigner ecdsa(const std::string& group = "P-256");
  static TestSigner rsa();

  std::string public_pem() const;
  std::string private_pem() const;
  std::string sign(std::string_view message) const;
  /// One element of `signatures` over a payload of the in-toto type.
  Json signature(std::string_view payload, const std::string& keyid = "") const;

 private:
  explicit TestSigner(void* key);
  std::shared_ptr<void> key_;  ///< EVP_PKEY
};

/// An envelope around `payload` with these elements as its signatures.
Json envelope_with(std::string_view payload, const std::vector<Json>& signatures);
/// A statement v1 about one subject "charge" with a dirHash1 of 64 times `digit`.
Json statement_about(const std::string& name = "charge", char digit = 'a');
/// The same with SLSA provenance of this builder and workflow.
Json provenance(const std::string& builder, const std::string& repository, const std::string& ref = "refs/heads/main",
                const std::string& commit = std::string(40, 'c'));

}  // namespace codedriftd::test
