#include "store/outbox/outbox.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <ctime>
#include <tuple>

#include "base/json.h"
#include "store/log/event_log.h"
#include "store/outbox/flapping.h"
#include "store/statements.h"
#include "store/store_support.h"

namespace codedriftd::test {
namespace {

struct Outbox : testing::Test {
  Store store;
  Database& db = store.db;

  LoggedEvent event(const std::string& function) {
    NewEvent made;
    made.kind = "drift.detected";
    if (!function.empty()) {
      made.target = function_named(function).address();
      if (!targets::find(db, *made.target)) targets::insert(db, function_named(function));
    }
    return event_log::append(db, made, "o", kStart);
  }
  /// One alert to `destination`; its id.
  std::string add(const std::string& destination, const std::string& function, WallTime at = kStart) {
    const LoggedEvent logged = event(function);
    outbox::enqueue(db, destination, logged, compose_alert(logged, "ops-1", "o"), std::chrono::hours(72), at);
    return logged.id;
  }
  std::optional<PendingAlert> begin(const std::string& destination = "ops", WallTime at = kStart) {
    return outbox::begin_attempt(db, destination, at);
  }
  std::string begun(const std::string& destination = "ops", WallTime at = kStart) {
    const auto alert = begin(destination, at);
    return alert ? alert->alert_id : "none";
  }
  std::string state(const std::string& alert) {
    return text(db, "SELECT state FROM outbox WHERE alert_id = '" + alert + "'");
  }
};

TEST_F(Outbox, GivesWhatWasPutIn) {
  const std::string id = add("ops", "charge");
  EXPECT_EQ(begun("chat"), "none");
  EXPECT_EQ(outbox::begin_attempt(db, "ops", kStart - kMinute), std::nullopt);
  const auto alert = begin();
  ASSERT_TRUE(alert);
  EXPECT_EQ(alert->alert_id, id);
  EXPECT_EQ(alert->kind, "drift.detected");
  EXPECT_EQ(alert->target, function_named("charge").address());
  EXPECT_EQ(Json::parse(alert->body)["id"], id);
  EXPECT_EQ(alert->attempt, 1U);
  EXPECT_EQ(alert->created_at, kStart);
  EXPECT_EQ(alert->give_up_at, kStart + std::chrono::hours(72));
  EXPECT_EQ(text(db, "SELECT result FROM attempt WHERE took_ms IS NULL"), "started");
  outbox::delivered(db, *alert, kOk, kStart + kMinute);
  EXPECT_EQ(state(id), "delivered");
  EXPECT_EQ(number(db, "SELECT delivered_at_ms FROM outbox"), to_ms(kStart + kMinute));
  EXPECT_EQ(number(db, "SELECT last_status FROM outbox WHERE last_error IS NULL"), 200);
  EXPECT_EQ(text(db, "SELECT result || status || words || took_ms FROM attempt"), "delivered200ok12");
  EXPECT_EQ(begun(), "none");
}

TEST_F(Outbox, EnqueueingTwiceIsOnce) {
  const LoggedEvent logged = event("charge");
  for (int i = 0; i < 2; ++i) outbox::enqueue(db, "ops", logged, "{}", std::chrono::hours(1), kStart);
  outbox::enqueue(db, "chat", logged, "{}", std::chrono::hours(1), kStart);
  EXPECT_EQ(number(db, "SELECT count(*) FROM outbox"), 2);
}

TEST_F(Outbox, ALaterAlertWaitsForTheEarlierOneAboutTheSameTarget) {
  const std::string first = add("ops", "charge");
  const auto alert = begin();
  const std::string second = add("ops", "charge");
  const std::string other = add("ops", "refund");
  const std::string elsewhere = add("chat", "charge");
  ASSERT_EQ(alert->alert_id, first);
  outbox::postponed(db, *alert, kRetry, kStart, kStart + 10 * kMinute);
  EXPECT_EQ(begun("chat"), elsewhere) << "another destination goes on";
  const auto next = begin();
  ASSERT_TRUE(next);
  EXPECT_EQ(next->alert_id, other) << "another target goes on";
  outbox::delivered(db, *next, kOk, kStart);
  EXPECT_EQ(begun(), "none");
  EXPECT_EQ(outbox::next_due_at(db, "ops"), kStart + 10 * kMinute) << "not when the one that waits would be due";
  const auto again = begin("ops", kStart + 10 * kMinute);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->alert_id, first);
  EXPECT_EQ(again->attempt, 2U);
  outbox::delivered(db, *again, kOk, kStart);
  EXPECT_EQ(begun("ops", kStart + 10 * kMinute), second);
  EXPECT_EQ(number(db, "SELECT count(*) FROM attempt WHERE result = 'retry' AND status = 503"), 1);
}

TEST_F(Outbox, ManyThatWaitHideNoneThatDoesNot) {
  db.execute("BEGIN");
  for (const bool about_a_target : {true, false}) {
    for (const int waiting : {62, 63, 64, 65, 319, 320, 321}) {
      const std::string destination = fmt::format("{}-{}", about_a_target ? "about" : "of-all", waiting);
      const std::string function = about_a_target ? "charge" : "";
      add(destination, function);
      outbox::postponed(db, *begin(destination), kRetry, kStart, kStart + 10 * kMinute);
      EXPECT_EQ(begun(destination), "none");
      for (int i = 0; i < waiting; ++i) add(destination, function);
      EXPECT_EQ(begun(destination), "none") << waiting;
      EXPECT_EQ(outbox::next_due_at(db, destination), kStart + 10 * kMinute) << waiting;
      const std::string other = add(destination, "refund");
      EXPECT_EQ(outbox::next_due_at(db, destination), kStart) << waiting;
      EXPECT_EQ(begun(destination), other) << waiting;
    }
  }
  db.execute("COMMIT");
}

TEST_F(Outbox, AlertsWithoutATargetKeepTheirOrderToo) {
  const std::string first = add("ops", "");
  const std::string second = add("ops", "");
  auto alert = begin();
  EXPECT_EQ(alert->alert_id, first);
  outbox::postponed(db, *alert, kRetry, kStart, kStart + kMinute);
  EXPECT_EQ(begun(), "none");
  outbox::dead(db, *begin("ops", kStart + kMinute), {"rejected", 400, "no", Millis{1}}, kStart);
  EXPECT_EQ(begun("ops", kStart + kMinute), second) << "a dead one holds nobody up";
}

TEST_F(Outbox, DeadAndForeignWordsAreStoredHarmlessly) {
  const std::string id = add("ops", "charge");
  outbox::dead(db, *begin(), {"rejected", 400, "bad \xff byte" + std::string(2000, 'x'), Millis{1}}, kStart);
  EXPECT_EQ(state(id), "dead");
  EXPECT_EQ(number(db, "SELECT length(last_error) FROM outbox"), 1000);
  EXPECT_EQ(text(db, "SELECT substr(words, 1, 10) FROM attempt"), "bad \xEF\xBF\xBD byte");
}

TEST_F(Outbox, TheDestinationIsNotTriedBeforeItsTime) {
  add("ops", "charge");
  for (const auto kind : {DestinationState::Kind::backing_off, DestinationState::Kind::held}) {
    outbox::set_destination(db, "ops", {kind, kStart + 5 * kMinute, 3, "why \xff"});
    const DestinationState stored = outbox::destination(db, "ops");
    EXPECT_EQ(stored.kind, kind);
    EXPECT_EQ(stored.until, kStart + 5 * kMinute);
    EXPECT_EQ(stored.failures, 3U);
    EXPECT_EQ(stored.reason, "why \xEF\xBF\xBD");
    EXPECT_EQ(begun(), "none");
    EXPECT_EQ(outbox::next_due_at(db, "ops"), kStart + 5 * kMinute);
    EXPECT_NE(begun("ops", kStart + 5 * kMinute), "none");
  }
  outbox::set_destination(db, "ops", {});
  EXPECT_NE(begun(), "none");
  EXPECT_EQ(outbox::destination(db, "nobody").kind, DestinationState::Kind::ok);
}

TEST_F(Outbox, ADestinationWithADamagedStateIsAnError) {
  outbox::set_destination(db, "ops", {});
  allow_damage(db);
  db.execute("UPDATE destination SET state = 'x'");
  EXPECT_THROW(outbox::destination(db, "ops"), std::runtime_error);
}

TEST_F(Outbox, NextDueIsNothingWhenNothingIsPending) {
  EXPECT_EQ(outbox::next_due_at(db, "ops"), std::nullopt);
  add("ops", "charge", kStart + kMinute);
  EXPECT_EQ(outbox::next_due_at(db, "ops"), kStart + kMinute);
  outbox::delivered(db, *begin("ops", kStart + kMinute), kOk, kStart);
  EXPECT_EQ(outbox::next_due_at(db, "ops"), std::nullopt);
}

TEST_F(Outbox, AnAttemptThatACrashCutOffIsMarkedAndMadeAgain) {
  const std::string id = add("ops", "charge");
  ASSERT_TRUE(begin());
  EXPECT_EQ(outbox::recover(db, kStart), 1);
  EXPECT_EQ(text(db, "SELECT result FROM attempt"), "retry");
  const auto again = begin();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->alert_id, id);
  EXPECT_EQ(again->attempt, 2U);
  EXPECT_EQ(outbox::recover(db, kStart), 1);
  EXPECT_EQ(outbox::recover(db, kStart), 0);
}

