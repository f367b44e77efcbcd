#include "sinks/throttle.h"

#include <gtest/gtest.h>

#include <limits>

namespace codedriftd::test {
namespace {

const MonoTime kNow{std::chrono::hours(5)};

TEST(Throttle, WithoutALimitEverythingMayGo) {
  Throttle throttle;
  throttle.set_limit(0, 0, kNow);
  for (int i = 0; i < 1000; ++i) throttle.take(kNow);
  EXPECT_EQ(throttle.available(kNow), std::numeric_limits<unsigned>::max());
  EXPECT_EQ(throttle.wait(kNow), Millis{0});
}

TEST(Throttle, KeepsToThreeQuartersOfTheLimitAfterTheBurst) {
  Throttle throttle;
  throttle.set_limit(20, 3, kNow);  // 15 a minute: one in 4 s
  EXPECT_EQ(throttle.available(kNow), 3U);
  for (int i = 0; i < 3; ++i) throttle.take(kNow);
  EXPECT_EQ(throttle.available(kNow), 0U);
  EXPECT_EQ(throttle.wait(kNow), Millis{4000});
  EXPECT_EQ(throttle.wait(kNow + Millis{1000}), Millis{3000});
  EXPECT_EQ(throttle.available(kNow + Millis{4000}), 1U);
  EXPECT_EQ(throttle.available(kNow + std::chrono::hours(1)), 3U) << "no more than the burst is saved up";
}

TEST(Throttle, ThePluginStartedAnewHasNoNewBurst) {
  Throttle throttle;
  throttle.set_limit(60, 2, kNow);
  throttle.take(kNow);
  throttle.take(kNow);
  throttle.set_limit(60, 2, kNow);
  EXPECT_EQ(throttle.available(kNow), 0U);
  throttle.set_limit(120, 0, kNow);
  EXPECT_EQ(throttle.available(kNow), 1U) << "another plugin's limit begins anew; a burst of 0 is 1";
}

}  // namespace
}  // namespace codedriftd::test
