#include "store/ledger/notices.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "store/outbox/outbox.h"
#include "store/store_support.h"

namespace codedriftd::test {
namespace {

struct Notices : testing::Test {
  Store store;
  Database& db = store.db;
  std::vector<std::string> rung;
  Ledger ledger = ledger_with_routes({{}, [this](const std::string& name) { rung.push_back(name); }});
  Route ops{{"ops", {}, {}}, 72 * kHour, "", 24 * kHour, kHour};

  TargetId drifting(const std::string& name, WallTime at = kStart) {
    const TargetId id = add_target(db, ledger, name);
    see(id, "accepted", at);
    see(id, "x", at);
    return id;
  }
  void see(TargetId id, std::string_view hash, WallTime at) {
    Tx tx(db);
    ledger.apply(tx, id, saw(hash), at);
  }
  void deliver_all(WallTime at) {
    while (const auto alert = outbox::begin_attempt(db, "ops", at)) {
      outbox::delivered(db, *alert, {"delivered", 200, "", Millis{1}}, at);
    }
  }
  int remind(WallTime at) {
    Tx tx(db);
    return notices::remind(tx, ledger, ops, at);
  }
  bool beat(WallTime at) {
    Tx tx(db);
    return notices::beat(tx, ledger, ops, at);
  }
  Json last(std::string_view kind) {
    auto q = db.query("SELECT body FROM outbox WHERE kind = ? ORDER BY id DESC LIMIT 1", kind);
    return q.step() ? Json::parse(q.text(0)) : Json();
  }
};

TEST_F(Notices, OpenDriftIsToldAgainOnceADay) {
  const TargetId id = drifting("charge");
  deliver_all(kStart);
  EXPECT_EQ(remind(kStart + 24 * kHour - Millis{1}), 0);
  EXPECT_EQ(remind(kStart + 24 * kHour), 1);
  EXPECT_EQ(remind(kStart + 24 * kHour), 0) << "one that waits says it all";
  const Json told = last("drift.reminder");
  EXPECT_EQ(told["severity"], "critical");
  EXPECT_EQ(told["status"], "drifted");
  EXPECT_EQ(told["drift_since"], rfc3339(kStart));
  EXPECT_EQ(told["event_ids"], Json::array({text(db, "SELECT id FROM event WHERE kind = 'drift.detected'")}));
  EXPECT_EQ(told["log"]["index"], number(db, "SELECT seq FROM event WHERE kind = 'drift.detected'"));
  EXPECT_NE(told["summary"].get<std::string>().find("still drifts"), std::string::npos);
  EXPECT_NE(told["id"], told["event_ids"][0]) << "it has an id of its own";
  deliver_all(kStart + 24 * kHour);
  EXPECT_EQ(remind(kStart + 47 * kHour), 0);
  EXPECT_EQ(remind(kStart + 48 * kHour), 1);
  deliver_all(kStart + 48 * kHour);
  see(id, "accepted", kStart + 49 * kHour);
  deliver_all(kStart + 49 * kHour);
  EXPECT_EQ(remind(kStart + 100 * kHour), 0) << "it is over";
}

TEST_F(Notices, NobodyIsRemindedOfWhatTheyWereNotToldOrDoNotWant) {
  drifting("charge");
  deliver_all(kStart);
  Route late{{"late", {}, {}}, 72 * kHour, "", 24 * kHour, {}};
  Route off = ops, picky = ops, elsewhere = ops;
  off.reminder = Millis{0};
  picky.subscription.kinds = {"poll.*"};
  elsewhere.subscription.targets = {"staging/*"};
  Tx tx(db);
  for (const Route& to : {late, off, picky, elsewhere})
    EXPECT_EQ(notices::remind(tx, ledger, to, kStart + 99 * kHour), 0) << to.subscription.name;
  EXPECT_EQ(notices::remind(tx, ledger, ops, kStart + 99 * kHour), 1);
}

TEST_F(Notices, WhatIsNoLongerWatchedIsNotRemindedOf) {
  const TargetId id = drifting("charge");
  deliver_all(kStart);
  {
    Tx tx(db);
    ledger.apply(tx, id, Unwatched{}, kStart);
  }
  deliver_all(kStart);
  EXPECT_EQ(remind(kStart + 99 * kHour), 0);
}

TEST_F(Notices, AnAlertThatCameLaterCanBeToldOfOpenDrift) {
  drifting("charge");
  drifting("refund");
  add_target(db, ledger, "quiet");
  Route late{{"late", {}, {}}, 72 * kHour, "", {}, {}};
  Tx tx(db);
  EXPECT_EQ(notices::tell_open_drift(tx, ledger, late, kStart), 2);
  EXPECT_EQ(number(db, "SELECT count(*) FROM outbox WHERE destination = 'late' AND kind = 'drift.reminder'"), 2);
}

TEST_F(Notices, AHeartbeatComesOnlyAfterAWholeCycle) {
  const TargetId charge = add_target(db, ledger, "charge"), refund = add_target(db, ledger, "refund");
  see(charge, "a", kStart);
  EXPECT_FALSE(beat(kStart + kMinute)) << "refund was never polled";
  see(refund, "a", kStart + kMinute);
  EXPECT_TRUE(beat(kStart + kMinute));
  EXPECT_FALSE(beat(kStart + kMinute));
  see(charge, "a", kStart + 50 * kMinute);
  EXPECT_FALSE(beat(kStart + 60 * kMinute)) << "its time has not come";
  EXPECT_FALSE(beat(kStart + 61 * kMinute)) << "refund was not polled since";
  see(refund, "b", kStart + 62 * kMinute);
  EXPECT_TRUE(beat(kStart + 62 * kMinute));
  const Json told = last("heartbeat");
  EXPECT_EQ(told["kind"], "heartbeat");
  EXPECT_EQ(told["severity"], "info");
  EXPECT_EQ(told["target"], nullptr);
  EXPECT_EQ(told["event_ids"], Json::array());
  EXPECT_EQ(told["heartbeat"]["watched"], 2);
  EXPECT_EQ(told["heartbeat"]["functions"]["in_sync"], 1);
  EXPECT_EQ(told["heartbeat"]["functions"]["drifted"], 1);
  EXPECT_EQ(told["heartbeat"]["functions"]["missing"], 0);
  EXPECT_EQ(told["heartbeat"]["oldest_success_at"], rfc3339(kStart + 50 * kMinute));
  EXPECT_EQ(told["heartbeat"]["log_size"], number(db, "SELECT count(*) FROM event"));
  EXPECT_EQ(told["log"]["index"], number(db, "SELECT max(seq) FROM event"));
  EXPECT_EQ(number(db, "SELECT count(*) FROM outbox WHERE kind = 'heartbeat' AND state = 'dropped'"), 1)
      << "the first never left, and is of no use any more";
}

TEST_F(Notices, AFunctionPolledMoreRarelyThanTheHeartBeatsOnlyMustNotBeStale) {
  const TargetId id = add_target(db, ledger, "rare");
  {
    Tx tx(db);
    Watched often = watched(30 * kHour);
    often.interval = 10 * kHour;
    ledger.apply(tx, id, often, kStart);
  }
  see(id, "a", kStart);
  for (int hour = 1; hour <= 30; ++hour) EXPECT_TRUE(beat(kStart + hour * kHour)) << hour;
  EXPECT_FALSE(beat(kStart + 31 * kHour));
}

TEST_F(Notices, AHeartbeatFromTheFutureDoesNotSilenceTheOthers) {
  see(add_target(db, ledger, "charge"), "a", kStart);
  EXPECT_TRUE(beat(kStart));
  db.execute("UPDATE outbox SET created_at_ms = created_at_ms + 86400000 WHERE kind = 'heartbeat'");
  EXPECT_TRUE(beat(kStart + kMinute));
}

TEST_F(Notices, WithoutAnIntervalThereIsNoHeartbeat) {
  ops.heartbeat = Millis{0};
  EXPECT_FALSE(beat(kStart));
}

TEST_F(Notices, ATestSaysThatNothingHasHappened) {
  std::string id;
  {
    Tx tx(db);
    id = notices::send_test(tx, ledger, ops, "uid:0(root)", kStart);
  }
  const Json told = last("test");
  EXPECT_EQ(told["id"], id);
  EXPECT_EQ(told["actor"], "uid:0(root)");
  EXPECT_EQ(told["event_ids"], Json::array());
  EXPECT_NE(told["summary"].get<std::string>().find("nothing has happened"), std::string::npos);
  EXPECT_EQ(number(db, "SELECT count(*) FROM event WHERE kind = 'test'"), 0);
}

}  // namespace
}  // namespace codedriftd::test
