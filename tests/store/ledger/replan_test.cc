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
      replan(tx, before, after, listed, kStart + kMinute);
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

TEST_F(Replan, WhatIsNotListedAnyMoreIsWhatTheNewPlanSaysAndTheRestWaitsForItsListing) {
  after.rules.front().regions = {"ap-guangzhou"};
  after.rules.front().names = {"nothing"};
  EXPECT_EQ(
      replanned(),
      "charge:watched:f:9 pay-a:watched:f:3 pay-gone:gone:f:3 stray:unmanaged: pay-a:unmanaged: pay-gone:gone:f:3");
}

}  // namespace
}  // namespace codedriftd::test
