#include "store/record/facts.h"

#include <gtest/gtest.h>

#include "store/store_support.h"

namespace codedriftd::test {
namespace {

TEST(Facts, AreWrittenReadAndReplaced) {
  Store store;
  EXPECT_EQ(facts::read(store.db, "log_origin"), std::nullopt);
  facts::write(store.db, "log_origin", "ops-1/codedriftd");
  facts::write(store.db, "other", "x");
  facts::write(store.db, "log_origin", "");
  EXPECT_EQ(facts::read(store.db, "log_origin"), "");
}

TEST(DaemonRuns, SayWhetherTheLastStaySaidGoodbye) {
  Store store;
  EXPECT_FALSE(daemon_runs::last(store.db));
  const int64_t first = daemon_runs::begin(store.db, 1, kStart);
  daemon_runs::alive(store.db, first, kStart + 5 * kMinute);
  daemon_runs::alive(store.db, first, kStart);  // the clock was set back
  const auto crashed = daemon_runs::last(store.db);
  ASSERT_TRUE(crashed);
  EXPECT_FALSE(crashed->stopped);
  EXPECT_EQ(crashed->alive_at, kStart + 5 * kMinute);
  const int64_t second = daemon_runs::begin(store.db, 2, kStart + 6 * kMinute);
  daemon_runs::end(store.db, second, kStart + 7 * kMinute);
  const auto stopped = daemon_runs::last(store.db);
  ASSERT_TRUE(stopped);
  EXPECT_TRUE(stopped->stopped);
  EXPECT_EQ(stopped->alive_at, kStart + 7 * kMinute);
}

}  // namespace
}  // namespace codedriftd::test
