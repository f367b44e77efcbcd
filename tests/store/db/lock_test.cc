#include "store/db/lock.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <thread>

#include "support/process.h"
#include "support/temp_dir.h"

namespace codedriftd::test {
namespace {

TEST(StateLock, ASecondTakerIsRefusedWithTheHoldersPid) {
  TempDir dir;
  const std::string path = dir / "codedriftd.lock";
  {
    const auto first = StateLock::take(path);
    ASSERT_TRUE(first) << first.error().message;
    const auto second = StateLock::take(path, Millis{0});
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message.find("pid " + std::to_string(::getpid())), std::string::npos)
        << second.error().message;
    EXPECT_NE(second.error().message.find(path), std::string::npos);
  }
  EXPECT_TRUE(StateLock::take(path)) << "free again with the object's end";
}

/// Whether a thread of this process is asleep.
bool asleep(pid_t thread) {
  std::ifstream stat("/proc/self/task/" + std::to_string(thread) + "/stat");
  std::string text;
  return std::getline(stat, text) && text.find(") S ") != std::string::npos;
}

TEST(StateLock, OneThatIsHeldForAMomentIsWaitedFor) {
  TempDir dir;
  const std::string path = dir / "codedriftd.lock";
  auto first = std::make_unique<Result<StateLock>>(StateLock::take(path));
  ASSERT_TRUE(*first);
  std::atomic<pid_t> waiter{0};
  std::atomic<bool> over{false}, taken{false};
  std::thread second([&] {
    waiter = ::gettid();
    taken = StateLock::take(path, Millis{30'000}).ok();
    over = true;
  });
  EXPECT_TRUE(wait_until([&] { return over || (waiter != 0 && asleep(waiter)); }, Millis{30'000}));
  EXPECT_FALSE(over) << "refused at once";
  first.reset();
  second.join();
  EXPECT_TRUE(taken);
}

TEST(StateLock, TellsWhoHoldsItWithoutTakingItOrMakingIt) {
  TempDir dir;
  const std::string path = dir / "codedriftd.lock";
  EXPECT_EQ(*StateLock::holder(path), std::nullopt);
  EXPECT_FALSE(std::filesystem::exists(path));
  {
    const auto held = StateLock::take(path);
    ASSERT_TRUE(held);
    EXPECT_EQ(*StateLock::holder(path), std::to_string(::getpid()));
  }
  EXPECT_EQ(*StateLock::holder(path), std::nullopt);
  EXPECT_TRUE(StateLock::take(path));
  std::filesystem::remove(path);
  std::filesystem::create_symlink(dir / "elsewhere", path);
  EXPECT_FALSE(StateLock::holder(path).ok());
}

TEST(StateLock, ANewHolderReplacesALongerPid) {
  TempDir dir;
  const std::string path = dir.write("codedriftd.lock", "99999999999999\n");
  const auto held = StateLock::take(path);
  ASSERT_TRUE(held);
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  EXPECT_EQ(line, std::to_string(::getpid()));
}

TEST(StateLock, TheHoldersDeathFreesIt) {
  TempDir dir;
  const std::string path = dir / "codedriftd.lock";
  int taken[2];
  ASSERT_EQ(::pipe(taken), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto held = StateLock::take(path);
    const char byte = held ? 'y' : 'n';
    if (::write(taken[1], &byte, 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(taken[0], &byte, 1), 1);
  ASSERT_EQ(byte, 'y');
  const auto refused = StateLock::take(path, Millis{0});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("pid " + std::to_string(child)), std::string::npos);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(StateLock::take(path));
  ::close(taken[0]);
  ::close(taken[1]);
}

TEST(StateLock, IsForItsOwnerAloneAndAnOlderFileIsReplaced) {
  TempDir dir;
  const std::string path = dir / "codedriftd.lock";
  dir.write("codedriftd.lock", "4711\n", std::filesystem::perms(0640));
  const UniqueFd held(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  {
    auto lock = StateLock::take(path, Millis{0});
    ASSERT_TRUE(lock) << lock.error().message;
    EXPECT_TRUE(lock->in_place());
    EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms(0600));
    EXPECT_FALSE(StateLock::take(path, Millis{0}));
  }
  // Whoever had the old one open holds nothing by it.
  ASSERT_EQ(::flock(held.get(), LOCK_SH | LOCK_NB), 0);
  EXPECT_TRUE(StateLock::take(path, Millis{0}));
}

TEST(StateLock, AnOlderFileThatSomebodyHoldsIsNotTakenAndTheErrorSaysWhatMayBe) {
  TempDir dir;
  dir.write("codedriftd.lock", "4711\n", std::filesystem::perms(0640));
  const UniqueFd held(::open((dir / "codedriftd.lock").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(::flock(held.get(), LOCK_SH | LOCK_NB), 0);
  const auto refused = StateLock::take(dir / "codedriftd.lock", Millis{0});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("somebody else holds the file"), std::string::npos) << refused.error().message;
}

TEST(StateLock, WhereTheFileIsRemovedOrReplacedTheHolderNoticesAndTheMarkRefusesASecond) {
  TempDir dir;
  const std::string path = dir / "codedriftd.lock";
  dir.write("codedriftd.db", "", std::filesystem::perms(0640));
  auto first = StateLock::take(path);
  ASSERT_TRUE(first);
  ASSERT_TRUE(first->mark(dir / "codedriftd.db"));
  std::filesystem::remove(path);
  EXPECT_FALSE(first->in_place());
  {
    auto second = StateLock::take(path, Millis{0});
    ASSERT_TRUE(second) << "its lock is another file";
    EXPECT_FALSE(first->in_place());
    const auto refused = second->mark(dir / "codedriftd.db");
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("another codedriftd writes to it"), std::string::npos);
  }
  { const StateLock gone = std::move(*first); }
  auto third = StateLock::take(path, Millis{0});
  ASSERT_TRUE(third);
  EXPECT_TRUE(third->mark(dir / "codedriftd.db"));
}

TEST(StateLock, ItsOwnMarkIsNoOtherDaemonsAndAFileThatIsMadeLaterIsMarkedThen) {
  TempDir dir;
  const std::string path = dir / "codedriftd.lock";
  auto first = StateLock::take(path);
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->mark(dir / "codedriftd.db")) << "there is none yet";
  dir.write("codedriftd.db", "", std::filesystem::perms(0640));
  EXPECT_TRUE(first->mark(dir / "codedriftd.db"));
  EXPECT_TRUE(first->mark(dir / "codedriftd.db")) << "a start that is tried again marks again";
  std::filesystem::remove(path);
  auto second = StateLock::take(path, Millis{0});
  ASSERT_TRUE(second);
  EXPECT_FALSE(second->mark(dir / "codedriftd.db"));
  EXPECT_FALSE(second->mark(dir / "codedriftd.db")) << "a mark that was refused is not had";
}

TEST(StateLock, AReadersLockOnTheDatabaseIsNoMark) {
  TempDir dir;
  dir.write("codedriftd.db", "", std::filesystem::perms(0640));
  const UniqueFd reader(::open((dir / "codedriftd.db").c_str(), O_RDONLY | O_CLOEXEC));
  struct flock lock {};
  lock.l_type = F_RDLCK;
  lock.l_whence = SEEK_SET;
  ASSERT_EQ(::fcntl(reader.get(), F_OFD_SETLK, &lock), 0);
  auto held = StateLock::take(dir / "codedriftd.lock");
  ASSERT_TRUE(held);
  EXPECT_TRUE(held->mark(dir / "codedriftd.db"));
}

TEST(StateLock, SaysWhyItCannotBeTaken) {
  TempDir dir;
  const auto missing = StateLock::take(dir / "no/such/folder.lock");
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("No such file"), std::string::npos);
  std::filesystem::create_symlink(dir / "elsewhere", dir / "link.lock");
  EXPECT_FALSE(StateLock::take(dir / "link.lock"));
  EXPECT_FALSE(std::filesystem::exists(dir / "elsewhere")) << "created through a link";
}

}  // namespace
}  // namespace codedriftd::test
