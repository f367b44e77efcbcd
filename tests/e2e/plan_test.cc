/// plan, poll and reload as a user and a script see them, with a daemon and without.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "e2e/daemon.h"
#include "e2e/record.h"
#include "support/program.h"

namespace codedriftd::test {
namespace {

Json row_of(const RunResult& result, std::string_view function) {
  const Json plan = Json::parse(result.out);
  for (const Json& row : plan.at("rows")) {
    if (row.at("function") == function) return row;
  }
  throw std::runtime_error("no such row:\n" + result.out + result.err);
}

/// Runs with two functions in sync, an hour before either is polled again.
void start_with_refund(Daemon& daemon) {
  daemon.config.interval = "1h";
  daemon.deploy("refund", "reviewed");
  daemon.config.functions.emplace_back("refund", "");
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  ASSERT_TRUE(daemon.wait_for_status("refund", "in_sync"));
}

TEST(Plan, HasTheDaemonPollNowAndRecordsWhatItSees) {
  Daemon daemon;
  ASSERT_NO_FATAL_FAILURE(start_with_refund(daemon));
  EXPECT_EQ(code_of(daemon.command({"plan", "--detailed-exitcode"})), 0);

  daemon.deploy("charge", "hurried");
  const std::string file = daemon.dir() / "release.plan";
  const RunResult plan = daemon.command({"plan", "--detailed-exitcode", "--out", file});
  EXPECT_EQ(code_of(plan), 2) << plan.out << plan.err;
  EXPECT_NE(plan.out.find("~ " + Daemon::address("charge")), std::string::npos) << plan.out;
  EXPECT_NE(plan.out.find(fmt::format("codedriftd approve '{}' --sha256 {} --reason", Daemon::address("charge"),
                                      hash_of("hurried"))),
            std::string::npos);
  EXPECT_EQ(plan.out.find(Daemon::address("refund")), std::string::npos) << "what is in sync is counted, not shown";
  EXPECT_NE(plan.out.find("1 drifted, 1 in sync\n"), std::string::npos);
  EXPECT_EQ(daemon.status("charge").at("status"), "drifted") << "an hour before its slot";
  EXPECT_TRUE(daemon.wait_for_alert("drift.detected"));

  const Json saved = Json::parse(read_file(file));
  EXPECT_EQ(saved.at("schema"), "codedriftd.plan.v1");
  EXPECT_EQ(saved.at("rows").size(), 2U);
  EXPECT_EQ(saved.at("summary").at("drifted"), 1);
  EXPECT_EQ(saved.at("summary").at("selected"), 2);
  Json row = daemon.status("charge");
  for (const char* unasked : {"watched", "suspended_until", "suspended_by"}) EXPECT_EQ(row.erase(unasked), 1U);
  EXPECT_EQ(saved.at("rows").at(0), row);

  const auto requests = daemon.cloud().statistics().requests;
  EXPECT_EQ(code_of(daemon.command({"plan", "--refresh=false", "--detailed-exitcode", "--target", "ref*"})), 0);
  EXPECT_EQ(daemon.cloud().statistics().requests, requests);
  EXPECT_EQ(code_of(daemon.command({"plan", "chrage"})), 1);
  EXPECT_EQ(code_of(daemon.command({"plan", "--refresh=maybe"})), 64);
}

/// The lines that hold `text`.
std::vector<std::string> lines_with(const std::string& all, std::string_view text) {
  std::vector<std::string> found;
  std::istringstream in(all);
  for (std::string line; std::getline(in, line);) {
    if (line.find(text) != std::string::npos) found.push_back(line);
  }
  return found;
}

TEST(Plan, ThatWasSavedIsShownWithWhatItSaidThenWhateverIsLiveNow) {
  Daemon daemon;
  ASSERT_NO_FATAL_FAILURE(start_with_refund(daemon));
  daemon.deploy("charge", "hurried");
  const std::string file = daemon.dir() / "release.plan";
  const RunResult plan = daemon.command({"plan", "--out", file});
  ASSERT_EQ(code_of(plan), 0) << plan.err;
  const RunResult shown = daemon.command({"show", file});
  ASSERT_EQ(code_of(shown), 0) << shown.err;

  // Of what differs both print a row; it has the same hashes.
  for (const std::string& text : {plan.out, shown.out}) {
    const auto rows = lines_with(text, Daemon::address("charge") + " ");
    ASSERT_EQ(rows.size(), 1U) << text;
    for (const std::string& cell :
         {std::string("drifted"), hash_of("hurried").substr(0, 12), hash_of("reviewed").substr(0, 12)})
      EXPECT_NE(rows.front().find(cell), std::string::npos) << rows.front();
  }
  EXPECT_EQ(lines_with(shown.out, Daemon::address("refund")).size(), 1U) << "what is in sync is in the file too";
  const Json saved = Json::parse(read_file(file));
  EXPECT_NE(shown.out.find("Made at " + saved.at("generated_at").get<std::string>()), std::string::npos) << shown.out;
  EXPECT_NE(shown.out.find("1 to accept: codedriftd approve --plan PLAN --count 1"), std::string::npos) << shown.out;

  // It is what was planned, not what is: nothing is asked, and the daemon need not run.
  daemon.deploy("charge", "reviewed");
  ASSERT_EQ(code_of(daemon.command({"poll", "charge"})), 0);
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
  EXPECT_EQ(daemon.command({"show", file}).out, shown.out);
  const RunResult no_plan = daemon.command({"show", daemon.config_file()});
  EXPECT_EQ(code_of(no_plan), 1);
  EXPECT_NE(no_plan.err.find("is not a plan"), std::string::npos) << no_plan.err;
  EXPECT_EQ(no_plan.out, "");
  EXPECT_EQ(code_of(daemon.command({"show", daemon.dir() / "gone.plan"})), 1);
}

TEST(Plan, CouldNotLookIsNever0) {
  Daemon daemon;
  ASSERT_NO_FATAL_FAILURE(start_with_refund(daemon));
  daemon.cloud().set_error(Daemon::key("charge"), "UnauthorizedOperation");
  const RunResult one = daemon.command({"plan", "--detailed-exitcode"});
  EXPECT_EQ(code_of(one), 3) << one.out;
  EXPECT_NE(one.out.find("? " + Daemon::address("charge")), std::string::npos) << one.out;
  EXPECT_EQ(code_of(daemon.command({"plan"})), 0);
  EXPECT_EQ(code_of(daemon.command({"plan", "charge"})), 1) << "none of what was asked for was seen";
  const RunResult polled = daemon.command({"poll", "charge", "refund"});
  EXPECT_EQ(code_of(polled), 1);
  EXPECT_NE(polled.out.find("UnauthorizedOperation"), std::string::npos) << polled.out;
  EXPECT_EQ(code_of(daemon.command({"poll", "refund"})), 0);
  EXPECT_EQ(code_of(daemon.command({"poll", "ref*"})), 64);
  EXPECT_EQ(code_of(daemon.command({"poll", "chrage"})), 1);
}

TEST(Plan, WithoutADaemonItUsesTheCallersCredentialsAndWritesNothing) {
  Daemon daemon;
  daemon.config.interval = "1h";
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
  daemon.deploy("charge", "hurried");
  daemon.deploy("refund", "new");
  daemon.config.functions.emplace_back("refund", "");
  daemon.config.functions.emplace_back("gone", "");
  daemon.write_config();
  const std::string before = read_file(daemon.database());
  const RunResult plan = daemon.command({"plan", "--json", "--detailed-exitcode"});
  EXPECT_EQ(code_of(plan), 2) << plan.err;
  EXPECT_EQ(row_of(plan, "charge").at("status"), "drifted");
  EXPECT_EQ(row_of(plan, "charge").at("accepted_sha256"), hash_of("reviewed"));
  EXPECT_EQ(row_of(plan, "refund").at("status"), "unreviewed") << "what was never accepted is not trusted here";
  EXPECT_EQ(row_of(plan, "gone").at("status"), "missing");
  EXPECT_EQ(read_file(daemon.database()), before);
  for (const std::string& kind : daemon.kinds()) EXPECT_FALSE(kind.starts_with("drift.")) << kind;
  EXPECT_EQ(code_of(daemon.command({"poll", "charge"})), 1);
  EXPECT_EQ(code_of(daemon.command({"reload"})), 1);

  std::filesystem::remove_all(daemon.state_dir());
  const RunResult fresh = daemon.command({"plan", "charge", "--detailed-exitcode"});
  EXPECT_EQ(code_of(fresh), 3) << fresh.err;
  EXPECT_NE(fresh.out.find("What was accepted before is not known"), std::string::npos) << fresh.out;
  EXPECT_FALSE(std::filesystem::exists(daemon.state_dir()));
  daemon.cloud().set_credentials({});
  EXPECT_EQ(code_of(daemon.command({"plan"})), 1);
}

TEST(Plan, SaysHowFarItIsWhenItTakesLong) {
  DaemonOptions options;
  options.cloud.latency.after = {Millis{1'500}, Millis{1'500}};
  Daemon daemon(options);
  daemon.write_config();
  const RunResult plan = daemon.command({"plan"});
  EXPECT_NE(plan.err.find("polled 0 of 1 …\n"), std::string::npos) << plan.err;
  EXPECT_EQ(plan.out.find("polled"), std::string::npos);
}

TEST(Reload, IsAskedForAndSaysWhatCameOfIt) {
  Daemon daemon;
  daemon.start();
  daemon.deploy("refund", "reviewed");
  daemon.config.functions.emplace_back("refund", "");
  daemon.write_config();
  const RunResult good = daemon.command({"reload"});
  EXPECT_EQ(code_of(good), 0) << good.err;
  EXPECT_NE(good.out.find("watching 2 functions (+1 −0)"), std::string::npos) << good.out;
  EXPECT_TRUE(daemon.wait_for_status("refund", "in_sync"));
  // Only the plugin can tell that this is wrong, so the daemon finds it.
  daemon.config.alerts = webhook_alert("ops", daemon.receiver().url(), daemon.secret_file(), "", "nosuch = 1");
  daemon.write_config();
  const RunResult wrong = daemon.command({"reload"});
  EXPECT_EQ(code_of(wrong), 78) << wrong.out << wrong.err;
  EXPECT_NE(wrong.err.find(daemon.config_file() + ":"), std::string::npos) << wrong.err;
  EXPECT_TRUE(daemon.logged("config.refused"));
  EXPECT_EQ(code_of(daemon.command({"reload", "now"})), 64);
}

}  // namespace
}  // namespace codedriftd::test
