#include "settings/schedule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

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

TEST(Schedule, CountsEachActionAgainstItsOwnLimit) {
  const auto loaded = load_settings_text("f", R"(
[account.a]
[defaults]
account = "a"
region = "ap-tokyo"
interval = "10s"
[[function]]
name = "x"
[[function]]
name = "x"
qualifier = "$LAYERS"
[[function]]
name = "x"
qualifier = "$ALIAS.live"
[[function]]
name = "x"
qualifier = "$IMAGE"
[[function]]
name = "x"
qualifier = "live"
)");
  ASSERT_TRUE(loaded) << format_mistakes(loaded.error());
  std::map<std::string, PaceLoad> loads;
  for (const PaceLoad& load : schedule_of(*loaded)) loads[load.action] = load;
  ASSERT_EQ(loads.size(), 3U);
  EXPECT_EQ(loads["GetFunctionAddress"].targets, 2U);
  EXPECT_NEAR(loads["GetFunctionAddress"].demand, 0.2, 0.001);
  EXPECT_EQ(loads["GetFunctionAddress"].limit, 15);
  EXPECT_EQ(loads["GetFunction"].targets, 2U);
  EXPECT_EQ(loads["GetFunction"].limit, 50);
  EXPECT_EQ(loads["GetAlias"].targets, 1U);
  EXPECT_EQ(loads["GetAlias"].limit, 15);
  for (const auto& [action, load] : loads) EXPECT_TRUE(load.fits()) << action;
}

TEST(Schedule, SaysThatTenThousandAliasesInFiveMinutesAreTooMany) {
  Settings settings = settings_of(20, {{10'000, 60 * kMinute, 180 * kMinute}, {10'000, 5 * kMinute, 15 * kMinute}});
  for (std::size_t i = 10'000; i < 20'000; ++i) settings.watches[i].target.qualifier = "$ALIAS.live";
  const std::vector<PaceLoad> loads = schedule_of(settings);
  ASSERT_EQ(loads.size(), 2U);
  EXPECT_TRUE(loads[0].fits());
  EXPECT_EQ(loads[0].limit_in_words(), "a limit of 20/s");
  EXPECT_EQ(loads[1].action, "GetAlias");
  EXPECT_NEAR(loads[1].demand, 33.333, 0.001);
  EXPECT_FALSE(loads[1].fits());
  EXPECT_EQ(loads[1].shortest_kept, 12 * kMinute);
  EXPECT_EQ(loads[1].limit_in_words(), "the 15/s that are used of the limit of GetAlias");
  EXPECT_EQ(loads[1].remedy, "raise interval to at least 12m") << "requests_per_second is not for it";
}

/// "CALLS ACTION: OF" of each.
std::vector<std::string> costs(const std::vector<CallsADay>& calls) {
  std::vector<std::string> lines;
  for (const CallsADay& cost : calls)
    lines.push_back(std::to_string(std::lround(cost.calls)) + " " + cost.action + ": " + cost.of);
  return lines;
}

Settings discovering(const std::string& text) {
  auto loaded = load_settings_text("f", text);
  if (!loaded) throw std::runtime_error(format_mistakes(loaded.error()));
  return std::move(loaded).value();
}

