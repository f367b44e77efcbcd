// Which attestation is believed for which function, and how the others are refused.
#include "attest/trust.h"

#include <gtest/gtest.h>

#include "attest/envelope.h"
#include "support/test_signer.h"

namespace codedriftd {
namespace {

using test::envelope_with;
using test::provenance;
using test::statement_about;
using test::TestSigner;
using Why = Refusal::Why;

const Target kCharge{"prod", "ap-guangzhou", "default", "charge", "$LATEST"};
constexpr char kBuilder[] = "https://ci.example.com/runner/7";
constexpr char kRepository[] = "https://git.example.com/shop/pay";

TrustKey trust(const std::string& name, const TestSigner& signer, std::vector<std::string> targets = {"prod/*"},
               std::string builder = "", std::string source = "") {
  auto key = PublicKey::from_pem(signer.public_pem(), name);
  if (!key) throw std::runtime_error(key.error().message);
  return {name, std::move(key).value(), std::move(targets), std::move(builder), std::move(source), "f.toml:7"};
}

std::string signed_by(const TestSigner& signer, const Json& statement, const std::string& keyid = "") {
  const std::string payload = statement.dump();
  return envelope_with(payload, {signer.signature(payload, keyid)}).dump();
}

ContentDigest content_with(char digit) { return {Sha256::from_hex(std::string(64, digit)).value()}; }

/// "who: names of subjects", or "refused: why in a number".
std::string told(const Result<Attested, Refusal>& result) {
  if (!result) return "refused: " + result.error().message;
  std::string text = result->key + ":";
  for (const Subject& subject : result->subjects) text += " " + subject.name;
  return text;
}

TEST(Attestation, SignedByATrustedKeyIsTakenWithWhatItSays) {
  for (const TestSigner& signer : {TestSigner::ed25519(), TestSigner::ecdsa()}) {
    const std::string envelope = signed_by(signer, provenance(kBuilder, kRepository));
    const auto result = verify(envelope, {trust("ci", signer)}, kCharge);
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->key, "ci");
    EXPECT_EQ(result->subjects, (std::vector<Subject>{{"charge", content_with('a'), {}}}));
    EXPECT_EQ(result->predicate_type, "https://slsa.dev/provenance/v1");
    EXPECT_EQ(result->builder, kBuilder);
    EXPECT_EQ(result->source, "git+https://git.example.com/shop/pay@refs/heads/main");
    EXPECT_EQ(result->commit, std::string(40, 'c'));
    EXPECT_EQ(result->payload, provenance(kBuilder, kRepository).dump()) << "byte for byte, to be verified again";
    EXPECT_TRUE(
        trust("ci", signer).key.verify(pre_authentication_encoding(kInTotoType, result->payload), result->signature));
  }
}

TEST(Attestation, OfTwoSignaturesNeedsOneThatIsGood) {
  const TestSigner ours = TestSigner::ed25519();
  const TestSigner stranger = TestSigner::ecdsa();
  const std::string payload = statement_about().dump();
  const Json bad{{"keyid", "ci"}, {"sig", "AAAA"}};
  for (const std::vector<Json>& signatures :
       {std::vector<Json>{ours.signature(payload), bad}, std::vector<Json>{bad, ours.signature(payload)},
        std::vector<Json>{stranger.signature(payload, "ci"), ours.signature(payload, "no such key")}}) {
    EXPECT_EQ(told(verify(envelope_with(payload, signatures).dump(), {trust("ci", ours)}, kCharge)), "ci: charge");
  }
}

TEST(Attestation, IsTakenWhateverItsKeyidSays) {
  const TestSigner ours = TestSigner::ed25519();
  const TestSigner other = TestSigner::ed25519();
  EXPECT_EQ(
      told(verify(signed_by(ours, statement_about(), "other"), {trust("other", other), trust("ci", ours)}, kCharge)),
      "ci: charge");
}

TEST(Attestation, IsRefusedByWhyAndInWords) {
  const TestSigner ours = TestSigner::ed25519();
  const TestSigner stranger = TestSigner::ed25519();
  const std::vector<TrustKey> any{trust("ci", ours)};
  const std::vector<TrustKey> strict{
      trust("ci", ours, {"prod/*"}, "https://ci.example.com/*", "git+https://git.example.com/shop/*")};
  const std::string payload = statement_about().dump();
  Json changed = envelope_with(payload, {ours.signature(payload, "ci")});
  changed["payload"] = base64(statement_about("charge", 'b').dump());
  Json by_id = changed;
  by_id["signatures"][0]["keyid"] = any[0].key.id();
  Json nameless = changed;
  nameless["signatures"][0]["keyid"] = "";
  Json no_digest = statement_about();
  no_digest["subject"][0]["digest"] = {{"sha512", "x"}};

  Json sourceless = provenance(kBuilder, kRepository);
  sourceless["predicate"].erase("buildDefinition");

  struct Case {
    std::string envelope;
    std::vector<TrustKey> keys;
    Why why;
    std::string message;
  };
  const std::vector<Case> cases{
      {"{", any, Why::unreadable, "the attestation is not one JSON document"},
      {signed_by(ours, statement_about()), {}, Why::unknown_key, "no key is trusted; add a [trust.NAME]"},
      {signed_by(stranger, statement_about()), any, Why::unknown_key,
       "it is signed by no key of [trust], or was changed"},
      {nameless.dump(), any, Why::unknown_key, "it is signed by no key of [trust], or was changed after it was signed"},
      {changed.dump(), any, Why::broken_signature, "a signature says it is by the key of [trust.ci], but it is not"},
      {by_id.dump(), any, Why::broken_signature, "a signature says it is by the key of [trust.ci], but it is not"},
      {signed_by(ours, {{"_type", "https://in-toto.io/Statement/v0.1"}}), any, Why::bad_statement,
       "the statement has the _type \"https://in-toto.io/Statement/v0.1\""},
      {signed_by(ours, statement_about()),
       {trust("ci", ours, {"test/*", "dev/*"})},
       Why::other_target,
       "the key of [trust.ci] (f.toml:7) may attest \"test/*\", \"dev/*\", not "
       "prod/ap-guangzhou/default/charge:$LATEST"},
      {signed_by(ours, provenance("https://evil.example.com/", kRepository)), strict, Why::other_builder,
       "its builder is \"https://evil.example.com/\"; [trust.ci] (f.toml:7) wants builder = "
       "\"https://ci.example.com/*\""},
      {signed_by(ours, statement_about()), strict, Why::other_builder, "its builder is not told"},
      {signed_by(ours, provenance(kBuilder, "https://git.example.com/evil/pay")), strict, Why::other_source,
       "its source is \"git+https://git.example.com/evil/pay@refs/heads/main\"; [trust.ci] (f.toml:7) wants source ="},
      {signed_by(ours, provenance(kBuilder, "https://git.example.com/shop/../evil/pay")), strict, Why::other_source,
       "its"},
      {signed_by(ours, provenance(kBuilder, "https://git.example.com/shop/%2E%2e/evil/pay")), strict, Why::other_source,
       "its source"},
      {signed_by(ours, sourceless), {trust("ci", ours, {"*"}, "", "*")}, Why::other_source, "its source is not told"},
      {signed_by(ours, no_digest), any, Why::no_subject, "none of its subjects has a digest dirHash1 or sha256"},
      {signed_by(ours, statement_about("prod/ap-guangzhou/default/refund:$LATEST")), any, Why::no_subject,
       "its subject is named \"prod/ap-guangzhou/default/refund:$LATEST\", not \"charge\" or \""},
  };
  for (const Case& c : cases) {
    const auto result = verify(c.envelope, c.keys, kCharge);
    ASSERT_FALSE(result) << c.message;
    EXPECT_EQ(result.error().why, c.why) << result.error().message;
    EXPECT_TRUE(result.error().message.starts_with(c.message)) << result.error().message;
  }
}

TEST(Attestation, IsRefusedInHarmlessWords) {
  const TestSigner ours = TestSigner::ed25519();
  const auto result = verify(signed_by(ours, provenance("\x1b[31m\u202e", kRepository)),
                             {trust("ci", ours, {"*"}, "https://*")}, kCharge);
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().message.starts_with("its builder is \"\\u{1b}[31m\\u{202e}\"")) << result.error().message;
}

