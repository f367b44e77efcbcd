/// Announcements and approvals that come with an attestation.
#include <gtest/gtest.h>

#include "actions/reconcile_actions.h"
#include "actions/vouching.h"
#include "attest/envelope.h"
#include "base/json.h"
#include "store/ledger/watch_list.h"
#include "store/packages/packages.h"
#include "store/record/attestations.h"
#include "support/temp_dir.h"
#include "support/test_record.h"
#include "support/test_signer.h"

namespace codedriftd::test {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kMidnight{Millis{1'795'478'400'000}};  // 2026-11-24T00:00:00Z
const Caller kPipeline{1002, "uid:1002(ci-bot)", ""};
const std::string kCharge = "prod/ap-guangzhou/default/charge:$LATEST";
const ContentDigest kNext{sha256("next content")};

/// The hash of what is signed in it.
Sha256 statement_in(const std::string& attestation) {
  return sha256(*any_base64_decode(Json::parse(attestation).at("payload").get<std::string>()));
}

Json subject(const std::string& name, const Json& digest) { return {{"name", name}, {"digest", digest}}; }

struct AttestedActions : testing::Test {
  AttestedActions() {
    WatchList list;
    list.digest = "d";
    list.entries.push_back(
        {{"prod", "ap-guangzhou", "default", "charge", "$LATEST"}, {{}, "", Baseline::first_seen, 5min, 20min, 1h}});
    sync_watch_list(tx, ledger, list, kMidnight);
    believe("prod/*");
    see("one");
  }
  void believe(const std::string& targets, bool attested_only = false) {
    auto loaded = std::make_shared<Trust>();
    loaded->keys.push_back(
        {"ci", PublicKey::from_pem(signer.public_pem(), "ci.pub").value(), {targets}, "", "", "f.toml:9"});
    if (attested_only) loaded->attested_only.insert(kCharge);
    trust = loaded;
  }
  void see(std::string_view code) {
    ledger.apply(tx, targets::find(db, kCharge)->id, Observation{Outcome::observed, sha256(code), {}, "", false},
                 kMidnight + ++minutes * 1min);
  }
  std::string signed_by(const TestSigner& who, const std::vector<Json>& subjects) {
    Json statement = provenance("https://ci.example.com/7", "https://git.example.com/shop/pay");
    statement["subject"] = subjects;
    const std::string payload = statement.dump();
    return envelope_with(payload, {who.signature(payload)}).dump();
  }
  std::string about_next() { return signed_by(signer, {subject("charge", {{"dirHash1", kNext.sha256.hex()}})}); }
  /// "done", or the code and words of why not.
  template <typename Request>
  std::string ask(Request request) {
    request.trust = trust;
    const auto result = perform(tx, ledger, request, kPipeline, kMidnight + ++minutes * 1min);
    if (!result) return result.error().code + ": " + result.error().message;
    done = **result;
    return "done";
  }
  std::string expect(const std::string& attestation) {
    ExpectRequest request;
    request.items.push_back({"charge", {}, {}, "", "", {}, attestation});
    return ask(request);
  }
  /// The same from somebody who has no permission but the attestation.
  std::string expect_as_a_stranger(const std::string& attestation) {
    ExpectRequest request;
    request.items.push_back({"charge", {}, {}, "", "", {}, attestation});
    request.only_attested = true;
    return ask(request);
  }
  std::size_t announced() { return targets::find(db, kCharge)->state.announced.size(); }
  std::string approve(std::string_view code, const std::string& attestation) {
    ApproveRequest request;
    request.items.push_back({"charge", sha256(code), false, {}, attestation});
    request.reason = "reviewed";
    return ask(request);
  }
  Json last(std::string_view kind) {
    auto q = db.query_once("SELECT body FROM event WHERE kind = ? ORDER BY seq DESC LIMIT 1", kind);
    return q.step() ? Json::parse(q.text(0)) : Json();
  }
  int64_t kept() {
    auto q = db.query_once("SELECT count(*) FROM attestation");
    q.step();
    return q.integer(0);
  }