TEST_F(Outbox, WhatAClockPutOffForMoreThanADayIsDueAtOnce) {
  add("ops", "charge", kStart + std::chrono::hours(25));
  outbox::set_destination(db, "ops",
                          {DestinationState::Kind::backing_off, kStart + std::chrono::hours(25), 1, "clock"});
  add("chat", "charge", kStart + std::chrono::hours(24));
  EXPECT_EQ(outbox::recover(db, kStart), 0);
  EXPECT_NE(begun("ops"), "none");
  EXPECT_EQ(begun("chat"), "none") << "a day is not too long";
}

TEST_F(Outbox, WhatIsPastItsTimeIsDead) {
  const std::string old = add("ops", "charge", kStart - std::chrono::hours(72));
  const std::string fresh = add("ops", "charge", kStart);
  const std::string elsewhere = add("chat", "charge", kStart - std::chrono::hours(72));
  const auto gone = outbox::expire(db, "ops", kStart);
  ASSERT_EQ(gone.size(), 1U);
  EXPECT_EQ(gone[0].alert_id, old);
  EXPECT_EQ(gone[0].destination, "ops");
  EXPECT_EQ(gone[0].kind, "drift.detected");
  EXPECT_EQ(gone[0].target, function_named("charge").address());
  EXPECT_EQ(state(old), "dead");
  EXPECT_EQ(text(db, "SELECT last_error FROM outbox WHERE state = 'dead'"), gone[0].reason);
  EXPECT_EQ(state(fresh), "pending");
  EXPECT_EQ(state(elsewhere), "pending");
  EXPECT_TRUE(outbox::expire(db, "ops", kStart).empty());
}

