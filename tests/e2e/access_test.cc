/// One writer, and who may read.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "base/unique_fd.h"
#include "e2e/daemon.h"
#include "e2e/record.h"
#include "support/as_user.h"

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
  daemon.run_as(kOwner);
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
      // And a copy, which the stock sqlite3 reads, hardened or not (docs/views.md).
      const TempDir theirs;
      ASSERT_EQ(::chown(theirs.path().c_str(), user.first, user.second), 0);
      const std::string copy = theirs / "record.db";
      const RunResult copied = daemon.command({"backup", copy}, user);
      ASSERT_EQ(copied.status, (ExitStatus{0, 0})) << copied.err;
      for (const char* trusted : {"ON", "OFF"}) {
        const RunResult row =
            run({.argv = {"sqlite3", "-readonly", copy,
                          std::string("PRAGMA trusted_schema = ") + trusted +
                              "; SELECT status, polls > 0, (SELECT count(*) > 1 FROM v_events), (SELECT "
                              "count(*) > 1 FROM v_history) FROM v_status JOIN v_coverage USING (target)"},
                 .as = user});
        EXPECT_EQ(row.status, (ExitStatus{0, 0})) << row.err;
        EXPECT_EQ(row.out, "drifted|1|1|1\n");
      }
    }
    const RunResult refused = daemon.command({"query", "status"}, kStranger);
    EXPECT_EQ(refused.status, (ExitStatus{1, 0}));
    EXPECT_NE(refused.err.find("permission denied"), std::string::npos) << refused.err;
    EXPECT_TRUE(refused.out.empty());
  };
  check("while the daemon runs");
  // Nothing that the reader can open keeps the daemon from recording: locks on all of it, for as long as it likes.
  std::vector<UniqueFd> held;
  as_user(kReader.first, {kReader.second}, [&] {
    for (const auto& entry : std::filesystem::directory_iterator(daemon.state_dir())) {
      UniqueFd fd(::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC));
      const std::string name = entry.path().filename();
      EXPECT_EQ(fd.valid(), name == "codedriftd.db" || name == "codedriftd.db-wal") << name;
      if (!fd.valid()) continue;
      struct flock lock {};
      lock.l_type = F_RDLCK;
      lock.l_whence = SEEK_SET;
      lock.l_len = off_t{1} << 60;  // up to the byte that the daemon's mark is on
      EXPECT_EQ(::fcntl(fd.get(), F_OFD_SETLK, &lock), 0) << name;
      EXPECT_EQ(::flock(fd.get(), LOCK_SH | LOCK_NB), 0) << name;
      held.push_back(std::move(fd));
    }
  });
  EXPECT_EQ(held.size(), 2U);
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

// Root may bring the database up to date by hand; what it makes has to be the daemon's.
TEST(Access, MigrateByRootActsAsTheOwnerOfTheStateFolder) {
  if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: needs root, to run programs as three users; CI runs it as root";
  constexpr std::pair<uid_t, gid_t> kOwner{64'101, 64'101}, kOther{64'102, 64'102};
  Daemon daemon;
  std::filesystem::permissions(daemon.dir().path(), std::filesystem::perms(0755));
  daemon.write_config();
  const auto make_folder = [](const std::string& path, const std::pair<uid_t, gid_t>& user) {
    std::filesystem::create_directory(path);
    std::filesystem::permissions(path, std::filesystem::perms(0700));
    return ::chown(path.c_str(), user.first, user.second) == 0;
  };
  ASSERT_TRUE(make_folder(daemon.state_dir(), kOwner));
  const RunResult migrated = daemon.command({"migrate"});
  ASSERT_EQ(migrated.status, (ExitStatus{0, 0})) << migrated.err;
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(daemon.state_dir())) {
    struct stat info {};
    ASSERT_EQ(::stat(entry.path().c_str(), &info), 0) << entry;
    EXPECT_EQ(info.st_uid, kOwner.first) << entry;
    EXPECT_EQ(info.st_gid, kOwner.second) << entry;
    EXPECT_EQ(info.st_mode & 07, 0U) << entry << " is open to strangers";
    files.insert(entry.path().filename());
  }
  EXPECT_TRUE(files.contains("codedriftd.db") && files.contains("codedriftd.lock"));
  const RunResult seen = daemon.command({"query", "events"}, kOwner);
  EXPECT_EQ(seen.status, (ExitStatus{0, 0})) << seen.err;

  // Through a link that the owner made, it reaches only what the owner does.
  const std::string theirs = daemon.dir() / "theirs";
  ASSERT_TRUE(make_folder(theirs, kOther));
  std::filesystem::remove(daemon.database());
  std::filesystem::create_symlink(theirs + "/new.db", daemon.database());
  const RunResult refused = daemon.command({"migrate"});
  EXPECT_EQ(refused.status, (ExitStatus{1, 0})) << refused.out;
  EXPECT_TRUE(std::filesystem::is_empty(theirs));
}

}  // namespace
}  // namespace codedriftd::test
