#include "store/db/lock.h"

#include <gtest/gtest.h>
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
