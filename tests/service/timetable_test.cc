#include "service/timetable.h"

#include <gtest/gtest.h>

#include "support/manual_clock.h"

namespace codedriftd::test {
namespace {

using namespace std::chrono_literals;

struct TimetableTest : testing::Test {
  ManualClock clock;
  Timetable table{clock.mono()};
  int watchdogs = 0, signs_of_life = 0, status_lines = 0, summaries = 0;

  void pass(Millis time, std::optional<Millis> watchdog, bool progress) {
    for (Millis done{0}; done < time; done += 1s) {
      clock.advance(1s);
      const Timetable::Due due = table.due(clock.mono(), watchdog, progress);
      watchdogs += due.watchdog ? 1 : 0;
      signs_of_life += due.alive ? 1 : 0;
      status_lines += due.status ? 1 : 0;
      summaries += due.summary ? 1 : 0;
    }
  }
};

TEST_F(TimetableTest, EverythingComesAtItsIntervalAndTheSummaryOnceAnHour) {
  pass(10h, 10s, true);
  EXPECT_EQ(watchdogs, 3600);
  EXPECT_EQ(signs_of_life, 1800);
  EXPECT_EQ(status_lines, 600);
  EXPECT_EQ(summaries, 10);
}

TEST_F(TimetableTest, TheWatchdogIsNotFedWithoutProgressNorWhereNobodyAsksForIt) {
  pass(1h, 10s, false);
  pass(1h, std::nullopt, true);
  EXPECT_EQ(watchdogs, 0);
  EXPECT_GT(signs_of_life, 0) << "the rest goes on";
  pass(1min, 10s, true);
  EXPECT_EQ(watchdogs, 6) << "and it is fed again once there is progress";
}

TEST_F(TimetableTest, SaysWhenSomethingIsDueNext) {
  EXPECT_EQ(table.next(true), clock.mono());
  (void)table.due(clock.mono(), 5s, true);
  EXPECT_EQ(table.next(true), clock.mono() + 5s);
  EXPECT_EQ(table.next(false), clock.mono() + 20s);
}

TEST_F(TimetableTest, AThreadThatDidNotComeRoundForThirtySecondsMakesNoProgress) {
  const MonoTime last = clock.mono();
  EXPECT_TRUE(makes_progress(last, last + 29'999ms));
  EXPECT_FALSE(makes_progress(last, last + 30s));
}

}  // namespace
}  // namespace codedriftd::test
