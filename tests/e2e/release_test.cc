/// A release and a hurried fix, as pipelines, operators and auditors live through them.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "e2e/daemon.h"
#include "support/program.h"

namespace codedriftd::test {
namespace {

TEST(Release, IsAnnouncedArrivesInSilenceAndAnEditIsApprovedFromAPlan) {
  Daemon daemon;
  daemon.config.alerts = webhook_alert("ops", daemon.receiver().url(), daemon.secret_file());
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  const std::string address = Daemon::address("charge");

  const RunResult expected = daemon.command({"expect", "charge", "--sha256", hash_of("release 7"), "--valid", "2h",
                                             "--build", "https://ci.example.com/7", "--commit", "c0ffee"});
  ASSERT_EQ(code_of(expected), 0) << expected.err;
  EXPECT_EQ(daemon.status("charge").at("status"), "pending_deploy");
  daemon.deploy("charge", "release 7");
  ASSERT_TRUE(eventually([&] { return count_kind(daemon.kinds(), "deploy.arrived") == 1; }));
  EXPECT_EQ(daemon.status("charge").at("accepted_source"), "deploy");
  EXPECT_TRUE(daemon.alerts().empty()) << "a release that was announced cries no wolf";

  daemon.deploy("charge", "edited in the console");
  ASSERT_TRUE(daemon.wait_for_alert("drift.detected"));
  const std::string plan = daemon.dir() / "today.plan";
  EXPECT_EQ(code_of(daemon.command({"plan", "--out", plan, "--detailed-exitcode"})), 2);
  const std::vector<std::string> approve{"approve",          "--plan",   plan,    "--reason",
                                         "hotfix, reviewed", "--ticket", "OPS-31"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), approve.begin(), approve.end());
    return daemon.command(more);
  };
  EXPECT_EQ(code_of(with({"--count", "1"})), 64) << "nobody is at a terminal, and --yes is not given";
  const RunResult wrong = with({"--count", "2", "--yes"});
  EXPECT_EQ(code_of(wrong), 1);
  EXPECT_NE(wrong.err.find("the plan has 1 row to accept, not 2"), std::string::npos) << wrong.err;
  const RunResult right = with({"--count", "1", "--yes"});
  ASSERT_EQ(code_of(right), 0) << right.err;
  EXPECT_NE(right.out.find(address), std::string::npos);
  ASSERT_TRUE(daemon.wait_for_alert("drift.resolved"));
  EXPECT_EQ(daemon.alerts().back().at("resolution"), "approved");
  EXPECT_EQ(daemon.status("charge").at("accepted_source"), "approval");
  const RunResult stale = with({"--count", "1", "--yes"});
  EXPECT_EQ(code_of(stale), 1) << "the plan has moved";
  EXPECT_NE(stale.err.find("changed after the plan was made"), std::string::npos) << stale.err;
  EXPECT_EQ(count_kind(daemon.kinds(), "control.denied"), 1) << "a wrong count is a mistake, no more";
}

TEST(Release, ThroughAPinInTheConfigurationIsAReload) {
  Daemon daemon;
  daemon.config.functions = {{"charge", fmt::format("sha256 = \"{}\"", hash_of("reviewed"))}};
  daemon.config.alerts = webhook_alert("ops", daemon.receiver().url(), daemon.secret_file());
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  daemon.config.functions = {{"charge", fmt::format("sha256 = \"{}\"", hash_of("release 8"))}};
  daemon.write_config();
  daemon.hangup();
  ASSERT_TRUE(daemon.wait_for_status("charge", "pending_deploy"));
  daemon.deploy("charge", "release 8");
  ASSERT_TRUE(eventually([&] { return count_kind(daemon.kinds(), "deploy.arrived") == 1; }));
  EXPECT_TRUE(daemon.alerts().empty());
  daemon.deploy("charge", "edited in the console");
  ASSERT_TRUE(daemon.wait_for_alert("drift.detected"));
  EXPECT_EQ(code_of(daemon.command({"plan", "--detailed-exitcode"})), 2);
  const RunResult refused =
      daemon.command({"approve", "charge", "--sha256", hash_of("edited in the console"), "--reason", "looks harmless"});
  EXPECT_EQ(code_of(refused), 1);
  EXPECT_NE(refused.err.find("change it there"), std::string::npos) << refused.err;
  daemon.config.functions = {{"charge", fmt::format("sha256 = \"{}\"", hash_of("edited in the console"))}};
  daemon.write_config();
  daemon.hangup();
  ASSERT_TRUE(daemon.wait_for_alert("drift.resolved"));
  EXPECT_EQ(daemon.alerts().back().at("resolution"), "pinned");
}