TEST_F(Outbox, WhatNobodyIsConfiguredForIsDead) {
  const std::string ops = add("ops", "charge");
  const std::string chat = add("chat", "charge");
  ASSERT_EQ(outbox::expire_unconfigured(db, {"ops", "pager"}).size(), 1U);
  EXPECT_EQ(state(ops), "pending");
  EXPECT_EQ(state(chat), "dead");
  EXPECT_EQ(outbox::expire_unconfigured(db, {}).size(), 1U);
  EXPECT_EQ(state(ops), "dead");
}

TEST_F(Outbox, WhatHappenedGoesBeforeWhatSomebodyAskedFor) {
  for (int i = 0; i < 100; ++i)
    outbox::enqueue_notice(db, "ops", "test-" + std::to_string(i), "test", std::nullopt, "{}", std::chrono::hours(1),
                           kStart - kMinute);
  const std::string general = add("ops", "");
  const std::string drift = add("ops", "charge");
  for (const std::string& expected : {general, drift, std::string("test-0"), std::string("test-1")}) {
    const auto alert = begin();
    ASSERT_TRUE(alert);
    EXPECT_EQ(alert->alert_id, expected);
    outbox::delivered(db, *alert, kOk, kStart);
  }
  EXPECT_EQ(outbox::next_due_at(db, "ops"), kStart - kMinute);
}