TEST(DiscoveryLoads, SayWhatListingsAndLooksCost) {
  const std::vector<DiscoveryLoad> loads = discovery_of(discovering(R"(
[account.idle]
[account.prod]
[[watch]]
account = "prod"
regions = ["ap-tokyo", "ap-seoul"]
[account.other]
credentials = {source = "profile", profile = "other"}
discovery = {enabled = true, every = "1h", changes_every = "1m"}
[[function]]
name = "a"
account = "other"
region = "ap-tokyo"
)"));
  ASSERT_EQ(loads.size(), 2U);
  EXPECT_EQ(loads[0].account, "other");
  EXPECT_EQ(costs(loads[0].calls),
            (std::vector<std::string>{"24 GetAccount: each listing, every 1h", "24 ListNamespaces: each listing",
                                      "24 ListFunctions: each listing, namespace and 100 functions in it",
                                      "1440 ListFunctions: each look at changes, every 1m, and namespace"}));
  EXPECT_EQ(loads[0].seen_within, Millis{62'000});
  EXPECT_EQ(loads[1].account, "prod");
  EXPECT_EQ(loads[1].regions, (std::vector<std::string>{"ap-seoul", "ap-tokyo"}));
  EXPECT_EQ(costs(loads[1].calls),
            (std::vector<std::string>{"288 GetAccount: each listing, every 10m, of 2 regions",
                                      "288 ListNamespaces: each listing",
                                      "288 ListFunctions: each listing, namespace and 100 functions in it",
                                      "11520 ListFunctions: each look at changes, every 15s, and namespace"}));
  EXPECT_EQ(loads[1].seen_within, Millis{17'000});
}

TEST(DiscoveryLoads, SayHowManyNamespacesFitAndWhatWouldMakeTheUsualNumberFit) {
  const auto regions = [](unsigned count) {
    std::string list = "regions = [";
    for (unsigned i = 0; i < count; ++i) list += "\"r" + std::to_string(i) + "\", ";
    return list + "]\n";
  };
  const struct {
    const char* what;
    std::string prod, more;
    std::optional<std::size_t> namespaces;
    std::string remedy;
  } cases[] = {
      // 75 a second / (2 x (1/15 + 1/600))
      {"two regions", "", "[[watch]]\naccount = \"prod\"\n" + regions(2), 548, ""},
      {"a second", "discovery = {changes_every = \"1s\"}\n", "[[watch]]\naccount = \"prod\"\n" + regions(14), 5, ""},
      {"a second, and too many regions", "discovery = {changes_every = \"1s\"}\n",
       "[[watch]]\naccount = \"prod\"\n" + regions(25), 2, "raise changes_every to at least 2s"},
      {"another account with the same key", "discovery = {changes_every = \"1s\"}\n",
       "[account.twin]\ndiscovery = {changes_every = \"1s\"}\n[[watch]]\naccount = \"twin\"\n" + regions(10) +
           "[[watch]]\naccount = \"prod\"\n" + regions(10),
       3, "raise changes_every to at least 2s"},
      {"another account with another key", "discovery = {changes_every = \"1s\"}\n",
       "[account.aa]\ncredentials = {source = \"env\"}\n[[watch]]\naccount = \"aa\"\n" + regions(10) +
           "[[watch]]\naccount = \"prod\"\n" + regions(10),
       7, ""},
      {"a simulated endpoint has no limit", "endpoint = \"http://127.0.0.1:1\"\ndiscovery = {changes_every = \"1s\"}\n",
       "[[watch]]\naccount = \"prod\"\n" + regions(25), std::nullopt, ""},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    for (const DiscoveryLoad& load : discovery_of(discovering("[account.prod]\n" + c.prod + c.more))) {
      if (load.account == "aa") continue;
      EXPECT_EQ(load.namespaces, c.namespaces);
      EXPECT_EQ(load.remedy, c.remedy);
      EXPECT_EQ(load.fits(), c.remedy.empty());
    }
  }
}

TEST(DiscoveryLoads, SayWhatAFunctionOfARuleCostsAndHowManyThereIsRoomFor) {
  const auto rule = [](const std::string& keys, const std::string& more = "") {
    return discovering(
        "[account.prod]\nrequests_per_second = 10\n[[watch]]\naccount = \"prod\"\nregions = "
        "[\"ap-tokyo\"]\n" +
        keys + more);
  };
  const Settings plain = rule("");
  EXPECT_EQ(costs(polling_of(plain.rules[0])), std::vector<std::string>{"288 GetFunctionAddress: $LATEST, every 5m"});
  EXPECT_EQ(room_for(plain.rules[0], plain).functions, 2'940U) << "9.8 a second for 300 seconds";
  const Settings all =
      rule("interval = \"1h\"\nversions = 3\nversions_interval = \"12h\"\naliases = true\nlayers = true\n");
  EXPECT_EQ(costs(polling_of(all.rules[0])),
            (std::vector<std::string>{
                "24 GetFunctionAddress: $LATEST, every 1h", "2 ListVersionByFunction: which versions it has, every 12h",
                "2 GetFunctionAddress: each of 3 versions, every 12h", "2 ListAliases: which aliases it has, every 12h",
                "24 GetAlias: each alias, every 1h", "2 GetFunction: whether it is an image, every 12h",
                "24 GetFunction: its layers, every 1h", "24 GetLayerVersion: each layer of all functions together"}));
  EXPECT_EQ(room_for(all.rules[0], all).functions, 28'224U) << "9.8 / (1/3600 + 3/43200)";
  const std::vector<std::string> rarely = costs(polling_of(rule("interval = \"6h\"\nlayers = true\n").rules[0]));
  EXPECT_EQ(rarely.back(), "4 GetLayerVersion: each layer of all functions together");
  const Settings beside =
      rule("", "[[function]]\nname = \"a\"\naccount = \"prod\"\nregion = \"ap-tokyo\"\ninterval = \"1s\"\n");
  EXPECT_EQ(room_for(beside.rules[0], beside).functions, 2'640U);
  const Settings full =
      rule("",
           "[[function]]\nnames = [\"a\", \"b\", \"c\", \"d\", \"e\", \"f\", \"g\", \"h\", \"i\", \"j\"]\naccount = "
           "\"prod\"\nregion = \"ap-tokyo\"\ninterval = \"1s\"\n");
  EXPECT_EQ(room_for(full.rules[0], full).functions, 0U);
}

TEST(DiscoveryLoads, SayWhichLimitLeavesTheLeastRoom) {
  const std::string prod = "[account.prod]\nrequests_per_second = 20\n[defaults]\naccount = \"prod\"\nregion = \"r\"\n";
  const struct {
    const char* what;
    std::string rule;
    std::size_t functions;
    const char* action;
  } cases[] = {
      {"polls", "[[watch]]\n", 5'880, "GetFunctionAddress"},          // 19.6 x 300
      {"aliases", "[[watch]]\naliases = true\n", 4'410, "GetAlias"},  // 14.7 x 300
      {"layers have much room", "[[watch]]\nlayers = true\n", 5'880, "GetFunctionAddress"},
      {"lists of versions", "[[watch]]\nversions = 1\nversions_interval = \"1m\"\ninterval = \"1d\"\n", 882,
       "ListVersionByFunction"},  // 14.7 x 60
      {"beside an alias that is named",
       "[[watch]]\naliases = true\n[[function]]\nname = \"a\"\nqualifier = \"$ALIAS.b\"\ninterval = \"1s\"\n", 4'110,
       "GetAlias"},  // 13.7 x 300
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    const Settings settings = discovering(prod + c.rule);
    const Room room = room_for(settings.rules[0], settings);
    EXPECT_EQ(room.functions, c.functions);
    EXPECT_EQ(room.action, c.action);
  }
}

TEST(Schedule, IsEmptyWhereNothingIsWatched) { EXPECT_TRUE(schedule_of(settings_of(15, {})).empty()); }

}  // namespace
}  // namespace codedriftd
