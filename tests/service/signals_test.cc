#include "service/signals.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

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
