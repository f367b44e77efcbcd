#include "settings/expand.h"

#include <gtest/gtest.h>

#include "settings/load.h"

namespace codedriftd {
namespace {

constexpr char kAccounts[] = R"([account.prod]
[account.other]
[defaults]
account = "prod"
region = "ap-tokyo"
interval = "1m"
)";

Settings settings_for(const std::string& text) {
  auto loaded = load_settings_text("f", kAccounts + text);
  if (!loaded) throw std::runtime_error(format_mistakes(loaded.error()));
  return std::move(loaded).value();
}

InventoryEntry entry_of(std::string name, int found_at = 0) {
  InventoryEntry entry;
  entry.account = "prod";
  entry.region = "ap-tokyo";
  entry.function.ns = "default";
  entry.function.name = std::move(name);
  entry.first_found_at = WallTime{Millis{1'000 * found_at}};
  return entry;
}

/// "NAME:QUALIFIER by WHERE every INTERVAL" of each, in order.
std::vector<std::string> told(const Expanded& expanded) {
  std::vector<std::string> lines;
  for (const WatchSettings& watch : expanded.watches)
    lines.push_back(watch.target.function + ":" + watch.target.qualifier + " by " + watch.where + " every " +
                    std::to_string(watch.interval.count() / 1000) + " stale " +
                    std::to_string(watch.stale_after.count() / 1000));
  return lines;
}

TEST(Expand, MakesTargetsOfWhatIsFound) {
  InventoryEntry rich = entry_of("pay");
  rich.versions = {"9", "8", "7"};
  rich.aliases = {"beta", "live"};
  InventoryEntry image = rich;
  image.image = true;
  InventoryEntry gone = entry_of("pay");
  gone.state = InventoryState::gone;
  gone.rule = "f:7";
  InventoryEntry never_watched = gone;
  never_watched.rule = "";
  InventoryEntry unreadable = entry_of("pay");
  unreadable.state = InventoryState::unreadable;
  InventoryEntry with_deleted = rich;
  with_deleted.deleted = {{"$ALIAS.old", WallTime{}}, {"6", WallTime{}}};
  InventoryEntry odd = entry_of("pay");
  odd.versions = {"8 9", "1"};
  odd.aliases = {"a/b", std::string(60, 'x')};

  using Lines = std::vector<std::string>;
  const struct {
    const char* what;
    std::string text;
    std::vector<InventoryEntry> inventory;
    Lines expected;
  } cases[] = {
      {"nothing is found", "[[watch]]\n", {}, {}},
      {"no rule", "", {entry_of("pay")}, {}},
      {"$LATEST", "[[watch]]\n", {entry_of("pay")}, {"pay:$LATEST by f:7 every 60 stale 180"}},
      {"of what a rule does not ask for nothing is watched",
       "[[watch]]\n",
       {rich},
       {"pay:$LATEST by f:7 every 60 stale 180"}},
      {"the newest versions, each at their own interval",
       "[[watch]]\nversions = 2\nversions_interval = \"2h\"\n",
       {rich},
       {"pay:$LATEST by f:7 every 60 stale 180", "pay:8 by f:7 every 7200 stale 21600",
        "pay:9 by f:7 every 7200 stale 21600"}},
      {"versions are not stale within a minute",
       "[[watch]]\nversions = 1\nversions_interval = \"1s\"\n",
       {rich},
       {"pay:$LATEST by f:7 every 60 stale 180", "pay:9 by f:7 every 1 stale 60"}},
      {"what is deleted is watched beside the newest",
       "[[watch]]\nversions = 1\n",
       {with_deleted},
       {"pay:$LATEST by f:7 every 60 stale 180", "pay:6 by f:7 every 86400 stale 259200",
        "pay:9 by f:7 every 86400 stale 259200"}},
      {"an alias that is deleted, where a rule wants aliases",
       "[[watch]]\naliases = true\n",
       {with_deleted},
       {"pay:$ALIAS.beta by f:7 every 60 stale 180", "pay:$ALIAS.live by f:7 every 60 stale 180",
        "pay:$ALIAS.old by f:7 every 60 stale 180", "pay:$LATEST by f:7 every 60 stale 180"}},
      {"of what is deleted nothing where no rule asks for it",
       "[[watch]]\n",
       {with_deleted},
       {"pay:$LATEST by f:7 every 60 stale 180"}},
      {"more versions than there are",
       "[[watch]]\nversions = 5\n",
       {rich},
       {"pay:$LATEST by f:7 every 60 stale 180", "pay:7 by f:7 every 86400 stale 259200",
        "pay:8 by f:7 every 86400 stale 259200", "pay:9 by f:7 every 86400 stale 259200"}},
      {"aliases and layers",
       "[[watch]]\naliases = true\nlayers = true\n",
       {rich},
       {"pay:$ALIAS.beta by f:7 every 60 stale 180", "pay:$ALIAS.live by f:7 every 60 stale 180",
        "pay:$LATEST by f:7 every 60 stale 180", "pay:$LAYERS by f:7 every 60 stale 180"}},
      {"a container image has neither package nor layers",
       "[[watch]]\naliases = true\nlayers = true\nversions = 3\n",
       {image},
       {"pay:$ALIAS.beta by f:7 every 60 stale 180", "pay:$ALIAS.live by f:7 every 60 stale 180",
        "pay:$IMAGE by f:7 every 60 stale 180"}},
      {"a [[function]] wins over the rule for its own target",
       "[[watch]]\nlayers = true\n[[function]]\nname = \"pay\"\ninterval = \"5m\"\n",
       {rich},
       {"pay:$LATEST by f:9 every 300 stale 900", "pay:$LAYERS by f:7 every 60 stale 180"}},
      {"a [[function]] of something else does not hide $LATEST",
       "[[watch]]\n[[function]]\nname = \"pay\"\nqualifier = \"3\"\n",
       {rich},
       {"pay:$LATEST by f:7 every 60 stale 180", "pay:3 by f:8 every 60 stale 180"}},
      {"a [[function]] that is not found",
       "[[watch]]\n[[function]]\nname = \"absent\"\n",
       {rich},
       {"absent:$LATEST by f:8 every 60 stale 180", "pay:$LATEST by f:7 every 60 stale 180"}},
      {"the first of two rules that match",
       "[[watch]]\nnames = [\"p*\"]\nexcept = [\"pay\"]\n[[watch]]\ninterval = \"5m\"\n[[watch]]\n",
       {entry_of("pay")},
       {"pay:$LATEST by f:10 every 300 stale 900"}},
      {"excluded", "[[watch]]\nexcept = [\"pay\"]\n", {entry_of("pay")}, {}},
      {"gone, and it was watched", "[[watch]]\n", {gone}, {"pay:$LATEST by f:7 every 60 stale 180"}},
      {"gone before there was a rule", "[[watch]]\n", {never_watched}, {}},
      {"unreadable", "[[watch]]\n", {unreadable}, {}},
      {"a name that is no part of an address", "[[watch]]\n", {entry_of("pay/x")}, {}},
      {"versions and aliases that are none",
       "[[watch]]\nversions = 2\naliases = true\n",
       {odd},
       {"pay:$LATEST by f:7 every 60 stale 180", "pay:1 by f:7 every 86400 stale 259200"}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    const Expanded expanded = expand(settings_for(c.text), c.inventory);
    Lines expected = c.expected, lines = told(expanded);
    EXPECT_TRUE(std::is_sorted(expanded.watches.begin(), expanded.watches.end(),
                               [](const auto& a, const auto& b) { return a.target < b.target; }));
    std::sort(lines.begin(), lines.end());
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(lines, expected);
    EXPECT_TRUE(expanded.overfull.empty());
  }
}

TEST(Expand, GivesWhatTheRuleSaysAndWhereItStands) {
  InventoryEntry entry = entry_of("pay");
  entry.region = "ap-seoul";
  entry.function.ns = "env-1";
  const Expanded expanded = expand(
      settings_for(
          "[[watch]]\nregions = [\"ap-seoul\"]\ntouched = \"alert\"\nignore = [\"*.pyc\"]\nrequire = \"attested\"\n"),
      {entry});
  ASSERT_EQ(expanded.watches.size(), 1U);
  const WatchSettings& watch = expanded.watches[0];
  EXPECT_EQ(watch.target.address(), "prod/ap-seoul/env-1/pay:$LATEST");
  EXPECT_EQ(watch.baseline, Baseline::review);
  EXPECT_TRUE(watch.touched_alerts);
  EXPECT_EQ(watch.ignore, std::vector<std::string>{"*.pyc"});
  EXPECT_EQ(watch.require, Require::attested);
  EXPECT_FALSE(watch.pin);
}

TEST(Expand, TakesTheFunctionsFoundFirstWhereARuleMatchesTooMany) {
  const Settings settings = settings_for("[[watch]]\nnames = [\"pay-*\"]\nmax_targets = 2\nlayers = true\n[[watch]]\n");
  const Expanded expanded = expand(settings, {entry_of("pay-a", 30), entry_of("pay-c", 10), entry_of("pay-d", 20),
                                              entry_of("pay-b", 20), entry_of("other", 5)});
  std::vector<std::string> addresses;
  for (const WatchSettings& watch : expanded.watches) addresses.push_back(watch.target.address());
  EXPECT_EQ(addresses,
            (std::vector<std::string>{"prod/ap-tokyo/default/other:$LATEST", "prod/ap-tokyo/default/pay-b:$LATEST",
                                      "prod/ap-tokyo/default/pay-b:$LAYERS", "prod/ap-tokyo/default/pay-c:$LATEST",
                                      "prod/ap-tokyo/default/pay-c:$LAYERS"}))
      << "by time, then by name; and no later rule takes what the first has no room for";
  ASSERT_EQ(expanded.overfull.size(), 1U);
  EXPECT_EQ(expanded.overfull[0].where, "f:7");
  EXPECT_EQ(expanded.overfull[0].matched, 4U);
  EXPECT_EQ(expanded.overfull[0].watched, 2U);
}

TEST(Expand, WhatIsGoneOrNamedTakesNobodysPlaceAndWhatIsWatchedKeepsItsOwn) {
  const Settings settings =
      settings_for("[[watch]]\nnames = [\"pay-*\"]\nmax_targets = 1\n[[function]]\nname = \"pay-a\"\n");
  InventoryEntry gone = entry_of("pay-b", 1), let_go = entry_of("pay-c", 1), watched = entry_of("pay-e", 30);
  gone.state = let_go.state = InventoryState::gone;
  gone.rule = let_go.rule = "f:7";
  gone.not_listed = 2;
  let_go.not_listed = kLetGo;
  watched.state = InventoryState::watched;
  const Expanded expanded = expand(settings, {entry_of("pay-a"), gone, let_go, entry_of("pay-d", 20), watched});
  EXPECT_EQ(told(expanded), (std::vector<std::string>{"pay-a:$LATEST by f:10 every 60 stale 180",
                                                      "pay-b:$LATEST by f:7 every 60 stale 180",
                                                      "pay-e:$LATEST by f:7 every 60 stale 180"}));
  ASSERT_EQ(expanded.overfull.size(), 1U);
  EXPECT_EQ(expanded.overfull[0].matched, 2U);
}

TEST(Expand, PlansWithRulesInOrderAndEachNamedFunctionOnce) {
  const WatchPlan plan =
      watch_plan(settings_for("[[watch]]\nnames = [\"b*\"]\n[[watch]]\n[[function]]\nname = "
                              "\"pay\"\n[[function]]\nname = \"pay\"\nqualifier = \"3\"\n"));
  ASSERT_EQ(plan.rules.size(), 2U);
  EXPECT_EQ(plan.rules[0].where, "f:7");
  EXPECT_EQ(plan.rules[1].where, "f:9");
  ASSERT_EQ(plan.named.size(), 1U);
  EXPECT_EQ(plan.named.begin()->first, (FunctionName{"prod", "ap-tokyo", "default", "pay"}));
  EXPECT_EQ(plan.named.begin()->second, "f:10");
}

TEST(Expand, ListsTheRegionsOfRulesAndFunctionsWhereDiscoveryIsEnabled) {
  EXPECT_TRUE(listed_regions(settings_for("[[function]]\nname = \"a\"\n")).empty());
  using Regions = std::vector<ListedRegion>;
  EXPECT_EQ(
      listed_regions(settings_for("[[watch]]\nregions = [\"ap-seoul\", \"ap-tokyo\"]\n[[watch]]\n[[function]]\nname = "
                                  "\"a\"\nregion = \"ap-mumbai\"\n[[function]]\nname = \"a\"\naccount = \"other\"\n")),
      (Regions{{"prod", "ap-mumbai"}, {"prod", "ap-seoul"}, {"prod", "ap-tokyo"}}));
  EXPECT_EQ(
      listed_regions(settings_for("[account.prod.discovery]\nenabled = true\n[[function]]\nnames = [\"a\", \"b\"]\n")),
      (Regions{{"prod", "ap-tokyo"}}));
}

}  // namespace
}  // namespace codedriftd
