/// What is inside decides: the daemon beside a cloud that repacks what is deployed.
#include <gtest/gtest.h>

#include "e2e/daemon.h"
#include "model/content.h"
#include "support/kept_package.h"
#include "support/program.h"

namespace codedriftd::test {
namespace {

const Files kReviewed{{"index.py", "def main(event, context):\n    return 'paid'\n"}, {"lib/pay.py", "RATE = 3\n"}};
const Files kStolen{{"index.py", "def main(event, context):\n    send(event)\n    return 'paid'\n"},
                    {"lib/pay.py", "RATE = 3\n"}};

/// The content digest of `files` as a package holds them.
ContentDigest digest_of(const Files& files) {
  Manifest manifest;
  for (const auto& [name, text] : files) manifest.push_back({name, 0644, text.size(), sha256(text)});
  return content_of(manifest);
}

class InsideTest : public testing::Test {
 protected:
  /// The daemon runs, `files` are live and accepted, and what is inside is known.
  void begin(const Files& files = kReviewed) {
    daemon.cloud().deploy(Daemon::key("charge"), files);
    daemon.start();
    ASSERT_TRUE(eventually([&] { return daemon.status("charge").at("accepted_content").is_string(); })) << daemon.log();
    EXPECT_EQ(daemon.status("charge").at("accepted_content"), digest_of(files).text());
    EXPECT_EQ(daemon.status("charge").at("status"), "in_sync");
  }
  /// The CodeSha256 of the same content, packed anew.
  std::string repack() {
    daemon.cloud().repack(Daemon::key("charge"));
    return daemon.cloud().code_sha256(Daemon::key("charge"));
  }
  bool live_is(const std::string& sha256) {
    return eventually([&] { return daemon.status("charge").at("observed_sha256") == sha256; });
  }