TEST_F(Outbox, DriftTakesAlongWhatItHasToWaitFor) {
  const auto add_kind = [&](const char* kind, const char* function) {
    NewEvent made;
    made.kind = kind;
    made.target = function_named(function).address();
    if (!targets::find(db, *made.target)) targets::insert(db, function_named(function));
    const LoggedEvent logged = event_log::append(db, made, "o", kStart);
    outbox::enqueue(db, "ops", logged, compose_alert(logged, "ops-1", "o"), std::chrono::hours(72), kStart);
    return logged.id;
  };
  add_kind("watch.suspended", "refund");
  const std::string resumed = add_kind("watch.resumed", "charge");
  const std::string drift = add_kind("drift.detected", "charge");
  for (const std::string& expected : {resumed, drift}) {
    const auto alert = begin();
    ASSERT_TRUE(alert);
    EXPECT_EQ(alert->alert_id, expected) << alert->kind;
    outbox::delivered(db, *alert, kOk, kStart);
  }
}

TEST_F(Outbox, AStepForwardPutsNothingOffAndGivesEverybodyTheirTime) {
  const auto hours = [](int n) { return Millis{std::chrono::hours(n)}; };
  add("ops", "old");
  const auto old = begin();
  outbox::postponed(db, *old, kRetry, kStart, kStart + 5 * kMinute);
  const int64_t seen = outbox::last_row(db);
  // Asleep for ten hours. The receiver fails again before anybody has noticed.
  const WallTime awake = kStart + hours(10);
  add("ops", "new", awake);
  outbox::set_destination(db, "ops", {DestinationState::Kind::backing_off, awake + kMinute, 1, ""});
  outbox::move_times(db, hours(10), seen, awake);
  EXPECT_EQ(outbox::destination(db, "ops").until, awake + kMinute);
  EXPECT_EQ(number(db, "SELECT max(next_attempt_at_ms) FROM outbox"), to_ms(awake));
  EXPECT_EQ(number(db, "SELECT give_up_at_ms FROM outbox WHERE id = 1"), to_ms(kStart + hours(82)));
  EXPECT_EQ(number(db, "SELECT give_up_at_ms FROM outbox WHERE id = 2"), to_ms(kStart + hours(82)))
      << "written after the step: not moved";
  // A sleep longer than give_up_after costs nothing its try.
  outbox::move_times(db, hours(200), 0, awake + hours(200));
  EXPECT_EQ(number(db, "SELECT min(give_up_at_ms) FROM outbox"), to_ms(awake + hours(201)));
}