TEST(Attestation, OfAPayloadUnderAnotherTypeIsNotBelieved) {
  // The type is signed too: what was signed as something else is not a statement because the envelope says so.
  const TestSigner ours = TestSigner::ed25519();
  const std::string payload = statement_about().dump();
  const std::string message = "DSSEv1 16 application/json " + std::to_string(payload.size()) + " " + payload;
  const Json signature{{"sig", base64(ours.sign(message))}};
  const auto result = verify(envelope_with(payload, {signature}).dump(), {trust("ci", ours)}, kCharge);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().why, Why::unknown_key);
  const Json bare{{"sig", base64(ours.sign(payload))}};
  EXPECT_FALSE(verify(envelope_with(payload, {bare}).dump(), {trust("ci", ours)}, kCharge));
}

TEST(Attestation, SourcePatternsMatchWithOrWithoutTheRef) {
  const TestSigner ours = TestSigner::ed25519();
  const auto taken = [&](const std::string& pattern, const std::string& repository, const std::string& ref) {
    return verify(signed_by(ours, provenance(kBuilder, repository, ref)), {trust("ci", ours, {"*"}, "", pattern)},
                  kCharge)
        .ok();
  };
  const std::string pay = "git+https://git.example.com/shop/pay";
  EXPECT_TRUE(taken(pay, kRepository, "refs/heads/main"));
  EXPECT_TRUE(taken(pay + "@refs/heads/main", kRepository, "refs/heads/main"));
  EXPECT_FALSE(taken(pay + "@refs/heads/main", kRepository, "refs/heads/mine"));
  EXPECT_TRUE(taken("git+https://git.example.com/shop/*", kRepository, "refs/heads/mine"));
  EXPECT_FALSE(taken(pay, "https://git.example.com/shop/payments", "refs/heads/main"));
}

