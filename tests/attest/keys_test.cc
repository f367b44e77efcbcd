// Public keys: which files hold one, and what they verify.
#include "attest/keys.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "attest/envelope.h"
#include "support/temp_dir.h"
#include "support/test_signer.h"

namespace codedriftd {
namespace {

using test::TempDir;
using test::TestSigner;

PublicKey key_of(const TestSigner& signer) {
  auto key = PublicKey::from_pem(signer.public_pem(), "key");
  if (!key) throw std::runtime_error(key.error().message);
  return std::move(key).value();
}

std::string refusal_of_key(const std::string& pem) {
  const auto key = PublicKey::from_pem(pem, "ci.pub");
  return key ? "taken" : key.error().message;
}

TEST(PublicKey, VerifiesWhatItsPrivateHalfSignedAndNothingElse) {
  for (const TestSigner& signer : {TestSigner::ed25519(), TestSigner::ecdsa()}) {
    const PublicKey key = key_of(signer);
    const std::string signature = signer.sign("message");
    EXPECT_TRUE(key.verify("message", signature));
    EXPECT_FALSE(key.verify("messagf", signature));
    EXPECT_FALSE(key.verify("", signature));
    EXPECT_FALSE(key.verify("message", ""));
    EXPECT_FALSE(key.verify("message", signature + "x"));
    EXPECT_FALSE(key.verify("message", signature.substr(1)));
    for (std::size_t i = 0; i < signature.size(); ++i) {
      std::string changed = signature;
      changed[i] = static_cast<char>(changed[i] ^ 1);
      EXPECT_FALSE(key.verify("message", changed)) << i;
    }
    EXPECT_TRUE(key.verify("message", signature)) << "a bad signature leaves nothing behind";
    EXPECT_FALSE(key_of(TestSigner::ed25519()).verify("message", signature));
    EXPECT_FALSE(key_of(TestSigner::ecdsa()).verify("message", signature));
  }
  EXPECT_EQ(key_of(TestSigner::ed25519()).kind(), PublicKey::Kind::ed25519);
  EXPECT_EQ(key_of(TestSigner::ecdsa()).kind(), PublicKey::Kind::ecdsa_p256);
}

// DSSE's protocol.md gives this key as X and Y, and its signature as r and s side by side; here both are in DER.
constexpr char kProtocolsKey[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEZ805D3eqNZywjCI19lInBJOp7YMr\n"
    "CrzAH3CVTAOQ0jgMeCvVTiaRJaRPRDOv8UMs6U4SvKc6pnrIDOoSYI3fdA==\n"
    "-----END PUBLIC KEY-----\n";
constexpr char kProtocolsSignature[] =
    "MEQCIANyarEBrVbCdjtsaqyOSHJ14qeRk6CdxfhZ2fjvPEo7AiBR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA==";

TEST(PublicKey, VerifiesTheProtocolsTestVector) {
  const auto key = PublicKey::from_pem(kProtocolsKey, "key");
  ASSERT_TRUE(key) << key.error().message;
  const std::string signature = any_base64_decode(kProtocolsSignature).value();
  EXPECT_TRUE(key->verify(pre_authentication_encoding("http://example.com/HelloWorld", "hello world"), signature));
  EXPECT_FALSE(key->verify(pre_authentication_encoding("http://example.com/helloWorld", "hello world"), signature));
}

TEST(PublicKey, HasTheDigestOfItsDerAsItsId) {
  const auto key = PublicKey::from_pem(kProtocolsKey, "key");
  ASSERT_TRUE(key);
  EXPECT_EQ(key->id(), "f793580060562d6ff075d814ea698c282fcc779b0cde64d79ffc6301df00d14b");
}

TEST(PublicKey, OfAnotherKindIsRefusedByName) {
  struct Case {
    std::string pem, expected;
  };
  const TestSigner good = TestSigner::ed25519();
  std::string broken = good.public_pem();
  broken[30] = '!';
  const std::vector<Case> cases{
      {"", "ci.pub: holds no public key in PEM"},
      {"hello\n", "ci.pub: holds no public key in PEM"},
      {"ssh-ed25519 AAAA ci\n",
       "ci.pub: holds no public key in PEM (\"-----BEGIN PUBLIC KEY-----\"), but one of OpenSSH's"},
      {broken, "ci.pub: is broken PEM"},
      {good.public_pem().substr(0, 60), "ci.pub: is broken PEM"},
      {"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
       "ci.pub: holds a public key that cannot be read"},
      {TestSigner::rsa().public_pem(), "ci.pub: is an RSA key of 2048 bits; Ed25519 and ECDSA P-256 are supported"},
      {TestSigner::ecdsa("P-384").public_pem(), "ci.pub: is an ECDSA key on the curve secp384r1; Ed25519"},
      {"-----BEGIN RSA PUBLIC KEY-----\nAAAA\n-----END RSA PUBLIC KEY-----\n", "ci.pub: is an RSA key"},
      {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
       "ci.pub: holds a certificate; the bare key is wanted: openssl x509 -in ci.pub -pubkey -noout"},
      {"-----BEGIN X-----\nAAAA\n-----END X-----\n", "ci.pub: holds something else than a public key"},
      {good.private_pem(), "ci.pub: holds a private key, which only the signer may have"},
      {good.public_pem() + good.private_pem(), "ci.pub: holds a private key"},
      {good.public_pem() + TestSigner::ecdsa().public_pem(), "ci.pub: holds several keys"},
  };
  for (const Case& c : cases) {
    const std::string refusal = refusal_of_key(c.pem);
    EXPECT_TRUE(refusal.starts_with(c.expected)) << c.pem << "\n" << refusal;
  }
  EXPECT_EQ(refusal_of_key("made by us in 2026\n" + good.public_pem() + "\n"), "taken") << "words around it do no harm";
}

TEST(PublicKey, WithItsCurveWrittenOutIsRefused) {
  // openssl ecparam -name prime256v1 -param_enc explicit -genkey | openssl pkey -pubout
  EXPECT_EQ(refusal_of_key(R"(-----BEGIN PUBLIC KEY-----
MIIBSzCCAQMGByqGSM49AgEwgfcCAQEwLAYHKoZIzj0BAQIhAP////8AAAABAAAA
AAAAAAAAAAAA////////////////MFsEIP////8AAAABAAAAAAAAAAAAAAAA////
///////////8BCBaxjXYqjqT57PrvVV2mIa8ZR0GsMxTsPY7zjw+J9JgSwMVAMSd
NgiG5wSTamZ44ROdJreBn36QBEEEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5
RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9QIhAP////8AAAAA
//////////+85vqtpxeehPO5ysL8YyVRAgEBA0IABLUviWxbL5BWsFQjoLfmGeab
KfK/nkQMaT7uWjU81Z6T5SRSuclCVxjIVodU4N1/2ecR//uAU0+LmYPpTNfXTzs=
-----END PUBLIC KEY-----
)")
                .substr(0, 53),
            "ci.pub: is an ECDSA key with its curve written out; E");
}

TEST(PublicKey, IsLoadedFromAFileThatOnlyItsOwnerMayChange) {
  const TempDir folder;
  const std::string path = folder.write("ci.pub", TestSigner::ed25519().public_pem());
  for (const mode_t mode : {0600U, 0644U, 0444U}) {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    EXPECT_TRUE(PublicKey::load(path)) << mode;
  }
  for (const mode_t mode : {0664U, 0646U, 0666U}) {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    const auto key = PublicKey::load(path);
    ASSERT_FALSE(key) << mode;
    EXPECT_NE(key.error().message.find("lets others than its owner change it; chmod 0644 " + path), std::string::npos)
        << key.error().message;
  }
}

TEST(PublicKey, IsNotLoadedFromWhatIsNoFile) {
  const TempDir folder;
  const std::string pipe = folder / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const std::vector<std::pair<std::string, std::string>> cases{
      {folder / "missing", "cannot be read: No such file or directory"},
      {folder.path().string(), "is not a regular file"},
      {pipe, "is not a regular file"},
      {folder.write("large", std::string(65'537, 'x')), "is 65537 bytes long"},
      {folder.write("empty", ""), "holds no public key in PEM"},
  };
  for (const auto& [path, expected] : cases) {
    const auto key = PublicKey::load(path);
    ASSERT_FALSE(key) << path;
    EXPECT_TRUE(key.error().message.starts_with(path + ": " + expected)) << key.error().message;
  }
}

}  // namespace
}  // namespace codedriftd
