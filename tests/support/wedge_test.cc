#include "support/wedge.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <stdexcept>
#include <thread>

namespace codedriftd::test {
namespace {

/// What the two threads of another process have counted so far.
struct Counts {
  std::atomic<uint64_t> main{0};
  std::atomic<uint64_t> worker{0};
};

class WedgeTest : public testing::Test {
 protected:
  WedgeTest() {
    process_ = ::fork();
    if (process_ == 0) {
      std::thread worker([this] {
        ::pthread_setname_np(::pthread_self(), "worker");
        count(counts_->worker);
      });
      count(counts_->main);
    }
    wait_until([this] { return counts_->worker > 0; });
  }
  ~WedgeTest() override { end(); }

  void end() {
    if (process_ <= 0) return;
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    process_ = -1;
  }
  [[noreturn]] static void count(std::atomic<uint64_t>& counted) {
    for (;;) {
      ++counted;
      ::usleep(1000);
    }
  }
  static void wait_until(const std::function<bool()>& holds) {
    while (!holds()) ::usleep(1000);
  }
  void main_goes_on() {
    wait_until([this, before = counts_->main.load()] { return counts_->main > before + 20; });
  }

  Counts* counts_ =
      new (::mmap(nullptr, sizeof(Counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) Counts;
  pid_t process_ = -1;
};

TEST_F(WedgeTest, HoldsOneThreadWhileTheOthersGoOn) {
  uint64_t before = 0;
  {
    const Wedge wedge(process_, "worker");
    before = counts_->worker;
    main_goes_on();
    EXPECT_EQ(counts_->worker, before);
  }
  wait_until([&] { return counts_->worker > before; });
}

TEST_F(WedgeTest, LetsTheProcessEnd) {
  const Wedge wedge(process_, "worker");
  end();
}

TEST_F(WedgeTest, NeedsAThread) { EXPECT_THROW(Wedge(process_, "nobody"), std::runtime_error); }

}  // namespace
}  // namespace codedriftd::test
