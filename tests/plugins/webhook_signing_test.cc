#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <memory>
#include <string>

#include "base/sha256.h"
#include "support/standard_webhooks.h"
#include "webhook/signing.h"

namespace codedriftd::webhook {
namespace {

using test::kExampleId;
using test::kExampleSecret;
using test::kExampleTimestamp;

// What the example says, and its signature.
constexpr const char* kBody = R"({"test": 2432232314})";
constexpr const char* kSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

// RFC 8032 7.1, test 1: the secret key, its public key, and the signature of nothing.
constexpr const char* kSeedHex = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
constexpr const char* kPublicHex = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

std::string bytes_of(const char* hex) {
  const Sha256 parsed = Sha256::from_hex(hex).value();
  return {parsed.bytes.begin(), parsed.bytes.end()};
}
std::string secret_of(std::size_t bytes, char fill) { return "whsec_" + base64(std::string(bytes, fill)); }
std::string ed25519_secret() { return "whsk_" + base64(bytes_of(kSeedHex)); }

/// With OpenSSL's verifying side, and the public key alone.
bool verifies(const std::string& public_key, const std::string& signature, const std::string& text) {
  const auto* raw = reinterpret_cast<const unsigned char*>(public_key.data());
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, raw, public_key.size()), EVP_PKEY_free);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  const auto bytes = base64_decode(signature).value();
  return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                          reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
}

TEST(Ed25519, SignsWhatThePublicKeyVerifies) {
  const auto keys = decode_keys(ed25519_secret());
  ASSERT_TRUE(keys);
  EXPECT_EQ(public_key(keys->front()), "whpk_" + base64(bytes_of(kPublicHex)));
  const std::string list = signature(*keys, kExampleId, kExampleTimestamp, kBody);
  ASSERT_TRUE(list.starts_with("v1a,")) << list;
  const std::string text = std::string(kExampleId) + "." + std::to_string(kExampleTimestamp) + "." + kBody;
  EXPECT_TRUE(verifies(bytes_of(kPublicHex), list.substr(4), text));
  EXPECT_FALSE(verifies(bytes_of(kPublicHex), list.substr(4), text + " "));
  EXPECT_EQ(signature(*keys, kExampleId, kExampleTimestamp, kBody), list) << "Ed25519 is deterministic";
}

TEST(Ed25519, ThePrivateKeyMayComeAsSeedWithItsPublicKeyOrInPkcs8) {
  const std::string seed = bytes_of(kSeedHex);
  const std::string pkcs8 = std::string("\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20", 16) + seed;
  for (const std::string& form : {seed, seed + bytes_of(kPublicHex), pkcs8}) {
    const auto keys = decode_keys("whsk_" + base64(form));
    ASSERT_TRUE(keys) << form.size();
    EXPECT_EQ(keys->front().bytes.reveal(), seed);
  }
  std::string strange = pkcs8;
  strange[11] = '\x6e';  // X25519
  for (const std::string& form : {seed + seed, seed.substr(1), seed + "x", strange}) {
    EXPECT_FALSE(decode_keys("whsk_" + base64(form))) << form.size();
  }
}

TEST(Signature, MixesBothKindsInTheOrderOfTheFile) {
  const auto keys = decode_keys(ed25519_secret() + " " + kExampleSecret);
  ASSERT_TRUE(keys);
  const std::string list = signature(*keys, kExampleId, kExampleTimestamp, kBody);
  EXPECT_TRUE(list.starts_with("v1a,")) << list;
  EXPECT_TRUE(list.ends_with(std::string(" ") + kSignature)) << list;
}

TEST(Signature, AgreesWithStandardWebhooks) {
  const auto keys = decode_keys(kExampleSecret);
  ASSERT_TRUE(keys);
  EXPECT_EQ(signature(*keys, kExampleId, kExampleTimestamp, kBody), kSignature);
}

TEST(Signature, HasOneEntryForEachKeyDuringARotation) {
  const auto keys = decode_keys(std::string(kExampleSecret) + "\n" + secret_of(32, 'n') + "\n");
  ASSERT_TRUE(keys);
  const std::string list = signature(*keys, kExampleId, kExampleTimestamp, kBody);
  EXPECT_TRUE(list.starts_with(std::string(kSignature) + " v1,")) << list;
  for (const std::string& secret : {std::string(kExampleSecret), secret_of(32, 'n')}) {
    EXPECT_EQ(
        test::check_webhook(secret, kExampleId, std::to_string(kExampleTimestamp), list, kBody, kExampleTimestamp),
        test::WebhookVerdict::good);
  }
  EXPECT_EQ(test::check_webhook(secret_of(32, 'x'), kExampleId, std::to_string(kExampleTimestamp), list, kBody,
                                kExampleTimestamp),
            test::WebhookVerdict::wrong_signature);
}

TEST(DecodeKeys, TakesOnlyTheFormOfStandardWebhooks) {
  EXPECT_TRUE(decode_keys(secret_of(24, 'k')));
  EXPECT_TRUE(decode_keys(secret_of(64, 'k')));
  const std::string wrong[] = {"",
                               "  ",
                               "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                               "whsec_",
                               "whsec_!!!!",
                               "whsk_",
                               "whsk_!!!!",
                               "whpk_" + base64(bytes_of(kPublicHex)),
                               secret_of(23, 'k'),
                               secret_of(65, 'k'),
                               secret_of(32, 'k') + " fake-plain-password"};
  for (const std::string& text : wrong) {
    const auto keys = decode_keys(text);
    ASSERT_FALSE(keys) << text;
    EXPECT_EQ(keys.error().message.find("fake-plain"), std::string::npos);
  }
}

TEST(MessageId, CannotHoldTheDotThatPartsTheSignedText) {
  EXPECT_TRUE(is_message_id("abc-DEF_234"));
  EXPECT_TRUE(is_message_id(std::string(64, 'a')));
  for (const char* id : {"", "a.b", "a b", "a\r\nX: y", "é"}) EXPECT_FALSE(is_message_id(id)) << id;
  EXPECT_FALSE(is_message_id(std::string(65, 'a')));
}

}  // namespace
}  // namespace codedriftd::webhook
