/// The commands as a user and a script see them: what they print, and their exit codes.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "e2e/daemon.h"
#include "e2e/record.h"
#include "store/db/migrate.h"
#include "store/db/sqlite.h"

namespace codedriftd::test {
namespace {

TEST(Commands, CheckPrintsWhatWouldBeWatchedAndTouchesNothing) {
  Daemon daemon;
  daemon.write_config();
  const RunResult checked = daemon.command({"check"});
  EXPECT_EQ(checked.status, (ExitStatus{0, 0})) << checked.err;
  EXPECT_NE(checked.out.find(Daemon::address("charge")), std::string::npos) << checked.out;
  EXPECT_NE(checked.out.find("valid"), std::string::npos);
  EXPECT_EQ(daemon.cloud().statistics().requests, 0U);
  EXPECT_FALSE(std::filesystem::exists(daemon.state_dir()));
}

TEST(Commands, CheckOnlineMakesOneCallForEachAccountAndRegionAndSaysWhatCame) {
  Daemon daemon;
  daemon.config.functions.emplace_back("refund", "region = \"ap-shanghai\"");
  daemon.cloud().set("ap-shanghai/default/refund:$LATEST", hash_of("reviewed"));
  daemon.write_config();
  RunResult checked = daemon.command({"check", "--online"});
  EXPECT_EQ(checked.status, (ExitStatus{0, 0})) << checked.out << checked.err;
  EXPECT_EQ(daemon.cloud().statistics().requests, 2U);
  daemon.cloud().set_clock_offset(std::chrono::seconds(-600));
  checked = daemon.command({"check", "--online"});
  EXPECT_EQ(checked.status, (ExitStatus{1, 0})) << checked.out;
  EXPECT_NE(checked.out.find("Client.Clock"), std::string::npos) << checked.out;
  EXPECT_NE(checked.out.find(" fast"), std::string::npos) << checked.out;
  daemon.cloud().set_clock_offset(std::chrono::seconds(0));
  daemon.cloud().set_credentials({});
  checked = daemon.command({"check", "--online"});
  EXPECT_EQ(checked.status, (ExitStatus{1, 0}));
  EXPECT_NE(checked.out.find("AuthFailure.SecretIdNotFound"), std::string::npos) << checked.out;
  EXPECT_FALSE(std::filesystem::exists(daemon.state_dir()));
}

TEST(Commands, CheckSaysWhenTheScheduleCannotBeMet) {
  Daemon daemon;
  daemon.config.account = "requests_per_second = 2";
  for (int i = 0; i < 20; ++i) daemon.config.functions.emplace_back(fmt::format("f{}", i), "");
  daemon.write_config();
  const RunResult checked = daemon.command({"check"});
  EXPECT_EQ(checked.status, (ExitStatus{0, 0}));
  EXPECT_NE(checked.out.find("cannot be met"), std::string::npos) << checked.out;
}

TEST(Commands, CheckReportsEveryMistakeAndEndsWith78) {
  Daemon daemon;
  daemon.dir().write("codedriftd.toml", "[daemon]\nstate_dri = \"/tmp\"\n[[function]]\nname = 7\n");
  const RunResult checked = daemon.command({"check"});
  EXPECT_EQ(checked.status, (ExitStatus{78, 0}));
  EXPECT_NE(checked.err.find("codedriftd.toml:2:1:"), std::string::npos) << checked.err;
  EXPECT_NE(checked.err.find("codedriftd.toml:4:"), std::string::npos) << checked.err;
}

TEST(Commands, StatusWithDetailedExitCodeSays0And2And3) {
  Daemon daemon;
  const auto code = [&](std::vector<std::string> more) {
    std::vector<std::string> args{"query", "status", "--detailed-exitcode"};
    args.insert(args.end(), more.begin(), more.end());
    return code_of(daemon.command(args));
  };
  daemon.deploy("refund", "reviewed");
  daemon.config.functions.emplace_back("refund", "baseline = \"review\"");
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  ASSERT_TRUE(daemon.wait_for_status("refund", "unreviewed"));
  EXPECT_EQ(code({"charge"}), 0);
  EXPECT_EQ(code({"refund"}), 3);
  EXPECT_EQ(code({}), 3);
  daemon.deploy("charge", "hurried");
  ASSERT_TRUE(daemon.wait_for_status("charge", "drifted"));
  EXPECT_EQ(code({}), 2);
  EXPECT_EQ(code({"refund"}), 3);
  EXPECT_EQ(daemon.command({"query", "status"}).status, (ExitStatus{0, 0}));
  const RunResult nothing = daemon.command({"query", "status", "--function", "chrage"});
  EXPECT_EQ(nothing.status, (ExitStatus{1, 0}));
  EXPECT_NE(nothing.err.find("charge"), std::string::npos) << nothing.err;
  EXPECT_EQ(daemon.command({"query", "status", "chrage"}).status, (ExitStatus{1, 0}));
}

TEST(Commands, ABackupTakenWhileTheDaemonRunsIsWholeAndCanBeQueried) {
  Daemon daemon;
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  daemon.deploy("charge", "hurried");
  ASSERT_TRUE(daemon.wait_for_alert("drift.detected"));
  const std::string copy = daemon.dir() / "restored/codedriftd.db";
  std::filesystem::create_directories(daemon.dir() / "restored");
  const RunResult backup = daemon.command({"backup", copy});
  EXPECT_EQ(backup.status, (ExitStatus{0, 0})) << backup.err;
  EXPECT_TRUE(whole_record(copy));
  ASSERT_TRUE(daemon.wait_for_polls(1));

  // The way back: stop, put the copy in place, start.
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
  for (const char* file : {"", "-wal", "-shm"}) std::filesystem::remove(daemon.database() + file);
  std::filesystem::rename(copy, daemon.database());
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_alert("record.restored")) << daemon.log();
  EXPECT_EQ(daemon.alerts().back().at("reason"), "older_copy");
  ASSERT_TRUE(daemon.wait_for_polls(2));
  EXPECT_EQ(daemon.status("charge").at("status"), "drifted");
  EXPECT_EQ(daemon.rows({"events", "--kind", "drift.*"}).size(), 1U);
  EXPECT_TRUE(whole_record(daemon.database()));
  EXPECT_EQ(daemon.command({"backup", "/nonexistent/folder/copy.db"}).status, (ExitStatus{1, 0}));

  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
  daemon.start();
  EXPECT_EQ(daemon.rows({"events", "--kind", "record.restored"}).size(), 1U) << "it is told once";
}

TEST(Commands, ABackupToStandardOutputIsTheRecordAndNothingElse) {
  Daemon daemon;
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  daemon.deploy("charge", "hurried");
  ASSERT_TRUE(daemon.wait_for_alert("drift.detected"));
  const RunResult backup = daemon.command({"backup", "-"});
  ASSERT_EQ(backup.status, (ExitStatus{0, 0})) << backup.err;
  EXPECT_EQ(backup.err, "");
  EXPECT_TRUE(backup.out.starts_with("SQLite format 3")) << "a line before it would spoil it";
  EXPECT_FALSE(std::filesystem::exists("-"));
  const std::string copy = daemon.dir().write("copy.db", backup.out);
  EXPECT_TRUE(whole_record(copy));
  Database db = sqlite::open_reader(copy);
  EXPECT_TRUE(check_schema(db).ok());
  auto drifts = db.query("SELECT count(*) FROM event WHERE kind = 'drift.detected'");
  ASSERT_TRUE(drifts.step());
  EXPECT_EQ(drifts.integer(0), 1);
}

TEST(Commands, MigrateMakesADatabaseThatTheDaemonGoesOnWith) {
  Daemon daemon;
  daemon.write_config();
  EXPECT_EQ(daemon.command({"migrate"}).status, (ExitStatus{1, 0})) << "there is no state folder yet";
  std::filesystem::create_directories(daemon.state_dir());
  const RunResult first = daemon.command({"migrate"});
  EXPECT_EQ(first.status, (ExitStatus{0, 0})) << first.err;
  const RunResult again = daemon.command({"migrate"});
  EXPECT_EQ(again.status, (ExitStatus{0, 0}));
  EXPECT_NE(again.out.find("up to date"), std::string::npos) << again.out;
  daemon.start();
  EXPECT_TRUE(daemon.wait_for_status("charge", "in_sync"));
}

TEST(Commands, WrongUsageEndsWith64AndSaysWhatWouldBeRight) {
  Daemon daemon;
  daemon.write_config();
  const std::vector<std::vector<std::string>> wrong{{},
                                                    {"runn"},
                                                    {"run", "--now"},
                                                    {"check", "--onlin"},
                                                    {"query"},
                                                    {"query", "statu"},
                                                    {"query", "status", "--kind", "x"},
                                                    {"query", "events", "--since", "yesterday"},
                                                    {"backup"},
                                                    {"query", "status", "--format", "yaml"},
                                                    {"migrate", "now"}};
  for (const auto& args : wrong) {
    const RunResult result = daemon.command(args);
    EXPECT_EQ(result.status, (ExitStatus{64, 0})) << testing::PrintToString(args) << result.err;
    EXPECT_TRUE(result.out.empty()) << testing::PrintToString(args);
    EXPECT_FALSE(result.err.empty()) << testing::PrintToString(args);
  }
  EXPECT_NE(daemon.command({"runn"}).err.find("'run'"), std::string::npos);
  EXPECT_NE(daemon.command({"query", "statu"}).err.find("status"), std::string::npos);
}

TEST(Commands, HelpAndVersionAreForEveryCommand) {
  Daemon daemon;
  for (const auto& args : std::vector<std::vector<std::string>>{{"--help"},
                                                                {"--version"},
                                                                {"run", "--help"},
                                                                {"check", "--help"},
                                                                {"query", "--help"},
                                                                {"query", "status", "--help"},
                                                                {"query", "coverage", "--help"},
                                                                {"migrate", "--help"},
                                                                {"backup", "--help"}}) {
    const RunResult result = daemon.command(args);  // there is no configuration: help needs none
    EXPECT_EQ(result.status, (ExitStatus{0, 0})) << testing::PrintToString(args);
    EXPECT_FALSE(result.out.empty()) << testing::PrintToString(args);
    EXPECT_TRUE(result.err.empty()) << testing::PrintToString(args) << result.err;
  }
}

TEST(Commands, AQueryBeforeTheFirstStartSaysSo) {
  Daemon daemon;
  daemon.write_config();
  const RunResult result = daemon.command({"query", "status"});
  EXPECT_EQ(result.status, (ExitStatus{1, 0}));
  EXPECT_NE(result.err.find("there is no database"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace codedriftd::test
