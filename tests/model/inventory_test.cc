#include "model/inventory.h"

#include <gtest/gtest.h>

namespace codedriftd::test {
namespace {

TEST(ParseScfTime, ReadsTheCloudsTimeEightHoursAheadOfUtc) {
  struct Case {
    const char* text;
    const char* utc;
  };
  for (const Case& c : {Case{"2026-11-26 14:03:09", "2026-11-26T06:03:09.000Z"},
                        Case{"2026-11-26 08:00:00", "2026-11-26T00:00:00.000Z"},
                        Case{"2026-11-26 07:59:59", "2026-11-25T23:59:59.000Z"},
                        Case{"2027-01-01 00:00:00", "2026-12-31T16:00:00.000Z"},
                        Case{"2028-02-29 23:59:59", "2028-02-29T15:59:59.000Z"}}) {
    const auto time = parse_scf_time(c.text);
    ASSERT_TRUE(time) << c.text;
    EXPECT_EQ(rfc3339(*time), c.utc) << c.text;
  }
}

TEST(ParseScfTime, RefusesEverythingElse) {
  for (const char* text : {"",
                           "2026-11-26",
                           "2026-11-26T14:03:09",
                           "2026-11-26 14:03:09Z",
                           "2026-11-26 14:03:09+08:00",
                           "2026-11-26 14:03:09.5",
                           " 2026-11-26 14:03:09",
                           "2026-11-26 14:03:0",
                           "2026-11-26  4:03:09",
                           "2026-11-31 14:03:09",
                           "2027-02-29 00:00:00",
                           "2026-13-01 00:00:00",
                           "2026-00-10 00:00:00",
                           "0000-00-00 00:00:00",
                           "2026-11-26 24:00:00",
                           "2026-11-26 14:60:00",
                           "2026-11-26 14:03:60",
                           "-026-11-26 14:03:09",
                           "2026/11/26 14:03:09",
                           "2026-11-26 1a:03:09",
                           "26-11-2026 14:03:09"}) {
    EXPECT_EQ(parse_scf_time(text), std::nullopt) << text;
  }
}

TEST(InventoryStates, AreReadAsTheyAreWritten) {
  for (const char* name : {"watched", "excluded", "unmanaged", "gone", "unreadable"}) {
    const auto state = parse_inventory_state(name);
    ASSERT_TRUE(state) << name;
    EXPECT_EQ(to_string(*state), name);
  }
  for (const char* name : {"", "Watched", "missing", "gone "}) EXPECT_FALSE(parse_inventory_state(name)) << name;
}

}  // namespace
}  // namespace codedriftd::test
