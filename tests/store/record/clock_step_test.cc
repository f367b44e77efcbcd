#include "store/record/clock_step.h"

#include <gtest/gtest.h>

#include "store/record/facts.h"
#include "store/record/history.h"
#include "store/store_support.h"
#include "support/seed.h"

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
  // Of what lies before now nothing is proven: ten minutes are left.
  EXPECT_TRUE(clock_step::bring_back(db, kStart + kDays + 51 * kMinute, -10 * kMinute));
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

TEST_F(ClockStep, AStayOfAClockThatIsBehindDoesNotHideTheOneBefore) {
  daemon_runs::begin(db, 2, kStart);
  EXPECT_EQ(clock_step::ahead(db, kStart + kMinute), kDays - kMinute);
}

TEST(ClockSteps, ASuspensionThatMovesBackIsAsLongAsItWas) {
  Store store;
  const TargetId id = targets::insert(store.db, function_named("charge"));
  store.db.run("INSERT INTO suspension VALUES (?, ?, ?, 'uid:1(a)', '', 'why')", id, kStart + 10 * kMinute,
               kStart + 70 * kMinute);
  store.db.run("INSERT INTO daemon_run (version, pid, started_at_ms, alive_at_ms) VALUES ('1', 1, ?, ?)", kStart,
               kStart + 4 * kMinute);
  ASSERT_TRUE(clock_step::bring_back(store.db, kStart + 5 * kMinute, -20 * kMinute));
  EXPECT_EQ(number(store.db, "SELECT since_ms FROM suspension"), to_ms(kStart + 4 * kMinute));
  EXPECT_EQ(number(store.db, "SELECT until_ms FROM suspension"), to_ms(kStart + 64 * kMinute));
}

/// Whatever the clock did, what was recorded first has the earlier time.
TEST(ClockSteps, KeepWhatWasRecordedInItsOrder) {
  auto random = random_from(seed(4711));
  const auto between = [&](int least, int most) { return std::uniform_int_distribution<int>(least, most)(random); };
  for (int round = 0; round < 40; ++round) {
    SCOPED_TRACE(round);
    Store store;
    Database& db = store.db;
    Ledger ledger = ledger_with_routes();
    WallTime right = kStart;
    const int64_t stay = daemon_runs::begin(db, 1, right);
    const TargetId id = add_target(db, ledger, "charge", right);
    const Millis wrong = between(2, 4'000) * kMinute;
    bool is_ahead = false;
    const int writes = between(2, 20);
    const int from = between(0, writes);
    for (int i = 0; i < writes; ++i) {
      is_ahead |= i >= from;
      right += between(0, 2) * kMinute + Millis{between(0, 999)};
      const WallTime clock = right + (is_ahead ? wrong : Millis{0});
      Tx tx(db);
      switch (between(0, 3)) {
        case 0:
          ledger.apply(tx, id, watched(between(1, 90) * kMinute), clock);
          break;
        case 1:
          ledger.apply(tx, id, failed(fmt::format("X{}", between(0, 1))), clock);
          break;
        default:
          ledger.apply(tx, id, saw(fmt::format("{}", between(0, 2))), clock);
      }
      daemon_runs::alive(db, stay, clock);
      if (between(0, 2) == 0) history::end_open_runs(db);
    }
    // The step may be measured a little wrong, and come a while after the last write.
    const WallTime now = right + between(0, 30) * kMinute;
    if (!clock_step::bring_back(db, now, -wrong - Millis{between(-900, 900)})) continue;
    for (const char* const table : {"run.first_seen_ms", "baseline.at_ms", "watch_period.from_ms",
                                    "outbox.created_at_ms", "daemon_run.started_at_ms"}) {
      const std::string name = table;
      const std::string column = name.substr(name.find('.') + 1);
      EXPECT_EQ(number(db, fmt::format("SELECT count(*) FROM {0} a JOIN {0} b ON b.id > a.id AND b.{1} < a.{1}",
                                       name.substr(0, name.find('.')), column)),
                0)
          << name;
      EXPECT_EQ(number(db, fmt::format("SELECT count(*) FROM {} WHERE {} > {}", name.substr(0, name.find('.')), column,
                                       to_ms(now))),
                0)
          << name;
    }
    EXPECT_EQ(number(db, "SELECT count(*) FROM run WHERE last_seen_ms < first_seen_ms"), 0);
    EXPECT_EQ(number(db, "SELECT count(*) FROM watch_period WHERE to_ms < from_ms"), 0);
    EXPECT_EQ(number(db, "SELECT count(*) FROM daemon_run WHERE alive_at_ms < started_at_ms"), 0);
    EXPECT_EQ(number(db,
                     "SELECT count(*) FROM target WHERE last_success_at_ms > last_polled_at_ms OR live_since_ms > "
                     "last_success_at_ms"),
              0);
  }
}

}  // namespace
}  // namespace codedriftd::test
