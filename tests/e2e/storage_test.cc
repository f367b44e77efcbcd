/// Little space, none, and a reader that keeps the write-ahead log from being moved: what is told, and that it is over
/// by itself.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "e2e/daemon.h"
#include "e2e/record.h"
#include "store/db/sqlite.h"

namespace codedriftd::test {
namespace {

std::ptrdiff_t events_of(const Daemon& daemon, std::string_view kind) { return count_kind(daemon.kinds(), kind); }

TEST(Storage, BelowTheFloorIsToldOnceAlsoAcrossARestartWhilePollingGoesOnAndAgainWhenItIsOver) {
  Daemon daemon;
  daemon.config.daemon = "disk_floor = \"1024TiB\"";
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_alert("storage.low")) << daemon.log();
  const Json alert = daemon.alerts().at(0);
  EXPECT_EQ(alert.at("severity"), "warning");
  EXPECT_EQ(alert.at("next_step"), "df -h '" + daemon.state_dir() + "'");
  const Json event = daemon.rows({"events", "--kind", "storage.low"}).at(0);
  EXPECT_GT(event.at("data").at("free_bytes"), 0) << event.dump();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  daemon.deploy("charge", "hurried");
  EXPECT_TRUE(daemon.wait_for_alert("drift.detected"));

  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
  daemon.start();  // the first look comes with the start, and is recorded before the polls
  ASSERT_TRUE(daemon.wait_for_polls(2));
  EXPECT_EQ(events_of(daemon, "storage.low"), 1);
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
  daemon.config.daemon = "disk_floor = \"0\"";
  daemon.start();
  EXPECT_TRUE(daemon.wait_for_alert("storage.recovered")) << daemon.log();
  EXPECT_EQ(daemon.receiver().count(), 3U);
}

/// A file system of 16 MiB for the state folder, which this process and its children alone see.
class SmallDisk {
 public:
  explicit SmallDisk(std::string folder) : folder_(std::move(folder)) {
    std::filesystem::create_directory(folder_);
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("small", folder_.c_str(), "tmpfs", 0, "size=16m,mode=0700") != 0)
      throw std::system_error(errno, std::generic_category(), folder_);
  }
  ~SmallDisk() { ::umount2(folder_.c_str(), MNT_DETACH); }
  SmallDisk(const SmallDisk&) = delete;

  /// A file that leaves so much free.
  void leave(const std::string& name, uint64_t bytes) const {
    std::ofstream file(folder_ + "/" + name, std::ios::binary);
    const std::string page(4096, 'x');
    while (file && std::filesystem::space(folder_).available > bytes) file.write(page.data(), 4096).flush();
  }
  void remove(const std::string& name) const { std::filesystem::remove(folder_ + "/" + name); }

 private:
  std::string folder_;
};

TEST(Storage, AFullDiskInventsNothingAndEverythingComesBackByItselfOnceThereIsSpace) {
  if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: needs root, to mount a small file system; CI runs it as root";
  Daemon daemon;
  const SmallDisk disk(daemon.state_dir());
  daemon.config.daemon = "disk_floor = \"8MiB\"";
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  EXPECT_EQ(events_of(daemon, "storage.low"), 0);
  disk.leave("first", 4U << 20);
  ASSERT_TRUE(daemon.wait_for_alert("storage.low")) << daemon.log();
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
  daemon.start();  // its log begins anew, and has to grow with each commit
  disk.leave("second", 0);
  ASSERT_TRUE(eventually([&] { return daemon.logged("store.trouble"); })) << daemon.log();
  daemon.deploy("charge", "hurried");
  ASSERT_TRUE(daemon.wait_for_polls(3)) << "polling goes on";
  EXPECT_TRUE(daemon.running());
  EXPECT_EQ(daemon.receiver().count(), 1U) << daemon.alerts().back().dump();

  disk.remove("second");
  ASSERT_TRUE(daemon.wait_for_alert("drift.detected")) << daemon.log();
  EXPECT_TRUE(daemon.logged("store.recovered"));
  EXPECT_EQ(events_of(daemon, "storage.low"), 1);
  disk.remove("first");
  ASSERT_TRUE(daemon.wait_for_alert("storage.recovered")) << daemon.log();
  EXPECT_EQ(daemon.receiver().count(), 3U);
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
  EXPECT_TRUE(whole_record(daemon.database()));
}

TEST(Storage, AReaderThatKeepsTheLogGrowingIsToldAndTheLogIsSmallAgainOnceItIsGone) {
  Daemon daemon;
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  {
    Database reader = sqlite::open_reader(daemon.database());
    reader.execute("BEGIN; SELECT count(*) FROM fact");
    Database much = sqlite::open_writer(daemon.database());  // as much as the daemon would write in a long time
    for (int i = 0; i < 9; ++i)
      much.run("INSERT INTO fact (name, value) VALUES (?, hex(zeroblob(16000000)))", std::to_string(i));
    ASSERT_TRUE(daemon.wait_for_alert("storage.blocked")) << daemon.log();
    EXPECT_EQ(daemon.alerts().at(0).at("next_step"), "sudo fuser -v '" + daemon.database() + "'");
    ASSERT_TRUE(daemon.wait_for_polls(2)) << "polling goes on";
  }
  ASSERT_TRUE(daemon.wait_for_alert("storage.unblocked", 1, Millis{60'000})) << daemon.log();
  EXPECT_LT(std::filesystem::file_size(daemon.database() + "-wal"), 64U << 20);
  EXPECT_EQ(daemon.receiver().count(), 2U);
}

}  // namespace
}  // namespace codedriftd::test