TEST(Attestation, OfTwoTrustedKeysCountsByTheOneThatMay) {
  const TestSigner build = TestSigner::ed25519();
  const TestSigner review = TestSigner::ecdsa();
  const std::string payload = statement_about().dump();
  const std::string both = envelope_with(payload, {build.signature(payload), review.signature(payload)}).dump();
  EXPECT_EQ(told(verify(both, {trust("build", build, {"test/*"}), trust("review", review)}, kCharge)),
            "review: charge");
  EXPECT_EQ(told(verify(both, {trust("build", build), trust("review", review)}, kCharge)), "build: charge");
  // Nobody counts: what is said is about the key that may attest this target at all.
  const auto neither =
      verify(both, {trust("build", build, {"test/*"}), trust("review", review, {"*"}, "https://ci/*")}, kCharge);
  ASSERT_FALSE(neither);
  EXPECT_EQ(neither.error().why, Why::other_builder);
}

TEST(Attestation, SourceIsHeldAgainstItsPatternUrlByUrlAndRefByRef) {
  const TestSigner ours = TestSigner::ed25519();
  const std::string repository = "https://git.example.com/shop/pay";
  const struct {
    std::string pattern, repository, ref;
    bool good;
  } cases[] = {
      {"git+https://git.example.com/shop/*", repository, "refs/heads/main", true},
      {"git+https://git.example.com/shop/*@refs/heads/main", repository, "refs/heads/main", true},
      {"git+https://git.example.com/shop/*@refs/tags/*", repository, "refs/tags/v1", true},
      {"git+https://git.example.com/shop/*@refs/heads/main", repository, "refs/heads/dev", false},
      {"git+https://git.example.com/shop/*@refs/heads/main", repository, "refs/heads/dev@refs/heads/main", false},
      {"git+https://git.example.com/shop/*", "https://git.example.com/shop/x%2f..%2f..%2fevil", "refs/heads/main",
       false},
      {"git+https://git.example.com/shop/*", "https://git.example.com/shop/x%5C..%5Cevil", "refs/heads/main", false},
      {"git+ssh://git@git.example.com/shop/*@refs/heads/main", "ssh://git@git.example.com/shop/pay", "refs/heads/main",
       true},
  };
  for (const auto& each : cases) {
    const std::string envelope = signed_by(ours, provenance(kBuilder, each.repository, each.ref));
    EXPECT_EQ(verify(envelope, {trust("ci", ours, {"prod/*"}, "", each.pattern)}, kCharge).ok(), each.good)
        << each.pattern << " and " << each.repository << "@" << each.ref;
  }
}

