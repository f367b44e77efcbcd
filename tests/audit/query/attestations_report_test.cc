/// `query attestations`: what vouched for what, and that it is what was verified.
#include <gtest/gtest.h>

#include "audit/query/reported.h"
#include "store/record/attestations.h"
#include "support/recorded.h"

namespace codedriftd::test {
namespace {

const SignedStatement kSigned{R"({"_type":"https://in-toto.io/Statement/v1"})", "not a real signature"};

/// Announced with it at 20 s, and arrived at 30 s.
void announce(Recorded& r, std::string_view function, bool kept = true) {
  Expected expected{Recorded::hash("B"), at(600), "", "", "key:ci"};
  expected.attested = Attestation{"ci",
                                  "a1b2",
                                  sha256(kSigned.payload),
                                  "https://slsa.dev/provenance/v1",
                                  "https://ci.example.com/7",
                                  "git+https://git.example.com/shop/pay",
                                  "c0ffee",
                                  "uid:7(ci)"};
  if (kept) {
    const TargetId id = targets::find(r.db(), Recorded::address(function))->id;
    r.write([&](Tx& tx) { attestations::keep(tx, id, kSigned, at(20)); });
  }
  r.input(function, expected, at(20));
  r.observed(function, "B", at(30));
}

TEST(AttestationsReport, HasWhatWasAnnouncedAndWhatArrivedWithTheEnvelope) {
  Recorded r;
  r.watch({"charge", "plain"}, at(0));
  for (const char* function : {"charge", "plain"}) r.observed(function, "A", at(10));
  r.input("plain", Expected{Recorded::hash("C"), at(600), "", "", "uid:7(ci)"}, at(15));
  announce(r, "charge");
  const Reported printed = report(r, kAttestationsReport, at(100));
  ASSERT_EQ(printed.rows.size(), 2U);
  EXPECT_EQ(printed.rows[0].at("kind"), "deploy.expected");
  EXPECT_EQ(printed.rows[1].at("kind"), "deploy.arrived");
  for (const OrderedJson& row : printed.rows) {
    EXPECT_EQ(row.at("target"), Recorded::address("charge"));
    EXPECT_EQ(row.at("attested_by"), "ci");
    EXPECT_EQ(row.at("sha256"), hex("B"));
    EXPECT_EQ(row.at("commit"), "c0ffee");
    const Json envelope = Json::parse(row.at("envelope").get<std::string>());
    EXPECT_EQ(envelope.at("payload"), base64(kSigned.payload));
    EXPECT_EQ(envelope.at("signatures").at(0).at("sig"), base64(kSigned.signature));
  }
  EXPECT_EQ(printed.end.problems, 0);
  Selection newest;
  newest.limit = 1;
  EXPECT_EQ(report(r, kAttestationsReport, at(100), newest).rows.at(0).at("kind"), "deploy.arrived");
  EXPECT_TRUE(report(r, kAttestationsReport, at(100), select({Recorded::address("plain")})).rows.empty());
}

TEST(AttestationsReport, MarksWhatIsMissingOrWasChanged) {
  for (const bool kept : {false, true}) {
    Recorded r;
    r.watch({"charge"}, at(0));
    r.observed("charge", "A", at(10));
    announce(r, "charge", kept);
    if (kept) r.db().run("UPDATE attestation SET payload = ?", Blob{"{}"});
    const Reported printed = report(r, kAttestationsReport, at(100));
    EXPECT_EQ(printed.end.problems, 2);
    ASSERT_EQ(printed.problems.size(), 2U);
    EXPECT_NE(printed.problems[0].find("is not in the record, or was changed"), std::string::npos);
    EXPECT_EQ(printed.rows.at(0).at("envelope"), nullptr);
  }
}

}  // namespace
}  // namespace codedriftd::test