TEST_F(Outbox, AStepBackMovesWhatWasWrittenBeforeIt) {
  add("ops", "old", kStart + kMinute);
  const int64_t seen = outbox::last_row(db);
  const WallTime back = kStart - std::chrono::hours(6);
  add("ops", "new", back);
  outbox::move_times(db, -std::chrono::hours(6), seen, back);
  EXPECT_EQ(number(db, "SELECT next_attempt_at_ms FROM outbox WHERE id = 1"), to_ms(back + kMinute));
  EXPECT_EQ(number(db, "SELECT next_attempt_at_ms FROM outbox WHERE id = 2"), to_ms(back));
  const WallTime again = back - std::chrono::hours(100);
  add("ops", "newest", again);
  db.run("UPDATE outbox SET created_at_ms = 0 WHERE id = 2");
  outbox::move_times(db, -std::chrono::hours(100), 0, again);
  EXPECT_EQ(number(db, "SELECT next_attempt_at_ms FROM outbox WHERE id = 1"), to_ms(again + kMinute))
      << "nobody looked at it before the step, but it was made ahead of now";
  EXPECT_EQ(number(db, "SELECT next_attempt_at_ms FROM outbox WHERE id = 2"), to_ms(again + outbox::kLongestPutOff))
      << "nothing is further off than anything may be";
  EXPECT_EQ(number(db, "SELECT next_attempt_at_ms FROM outbox WHERE id = 3"), to_ms(again));
}

TEST_F(Outbox, OldSignsOfLifeRemindersAndTestsAreForgottenButTheLastWords) {
  const auto notice = [&](const char* id, const char* kind, const char* function, const char* state) {
    std::optional<std::string> target;
    if (function != nullptr) {
      event(function);
      target = function_named(function).address();
    }
    outbox::enqueue_notice(db, "ops", id, kind, target, "{}", std::chrono::hours(1), kStart);
    db.run("UPDATE outbox SET state = ?, message = id WHERE alert_id = ?", state, id);
  };
  notice("beat-1", "heartbeat", nullptr, "delivered");
  notice("beat-2", "heartbeat", nullptr, "dead");
  notice("beat-3", "heartbeat", nullptr, "delivered");
  notice("again-1", "drift.reminder", "charge", "delivered");
  notice("again-2", "drift.reminder", "charge", "delivered");
  notice("dead-1", "drift.reminder", "refund", "dead");
  notice("again-3", "drift.reminder", "refund", "delivered");
  notice("test-1", "test", nullptr, "delivered");
  notice("test-2", "test", nullptr, "pending");
  db.run("INSERT INTO attempt (outbox, n, at_ms, result, words) SELECT id, 1, 0, 'delivered', '' FROM outbox");
  outbox::forget_notices(db, "ops", kStart);
  EXPECT_EQ(number(db, "SELECT count(*) FROM outbox"), 9) << "none is older";
  outbox::forget_notices(db, "ops", kStart + Millis{1});
  EXPECT_EQ(joined(db, "SELECT alert_id FROM outbox ORDER BY id"), "beat-3 again-2 dead-1 again-3 test-2");
  EXPECT_EQ(number(db, "SELECT count(*) FROM attempt"), 5);
}

TEST_F(Outbox, WhatIsHeldOnPurposeIsCountedApart) {
  add("ops", "charge", kStart - kMinute);
  add("ops", "refund", kStart + kMinute);
  add("ops", "slow", kStart + 2 * kMinute);
  db.run(
      "INSERT INTO suspension (target, since_ms, until_ms, actor, claimed, reason) SELECT id, 0, 1, '', '', '' FROM "
      "target WHERE function = 'charge'");
  db.run("UPDATE outbox SET flapping = 1 WHERE target LIKE '%refund%'");
  const auto depths = outbox::depths(db, kStart);
  ASSERT_EQ(depths.size(), 1U);
  EXPECT_EQ(depths[0].suspended, 1);
  EXPECT_EQ(depths[0].flapping, 1);
  EXPECT_EQ(depths[0].pending, 1);
  EXPECT_EQ(depths[0].oldest_pending, kStart + 2 * kMinute);
  EXPECT_EQ(outbox::depths(db, kStart + 2 * kMinute).at(0).flapping, 0) << "it is due: it waits for the receiver";
}

