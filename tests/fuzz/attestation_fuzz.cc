// Arbitrary bytes as an attestation, and as the statement inside one: never a crash, never anything taken that nobody
// signed, and only clean text comes out.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "attest/envelope.h"
#include "attest/statement.h"
#include "attest/trust.h"
#include "base/text.h"

namespace {

constexpr char kKey[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEZ805D3eqNZywjCI19lInBJOp7YMr\n"
    "CrzAH3CVTAOQ0jgMeCvVTiaRJaRPRDOv8UMs6U4SvKc6pnrIDOoSYI3fdA==\n"
    "-----END PUBLIC KEY-----\n";

void require(bool holds) {
  if (!holds) std::abort();
}

void look_at_statement(std::string_view payload) {
  const auto statement = codedriftd::read_statement(payload);
  if (!statement) return require(codedriftd::valid_utf8(statement.error().message));
  require(!statement->subjects.empty() && !statement->predicate_type.empty());
  for (const codedriftd::Subject& subject : statement->subjects) require(codedriftd::valid_utf8(subject.name));
  for (const std::string* text : {&statement->predicate_type, &statement->builder, &statement->source}) {
    require(codedriftd::valid_utf8(*text) && text->size() <= 4000);
  }
  require(statement->commit.empty() || statement->commit.size() == 40 || statement->commit.size() == 64);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  static const std::vector<codedriftd::TrustKey> kKeys{
      {"ci", codedriftd::PublicKey::from_pem(kKey, "key").value(), {"*"}, "", "", "f:1"}};
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  look_at_statement(bytes);
  const auto envelope = codedriftd::read_envelope(bytes);
  if (envelope) {
    require(!envelope->signatures.empty() && envelope->signatures.size() <= codedriftd::kMostSignatures);
    look_at_statement(envelope->payload);
  } else {
    require(codedriftd::valid_utf8(envelope.error().message));
  }
  const auto verified = codedriftd::verify(bytes, kKeys, {"prod", "ap-guangzhou", "default", "charge", "$LATEST"});
  require(!verified && codedriftd::valid_utf8(verified.error().message));
  (void)codedriftd::PublicKey::from_pem(bytes, "key");
  return 0;
}
