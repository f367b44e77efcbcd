#include "polling/slots.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace codedriftd {
namespace {

constexpr WallTime kNow{Millis{1'795'478'400'123}};
constexpr Millis kInterval{300'000};

TEST(Slots, NextSlotIsAfterTheMomentAndWithinOneInterval) {
  for (int i = 0; i < 1000; ++i) {
    const std::string address = fmt::format("prod/ap-guangzhou/default/f{}:$LATEST", i);
    const WallTime slot = next_slot(address, kInterval, kNow);
    EXPECT_GT(slot, kNow);
    EXPECT_LE(slot, kNow + kInterval);
  }
}

TEST(Slots, SlotsOfOneTargetAreAnIntervalApart) {
  const WallTime slot = next_slot("a/b/c/d:1", kInterval, kNow);
  EXPECT_EQ(next_slot("a/b/c/d:1", kInterval, slot), slot + kInterval);
  EXPECT_EQ(next_slot("a/b/c/d:1", kInterval, slot - Millis{1}), slot);
  EXPECT_EQ(next_slot("a/b/c/d:1", kInterval, slot + Millis{1}), slot + kInterval);
}

TEST(Slots, ManyTargetsAreSpreadEvenly) {
  int in_tenth[10] = {};
  for (int i = 0; i < 10'000; ++i) {
    const Millis offset = next_slot(fmt::format("prod/ap-guangzhou/default/f{}:$LATEST", i), kInterval, kNow) - kNow;
    ++in_tenth[std::min<int64_t>(9, offset.count() * 10 / kInterval.count())];
  }
  for (const int count : in_tenth) {
    EXPECT_GT(count, 800);
    EXPECT_LT(count, 1200);
  }
}

TEST(Slots, AFunctionThatWasNeverPolledIsDueAtOnce) {
  EXPECT_EQ(first_due("a/b/c/d:1", kInterval, std::nullopt, kNow), kNow);
}

TEST(Slots, AfterARestartAPolledFunctionWaitsForItsSlot) {
  const WallTime slot = next_slot("a/b/c/d:1", kInterval, kNow);
  EXPECT_EQ(first_due("a/b/c/d:1", kInterval, slot - kInterval, kNow), slot);
}

TEST(Slots, AMissedSlotIsDueAtOnce) {
  const WallTime missed = next_slot("a/b/c/d:1", kInterval, kNow) - kInterval;
  EXPECT_EQ(first_due("a/b/c/d:1", kInterval, missed - Millis{1}, kNow), kNow);
}

TEST(Slots, ALastPollInTheFutureCountsAsNow) {
  EXPECT_EQ(first_due("a/b/c/d:1", kInterval, kNow + Millis{86'400'000}, kNow),
            next_slot("a/b/c/d:1", kInterval, kNow));
}

}  // namespace
}  // namespace codedriftd