// As an editor or a spreadsheet on Windows writes them.
TEST(Release, AListOfAnnouncementsAndAPlanMayBeginWithAByteOrderMark) {
  const std::string mark = "\xEF\xBB\xBF";
  Daemon daemon;
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  const std::string list = daemon.dir().write(
      "list", fmt::format("{}{{\"target\": \"charge\", \"sha256\": \"{}\"}}\r\n", mark, hash_of("release 7")));
  const RunResult expected = daemon.command({"expect", "--from", list});
  ASSERT_EQ(code_of(expected), 0) << expected.err;
  EXPECT_EQ(daemon.status("charge").at("expected_sha256"), hash_of("release 7"));

  daemon.deploy("charge", "edited in the console");
  ASSERT_TRUE(daemon.wait_for_status("charge", "drifted"));
  const std::string plan = daemon.dir() / "today.plan";
  ASSERT_EQ(code_of(daemon.command({"plan", "--out", plan})), 0);
  const std::string marked = daemon.dir().write("marked.plan", mark + read_file(plan));
  const RunResult shown = daemon.command({"show", marked});
  EXPECT_EQ(code_of(shown), 0) << shown.err;
  EXPECT_EQ(shown.out, daemon.command({"show", plan}).out);
  const RunResult approved =
      daemon.command({"approve", "--plan", marked, "--count", "1", "--yes", "--reason", "reviewed"});
  EXPECT_EQ(code_of(approved), 0) << approved.err;
  EXPECT_EQ(daemon.status("charge").at("accepted_source"), "approval");
}

TEST(Release, AnotherHashThanTheAnnouncedOneSaysSo) {
  Daemon daemon;
  daemon.config.alerts = webhook_alert("ops", daemon.receiver().url(), daemon.secret_file());
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  const std::string zip = daemon.dir() / "charge.zip";
  std::ofstream(zip) << "PK\x03\x04 a package that is none";
  const RunResult expected = daemon.command({"expect", "charge", "--from-zip", zip});
  ASSERT_EQ(code_of(expected), 0) << expected.err;
  EXPECT_NE(expected.err.find("is unverified against the real service"), std::string::npos);
  daemon.deploy("charge", "built elsewhere");
  ASSERT_TRUE(daemon.wait_for_alert("drift.detected"));
  const auto summary = daemon.alerts().back().at("summary").get<std::string>();
  EXPECT_NE(summary.find("It differs from the announced code"), std::string::npos) << summary;
}

TEST(Release, WhoMayAnnounceMayNotAcceptAndWithoutADaemonTheOwnerDoesIt) {
  if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: needs root, to run programs as several users; CI runs it as root";
  // The daemon's user; a pipeline's user, in the daemon's group (it reaches the socket); and one who only reads.
  constexpr std::pair<uid_t, gid_t> kOwner{64'101, 64'100}, kReader{64'102, 64'100};
  Daemon daemon;
  daemon.run_as(kOwner);
  // Of users and groups every Debian has: "daemon" is 1.
  daemon.config.more = "[control]\nexpect = [\"daemon\"]\n";
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  constexpr std::pair<uid_t, gid_t> kPipeline{1, 64'100};
  const std::vector<std::string> expect{"expect", "charge", "--sha256", hash_of("next")};
  const std::vector<std::string> approve{"approve", "charge", "--sha256", hash_of("reviewed"), "--reason", "mine"};
  EXPECT_EQ(code_of(daemon.command(expect, kReader)), 1);
  EXPECT_EQ(code_of(daemon.command(expect, kPipeline)), 0);
  const RunResult denied = daemon.command(approve, kPipeline);
  EXPECT_EQ(code_of(denied), 1);
  EXPECT_NE(denied.err.find("[control] approve"), std::string::npos) << denied.err;
  const Json events = daemon.rows({"events", "--kind", "control.denied"});
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events.at(0).at("actor"), "uid:64102");
  EXPECT_EQ(events.at(1).at("data").at("verb"), "approve");
  EXPECT_EQ(events.at(1).at("data").at("uid"), 1);
  EXPECT_EQ(code_of(daemon.command({"suspend", "charge", "--reason", "quiet please"}, kReader)), 1);
  EXPECT_EQ(code_of(daemon.command({"suspend", "charge", "--reason", "a release", "--until", "1h"})), 0);
  const RunResult status = daemon.command({"query", "status"});
  EXPECT_NE(status.out.find("The alerts of " + Daemon::address("charge") + " are held until"), std::string::npos)
      << status.out;

  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
  EXPECT_EQ(code_of(daemon.command(approve, kPipeline)), 1);
  const RunResult owner = daemon.command(approve, kOwner);
  EXPECT_EQ(code_of(owner), 0) << owner.err;
  EXPECT_EQ(daemon.rows({"events", "--kind", "baseline.set", "--limit", "1"}).at(0).at("actor"), "uid:64101");
}

}  // namespace
}  // namespace codedriftd::test
