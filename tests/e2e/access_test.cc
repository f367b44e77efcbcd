/// One writer, and who may read.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "e2e/daemon.h"
#include "e2e/record.h"

namespace codedriftd::test {
namespace {

TEST(Access, ASecondDaemonOnTheSameStateFolderIsRefusedNamingThePidOfTheFirst) {
  Daemon daemon;
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  const RunResult second = daemon.command({"run"});
  EXPECT_EQ(second.status, (ExitStatus{1, 0}));
  EXPECT_NE(second.err.find("pid " + std::to_string(daemon.child().pid())), std::string::npos) << second.err;
  const RunResult migrate = daemon.command({"migrate"});
  EXPECT_EQ(migrate.status, (ExitStatus{1, 0}));
  EXPECT_NE(migrate.err.find("pid " + std::to_string(daemon.child().pid())), std::string::npos) << migrate.err;
  ASSERT_TRUE(daemon.wait_for_polls(2));
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
  EXPECT_TRUE(whole_record(daemon.database()));
  EXPECT_EQ(daemon.command({"migrate"}).status, (ExitStatus{0, 0}));
}

TEST(Access, AStateFolderThatEverybodyCanWriteToIsRefusedWithTheRemedy) {
  Daemon daemon;
  daemon.write_config();
  std::filesystem::create_directories(daemon.state_dir());
  std::filesystem::permissions(daemon.state_dir(), std::filesystem::perms(0777));
  const RunResult refused = daemon.command({"run"});
  EXPECT_EQ(refused.status, (ExitStatus{1, 0}));
  EXPECT_NE(refused.err.find("chmod o-w"), std::string::npos) << refused.err;
  EXPECT_FALSE(std::filesystem::exists(daemon.database()));
}

TEST(Access, TheGroupReadsWhileItRunsAndAfterwardsAndStrangersNeverDo) {
  if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: needs root, to run programs as three users; CI runs it as root";
  constexpr std::pair<uid_t, gid_t> kOwner{64'101, 64'100}, kReader{64'102, 64'100}, kStranger{64'103, 64'103};
  Daemon daemon;
  // The users have to reach the folder; the state folder in it is the daemon's own.
  std::filesystem::permissions(daemon.dir().path(), std::filesystem::perms(0755));
  for (const std::string& path : {daemon.dir().path().string(), daemon.secret_file()})
    ASSERT_EQ(::chown(path.c_str(), kOwner.first, kOwner.second), 0);
  daemon.as = kOwner;
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync")) << daemon.log();
  daemon.deploy("charge", "hurried");
  ASSERT_TRUE(daemon.wait_for_alert("drift.detected")) << daemon.log();
  struct stat info {};
  ASSERT_EQ(::stat(daemon.database().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0640U);
  EXPECT_EQ(info.st_uid, kOwner.first);

  const auto check = [&](const char* when) {
    SCOPED_TRACE(when);
    for (const auto& user : {kOwner, kReader}) {
      const RunResult seen = daemon.command({"query", "status", "--json"}, user);
      ASSERT_EQ(seen.status, (ExitStatus{0, 0})) << seen.err;
      EXPECT_EQ(Json::parse(seen.out).at("rows").at(0).at("status"), "drifted");
      EXPECT_EQ(daemon.command({"query", "events"}, user).status, (ExitStatus{0, 0}));
    }
    const RunResult refused = daemon.command({"query", "status"}, kStranger);
    EXPECT_EQ(refused.status, (ExitStatus{1, 0}));
    EXPECT_NE(refused.err.find("permission denied"), std::string::npos) << refused.err;
    EXPECT_TRUE(refused.out.empty());
  };
  check("while the daemon runs");
  ASSERT_TRUE(daemon.wait_for_polls(2));
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
  check("after a clean stop");
  daemon.start();
  daemon.kill();
  check("after a crash");
  // Reading left nothing behind that keeps the owner from going on.
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_polls(1));
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
}

}  // namespace
}  // namespace codedriftd::test