  Daemon daemon;
};

TEST_F(InsideTest, TheSameContentPackedAnewAlertsNobody) {
  begin();
  const std::string repacked = repack();
  ASSERT_TRUE(live_is(repacked));
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync")) << daemon.log();
  EXPECT_EQ(daemon.status("charge").at("accepted_sha256"), repacked);
  EXPECT_EQ(daemon.status("charge").at("accepted_source"), "content");
  EXPECT_EQ(count_kind(daemon.kinds(), "drift.detected"), 0);
  EXPECT_TRUE(daemon.alerts().empty());
}

TEST_F(InsideTest, AnEditIsOneAlertThatNamesTheFile) {
  begin();
  daemon.cloud().deploy(Daemon::key("charge"), kStolen);
  ASSERT_TRUE(daemon.wait_for_alert("drift.detected")) << daemon.log();
  const Json alert = daemon.alerts().at(0);
  EXPECT_EQ(alert.at("changes").at("changed"), 1);
  EXPECT_EQ(alert.at("changes").at("files").at(0).at("name"), "index.py");
  EXPECT_NE(alert.at("summary").get<std::string>().find("index.py"), std::string::npos) << alert.at("summary");
  EXPECT_EQ(daemon.status("charge").at("changes").at("files").at(0).at("name"), "index.py");
  ASSERT_TRUE(daemon.wait_for_polls(2));
  EXPECT_EQ(daemon.alerts().size(), 1U) << "and no other one";
}

TEST_F(InsideTest, AnAlertWaitsForWhatChangedAndNoLongerThanExplainWithin) {
  daemon.config.defaults = "same_content = \"tell\"\n";  // the verdict waits for nothing
  daemon.config.more = "[packages]\nexplain_within = \"20s\"\n";
  begin();
  daemon.cloud().deploy(Daemon::key("charge"), kStolen);
  const SystemClock clock;
  const MonoTime deployed = clock.mono();
  ASSERT_TRUE(daemon.wait_for_alert("drift.detected")) << daemon.log();
  EXPECT_LT(clock.mono() - deployed, std::chrono::seconds(18)) << "sooner than explain_within, as it was examined";
  EXPECT_EQ(daemon.alerts().at(0).at("changes").at("files").at(0).at("name"), "index.py");
  daemon.cloud().deploy(Daemon::key("charge"), kReviewed);
  ASSERT_TRUE(daemon.wait_for_alert("drift.changed")) << "told: the same content under another hash";
  EXPECT_EQ(daemon.alerts().at(1).at("changes").at("same_content"), true);
}

TEST_F(InsideTest, AnAlertThatCannotSayWhatChangedComesAtExplainWithin) {
  daemon.config.defaults = "same_content = \"tell\"\n";
  daemon.config.more = "[packages]\nexplain_within = \"3s\"\n";
  begin();
  daemon.cloud().set_package_fault(Daemon::key("charge"), PackageFault::silent);
  daemon.cloud().deploy(Daemon::key("charge"), kStolen);
  ASSERT_TRUE(daemon.wait_for_alert("drift.detected")) << daemon.log();
  const Json alert = daemon.alerts().at(0);
  EXPECT_EQ(alert.at("changes"), nullptr);
  const auto sent = daemon.rows({"alerts", "--attempts"}).at(0);
  const auto detected = parse_rfc3339(alert.at("time").get<std::string>());
  const auto delivered = parse_rfc3339(sent.at("delivered_at").get<std::string>());
  ASSERT_TRUE(detected && delivered) << sent;
  EXPECT_GE(*delivered - *detected, std::chrono::milliseconds(2'900)) << "it waited for what changed";
  EXPECT_LT(*delivered - *detected, std::chrono::seconds(10)) << "and no longer";
}

TEST_F(InsideTest, AnAnnouncedContentArrivesInSilenceThoughTheCloudPacksItAnew) {
  begin();
  const Files next{{"index.py", "def main(event, context):\n    return 'paid twice'\n"}};
  const RunResult said = daemon.command({"expect", "charge", "--content", digest_of(next).text()});
  ASSERT_EQ(code_of(said), 0) << said.err;
  daemon.cloud().deploy(Daemon::key("charge"), next);
  ASSERT_TRUE(eventually([&] { return count_kind(daemon.kinds(), "deploy.arrived") == 1; })) << daemon.log();
  EXPECT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  EXPECT_EQ(daemon.status("charge").at("accepted_source"), "deploy");
  EXPECT_EQ(count_kind(daemon.kinds(), "drift.detected"), 0);
  EXPECT_TRUE(daemon.alerts().empty());
}

/// As the README does it, in folder $1, of the content $2.
constexpr char kAttest[] = R"sh(cd "$1"
printf '{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"charge","digest":{"dirHash1":"%s"}}],"predicateType":"https://example.com/release/v1"}' \
  "$2" > statement.json
{ printf 'DSSEv1 28 application/vnd.in-toto+json %d ' "$(wc -c < statement.json)"; cat statement.json; } > message
openssl pkeyutl -sign -inkey ci.key -rawin -in message -out signature
printf '{"payloadType":"application/vnd.in-toto+json","payload":"%s","signatures":[{"sig":"%s"}]}' \
  "$(base64 -w0 statement.json)" "$(base64 -w0 signature)" > charge.attestation
)sh";

std::string attest(const TempDir& dir, const ContentDigest& content) {
  const RunResult made = run({.argv = {"sh", "-euc", kAttest, "sh", dir.path().string(), content.sha256.hex()}});
  EXPECT_EQ(code_of(made), 0) << made.err;
  return dir / "charge.attestation";
}

TEST_F(InsideTest, AnAttestedContentArrivesInSilenceAndNothingElseIsAccepted) {
  const RunResult keys = run(
      {.argv = {"sh", "-euc",
                "openssl genpkey -algorithm ed25519 -out $1/ci.key; openssl pkey -in $1/ci.key -pubout -out $1/ci.pub",
                "sh", daemon.dir().path().string()}});
  ASSERT_EQ(code_of(keys), 0) << keys.err;
  daemon.config.defaults = "require = \"attested\"\n";
  daemon.config.more = "[trust.ci]\npublic_key_file = \"ci.pub\"\ntargets = [\"prod/*\"]\n";
  begin();
  const Files next{{"index.py", "def main(event, context):\n    return 'paid twice'\n"}};
  const RunResult plain = daemon.command({"expect", "charge", "--content", digest_of(next).text()});
  EXPECT_EQ(code_of(plain), 1);
  EXPECT_NE(plain.err.find("require = \"attested\""), std::string::npos) << plain.err;
  const std::string file = attest(daemon.dir(), digest_of(next));
  const RunResult said = daemon.command({"expect", "charge", "--attestation", file});
  ASSERT_EQ(code_of(said), 0) << said.err;
  daemon.cloud().deploy(Daemon::key("charge"), next);
  ASSERT_TRUE(eventually([&] { return count_kind(daemon.kinds(), "deploy.arrived") == 1; })) << daemon.log();
  EXPECT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  EXPECT_EQ(count_kind(daemon.kinds(), "drift.detected"), 0);
  EXPECT_TRUE(daemon.alerts().empty());
  const Json kept = daemon.rows({"attestations", "charge"});
  ASSERT_EQ(kept.size(), 2U) << "of deploy.expected and of deploy.arrived: " << kept;
  EXPECT_EQ(kept.at(1).at("attested_by"), "ci");
  const Json envelope = Json::parse(kept.at(1).at("envelope").get<std::string>());
  EXPECT_EQ(envelope.at("payload"), Json::parse(read_file(file)).at("payload"));
}

TEST_F(InsideTest, AReloadThatRequiresAttestationsTakesBackWhatWasAnnouncedWithout) {
  const RunResult keys =
      run({.argv = {"sh", "-euc", "openssl genpkey -algorithm ed25519 | openssl pkey -pubout -out $1/ci.pub", "sh",
                    daemon.dir().path().string()}});
  ASSERT_EQ(code_of(keys), 0) << keys.err;
  daemon.config.more = "[trust.ci]\npublic_key_file = \"ci.pub\"\ntargets = [\"prod/*\"]\n";
  begin();
  const RunResult said = daemon.command({"expect", "charge", "--content", digest_of(kStolen).text()});
  ASSERT_EQ(code_of(said), 0) << said.err;
  daemon.config.defaults = "require = \"attested\"\n";
  daemon.write_config();
  daemon.hangup();
  ASSERT_TRUE(eventually([&] { return count_kind(daemon.kinds(), "deploy.withdrawn") == 1; })) << daemon.log();
  daemon.cloud().deploy(Daemon::key("charge"), kStolen);
  EXPECT_TRUE(daemon.wait_for_alert("drift.detected")) << daemon.log();
}

TEST_F(InsideTest, WithoutPackagesTheSameAlertComesOnTime) {
  daemon.config.more = "[packages]\nexplain_within = \"2s\"\nexamine_within = \"2s\"\n";
  begin();
  daemon.cloud().set_package_fault(Daemon::key("charge"), PackageFault::silent);
  daemon.cloud().deploy(Daemon::key("charge"), kStolen);
  ASSERT_TRUE(daemon.wait_for_alert("drift.detected")) << daemon.log();
  EXPECT_EQ(daemon.alerts().at(0).at("changes"), nullptr);
  const Json event = daemon.rows({"events", "--kind", "drift.detected"}).at(0);
  const Json seen = daemon.rows({"history", "charge"}).back();
  const auto told = parse_rfc3339(event.at("time").get<std::string>());
  const auto first = parse_rfc3339(seen.at("first_seen_at").get<std::string>());
  ASSERT_TRUE(told && first) << seen;
  EXPECT_GE(*told - *first, std::chrono::milliseconds(1'900)) << "it waited for the examination";
  EXPECT_LT(*told - *first, std::chrono::seconds(10)) << "and was told when that time was over";
  EXPECT_EQ(event.at("data").at("examined"), "unknown");
  EXPECT_EQ(event.at("data").at("examined_why"), "it was not examined within examine_within");
}

TEST_F(InsideTest, BytesThatAreNotTheHashAreToldOnce) {
  begin();
  daemon.cloud().set_package_fault(Daemon::key("charge"), PackageFault::wrong_bytes);
  daemon.cloud().deploy(Daemon::key("charge"), kStolen);
  ASSERT_TRUE(daemon.wait_for_alert("package.mismatch")) << daemon.log();
  ASSERT_TRUE(daemon.wait_for_alert("drift.detected")) << daemon.log();
  ASSERT_TRUE(daemon.wait_for_polls(2));
  EXPECT_EQ(count_kind(daemon.kinds(), "package.mismatch"), 1);
}

TEST_F(InsideTest, ARestartDuringAnExaminationWaitsOnWithANewLink) {
  begin();
  daemon.cloud().set_package_fault(Daemon::key("charge"), PackageFault::silent);
  const std::string repacked = repack();
  ASSERT_TRUE(daemon.wait_for_status("charge", "examining")) << daemon.log();
  daemon.kill();
  daemon.cloud().set_package_fault(Daemon::key("charge"), PackageFault::none);
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync")) << daemon.log();
  EXPECT_EQ(daemon.status("charge").at("accepted_sha256"), repacked);
  EXPECT_EQ(count_kind(daemon.kinds(), "drift.detected"), 0);
}

TEST_F(InsideTest, TwoHundredFunctionsDeployedAtOnceAreToldByTheirContent) {
  constexpr int kFunctions = 200;
  daemon.config.functions.clear();
  const auto name = [](int i) { return "f" + std::to_string(i); };
  for (int i = 0; i < kFunctions; ++i) {
    daemon.config.functions.emplace_back(name(i), "");
    daemon.cloud().deploy(Daemon::key(name(i)), {{"index.py", name(i)}});
  }
  daemon.start();
  const auto known = [&] {
    const Json rows = daemon.rows({"status"});
    return std::count_if(rows.begin(), rows.end(),
                         [](const Json& row) { return row.at("accepted_content").is_string(); });
  };
  ASSERT_TRUE(eventually([&] { return known() == kFunctions; }, Millis{120'000})) << known();
  for (int i = 0; i < kFunctions; ++i) daemon.cloud().repack(Daemon::key(name(i)));
  ASSERT_TRUE(eventually(
      [&] {
        const Json rows = daemon.rows({"status"});
        return std::all_of(rows.begin(), rows.end(), [](const Json& row) {
          return row.at("status") == "in_sync" && row.at("accepted_source") == "content";
        });
      },
      Millis{120'000}))
      << daemon.log();
  EXPECT_EQ(count_kind(daemon.kinds(), "drift.detected"), 0);
}

}  // namespace
}  // namespace codedriftd::test
