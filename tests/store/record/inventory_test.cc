#include "store/record/inventory.h"

#include <gtest/gtest.h>

#include "store/record/values.h"
#include "store/store_support.h"

namespace codedriftd::test {
namespace {

InventoryEntry full_entry(std::string name = "charge") {
  InventoryEntry entry;
  entry.account = "prod";
  entry.region = "ap-guangzhou";
  entry.function = {
      "default",      std::move(name),  "lam-1",
      "Event",        "Python3.10",     "Active",
      kStart - kHour, kStart - kMinute, std::map<std::string, std::string>{{"team", "pay \"x\""}, {"env", "prod"}}};
  entry.state = InventoryState::watched;
  entry.rule = "conf.d/w.toml:1";
  entry.first_found_at = kStart;
  entry.last_found_at = kStart;
  entry.not_listed = 1;
  entry.versions = {"8", "7"};
  entry.aliases = {"live"};
  entry.image = true;
  return entry;
}

Listing a_listing(WallTime at, bool complete = true, std::string code = "InternalError") {
  Listing listing;
  listing.account = "prod";
  listing.region = "ap-guangzhou";
  listing.began = at;
  listing.ended = at + Millis{1000};
  listing.complete = complete;
  if (!complete) listing.trouble = {std::move(code), "try later", "request-1"};
  return listing;
}

TEST(Inventory, KeepsEveryMemberOfAnEntry) {
  const Store store;
  Database db = store.record.open_writer();
  InventoryEntry entry = full_entry();
  entry.id = inventory::save(db, entry, kStart);
  Database reader = store.record.open_reader();
  EXPECT_EQ(inventory::all(reader), std::vector{entry});
  EXPECT_EQ(inventory::of_region(reader, "prod", "ap-guangzhou"), std::vector{entry});
  EXPECT_EQ(inventory::find(reader, "prod", "ap-guangzhou", "default", "charge"), entry);
  EXPECT_EQ(inventory::find(reader, "prod", "ap-guangzhou", "default", "other"), std::nullopt);
  EXPECT_TRUE(inventory::of_region(reader, "prod", "ap-singapore").empty());
  // And a change of each.
  entry.function = {"default",
                    "charge",
                    "lam-2",
                    "HTTP",
                    "Go1",
                    "Inactive",
                    kStart,
                    kStart + kMinute,
                    std::map<std::string, std::string>()};
  entry.state = InventoryState::gone;
  entry.rule = "other.toml:2";
  entry.first_found_at = kStart - kHour;
  entry.last_found_at = kStart + kMinute;
  entry.gone_at = kStart + 2 * kMinute;
  entry.not_listed = 2;
  entry.versions = {};
  entry.aliases = {};
  entry.image = false;
  EXPECT_EQ(inventory::save(db, entry, kStart), entry.id);
  EXPECT_EQ(inventory::all(reader), std::vector{entry});
}

TEST(Inventory, TellsHowItStoodAtAnyTime) {
  Store store;
  InventoryEntry entry = full_entry();
  entry.function.modified_at = kStart + 15 * kMinute;
  entry.id = inventory::save(store.db, entry, kStart);
  inventory::save(store.db, entry, kStart + kMinute);  // nothing changed
  entry.state = InventoryState::unmanaged;
  entry.rule.clear();
  inventory::save(store.db, entry, kStart + 10 * kMinute);
  entry.state = InventoryState::gone;
  entry.gone_at = kStart + 20 * kMinute;
  inventory::save(store.db, entry, kStart + 20 * kMinute);
  entry.state = InventoryState::watched;
  entry.gone_at.reset();
  entry.function.function_id = "lam-2";
  inventory::save(store.db, entry, kStart + 5 * kMinute);  // the clock went back

  const auto then = [&](Millis after) {
    const auto entries = inventory::at(store.db, kStart + after);
    if (entries.empty()) return std::string("-");
    const InventoryEntry& e = entries.front();
    return fmt::format("{} {} {}{}{}", to_string(e.state), e.rule.empty() ? "-" : e.rule, e.function.function_id,
                       e.gone_at ? " gone" : "", e.function.modified_at ? " modified" : "");
  };
  EXPECT_EQ(then(-kMinute), "-");
  EXPECT_EQ(then(Millis{0}), "watched conf.d/w.toml:1 lam-1");
  EXPECT_EQ(then(10 * kMinute), "unmanaged - lam-1");
  EXPECT_EQ(then(19 * kMinute), "unmanaged - lam-1 modified");
  EXPECT_EQ(then(20 * kMinute), "watched - lam-2 modified") << "the last word of one moment counts";
  EXPECT_EQ(number(store.db, "SELECT count(*) FROM inventory_state"), 3);
}

TEST(Inventory, WhatEveryCompleteListingShowedWasFoundWithTheLastOfThem) {
  Store store;
  InventoryEntry entry = full_entry();
  entry.not_listed = 0;
  entry.id = inventory::save(store.db, entry, kStart);
  inventory::save_region_state(store.db, "prod", "ap-guangzhou", {false, "", 0, {}, kStart + kHour, {}});
  inventory::save_region_state(store.db, "prod", "ap-singapore", {false, "", 0, {}, kStart + 2 * kHour, {}});
  EXPECT_EQ(inventory::all(store.db).front().last_found_at, kStart + kHour);
  entry.not_listed = 1;
  inventory::save(store.db, entry, kStart);
  EXPECT_EQ(inventory::all(store.db).front().last_found_at, kStart);
}

TEST(Inventory, ListingsThatWentAlikeAreOneRow) {
  Store store;
  const auto record = [&](Listing listing, int64_t found, int64_t watched) {
    inventory::record_listing(store.db, listing, found, watched);
  };
  record(a_listing(kStart), 10, 5);
  record(a_listing(kStart + 10 * kMinute), 11, 6);
  record(a_listing(kStart + 20 * kMinute, false), 3, 3);
  record(a_listing(kStart + 30 * kMinute, false), 3, 3);
  record(a_listing(kStart + 40 * kMinute, false, "LimitExceeded"), 3, 3);
  record(a_listing(kStart + 50 * kMinute), 12, 7);
  record(a_listing(kStart + 120 * kMinute), 12, 7);  // nobody looked for more than an hour
  Listing other = a_listing(kStart, false, "");
  other.region = "ap-singapore";
  record(other, 3, 3);

  std::string told;
  for (const auto& run : inventory::listings(store.db, {}, {})) {
    told += fmt::format("{} {} {}-{} {}x {}/{}\n", run.region, run.complete ? "complete" : run.trouble.code,
                        (run.from - kStart) / kMinute, (run.until - kStart) / kMinute, run.listings, run.watched,
                        run.found);
  }
  EXPECT_EQ(told,
            "ap-guangzhou complete 0-10 2x 6/11\n"
            "ap-guangzhou InternalError 20-30 2x 6/11\n"
            "ap-guangzhou LimitExceeded 40-40 1x 6/11\n"
            "ap-guangzhou complete 50-50 1x 7/12\n"
            "ap-guangzhou complete 120-120 1x 7/12\n"
            "ap-singapore Client.Incomplete 0-0 1x 0/0\n");
  EXPECT_EQ(inventory::listings(store.db, kStart + 25 * kMinute, kStart + 45 * kMinute).size(), 2U);
  const auto last = inventory::last_listings(store.db);
  ASSERT_EQ(last.size(), 2U);
  EXPECT_EQ(last[0].from, kStart + 120 * kMinute);
  EXPECT_EQ(last[1].trouble.message, "try later");
}

TEST(Inventory, AStartTakesUpWhatTheLastCompleteListingKnew) {
  Store store;
  const inventory::RegionState state{true, "denied", 3, kStart, kStart + kHour, {"default", "empty"}};
  inventory::save_region_state(store.db, "prod", "ap-guangzhou", state);
  inventory::save_region_state(store.db, "prod", "never", {true, "denied", 3, kStart, {}, {}});
  EXPECT_EQ(inventory::region_state(store.db, "prod", "ap-guangzhou"), state);
  EXPECT_EQ(inventory::region_state(store.db, "prod", "unheard-of"), inventory::RegionState{});
  inventory::save(store.db, full_entry(), kStart);
  InventoryEntry newer = full_entry("refund");
  newer.function.modified_at = kStart + kMinute;
  inventory::save(store.db, newer, kStart);
  const auto regions = inventory::known_regions(store.db);
  ASSERT_EQ(regions.size(), 1U);
  EXPECT_EQ(regions[0].last_complete_at, kStart + kHour);
  const std::map<std::string, std::optional<WallTime>> expected{{"default", kStart + kMinute}, {"empty", std::nullopt}};
  EXPECT_EQ(regions[0].namespaces, expected);
}

TEST(Inventory, GoesOnUnderAnotherLabelOfItsAccount) {
  Store store;
  inventory::save(store.db, full_entry(), kStart);
  inventory::record_listing(store.db, a_listing(kStart), 1, 1);
  inventory::save_region_state(store.db, "prod", "ap-guangzhou", {false, "", 0, {}, kStart, {}});
  EXPECT_TRUE(
      inventory::first_told(store.db, "prod", "ap-guangzhou", "function.unmanaged", full_entry().function, kStart));
  targets::rename_account(store.db, "prod", "shop");
  EXPECT_EQ(inventory::of_region(store.db, "shop", "ap-guangzhou").size(), 1U);
  EXPECT_EQ(inventory::last_listings(store.db).front().account, "shop");
  EXPECT_EQ(inventory::known_regions(store.db).front().account, "shop");
  EXPECT_FALSE(
      inventory::first_told(store.db, "shop", "ap-guangzhou", "function.unmanaged", full_entry().function, kStart));
}

TEST(Inventory, WhatBothLabelsHaveStaysAsTheNewOneFoundIt) {
  Store store;
  inventory::save(store.db, full_entry(), kStart);
  inventory::save(store.db, full_entry("refund"), kStart);
  InventoryEntry found_anew = full_entry();
  found_anew.account = "shop";
  found_anew.state = InventoryState::unmanaged;
  found_anew.rule.clear();
  inventory::save(store.db, found_anew, kStart + kMinute);
  targets::rename_account(store.db, "prod", "shop");
  std::string told;
  for (const InventoryEntry& entry : inventory::all(store.db))
    told += fmt::format("{}/{} {}\n", entry.account, entry.function.name, to_string(entry.state));
  EXPECT_EQ(told, "shop/charge unmanaged\nshop/refund watched\n") << "nothing of the old label is watched for ever";
}

TEST(Inventory, ADamagedRowIsNamed) {
  for (const char* damage : {"tags = 'x'", "versions = '[1]'", "aliases = '{}x'"}) {
    Store store;
    inventory::save(store.db, full_entry(), kStart);
    store.db.execute(std::string("UPDATE inventory SET ") + damage);
    try {
      inventory::all(store.db);
      FAIL() << damage;
    } catch (const std::runtime_error& error) {
      EXPECT_NE(std::string(error.what()).find("prod/ap-guangzhou/default/charge"), std::string::npos) << error.what();
    }
  }
}

TEST(Values, AreKeptByTheirHashAndOnlyIfTheyAreItsText) {
  Store store;
  const std::string value = "version 7";
  values::keep(store.db, sha256(value), value);
  values::keep(store.db, sha256(value), value);
  values::keep(store.db, sha256("version 8"), "version 9");
  const std::string long_value((64 << 10) + 1, 'x');
  values::keep(store.db, sha256(long_value), long_value);
  EXPECT_EQ(number(store.db, "SELECT count(*) FROM value_text"), 1);
  EXPECT_EQ(values::text_of(store.db, sha256(value)), value);
  EXPECT_EQ(values::text_of(store.db, sha256("version 8")), "");
  store.db.execute("UPDATE value_text SET text = 'version 6'");
  EXPECT_EQ(values::text_of(store.db, sha256(value)), "") << "it is not what the hash says";
}

}  // namespace
}  // namespace codedriftd::test
