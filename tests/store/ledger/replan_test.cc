// What another configuration makes of the inventory before anything is listed again.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

#include "store/ledger/discoveries.h"
#include "store/record/inventory.h"
#include "store/store_support.h"

namespace codedriftd::test {
namespace {

const std::set<std::pair<std::string, std::string>> kListed{{"prod", "ap-guangzhou"}};

class Replan : public testing::Test {
 protected:
  Replan() {
    WatchRule pay;
    pay.where = "f:3";
    pay.account = "prod";
    pay.regions = {"ap-guangzhou", "ap-tokyo"};
    pay.names = {"pay-*"};
    before.rules = {pay};
    before.named.emplace(FunctionName{"prod", "ap-guangzhou", "default", "charge"}, "f:9");
    after = before;
    for (const char* region : {"ap-guangzhou", "ap-tokyo"}) {
      keep(region, "pay-a", InventoryState::watched, "f:3");
      keep(region, "pay-gone", InventoryState::gone, "f:3");
    }
    keep("ap-guangzhou", "charge", InventoryState::watched, "f:9");
    keep("ap-guangzhou", "stray", InventoryState::unmanaged, "");
  }
  void keep(const char* region, const char* name, InventoryState state, const char* rule) {
    InventoryEntry entry;
    entry.account = "prod";
    entry.region = region;
    entry.function.ns = "default";
    entry.function.name = name;
    entry.state = state;
    entry.rule = rule;
    entry.first_found_at = entry.last_found_at = kStart;
    if (state == InventoryState::gone) entry.gone_at = kStart;
    Tx tx(db);
    inventory::save(db, entry, kStart);
  }
  std::string replanned(const std::set<std::pair<std::string, std::string>>& listed = kListed) {
    {
      Tx tx(db);
      replan(tx, before, after, listed, {}, kStart + kMinute);
    }
    std::string all;
    for (const InventoryEntry& entry : inventory::all(db))
      all += fmt::format("{}{}:{}:{}", all.empty() ? "" : " ", entry.function.name, to_string(entry.state), entry.rule);
    return all;
  }
  int64_t states_kept() { return number(db, "SELECT count(*) FROM inventory_state"); }

  Store store;
  Database& db = store.db;
  WatchPlan before, after;
};

TEST_F(Replan, ARuleAtAnotherPlaceIsTheSameRuleAndWritesNoHistory) {
  const int64_t kept = states_kept();
  after.rules.front().where = "f:4";
  after.named.begin()->second = "f:10";
  EXPECT_EQ(
      replanned({{"prod", "ap-guangzhou"}, {"prod", "ap-tokyo"}}),
      "charge:watched:f:10 pay-a:watched:f:4 pay-gone:gone:f:4 stray:unmanaged: pay-a:watched:f:4 pay-gone:gone:f:4");
  EXPECT_EQ(states_kept(), kept);
}

TEST_F(Replan, TwoRulesThatChangePlacesKeepTheirOwn) {
  WatchRule other = before.rules.front();
  other.where = "f:5";
  other.names = {"stray"};
  before.rules.push_back(other);
  keep("ap-tokyo", "stray", InventoryState::watched, "f:5");
  after = before;
  std::swap(after.rules[0].where, after.rules[1].where);
  EXPECT_EQ(
      replanned({{"prod", "ap-guangzhou"}, {"prod", "ap-tokyo"}}),
      "charge:watched:f:9 pay-a:watched:f:5 pay-gone:gone:f:5 stray:unmanaged: pay-a:watched:f:5 pay-gone:gone:f:5 "
      "stray:watched:f:3");
}

TEST_F(Replan, AfterAStartRulesAreFoundAgainByWhatTheyMatch) {
  WatchRule other = before.rules.front();
  other.where = "f:12";
  other.names = {"mail-*"};
  other.except = {"*-dev"};
  after.rules.push_back(other);
  keep("ap-tokyo", "mail-a", InventoryState::watched, "f:7");
  keep("ap-tokyo", "mail-dev", InventoryState::excluded, "f:7");
  before = {};
  after.rules.front().where = "f:7";  // where the other one was
  after.named.begin()->second = "f:20";
  const int64_t kept = states_kept();
  EXPECT_EQ(replanned({{"prod", "ap-guangzhou"}, {"prod", "ap-tokyo"}}),
            "charge:watched:f:20 pay-a:watched:f:7 pay-gone:gone:f:7 stray:unmanaged: mail-a:watched:f:12 "
            "mail-dev:excluded:f:12 pay-a:watched:f:7 pay-gone:gone:f:7");
  EXPECT_EQ(states_kept(), kept);
}

TEST_F(Replan, AfterAStartARuleThatSaysSomethingElseWaitsForItsListing) {
  const WatchRule pay = before.rules.front();
  before = {};
  const auto both = [&](WatchRule a, WatchRule b) {
    a.where = "f:4";
    b.where = "f:5";
    after.rules = {a, b};
    return replanned({{"prod", "ap-guangzhou"}, {"prod", "ap-tokyo"}});
  };
  const std::string as_it_was =
      "charge:watched:f:9 pay-a:watched:f:3 pay-gone:gone:f:3 stray:unmanaged: pay-a:watched:f:3 pay-gone:gone:f:3";
  WatchRule some = pay;
  some.names = {"pay-a"};
  EXPECT_EQ(both(some, pay), as_it_was) << "two took its place";
  WatchRule small = pay, none = pay;
  small.max_targets = 1;
  none.names = {"none"};
  EXPECT_EQ(both(small, none), as_it_was) << "it has no place for all of them";
  WatchRule excluding = pay;
  excluding.except = {"pay-a"};
  EXPECT_EQ(both(excluding, none), as_it_was);
}

TEST_F(Replan, WhatIsNotListedAnyMoreIsWhatTheNewPlanSaysAndTheRestWaitsForItsListing) {
  after.rules.front().regions = {"ap-guangzhou"};
  after.rules.front().names = {"nothing"};
  EXPECT_EQ(
      replanned(),
      "charge:watched:f:9 pay-a:watched:f:3 pay-gone:gone:f:3 stray:unmanaged: pay-a:unmanaged: pay-gone:gone:f:3");
}

}  // namespace
}  // namespace codedriftd::test
