#include "base/backoff.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace codedriftd {
namespace {

using namespace std::chrono_literals;

constexpr Backoff kBackoff{1s, 4s, 60s};
constexpr double kAlmostOne = 0.999999;

TEST(Backoff, LiesBetweenItsFloorAndACeilingThatDoubles) {
  struct Row {
    unsigned failures;
    Millis ceiling;
  };
  for (const Row& row : {Row{0, 4s}, Row{1, 4s}, Row{2, 8s}, Row{3, 16s}, Row{4, 32s}, Row{5, 60s}, Row{6, 60s},
                         Row{100, 60s}, Row{4'000'000'000U, 60s}}) {
    EXPECT_EQ(backoff_delay(kBackoff, row.failures, 0.0), 1s) << row.failures;
    const Millis longest = backoff_delay(kBackoff, row.failures, kAlmostOne);
    EXPECT_LT(longest, row.ceiling) << row.failures;
    EXPECT_GT(longest, row.ceiling - 100ms) << row.failures;
  }
}

TEST(Backoff, IsNeverBelowWhatTheOtherSideAsksFor) {
  EXPECT_EQ(backoff_delay(kBackoff, 1, 0.0, 30s), 30s);
  EXPECT_EQ(backoff_delay(kBackoff, 1, 0.0, 1h), 1h) << "not even for the ceiling's sake";
  EXPECT_EQ(backoff_delay(kBackoff, 1, 0.0, 10ms), 1s) << "nor below the floor";
  EXPECT_GT(backoff_delay(kBackoff, 1, 0.5, 30s), 30s) << "the jitter lies above it";
}

TEST(Backoff, AFloorAboveTheCeilingIsTheDelay) { EXPECT_EQ(backoff_delay({10s, 1s, 5s}, 3, kAlmostOne), 10s); }

TEST(Backoff, RandomNumbersLieInTheUnitIntervalAndDiffer) {
  double least = 1;
  double most = 0;
  for (int i = 0; i < 1000; ++i) {
    const double random = random_unit();
    least = std::min(least, random);
    most = std::max(most, random);
  }
  EXPECT_GE(least, 0.0);
  EXPECT_LT(most, 1.0);
  EXPECT_LT(least, 0.1);
  EXPECT_GT(most, 0.9);
}

}  // namespace
}  // namespace codedriftd
