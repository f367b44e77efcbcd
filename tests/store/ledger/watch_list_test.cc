#include "store/ledger/watch_list.h"

#include <gtest/gtest.h>

#include "store/record/earlier_addresses.h"
#include "store/record/facts.h"
#include "store/store_support.h"

namespace codedriftd::test {
namespace {

struct WatchListTest : testing::Test {
  Store store;
  Database& db = store.db;
  Ledger ledger = ledger_with_routes();

  static WatchList list_of(const std::vector<std::string>& names, std::string digest) {
    WatchList list;
    for (const std::string& name : names) list.entries.push_back({function_named(name), watched()});
    list.digest = std::move(digest);
    return list;
  }
  WatchSync load(const WatchList& list, Millis after = Millis{0}) {
    Tx tx(db);
    return sync_watch_list(tx, ledger, list, kStart + after);
  }
  /// The kinds since event `seq`, with the function's name, in order.
  std::string events_since(int64_t seq) {
    std::string all;
    auto q = db.query_once(
        "SELECT kind, severity, coalesce((SELECT address FROM target WHERE id = target_id), '') FROM event WHERE seq "
        ">= ? ORDER BY seq",
        seq);
    while (q.step()) {
      const auto target = Target::parse(q.text(2));
      all += fmt::format("{}{}{} ", q.text(0), q.text(1) == "warning" ? "!" : "",
                         target ? "(" + target->function + ")" : "");
    }
    return all;
  }
  int64_t events() { return number(db, "SELECT count(*) FROM event"); }
  void poll(const std::string& name, const Observation& seen, Millis after) {
    Tx tx(db);
    ledger.apply(tx, targets::find(db, function_named(name).address())->id, seen, kStart + after);
  }
};

TEST_F(WatchListTest, TheFirstLoadAddsEverythingAndIsNoChange) {
  const WatchSync sync = load(list_of({"b", "a"}, "d1"));
  EXPECT_EQ(sync.added, 2);
  EXPECT_EQ(sync.removed, 0);
  EXPECT_EQ(events_since(0), "watch.added(b) watch.added(a) config.loaded ");
  ASSERT_EQ(sync.targets.size(), 2U);
  EXPECT_EQ(sync.targets[0].target, function_named("b"));
  EXPECT_EQ(sync.targets[0].interval, Millis{300'000});
  EXPECT_EQ(sync.targets[0].stale_after, kStaleAfter);
  EXPECT_EQ(sync.targets[0].last_polled_at, std::nullopt);
  EXPECT_EQ(facts::read(db, "config_digest"), "d1");
}

TEST_F(WatchListTest, OfAFleetTellsOfEachGenerationOnceAndOfWhatLeavesManyAlways) {
  const auto load_as = [&](std::vector<std::string> names, const std::string& digest,
                           const ListGeneration& generation) {
    const int64_t before = events();
    Tx tx(db);
    sync_watch_list(tx, ledger, list_of(std::move(names), digest), kStart, generation);
    return events_since(before);
  };
  EXPECT_EQ(load_as({"a", "b", "c", "d"}, "d1", {1, "ops-1", true}),
            "watch.added(a) watch.added(b) watch.added(c) watch.added(d) ");
  EXPECT_EQ(load_as({"a", "b", "c"}, "d2", {2, "ops-2", false}), "watch.removed(d) config.loaded ");
  const Json data = Json::parse(text(db, "SELECT body FROM event WHERE kind = 'config.loaded'")).at("data");
  EXPECT_EQ(data, (Json{{"digest", "d2"}, {"added", 0}, {"removed", 1}, {"generation", 2}, {"host", "ops-2"}}));
  EXPECT_EQ(load_as({}, "d3", {3, "ops-1", true}),
            "watch.removed(a) watch.removed(b) watch.removed(c) config.loaded! ");
}

TEST_F(WatchListTest, ManyNewOnesComeInPartsAndAreToldOfAtTheEnd) {
  load(list_of({"gone"}, "d1"));
  const WatchList list = list_of({"a", "b", "c", "d", "e"}, "d2");
  const char* const parts[] = {"watch.added(a) watch.added(b) ", "watch.added(c) watch.added(d) ",
                               "watch.added(e) watch.removed(gone) config.loaded "};
  WatchSync sync;
  for (const char* part : parts) {
    const int64_t before = events();
    Tx tx(db);
    sync = sync_watch_list(tx, ledger, list, kStart, std::nullopt, {}, 2, sync);
    EXPECT_EQ(events_since(before), part);
    EXPECT_EQ(sync.more, part != parts[2]);
    EXPECT_TRUE(sync.more || sync.targets.size() == 5U);
  }
  EXPECT_EQ(sync.added, 5);
  EXPECT_EQ(sync.removed, 1);
}

TEST_F(WatchListTest, OfAccountsThatAreNotItsOwnNothingComesOrGoes) {
  WatchList list = list_of({"a"}, "d1");
  Target other = function_named("a");
  other.account = "other";
  list.entries.push_back({other, watched()});
  const auto keeps_other = [](std::string_view account) { return account == "other"; };
  const auto sync = [&](const WatchList& of) {
    const int64_t before = events();
    Tx tx(db);
    const WatchSync done = sync_watch_list(tx, ledger, of, kStart, std::nullopt, keeps_other);
    EXPECT_LE(done.targets.size(), 1U);
    return events_since(before);
  };
  EXPECT_EQ(sync(list), "watch.added(a) config.loaded ");
  EXPECT_FALSE(targets::find(db, function_named("a").address()).has_value());
  load(list);
  list.entries.clear();
  list.digest = "d2";
  EXPECT_EQ(sync(list), "watch.removed(a) config.loaded ");
  EXPECT_TRUE(targets::find(db, function_named("a").address())->state.watched);
}

TEST_F(WatchListTest, ARestartWithTheSameTextWritesNothing) {
  load(list_of({"a", "b"}, "d1"));
  poll("a", saw("x"), kMinute);
  poll("b", not_found(), kMinute);
  const auto rows = rows_by_table(db);
  const int64_t changes = db.total_changes();
  const WatchSync sync = load(list_of({"a", "b"}, "d1"), 2 * kMinute);
  EXPECT_EQ(sync.added + sync.removed, 0);
  EXPECT_EQ(sync.targets[0].last_polled_at, kStart + kMinute);
  EXPECT_FALSE(sync.targets[0].recheck);
  EXPECT_TRUE(sync.targets[1].recheck);
  EXPECT_EQ(rows_by_table(db), rows);
  EXPECT_EQ(db.total_changes(), changes);
}

TEST_F(WatchListTest, RemovingAndAddingBackGoesOnWithTheSameState) {
  load(list_of({"a", "b"}, "d1"));
  poll("a", saw("x"), kMinute);
  poll("a", saw("y"), 2 * kMinute);
  int64_t seq = events();
  const WatchSync removed = load(list_of({"b"}, "d2"), 3 * kMinute);
  EXPECT_EQ(removed.removed, 1);
  EXPECT_EQ(removed.targets.size(), 1U);
  EXPECT_EQ(events_since(seq), "watch.removed!(a) config.loaded ") << "drift was open";
  EXPECT_EQ(number(db, "SELECT count(*) FROM outbox WHERE kind = 'watch.removed'"), 2);
  seq = events();
  const WatchSync back = load(list_of({"a", "b"}, "d3"), 4 * kMinute);
  EXPECT_EQ(back.added, 1);
  EXPECT_EQ(events_since(seq).find("drift"), std::string::npos) << "no second alert";
  EXPECT_EQ(events_since(seq).find("baseline"), std::string::npos) << "no new first sight";
  EXPECT_TRUE(targets::find(db, function_named("a").address())->state.drift_open);
  EXPECT_EQ(number(db, "SELECT count(*) FROM target"), 2);
}

TEST_F(WatchListTest, RemovalsAreToldInTheOrderOfTheirAddresses) {
  load(list_of({"d", "b", "a", "c", "e"}, "d1"));
  const int64_t seq = events();
  load(list_of({"c"}, "d2"), kMinute);
  EXPECT_EQ(events_since(seq), "watch.removed(a) watch.removed(b) watch.removed(d) watch.removed(e) config.loaded! ");
}

TEST_F(WatchListTest, OnlyALargeRemovalIsAWarning) {
  std::vector<std::string> names;
  for (int i = 0; i < 20; ++i) names.push_back(fmt::format("f{:02}", i));
  load(list_of(names, "d1"));
  for (int i = 20; i < 60; ++i) names.push_back(fmt::format("f{:02}", i));
  int64_t seq = events();
  load(list_of(names, "d2"), kMinute);
  EXPECT_NE(events_since(seq).find("config.loaded "), std::string::npos) << "adding is never one";
  names.resize(54);
  seq = events();
  load(list_of(names, "d3"), 2 * kMinute);
  EXPECT_NE(events_since(seq).find("config.loaded "), std::string::npos) << "a tenth is not more than a tenth";
  names.resize(48);
  seq = events();
  load(list_of(names, "d4"), 3 * kMinute);
  EXPECT_NE(events_since(seq).find("config.loaded!"), std::string::npos) << events_since(seq);
  EXPECT_EQ(number(db, "SELECT count(*) FROM outbox WHERE kind = 'config.loaded' AND destination = 'ops'"), 1);
}

TEST_F(WatchListTest, TwoOfThreeAreTooFewToWarnOf) {
  load(list_of({"a", "b", "c"}, "d1"));
  const int64_t seq = events();
  load(list_of({"a"}, "d2"), kMinute);
  EXPECT_EQ(events_since(seq), "watch.removed(b) watch.removed(c) config.loaded ");
  EXPECT_EQ(event_data(db, "ORDER BY seq DESC").dump(), R"({"added":0,"digest":"d2","removed":2})");
}

TEST_F(WatchListTest, ARenamedAccountGoesOn) {
  load(list_of({"a", "b"}, "d1"));
  poll("a", saw("x"), kMinute);
  poll("a", saw("y"), 2 * kMinute);
  {
    Tx tx(db);
    ledger.apply_account(tx, "prod", "ap-guangzhou", {10, 6, true, "credentials", {}}, kStart);
  }
  const int64_t seq = events();
  WatchList renamed = list_of({"a", "b"}, "d2");
  for (auto& entry : renamed.entries) entry.target.account = "production2";
  renamed.renamed_accounts = {{"prod", "production2"}};
  const WatchSync sync = load(renamed, 3 * kMinute);
  EXPECT_EQ(sync.added + sync.removed, 0);
  EXPECT_TRUE(sync.warnings.empty());
  EXPECT_EQ(events_since(seq), "account.renamed config.loaded ");
  EXPECT_EQ(event_data(db, "WHERE kind = 'account.renamed'").dump(),
            R"({"from":"prod","targets":2,"to":"production2"})");
  EXPECT_EQ(number(db, "SELECT count(*) FROM outbox WHERE kind = 'account.renamed'"), 0);
  EXPECT_EQ(targets::earlier_addresses(db).size(), 2U);
  EXPECT_EQ(number(db, "SELECT count(*) FROM target"), 2);
  EXPECT_TRUE(targets::find(db, "production2/ap-guangzhou/default/a:$LATEST")->state.drift_open);
  Tx tx(db);
  EXPECT_TRUE(ledger.apply_account(tx, "production2", "ap-guangzhou", {10, 6, true, "credentials", {}}, kStart));
  EXPECT_EQ(number(db, "SELECT count(*) FROM event WHERE kind = 'account.failing'"), 1) << "not told a second time";
}

TEST_F(WatchListTest, ARenameOntoAWatchedTargetLeavesBothAndIsAWarning) {
  WatchList both = list_of({"a", "a"}, "d1");
  both.entries[1].target.account = "other";
  load(both);
  WatchList renamed = list_of({"a"}, "d2");
  renamed.entries[0].target.account = "other";
  renamed.renamed_accounts = {{"prod", "other"}};
  const int64_t seq = events();
  const WatchSync sync = load(renamed, kMinute);
  EXPECT_EQ(events_since(seq), "watch.removed(a) config.loaded ");
  ASSERT_EQ(sync.warnings.size(), 1U);
  EXPECT_TRUE(sync.warnings[0].starts_with("1 function of account 'prod' keeps that label")) << sync.warnings[0];
  EXPECT_EQ(number(db, "SELECT count(*) FROM target WHERE account IN ('prod', 'other')"), 2);
}

TEST_F(WatchListTest, WhatTheWarningOfARenamingSaysMakesUpForIt) {
  load(list_of({"a", "b"}, "d1"));
  poll("a", saw("x"), kMinute);
  poll("a", saw("y"), 2 * kMinute);
  const TargetId id = targets::find(db, function_named("a").address())->id;
  WatchList renamed = list_of({"a", "b"}, "d2");
  for (auto& entry : renamed.entries) entry.target.account = "shop";
  ASSERT_EQ(load(renamed, 3 * kMinute).warnings.size(), 1U);
  const TargetId by_mistake = targets::find(db, "shop/ap-guangzhou/default/a:$LATEST")->id;
  load(list_of({"a", "b"}, "d3"), 4 * kMinute);  // taken back
  const int64_t seq = events();
  renamed.digest = "d4";
  renamed.renamed_accounts = {{"prod", "shop"}};
  const WatchSync sync = load(renamed, 5 * kMinute);
  EXPECT_TRUE(sync.warnings.empty());
  EXPECT_EQ(sync.added + sync.removed, 0);
  EXPECT_EQ(events_since(seq), "account.renamed config.loaded ");
  const auto found = targets::find(db, "shop/ap-guangzhou/default/a:$LATEST");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->id, id);
  EXPECT_TRUE(found->state.drift_open);
  EXPECT_TRUE(found->state.watched);
  // What was made by mistake keeps what it has, under a label that is an address's, and is in nobody's way.
  const TargetRow replaced = targets::load(db, by_mistake);
  EXPECT_EQ(replaced.target.account, fmt::format("replaced-{}", by_mistake));
  EXPECT_TRUE(Target::parse(replaced.target.address()));
  EXPECT_FALSE(replaced.state.watched);
  std::map<std::string, TargetId> earlier;
  for (const auto& [target, address] : targets::earlier_addresses(db)) earlier[address] = target;
  EXPECT_EQ(earlier.size(), 2U) << "the new label means those that go on";
  EXPECT_EQ(earlier[function_named("a").address()], id);
  EXPECT_EQ(number(db, fmt::format("SELECT count(*) FROM earlier_address WHERE target = {} AND address = "
                                   "'shop/ap-guangzhou/default/a:$LATEST'",
                                   by_mistake)),
            1)
      << "its events keep their name";
  const int64_t changes = db.total_changes();
  EXPECT_TRUE(load(renamed, 6 * kMinute).warnings.empty());
  EXPECT_EQ(db.total_changes(), changes) << "a restart writes nothing";
}

TEST_F(WatchListTest, ARenamingThatNobodyDeclaredIsAWarningWithBothCounts) {
  load(list_of({"a", "b"}, "d1"));
  WatchList renamed = list_of({"a", "b", "c"}, "d2");
  for (auto& entry : renamed.entries) entry.target.account = "production2";
  const WatchSync sync = load(renamed, kMinute);
  ASSERT_EQ(sync.warnings.size(), 1U);
  EXPECT_NE(
      sync.warnings[0].find("every function of account 'prod' left the watch (2), and 3 of account 'production2' came"),
      std::string::npos)
      << sync.warnings[0];
}

TEST_F(WatchListTest, AnAccountThatComesOrGoesInPartIsNoRenaming) {
  load(list_of({"a", "b"}, "d1"));
  WatchList more = list_of({"a"}, "d2");
  more.entries.push_back({function_named("c"), watched()});
  more.entries.back().target.account = "second";
  EXPECT_TRUE(load(more, kMinute).warnings.empty()) << "one of the old ones stays";
  EXPECT_TRUE(load(list_of({"a"}, "d3"), 2 * kMinute).warnings.empty()) << "nothing new comes";
}

TEST_F(WatchListTest, FindAndLoadSayWhenThereIsNoSuchTarget) {
  EXPECT_EQ(targets::find(db, "prod/r/n/f:1"), std::nullopt);
  EXPECT_THROW(targets::load(db, 4711), std::out_of_range);
}

}  // namespace
}  // namespace codedriftd::test
