// Attestations made by others' software: securesystemslib and Sigstore's npm packages. What they made once lies beside
// their scripts; where they can be had, they also sign anew.
#include <gtest/gtest.h>

#include "attest/trust.h"
#include "support/npm.h"
#include "support/process.h"
#include "support/program.h"
#include "support/test_signer.h"

namespace codedriftd {
namespace {

using test::read_file;
using test::RunResult;

const std::string kFolder = std::string(CODEDRIFTD_SOURCE_DIR) + "/tests/attest/";

TrustKey trusted_pem(const Json& pem) {
  auto key = PublicKey::from_pem(pem.get<std::string>(), "foreign");
  if (!key) throw std::runtime_error(key.error().message);
  return {"ci", std::move(key).value(), {"prod/*"}, "https://ci.example.com/*", "git+https://git.example.com/*", "f:1"};
}

/// `list` as sign.js and sign.py print it, over the statement in kFolder/statement.json.
void expect_all_verify(const std::string& list) {
  const Target charge{"prod", "ap-guangzhou", "default", "charge", "$LATEST"};
  const Json signed_ones = Json::parse(list);
  ASSERT_EQ(signed_ones.size(), 6U);
  // The key of another kind, which did not sign.
  const std::vector<TrustKey> strangers{trusted_pem(test::TestSigner::ed25519().public_pem()),
                                        trusted_pem(test::TestSigner::ecdsa().public_pem())};
  for (const Json& one : signed_ones) {
    const std::string what = one["what"];
    const std::string attestation = one["attestation"];
    const auto result = verify(attestation, {trusted_pem(one["public_key"])}, charge);
    ASSERT_TRUE(result) << what << ": " << result.error().message;
    ASSERT_EQ(result->subjects.size(), 1U) << what;
    EXPECT_EQ(result->subjects[0].content->text(), "h1:Khu2En+0gcYPZ2kuIihfswbzxv/mIHXgzPZ018Oty48=") << what;
    EXPECT_EQ(result->builder, "https://ci.example.com/runner/7") << what;
    EXPECT_EQ(result->source, "git+https://git.example.com/shop/pay@refs/heads/main") << what;
    EXPECT_EQ(result->commit, "0123456789abcdef0123456789abcdef01234567") << what;
    EXPECT_FALSE(verify(attestation, strangers, charge)) << what;
  }
}

std::string statement_on_stdin() { return read_file(kFolder + "statement.json"); }

TEST(ForeignAttestations, MadeBySecuresystemslibVerify) {
  expect_all_verify(read_file(kFolder + "securesystemslib/signed.json"));
}

TEST(ForeignAttestations, MadeBySigstoresPackagesVerify) {
  expect_all_verify(read_file(kFolder + "sigstore/signed.json"));
}

TEST(ForeignAttestations, ThatSecuresystemslibMakesNowVerify) {
  constexpr char kPython[] = "/usr/bin/python3";  // Debian's, which has Debian's packages
  if (!succeeded(test::run({.argv = {kPython, "-c", "import securesystemslib, nacl, cryptography"}})))
    GTEST_SKIP() << "python3-securesystemslib, python3-nacl or python3-cryptography is not installed";
  const RunResult made =
      test::run({.argv = {kPython, kFolder + "securesystemslib/sign.py"}, .stdin_text = statement_on_stdin()});
  ASSERT_TRUE(succeeded(made)) << made.err;
  expect_all_verify(made.out);
}

TEST(ForeignAttestations, ThatSigstoresPackagesMakeNowVerify) {
  const test::NpmFolder npm("attest/sigstore", "sign.js");
  if (const std::string why = npm.install(); !why.empty()) GTEST_SKIP() << why;
  const RunResult made = npm.run_script({}, statement_on_stdin());
  ASSERT_TRUE(succeeded(made)) << made.err;
  expect_all_verify(made.out);
}

}  // namespace
}  // namespace codedriftd
