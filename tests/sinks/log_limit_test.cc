#include "sinks/log_limit.h"

#include <gtest/gtest.h>

namespace codedriftd {
namespace {

TEST(LogLimit, LetsTwentyLinesASecondThroughAndCountsTheOthers) {
  LogLimit limit;
  const MonoTime start{std::chrono::hours(1)};
  int through = 0;
  for (int i = 0; i < 50; ++i) through += limit.allow(start + Millis{i}) ? 1 : 0;
  EXPECT_EQ(through, 20);
  EXPECT_FALSE(limit.allow(start + Millis{999}));
  EXPECT_TRUE(limit.allow(start + Millis{1000}));
  limit.add_dropped(9);
  EXPECT_EQ(limit.take_dropped(), 40U);
  EXPECT_EQ(limit.take_dropped(), 0U);
}

}  // namespace
}  // namespace codedriftd
