#include "store/record/clock_step.h"

#include <gtest/gtest.h>

#include "store/record/facts.h"
#include "store/store_support.h"

namespace codedriftd::test {
namespace {

constexpr Millis kDays = std::chrono::hours(24 * 5);

/// A daemon that started with its clock five days ahead, and saw one function.
struct ClockStep : testing::Test {
  Store store;
  Database& db = store.db;
  Ledger ledger = ledger_with_routes();
  int64_t stay = daemon_runs::begin(db, 1, kStart + kDays);
  TargetId id = add_target(db, ledger, "charge", kStart + kDays);

  void apply(const Input& input, Millis after) {
    Tx tx(db);
    ledger.apply(tx, id, input, kStart + after);
  }
  int64_t ahead_of(WallTime now) {
    return number(db, fmt::format("SELECT (SELECT count(*) FROM watch_period WHERE from_ms > {0}) + (SELECT count(*) "
                                  "FROM run WHERE last_seen_ms > {0} OR first_seen_ms > {0}) + (SELECT count(*) FROM "
                                  "baseline WHERE at_ms > {0}) + (SELECT count(*) FROM target WHERE last_polled_at_ms "
                                  "> {0} OR status_since_ms > {0} OR accepted_at_ms > {0}) + (SELECT count(*) FROM "
                                  "daemon_run WHERE alive_at_ms > {0}) + (SELECT count(*) FROM outbox WHERE "
                                  "created_at_ms > {0})",
                                  to_ms(now)));
  }
};

TEST_F(ClockStep, WhatIsStoredAheadOfNowMovesBackByTheStep) {
  apply(saw("a"), kDays);
  apply(saw("b"), kDays + kMinute);
  const WallTime now = kStart + 2 * kMinute;
  ASSERT_GT(ahead_of(now), 0);
  EXPECT_TRUE(clock_step::bring_back(db, now, -kDays));
  EXPECT_EQ(ahead_of(now), 0);
  const TargetState state = targets::load(db, id).state;
  EXPECT_EQ(state.last_polled_at, kStart + kMinute);
  EXPECT_EQ(state.drift_since, kStart + kMinute);
  EXPECT_EQ(state.accepted_at, kStart);
  EXPECT_EQ(number(db, "SELECT from_ms FROM watch_period"), to_ms(kStart));
  EXPECT_EQ(number(db, "SELECT first_seen_ms FROM run ORDER BY id DESC LIMIT 1"), to_ms(kStart + kMinute));
}

TEST_F(ClockStep, NothingMovesBeyondNowNorWhatLiesBeforeIt) {
  apply(saw("a"), kDays);
  {
    Tx tx(db);
    const TargetId early = add_target(db, ledger, "early", kStart - kMinute);
    ledger.apply(tx, early, saw("a"), kStart - kMinute);
  }
  const WallTime now = kStart + kMinute;
  EXPECT_TRUE(clock_step::bring_back(db, now, -kMinute));  // less than it was ahead
  EXPECT_EQ(targets::load(db, id).state.last_polled_at, now);
  EXPECT_EQ(number(db, "SELECT min(from_ms) FROM watch_period"), to_ms(kStart - kMinute));
  EXPECT_EQ(ahead_of(now), 0);
}

TEST_F(ClockStep, WhereTheCloudAnsweredForLongItIsThePresentClockThatIsWrong) {
  for (int minute = 0; minute <= 61; ++minute) apply(saw("a"), kDays + minute * kMinute);
  const TargetState before = targets::load(db, id).state;
  EXPECT_FALSE(clock_step::bring_back(db, kStart, -kDays));
  EXPECT_EQ(targets::load(db, id).state, before);
  EXPECT_EQ(number(db, "SELECT from_ms FROM watch_period"), to_ms(kStart + kDays));
  // Of what lies before now nothing is proven: half an hour is left.
  EXPECT_TRUE(clock_step::bring_back(db, kStart + kDays + 31 * kMinute, -30 * kMinute));
}

TEST_F(ClockStep, AnAnnouncementIsValidForAsLongAsItWas) {
  apply(saw("a"), kDays);
  apply(Expected{hash_of("n"), kStart + kDays + 120 * kMinute, "", "", "uid:1(ci)"}, kDays);
  EXPECT_TRUE(clock_step::bring_back(db, kStart + kMinute, -kDays));
  const auto announced = targets::load(db, id).state.announced;
  ASSERT_EQ(announced.size(), 1U);
  EXPECT_EQ(announced[0].announced_at, kStart);
  EXPECT_EQ(announced[0].valid_until, kStart + 120 * kMinute);
}

TEST_F(ClockStep, TheLastSignOfLifeTellsThatAClockWasAhead) {
  EXPECT_EQ(clock_step::ahead(db, kStart), kDays);
  EXPECT_EQ(clock_step::ahead(db, kStart + kDays - kMinute), Millis{0}) << "clocks are corrected by so much";
  EXPECT_EQ(clock_step::ahead(db, kStart + 2 * kDays), Millis{0});
  daemon_runs::end(db, stay, kStart + kDays + kMinute);
  EXPECT_EQ(clock_step::ahead(db, kStart), kDays + kMinute);
}

}  // namespace
}  // namespace codedriftd::test