TEST_F(Outbox, DepthsCountEachDestination) {
  outbox::delivered(db, (add("ops", "a"), *begin()), kOk, kStart);
  outbox::dead(db, (add("ops", "b"), *begin()), kRetry, kStart);
  add("ops", "c", kStart + kMinute);
  add("ops", "d", kStart + 2 * kMinute);
  const auto depths = outbox::depths(db, kStart);
  ASSERT_EQ(depths.size(), 1U);
  EXPECT_EQ(depths[0].destination, "ops");
  EXPECT_EQ(depths[0].delivered, 1);
  EXPECT_EQ(depths[0].dead, 1);
  EXPECT_EQ(depths[0].pending, 2);
  EXPECT_EQ(depths[0].oldest_pending, kStart + kMinute);
}

TEST_F(Outbox, DepthsOfSeveralDestinationsComeByNameAndWithWhatEachHas) {
  outbox::dead(db, (add("ops", "a"), *begin()), kRetry, kStart);
  add("chat", "a");
  outbox::delivered(db, (add("pager", "a"), *begin("pager")), kOk, kStart);
  outbox::set_destination(db, "pager", {DestinationState::Kind::held, kStart, 2, "no"});
  outbox::delivered(db, (add("pager", "b"), *begin("pager")), kOk, kStart);
  const auto depths = outbox::depths(db, kStart);
  ASSERT_EQ(depths.size(), 3U);
  using Row = std::tuple<std::string, int64_t, int64_t, int64_t>;
  const Row expected[] = {{"chat", 1, 0, 0}, {"ops", 0, 1, 0}, {"pager", 0, 0, 2}};
  for (std::size_t i = 0; i < 3; ++i) {
    const outbox::Depth& d = depths[i];
    EXPECT_EQ(Row(d.destination, d.pending, d.dead, d.delivered), expected[i]) << i;
  }
  EXPECT_EQ(depths[0].oldest_pending, kStart);
  EXPECT_EQ(depths[1].oldest_pending, std::nullopt);
  EXPECT_EQ(outbox::destination(db, "pager").failures, 2U)
      << "a delivery is counted, and nothing else of the state moves";
}

TEST_F(Outbox, AnAlertThatIsDeliveredTwiceCountsOnce) {
  add("ops", "a");
  const auto alert = begin();
  ASSERT_TRUE(outbox::delivered(db, *alert, kOk, kStart));
  EXPECT_FALSE(outbox::delivered(db, *alert, kOk, kStart));
  EXPECT_EQ(outbox::depths(db, kStart).at(0).delivered, 1);
}

TEST(SqlitePlans, EveryStatementOfADeliveryUsesAnIndex) {
  const Store store;
  NewEvent event;
  event.kind = "drift.detected";
  Database log = store.record.open_writer();
  const LoggedEvent logged = event_log::append(log, event, "o", kStart);
  const Statements statements;
  Database db = store.record.open_writer();
  outbox::enqueue(db, "ops", logged, "{}", std::chrono::hours(1), kStart);
  const auto alert = outbox::begin_attempt(db, "ops", kStart);
  ASSERT_TRUE(alert);
  outbox::postponed(db, *alert, kRetry, kStart, kStart);
  outbox::next_due_at(db, "ops");
  outbox::delivered(db, *alert, kOk, kStart);
  outbox::set_destination(db, "ops", {});
  outbox::retry_now(db, "ops", kStart);
  outbox::enqueue_notice(db, "ops", "id", "test", std::nullopt, "{}", Millis{1}, kStart);
  EXPECT_EQ(outbox::expire(db, "ops", kStart + kMinute).size(), 1U);
  const TargetId target = targets::insert(db, function_named("charge"));
  for (int i = 0; i < 8; ++i) {
    NewEvent drift = event;
    drift.target = function_named("charge").address();
    const LoggedEvent again = event_log::append(log, drift, "o", kStart);
    outbox::enqueue(db, "ops", again, compose_alert(again, "ops-1", "o"), std::chrono::hours(9), kStart);
    outbox::hold_if_flapping(db, "ops", *drift.target, std::chrono::hours(6), kStart);
  }
  outbox::begin_attempt(db, "ops", kStart + std::chrono::hours(1), 0);
  outbox::flaps(db, "ops", target, kStart);
  outbox::forget_notices(db, "ops", kStart);
  outbox::forget_attempts(db, kStart);
  outbox::last_row(db);
  EXPECT_EQ(statements.slow_plans(), std::vector<std::string>{});
}