  TempDir dir;
  TestRecord record{dir / "codedriftd.db"};
  Database db = record.open_writer();
  Ledger ledger{"test", "test/codedriftd"};
  Tx tx{db};
  const TestSigner signer = TestSigner::ed25519();
  std::shared_ptr<const Trust> trust;
  int minutes = 0;
  Json done;
};

TEST_F(AttestedActions, AnAttestationAnnouncesTheContentItNamesForTheKeyThatSigned) {
  const std::string attestation = about_next();
  ASSERT_EQ(expect(attestation), "done");
  EXPECT_EQ(done.at("targets").at(0).at("content"), kNext.text());
  const Json event = last("deploy.expected");
  EXPECT_EQ(event.at("actor"), "key:ci");
  EXPECT_EQ(event.at("data").at("expected_content"), kNext.text());
  EXPECT_EQ(event.at("data").at("attested_by"), "ci");
  EXPECT_EQ(event.at("data").at("commit"), std::string(40, 'c'));
  EXPECT_EQ(event.at("data").at("attestation"),
            (Json{{"sha256", statement_in(attestation).hex()},
                  {"key_id", trust->keys.front().key.id()},
                  {"predicate_type", "https://slsa.dev/provenance/v1"},
                  {"builder", "https://ci.example.com/7"},
                  {"source", "git+https://git.example.com/shop/pay@refs/heads/main"},
                  {"commit", std::string(40, 'c')},
                  {"sent_by", kPipeline.actor}}));
  const auto stored = attestations::find(db, statement_in(attestation));
  ASSERT_TRUE(stored);
  const Json again = Json::parse(write_envelope(stored->payload, stored->signature));
  EXPECT_EQ(again.at("payload"), Json::parse(attestation).at("payload"));
  EXPECT_EQ(again.at("signatures").at(0).at("sig"), Json::parse(attestation).at("signatures").at(0).at("sig"));
  EXPECT_TRUE(verify(write_envelope(stored->payload, stored->signature), trust->keys, *Target::parse(kCharge)))
      << "it can be verified again";
}

TEST_F(AttestedActions, WhatArrivesSaysWhichKeyVouchedForIt) {
  const std::string attestation = signed_by(signer, {subject("charge", {{"sha256", sha256("two").hex()}})});
  ASSERT_EQ(expect(attestation), "done");
  see("two");
  const Json arrived = last("deploy.arrived");
  EXPECT_EQ(arrived.at("data").at("attested_by"), "ci");
  EXPECT_EQ(arrived.at("data").at("announced_by"), "key:ci");
  EXPECT_EQ(arrived.at("data").at("attestation").at("sha256"), statement_in(attestation).hex());
  EXPECT_EQ(targets::find(db, kCharge)->state.accepted, sha256("two"));
}

TEST_F(AttestedActions, OfOneThingWithBothDigestsTheContentCounts) {
  const Json both{{"dirHash1", kNext.sha256.hex()}, {"sha256", sha256("the upload").hex()}};
  ASSERT_EQ(expect(signed_by(signer, {subject("charge", both), subject("charge.zip", both)})), "done");
  const auto announced = targets::find(db, kCharge)->state.announced;
  ASSERT_EQ(announced.size(), 1U) << "one announcement, whose other digest is never overdue";
  EXPECT_EQ(announced.front().content, kNext);
}

TEST_F(AttestedActions, WhatDoesNotCountIsRefusedInWordsAndRecordedAndNotKept) {
  const TestSigner stranger = TestSigner::ecdsa();
  std::string broken = about_next();
  broken[broken.find("\"payload\":\"") + 20] ^= 1;
  const Json digest{{"dirHash1", kNext.sha256.hex()}};
  const struct {
    std::string what, attestation, targets, words;
  } cases[] = {
      {"another key", signed_by(stranger, {subject("charge", digest)}), "prod/*", "signed by no key of [trust]"},
      {"changed after it was signed", broken, "prod/*", "or was changed after it was signed"},
      {"no attestation", "{}", "prod/*", "the attestation"},
      {"another target than the key's", about_next(), "test/*", "may attest \"test/*\""},
      {"about others", signed_by(signer, {subject("refund", digest), subject("ledger", digest)}), "prod/*",
       "none of its 2 subjects is named \"charge\""},
      {"two contents of one name",
       signed_by(signer, {subject("charge", digest), subject("charge", {{"dirHash1", sha256("x").hex()}})}), "prod/*",
       "names several things as charge"},
  };
  for (const auto& each : cases) {
    SCOPED_TRACE(each.what);
    believe(each.targets);
    const std::string answer = expect(each.attestation);
    EXPECT_EQ(answer.find("refused: "), 0U) << answer;
    EXPECT_NE(answer.find(each.words), std::string::npos) << answer;
    EXPECT_NE(last("control.denied").at("data").at("reason").get<std::string>().find(each.words), std::string::npos);
  }
  EXPECT_EQ(kept(), 0);
  EXPECT_EQ(last("deploy.expected"), Json());
}

TEST_F(AttestedActions, WhereOnlyAttestedCodeIsAcceptedAPlainWordIsRefusedNamingTheSetting) {
  believe("prod/*", true);
  see("two");
  ExpectRequest plain;
  plain.items.push_back({"charge", sha256("three"), {}, "", ""});
  for (const std::string& answer : {ask(plain), approve("two", "")}) {
    EXPECT_EQ(answer.find("refused: "), 0U) << answer;
    EXPECT_NE(answer.find("require = \"attested\""), std::string::npos) << answer;
  }
  EXPECT_EQ(expect(about_next()), "done");
  EXPECT_EQ(approve("two", signed_by(signer, {subject("charge", {{"sha256", sha256("two").hex()}})})), "done");
  const Json accepted = last("baseline.set");
  EXPECT_EQ(accepted.at("actor"), kPipeline.actor) << "an approval is somebody's word, with the key's behind it";
  EXPECT_EQ(accepted.at("data").at("attested_by"), "ci");
  EXPECT_EQ(kept(), 2);
}

TEST_F(AttestedActions, AnApprovalNeedsAnAttestationOfWhatIsLive) {
  believe("prod/*", true);
  see("two");
  EXPECT_NE(approve("two", signed_by(signer, {subject("charge", {{"sha256", sha256("one").hex()}})}))
                .find("the attestation is about code " + sha256("one").hex()),
            std::string::npos);
  EXPECT_NE(approve("two", about_next()).find("what is inside the live package is not known"), std::string::npos);
  EXPECT_EQ(kept(), 0);
}

TEST_F(AttestedActions, AnotherContentThanTheLiveOneIsNoGroundForAnApproval) {
  Examination examination;
  examination.files = {{"index.py", 0644, 3, sha256("two's file")}};
  const ContentDigest live = content_of(examination.files);
  packages::save(db, sha256("two"), examination, kMidnight);
  see("two");
  ledger.examined(tx, sha256("two"), kMidnight + ++minutes * 1min);
  believe("prod/*", true);
  const std::string answer = approve("two", about_next());
  EXPECT_NE(answer.find("is about content " + kNext.text() + ", and " + live.text() + " is live"), std::string::npos)
      << answer;
  EXPECT_EQ(approve("two", signed_by(signer, {subject("charge", {{"dirHash1", live.sha256.hex()}})})), "done");
}

TEST_F(AttestedActions, AnAttestationComesAlone) {
  ExpectRequest request;
  for (int i = 0; i < 2; ++i) request.items.push_back({"charge", {}, {}, "", "", {}, about_next()});
  EXPECT_EQ(ask(request), "usage: one attestation at a time: for one target");
}

TEST_F(AttestedActions, WhatIsAroundASignedStatementIsNotKept) {
  Json padded = Json::parse(about_next());
  padded["pad"] = std::string(100'000, 'x');
  ASSERT_EQ(expect(padded.dump()), "done");
  padded["pad"] = std::string(100'000, 'y');
  ASSERT_EQ(expect(padded.dump()), "done") << "announced again";
  EXPECT_EQ(kept(), 1) << "only who holds the key makes new ones";
  const auto stored = attestations::find(db, statement_in(about_next()));
  EXPECT_LT(stored->payload.size() + stored->signature.size(), 5'000U);
}

TEST_F(AttestedActions, WithoutAPermissionAnAttestationCountsOnceForItsTarget) {
  const std::string first = about_next();
  EXPECT_EQ(expect_as_a_stranger(first), "done");
  EXPECT_NE(expect_as_a_stranger(first).find("announced with this attestation before"), std::string::npos);
  EXPECT_EQ(last("control.denied").at("actor"), kPipeline.actor);
  EXPECT_EQ(expect(first), "done") << "who may expect announces it as often as they like";
}

TEST_F(AttestedActions, WithoutAPermissionNothingThatOthersAnnouncedChanges) {
  ExpectRequest others;
  others.items.push_back({"charge", sha256("three"), {}, "", ""});
  others.items.back().valid = 6h;
  ASSERT_EQ(ask(others), "done");
  const std::string live = signed_by(signer, {subject("charge", {{"sha256", sha256("one").hex()}})});
  EXPECT_NE(expect_as_a_stranger(live).find("live and accepted already"), std::string::npos);
  EXPECT_EQ(announced(), 1U) << "it is not superseded";
  const WallTime promised = targets::find(db, kCharge)->state.announced.front().valid_until;
  ASSERT_EQ(expect_as_a_stranger(signed_by(signer, {subject("charge", {{"sha256", sha256("three").hex()}})})), "done");
  EXPECT_EQ(targets::find(db, kCharge)->state.announced.front().valid_until, promised) << "nor shortened";
}

TEST_F(AttestedActions, WithoutAPermissionAnItemWithoutAnAttestationIsRefused) {
  ExpectRequest plain;
  plain.items.push_back({"charge", sha256("three"), {}, "", ""});
  plain.only_attested = true;
  EXPECT_EQ(ask(plain).find("refused: "), 0U);
  EXPECT_EQ(announced(), 0U);
}

TEST_F(AttestedActions, ARequestWithAnEmptyAttestationIsWrong) {
  for (const char* verb : {"expect", "approve"}) {
    const Json arguments{{"items", {{{"target", "charge"}, {"sha256", std::string(64, 'a')}, {"attestation", ""}}}}};
    const bool read =
        std::string_view(verb) == "expect" ? read_expect_request(arguments).ok() : read_approve_request(arguments).ok();
    EXPECT_FALSE(read) << verb;
  }
}

TEST_F(AttestedActions, WhatNoLongerCountsByTheConfigurationIsTakenBack) {
  ExpectRequest plain;
  plain.items.push_back({"charge", sha256("plain"), {}, "", ""});
  ASSERT_EQ(ask(plain), "done");
  ASSERT_EQ(expect(about_next()), "done");
  withdraw_untrusted(tx, ledger, *trust, kMidnight + ++minutes * 1min);
  EXPECT_EQ(announced(), 2U) << "both count";
  believe("prod/*", true);
  withdraw_untrusted(tx, ledger, *trust, kMidnight + ++minutes * 1min);
  ASSERT_EQ(announced(), 1U);
  EXPECT_TRUE(targets::find(db, kCharge)->state.announced.front().attested);
  EXPECT_EQ(last("deploy.withdrawn").at("actor"), "config");
  EXPECT_EQ(last("deploy.withdrawn").at("data").at("reason"),
            "require = \"attested\" in the configuration, and it is not attested");
  withdraw_untrusted(tx, ledger, Trust{}, kMidnight + ++minutes * 1min);
  EXPECT_EQ(announced(), 0U);
  EXPECT_EQ(last("deploy.withdrawn").at("data").at("reason"),
            "the key ci is in no [trust] of the configuration any more");
}

TEST_F(AttestedActions, WithoutATrustedKeyNothingIsAttested) {
  trust = nullptr;
  EXPECT_NE(expect(about_next()).find("no key is trusted"), std::string::npos);
}

}  // namespace
}  // namespace codedriftd::test
