#include "settings/schedule.h"

#include <gtest/gtest.h>

#include "settings/load.h"

namespace codedriftd {
namespace {

struct Group {
  std::size_t count;
  Millis interval;
  Millis stale_after;
};

Settings settings_of(double limit, const std::vector<Group>& groups,
                     const std::string& endpoint = "https://scf.tencentcloudapi.com") {
  Settings settings;
  AccountSettings account;
  account.name = "prod";
  account.endpoint = endpoint;
  account.requests_per_second = limit;
  settings.accounts.emplace("prod", account);
  for (const Group& group : groups) {
    for (std::size_t i = 0; i < group.count; ++i) {
      WatchSettings watch;
      watch.target = {"prod", "r", "default", "f" + std::to_string(settings.watches.size()), "$LATEST"};
      watch.interval = group.interval;
      watch.stale_after = group.stale_after;
      settings.watches.push_back(watch);
    }
  }
  return settings;
}

constexpr Millis kMinute{60'000};

TEST(Schedule, SaysWhetherTheDemandFitsAndWhatWouldMakeItFit) {
  struct DemandCase {
    std::string what;
    Settings settings;
    double demand;
    Millis shortest_kept;
    std::size_t stale;
    std::string remedy;
  };
  const std::vector<DemandCase> cases{
      {"plenty of room", settings_of(15, {{300, 5 * kMinute, 15 * kMinute}}), 1.0, Millis{0}, 0, ""},
      {"exactly what the pace uses", settings_of(20, {{196, Millis{10'000}, kMinute}}), 19.6, Millis{0}, 0, ""},
      {"one more", settings_of(20, {{197, Millis{10'000}, kMinute}}), 19.7, Millis{11'000}, 0,
       "raise interval to at least 11s"},
      {"10,000 in five minutes", settings_of(15, {{10'000, 5 * kMinute, 15 * kMinute}}), 33.333, 12 * kMinute, 0,
       "raise interval to at least 12m"},
      {"the limit can be raised", settings_of(10, {{3'300, 5 * kMinute, 15 * kMinute}}), 11, 6 * kMinute, 0,
       "raise interval to at least 6m or requests_per_second to 12"},
      {"loopback takes any limit", settings_of(15, {{10'000, 5 * kMinute, 15 * kMinute}}, "http://127.0.0.1:1"), 33.333,
       12 * kMinute, 0, "raise interval to at least 12m or requests_per_second to 35"},
      {"stale between polls", settings_of(1, {{1'200, kMinute, 3 * kMinute}}), 20, 21 * kMinute, 1'200,
       "raise interval to at least 21m"},
      {"mixed intervals, all too short", settings_of(1, {{60, kMinute, 3 * kMinute}, {10, Millis{10'000}, kMinute}}), 2,
       Millis{72'000}, 10, "raise interval to at least 72s or requests_per_second to 3"},
      {"mixed intervals, long ones are kept",
       settings_of(10, {{31, Millis{1'000}, Millis{3'000}}, {1'000, 60 * kMinute, 180 * kMinute}}), 31.278,
       Millis{4'000}, 31, "raise interval to at least 4s"},
      {"hours", settings_of(1, {{9'000, 100 * kMinute, 300 * kMinute}}), 1.5, 180 * kMinute, 0,
       "raise interval to at least 3h or requests_per_second to 2"},
  };
  for (const DemandCase& c : cases) {
    SCOPED_TRACE(c.what);
    const std::vector<PaceLoad> loads = schedule_of(c.settings);
    ASSERT_EQ(loads.size(), 1U);
    EXPECT_EQ(loads[0].targets, c.settings.watches.size());
    EXPECT_NEAR(loads[0].demand, c.demand, 0.001);
    EXPECT_EQ(loads[0].shortest_kept, c.shortest_kept);
    EXPECT_NEAR(loads[0].utilisation, c.demand / (loads[0].limit * 0.98), 0.001);
    EXPECT_EQ(loads[0].fits(), c.remedy.empty());
    EXPECT_EQ(loads[0].stale, c.stale);
    EXPECT_EQ(loads[0].remedy, c.remedy);
  }
}

TEST(Schedule, CountsAllRegionsOfAKeyAtOneEndpointTogether) {
  const auto loaded = load_settings_text("f", R"(
[account.a]
requests_per_second = 5
[account.b]
credentials = {source = "profile", profile = "b"}
[account.c]
requests_per_second = 4
[account.d]
endpoint = "https://scf.ap-shanghai.tencentcloudapi.com"
[account.unused]
requests_per_second = 3
[defaults]
account = "a"
region = "r1"
interval = "10s"
[[function]]
names = ["x", "y"]
[[function]]
name = "x"
region = "r2"
[[function]]
name = "x"
account = "b"
[[function]]
name = "x"
account = "c"
[[function]]
name = "x"
account = "d"
)");
  ASSERT_TRUE(loaded) << format_mistakes(loaded.error());
  const std::vector<PaceLoad> loads = schedule_of(*loaded);
  ASSERT_EQ(loads.size(), 3U);
  EXPECT_EQ(loads[0].name(), "a, c (r1, r2)");
  EXPECT_EQ(loads[0].targets, 4U);
  EXPECT_NEAR(loads[0].demand, 0.4, 0.001);
  EXPECT_EQ(loads[0].limit, 3) << "the lowest of those that share it";
  EXPECT_EQ(loads[1].name(), "b/r1") << "another key";
  EXPECT_EQ(loads[1].limit, 15);
  EXPECT_EQ(loads[2].name(), "d/r1") << "another endpoint";
}

TEST(Schedule, IsEmptyWhereNothingIsWatched) { EXPECT_TRUE(schedule_of(settings_of(15, {})).empty()); }

}  // namespace
}  // namespace codedriftd