TEST(Attestation, SubjectsAreChosenByTheirNames) {
  const TestSigner ours = TestSigner::ed25519();
  struct Case {
    std::vector<std::string> names;
    std::string expected;  ///< names of the subjects; "-": none fits
  };
  const std::string own = kCharge.address();
  const std::string others = "prod/ap-guangzhou/default/refund:$LATEST";
  const std::vector<Case> cases{
      {{""}, ""},  // the only one, and left open on purpose
      {{"_"}, "_"},
      {{"", "_"}, "-"},
      {{"package.zip"}, "-"},
      {{"refund"}, "-"},
      {{others}, "-"},
      {{own}, own},
      {{"charge", "refund"}, "charge"},
      {{"refund", "charge.zip"}, "charge.zip"},
      {{"dist/charge.zip", "dist/refund.zip"}, "dist/charge.zip"},
      {{"out/charge", "out/charge.zip", "x"}, "out/charge out/charge.zip"},
      {{"charge", own}, own},  // the more exact one
      {{"a", "b"}, "-"},
      {{"charge-v2.zip", "b"}, "-"},
      {{"charge/x", "b"}, "-"},
      {{"Charge", "b"}, "-"},
      {{others, "prod/ap-guangzhou/default/charge:3"}, "-"},
      {{others, "charge"}, "charge"},
  };
  for (const Case& c : cases) {
    Json statement = statement_about();
    statement["subject"].clear();
    for (const std::string& name : c.names)
      statement["subject"].push_back({{"name", name}, {"digest", {{"dirHash1", sha256(name).hex()}}}});
    const std::string got = told(verify(signed_by(ours, statement), {trust("ci", ours)}, kCharge));
    if (c.expected == "-") {
      EXPECT_TRUE(got.starts_with("refused: none of its ") || got.starts_with("refused: its subject is named ")) << got;
    } else {
      EXPECT_EQ(got, "ci: " + c.expected);
    }
  }
}

TEST(Attestation, FindsItsFunctionAmongHundreds) {
  const TestSigner ours = TestSigner::ecdsa();
  Json statement = statement_about();
  statement["subject"].clear();
  for (int i = 0; i < 800; ++i)
    statement["subject"].push_back(
        {{"name", "dist/f" + std::to_string(i) + ".zip"}, {"digest", {{"dirHash1", sha256(std::to_string(i)).hex()}}}});
  const std::string envelope = signed_by(ours, statement);
  for (const int i : {0, 399, 799}) {
    Target target = kCharge;
    target.function = "f" + std::to_string(i);
    const auto result = verify(envelope, {trust("ci", ours)}, target);
    ASSERT_TRUE(result) << result.error().message;
    ASSERT_EQ(result->subjects.size(), 1U);
    EXPECT_EQ(result->subjects[0].content->sha256, sha256(std::to_string(i)));
  }
  EXPECT_FALSE(verify(envelope, {trust("ci", ours)}, kCharge));
}

TEST(Attestation, SubjectWithoutAKnownDigestIsNotCounted) {
  const TestSigner ours = TestSigner::ed25519();
  Json statement = statement_about("_");
  statement["subject"].push_back({{"name", "charge"}, {"digest", {{"sha512", "x"}}}});
  EXPECT_EQ(told(verify(signed_by(ours, statement), {trust("ci", ours)}, kCharge)), "ci: _");
}

}  // namespace
}  // namespace codedriftd
