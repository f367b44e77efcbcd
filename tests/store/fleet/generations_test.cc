#include "store/fleet/generations.h"

#include <gtest/gtest.h>

#include "store/store_support.h"

namespace codedriftd::test {
namespace {

using generations::Standing;

TEST(Generations, TheNewestCountsAndNoneComesBackByItself) {
  Store store;
  Database& db = store.db;
  EXPECT_FALSE(generations::current(db));
  EXPECT_EQ(generations::standing_of(db, "one"), Standing::never_seen);
  EXPECT_EQ(generations::adopt(db, "one", "ops-1", kStart).number, 1);
  EXPECT_EQ(generations::standing_of(db, "one"), Standing::current);
  EXPECT_EQ(generations::standing_of(db, "two"), Standing::never_seen);
  EXPECT_EQ(generations::adopt(db, "two", "ops-2", kStart + kMinute).number, 2);
  EXPECT_EQ(generations::standing_of(db, "one"), Standing::replaced);
  EXPECT_EQ(generations::standing_of(db, "two"), Standing::current);
  const auto counts = generations::current(db);
  ASSERT_TRUE(counts);
  EXPECT_EQ(counts->number, 2);
  EXPECT_EQ(counts->digest, "two");
  EXPECT_EQ(counts->adopted_by, "ops-2");
  EXPECT_EQ(counts->adopted_at, kStart + kMinute);

  EXPECT_EQ(generations::adopt(db, "one", "uid:0(root)@ops-1", kStart + kHour).number, 3) << "somebody says so";
  EXPECT_EQ(generations::standing_of(db, "one"), Standing::current);
  EXPECT_EQ(generations::standing_of(db, "two"), Standing::replaced);
}

}  // namespace
}  // namespace codedriftd::test
