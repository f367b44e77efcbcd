#include "store/log/event_log.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "store/outbox/actions.h"
#include "store/store_support.h"

namespace codedriftd::test {
namespace {

NewEvent event_of(const std::string& kind) {
  NewEvent event;
  event.kind = kind;
  event.target = function_named("charge").address();
  event.data = Json{{"z", 1}, {"a", "ä\n"}};
  return event;
}

TEST(EventLog, CountsFromZeroWithoutAGap) {
  Store store;
  EXPECT_EQ(event_log::size(store.db), 0);
  EXPECT_EQ(event_log::last_time(store.db), std::nullopt);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(event_log::append(store.db, event_of("watch.added"), "o", kStart).seq, i);
  EXPECT_EQ(event_log::size(store.db), 5);
  EXPECT_EQ(event_log::last_time(store.db), kStart);
}

TEST(EventLog, StoresTheCanonicalBodyThatTheLeafCovers) {
  Store store;
  const TargetId charge = targets::insert(store.db, function_named("charge"));
  const LoggedEvent logged = event_log::append(store.db, event_of("drift.detected"), "ops-1/codedriftd", kStart);
  auto q = store.db.query("SELECT body, leaf_hash, id, kind, severity, actor, target_id, time_ms FROM event");
  ASSERT_TRUE(q.step());
  EXPECT_EQ(
      q.text(0),
      "{\"actor\":\"daemon\",\"data\":{\"a\":\"ä\\n\",\"z\":1},\"id\":\"" + logged.id +
          "\",\"kind\":\"drift.detected\",\"log\":\"ops-1/codedriftd\",\"seq\":0,\"severity\":\"info\","
          "\"target\":\"prod/ap-guangzhou/default/charge:$LATEST\",\"time\":\"2026-11-24T00:00:00.000Z\",\"v\":1}");
  EXPECT_EQ(q.optional_sha256(1), sha256(std::string(1, '\0') + q.string(0)));
  EXPECT_EQ(q.optional_sha256(1), logged.leaf);
  EXPECT_EQ(q.text(2), logged.id);
  EXPECT_EQ(logged.id.size(), 26U);
  EXPECT_EQ(q.text(3), "drift.detected");
  EXPECT_EQ(q.text(4), "info");
  EXPECT_EQ(q.text(5), "daemon");
  EXPECT_EQ(q.optional_integer(6), charge);
  EXPECT_EQ(q.time(7), kStart);
}

TEST(EventLog, AnEventBelongsToItsTargetUnderAnyNameThatItHad) {
  Store store;
  const TargetId charge = targets::insert(store.db, function_named("charge"));
  targets::rename_account(store.db, "prod", "shop");
  targets::rename_account(store.db, "shop", "store");
  NewEvent event = event_of("delivery.dead");
  const auto belongs_to = [&](const std::optional<std::string>& target) {
    event.target = target;
    event_log::append(store.db, event, "o", kStart);
    return number(store.db, "SELECT coalesce(target_id, 0) FROM event ORDER BY seq DESC LIMIT 1");
  };
  for (const char* account : {"prod", "shop", "store"})
    EXPECT_EQ(belongs_to(std::string(account) + "/ap-guangzhou/default/charge:$LATEST"), charge) << account;
  EXPECT_EQ(belongs_to("other/ap-guangzhou/default/charge:$LATEST"), 0);
  EXPECT_EQ(belongs_to(std::nullopt), 0);
  // The label is used again: it is another target's now.
  const TargetId fresh = targets::insert(store.db, function_named("charge"));
  EXPECT_EQ(belongs_to(function_named("charge").address()), fresh);
  event.target_id = charge;
  EXPECT_EQ(belongs_to(function_named("charge").address()), charge) << "who knows the row says so";
}

TEST(EventLog, WhatIsSaidOfADeliveryBelongsToTheTargetOfItsAlert) {
  Store store;
  Database& db = store.db;
  Ledger ledger = ledger_with_routes();
  const TargetId charge = add_target(db, ledger, "charge");
  {
    Tx tx(db);
    ledger.apply(tx, charge, saw("a"), kStart);
    ledger.apply(tx, charge, saw("b"), kStart);
  }
  targets::rename_account(db, "prod", "shop");
  targets::insert(db, function_named("charge"));  // the label is used again
  const auto attempt = outbox::begin_attempt(db, "chat", kStart);
  ASSERT_TRUE(attempt);
  EXPECT_EQ(attempt->target_id, charge);
  const auto gone = outbox::expire_unconfigured(db, {"chat"});
  ASSERT_FALSE(gone.empty());
  for (const outbox::Expired& each : gone)
    EXPECT_EQ(each.target_id, each.target ? std::optional(charge) : std::nullopt);
  const auto dead = outbox::replayable(db, {.destination = "ops"});
  ASSERT_FALSE(dead.empty());
  EXPECT_EQ(dead[0].target_id, charge);
}

TEST(EventLog, CannotBeChanged) {
  Store store;
  event_log::append(store.db, event_of("watch.added"), "o", kStart);
  EXPECT_THROW(store.db.execute("UPDATE event SET kind = 'x'"), StoreError);
  EXPECT_THROW(store.db.execute("DELETE FROM event"), StoreError);
  EXPECT_THROW(
      store.db.execute("INSERT INTO event SELECT -1, 'i', 0, 'k', 'info', 'a', body, leaf_hash, NULL FROM event"),
      StoreError);
  EXPECT_EQ(event_log::size(store.db), 1);
}

TEST(EventLog, TimeNeverGoesBackUnlessTheClockWasADayAhead) {
  Store store;
  const auto append = [&](WallTime now) { return event_log::append(store.db, event_of("watch.added"), "o", now).time; };
  EXPECT_EQ(append(kStart), kStart);
  EXPECT_EQ(append(kStart - kMinute), kStart);
  const WallTime tomorrow = kStart + std::chrono::hours(24);
  EXPECT_EQ(append(tomorrow), tomorrow);
  EXPECT_EQ(append(kStart), tomorrow) << "no more than a day";
  const WallTime far = kStart + std::chrono::hours(24 * 365);
  EXPECT_EQ(append(far), far);
  EXPECT_EQ(append(kStart), kStart) << "a clock's mistake does not mark every later event";
}

TEST(EventLog, AStepOfTheClockThatBringsTheRecordBackIsWrittenAtItsOwnTime) {
  Store store;
  event_log::append(store.db, event_of("watch.added"), "o", kStart + 60 * kMinute);
  NewEvent stepped = event_of("clock.stepped");
  EXPECT_EQ(event_log::append(store.db, stepped, "o", kStart).time, kStart + 60 * kMinute);
  stepped.data = Json{{"by_s", -3'600}, {"brought_back", true}};
  EXPECT_EQ(event_log::append(store.db, stepped, "o", kStart).time, kStart);
  EXPECT_EQ(event_log::append(store.db, event_of("watch.added"), "o", kStart + kMinute).time, kStart + kMinute);
}

TEST(EventLog, NamesTheNumbersThatAreMissing) {
  Store store;
  for (int i = 0; i < 8; ++i) event_log::append(store.db, event_of("watch.added"), "o", kStart);
  EXPECT_TRUE(event_log::missing(store.db).empty());
  unlock_events(store.db);
  store.db.execute("DELETE FROM event WHERE seq IN (0, 3, 4, 6)");
  std::string all;
  for (const auto& gap : event_log::missing(store.db)) all += fmt::format("{}-{} ", gap.first, gap.last);
  EXPECT_EQ(all, "0-0 3-4 6-6 ");
  EXPECT_EQ(event_log::words_of({3, 4}).substr(0, 26), "events 3 to 4 are missing:");
}

TEST(EventLog, ABodyThatIsTooLongIsRefusedAndLeavesNothing) {
  Store store;
  NewEvent event = event_of("config.loaded");
  event.data = Json{{"digest", std::string(60'001, 'x')}};
  EXPECT_THROW(event_log::append(store.db, event, "o", kStart), std::length_error);
  EXPECT_EQ(event_log::size(store.db), 0);
}

}  // namespace
}  // namespace codedriftd::test
