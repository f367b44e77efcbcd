#include "service/signals.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <string>
#include <string_view>

#include "support/process.h"

namespace codedriftd::test {
namespace {

/// Each test is a process of its own: signals are of the whole process.
class SignalsDeathTest : public testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

void send(int signal) { ::kill(::getpid(), signal); }

int next(Signals& signals) {
  for (;;) {
    if (const auto number = signals.wait(Millis{1'000})) return *number;
  }
}

/// Ends the process with 0 if all is as it should be.
[[noreturn]] void hear_three() {
  {
    Signals signals(Millis{60'000});
    send(SIGHUP);
    if (next(signals) != SIGHUP || signals.stopping()) std::_Exit(2);
    send(SIGTERM);
    if (next(signals) != SIGTERM || !signals.stopping()) std::_Exit(3);
  }
  std::_Exit(0);  // the time to stop is not waited for
}

TEST_F(SignalsDeathTest, AreHeardOneByOneAndAStopInTimeIsLeftAlone) {
  EXPECT_EXIT(hear_three(), testing::ExitedWithCode(0), "");
}

[[noreturn]] void hear_a_storm() {
  Signals signals(Millis{60'000});
  for (int i = 0; i < 1'000; ++i) signals.hang_up();
  if (next(signals) != SIGHUP) std::_Exit(2);
  if (signals.wait(Millis{0})) std::_Exit(3);
  for (int i = 0; i < 1'000; ++i) signals.hang_up();
  send(SIGTERM);
  while (!signals.stopping()) ::usleep(1'000);
  if (next(signals) != SIGTERM) std::_Exit(4);
  if (next(signals) != SIGHUP) std::_Exit(5);  // that came before; whoever stops does not ask for it
  std::_Exit(signals.wait(Millis{0}) ? 6 : 0);
}

TEST_F(SignalsDeathTest, ManyHangUpsAreOneAndAStopGoesBeforeThem) {
  EXPECT_EXIT(hear_a_storm(), testing::ExitedWithCode(0), "");
}

/// How often stderr, which is a file here, holds `text`.
int said(std::string_view text) {
  std::string all(65'536, '\0');
  const ssize_t size = ::pread(STDERR_FILENO, all.data(), all.size(), 0);
  all.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  int count = 0;
  for (std::size_t at = 0; (at = all.find(text, at)) != std::string::npos; at += text.size()) ++count;
  return count;
}

[[noreturn]] void hear_what_means_nothing() {
  ::dup2(::memfd_create("stderr", 0), STDERR_FILENO);
  Signals signals(Millis{60'000});
  for (const int signal :
       {SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGSTKFLT, SIGRTMIN, SIGRTMAX}) {
    const int before = said("signal.ignored");
    send(signal);
    if (!wait_until([&] { return said("signal.ignored") > before; }, Millis{30'000})) std::_Exit(2);
  }
  for (int i = 0; i < 3; ++i) send(SIGUSR1);
  send(SIGTERM);
  if (next(signals) != SIGTERM) std::_Exit(3);
  if (said("SIGUSR1 came") != 1 || said("SIGRTMIN+0 came") != 1 || said("SIGTERM came") != 0) std::_Exit(4);
  std::_Exit(said("signal.ignored") == 10 ? 0 : 5);
}

TEST_F(SignalsDeathTest, ThatMeanNothingAreALineInTheLogEachOnceAMinute) {
  EXPECT_EXIT(hear_what_means_nothing(), testing::ExitedWithCode(0), "");
}

[[noreturn]] void never_stop(int signal) {
  const Signals signals(Millis{200});
  send(signal);
  for (;;) ::pause();
}

TEST_F(SignalsDeathTest, AStopThatDoesNotEndByItselfIsEndedAsAFailure) {
  EXPECT_EXIT(never_stop(SIGTERM), testing::ExitedWithCode(EXIT_FAILURE), "^$");
  EXPECT_EXIT(never_stop(SIGINT), testing::ExitedWithCode(EXIT_FAILURE), "^$");
}

[[noreturn]] void go_on_asking() {
  Signals signals(Millis{500});
  for (int i = 0; i < 1'000; ++i) {
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) send(signal);
    signals.wait(Millis{10});
  }
  std::_Exit(4);
}

TEST_F(SignalsDeathTest, FurtherSignalsDoNotProlongTheTimeToStop) {
  EXPECT_EXIT(go_on_asking(), testing::ExitedWithCode(EXIT_FAILURE), "");
}

}  // namespace
}  // namespace codedriftd::test