TEST(SqlitePlans, DepthsReadNoDeliveredAlert) {
  const Store store;
  const Statements statements;
  Database db = store.record.open_reader();
  outbox::depths(db, kStart);
  const std::vector<std::string> plans = statements.plans_over("outbox");
  ASSERT_EQ(plans.size(), 2U);
  for (const std::string& plan : plans) {
    const bool partial =
        plan.find("INDEX outbox_dead") != std::string::npos || plan.find("INDEX outbox_pending") != std::string::npos;
    EXPECT_TRUE(partial) << plan;
  }
}

TEST(SqlitePlans, AlertsOfOneFunctionAreFoundInTheirOrder) {
  Store store;
  auto plan = store.db.query_once("EXPLAIN QUERY PLAN SELECT body FROM outbox WHERE target_id = 1 ORDER BY id DESC");
  ASSERT_TRUE(plan.step());
  EXPECT_EQ(plan.text(3), "SEARCH outbox USING INDEX outbox_about_target (target_id=?)");
  EXPECT_FALSE(plan.step()) << "nothing is sorted";
}

TEST_F(Outbox, TenThousandPendingAlertsDoNotSlowTheNextOneDown) {
#ifdef CODEDRIFTD_SANITIZED
  constexpr int kPending = 1'000;  // a sanitizer looks for other mistakes, and takes long
#else
  constexpr int kPending = 10'000;
#endif
  db.execute("BEGIN");
  for (int i = 0; i < kPending; ++i) add("ops", i % 2 == 0 ? "f" + std::to_string(i) : "flapping");
  for (int i = 0; i < kPending; ++i) {  // and as much that is long delivered
    if (i % 10 == 0) continue;
    outbox::enqueue(db, "old", {NewEvent{}, i, "x", kStart, {}}, "{}", std::chrono::hours(1), kStart);
  }
  db.execute("UPDATE outbox SET state = 'delivered', delivered_at_ms = 0 WHERE destination = 'old'; COMMIT; BEGIN");
  const std::clock_t begun_at = std::clock();  // of this process alone: the machine may have other things to do
  int messages = 0;
  Millis slowest{0};  // of what asks: in PostgreSQL it is the server that works
  for (; messages < kPending / 10; ++messages) {
    const MonoTime asked = SystemClock{}.mono();
    const auto alert = begin();
    if (!alert) break;
    ASSERT_TRUE(outbox::next_due_at(db, "ops"));
    slowest = std::max(slowest, std::chrono::duration_cast<Millis>(SystemClock{}.mono() - asked));
    if (alert->target == function_named("flapping").address()) {
      outbox::postponed(db, *alert, kRetry, kStart, kStart + kMinute);
    } else {
      outbox::delivered(db, *alert, kOk, kStart);
    }
  }
  const Millis took{(std::clock() - begun_at) * 1000 / CLOCKS_PER_SEC};
  db.execute("COMMIT");
  EXPECT_GE(messages, kPending / 2 / 50) << "fifty targets in a digest, and the one that is put off";
  std::printf("%d deliveries out of %d pending: %lld ms, %lld ms for the slowest question\n", messages, kPending,
              static_cast<long long>(took.count()), static_cast<long long>(slowest.count()));
  EXPECT_LT(took, Millis{20'000});
  EXPECT_LT(slowest, Millis{5'000}) << "a plan made without statistics took 28 seconds";
}

}  // namespace
}  // namespace codedriftd::test
