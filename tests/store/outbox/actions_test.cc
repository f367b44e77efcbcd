#include "store/outbox/actions.h"

#include <gtest/gtest.h>

#include "store/log/event_log.h"
#include "store/outbox/outbox.h"
#include "store/statements.h"
#include "store/store_support.h"

namespace codedriftd::test {
namespace {

using Strings = std::vector<std::string>;
constexpr Millis kGiveUpAfter{72 * 60 * kMinute};

struct OutboxActions : testing::Test {
  Store store;
  Database& db = store.db;

  LoggedEvent event(const std::string& function) {
    NewEvent made;
    made.kind = "drift.detected";
    made.target = function_named(function).address();
    if (!targets::find(db, *made.target)) targets::insert(db, function_named(function));
    return event_log::append(db, made, "o", kStart);
  }
  void add(const std::string& destination, const LoggedEvent& logged, const std::string& state, WallTime at = kStart) {
    outbox::enqueue(db, destination, logged, "{\"id\":\"" + logged.id + "\"}", kGiveUpAfter, at);
    db.run(
        "UPDATE outbox SET state = ?, attempts = 3, message = id, flapping = 1 WHERE destination = ? AND event_seq = ?",
        state, destination, logged.seq);
  }
  /// One alert to `destination` that came to `state`; its id.
  std::string add(const std::string& destination, const std::string& function, const std::string& state,
                  WallTime at = kStart) {
    const LoggedEvent logged = event(function);
    add(destination, logged, state, at);
    return logged.id;
  }
  /// Makes one message of what `ids` stand for, as it is composed.
  void compose(const std::string& message_id, const Strings& ids) {
    const int64_t leader = number(db, "SELECT id FROM outbox WHERE alert_id = '" + ids.front() + "'");
    for (const std::string& id : ids) db.run("UPDATE outbox SET message = ? WHERE alert_id = ?", leader, id);
    db.run("UPDATE outbox SET message_id = ?, message_kind = 'drift.digest', message_body = ? WHERE id = ?", message_id,
           Blob{"all"}, leader);
  }
  static Strings ids(const std::vector<outbox::Undelivered>& alerts) {
    Strings all;
    for (const auto& alert : alerts) all.push_back(alert.alert_id);
    return all;
  }
  Strings replayable(const outbox::Choice& choice) { return ids(outbox::replayable(db, choice)); }
  Strings droppable(const outbox::Choice& choice) { return ids(outbox::droppable(db, choice)); }
  outbox::Undelivered only(const outbox::Choice& choice) { return outbox::replayable(db, choice).at(0); }
  std::string state(const std::string& alert, const std::string& destination = "ops") {
    return text(db,
                "SELECT state FROM outbox WHERE alert_id = '" + alert + "' AND destination = '" + destination + "'");
  }
};

TEST_F(OutboxActions, WhatIsDeadOrDroppedMayBeReplayedAndWhatIsDeadOrPendingDropped) {
  const std::string pending = add("ops", "a", "pending"), delivered = add("ops", "b", "delivered"),
                    dead = add("ops", "c", "dead"), dropped = add("ops", "d", "dropped");
  EXPECT_EQ(replayable({}), (Strings{dead, dropped}));
  EXPECT_EQ(droppable({}), (Strings{pending, dead}));
  EXPECT_EQ(state(delivered), "delivered");
}

TEST_F(OutboxActions, AHeartbeatIsNeverReplayedAndMayBeDropped) {
  const std::string dead = add("ops", "a", "dead"), dropped = add("ops", "b", "dropped"),
                    drift = add("ops", "c", "dead");
  db.run("UPDATE outbox SET kind = 'heartbeat' WHERE alert_id <> ?", drift);
  EXPECT_EQ(replayable({}), Strings{drift});
  EXPECT_EQ(replayable({.ids = {dropped}}), Strings{});
  EXPECT_EQ(droppable({}), (Strings{dead, drift}));
  EXPECT_TRUE(outbox::is_heartbeat(db, dead));
  EXPECT_FALSE(outbox::is_heartbeat(db, drift));
  EXPECT_FALSE(outbox::is_heartbeat(db, "NOSUCH"));
}

TEST_F(OutboxActions, TheChoiceIsNarrowedByEachOfItsParts) {
  const std::string charge = add("ops", "charge", "dead", kStart);
  const std::string refund = add("ops", "refund", "dead", kStart + kMinute);
  const std::string chat = add("chat", "charge", "dead", kStart + 2 * kMinute);
  const auto is_charge = [this](TargetId target) { return targets::load(db, target).target.function == "charge"; };
  const struct {
    const char* what;
    outbox::Choice choice;
    Strings expected;
  } cases[] = {
      {"everything", {}, {charge, refund, chat}},
      {"ids", {.ids = {refund, chat}}, {refund, chat}},
      {"an id that there is not", {.ids = {"NOSUCH"}}, {}},
      {"destination", {.destination = "chat"}, {chat}},
      {"target", {.target = is_charge}, {charge, chat}},
      {"since", {.since = kStart + kMinute}, {refund, chat}},
      {"until", {.until = kStart + kMinute}, {charge, refund}},
      {"all of it", {.ids = {charge, chat}, .destination = "ops", .target = is_charge, .until = kStart}, {charge}},
      {"parts that exclude each other", {.ids = {charge}, .destination = "chat"}, {}},
  };
  for (const auto& each : cases) EXPECT_EQ(replayable(each.choice), each.expected) << each.what;
}

TEST_F(OutboxActions, AnAlertWithoutATargetIsNotMeantByATarget) {
  const std::string account = add("ops", "charge", "dead");
  db.run("UPDATE outbox SET target = NULL, target_id = NULL");
  EXPECT_EQ(replayable({.target = [](TargetId) { return true; }}), Strings{});
  EXPECT_EQ(replayable({}), Strings{account});
}

TEST_F(OutboxActions, WhatWasSentAsOneMessageStaysTogetherAndIsFoundByItsId) {
  const std::string alone = add("ops", "a", "dead"), first = add("ops", "b", "dead"), second = add("ops", "c", "dead");
  compose("DIGEST", {first, second});
  EXPECT_EQ(replayable({.ids = {second}}), (Strings{first, second}));
  EXPECT_EQ(replayable({.ids = {"DIGEST"}}), (Strings{first, second}));
  EXPECT_EQ(
      droppable(
          {.target = [this](TargetId target) { return targets::load(db, target).target == function_named("c"); }}),
      (Strings{first, second}));
  EXPECT_EQ(replayable({.ids = {alone}}), Strings{alone});
  EXPECT_EQ(only({.ids = {second}}).sent_id, "DIGEST");
  EXPECT_EQ(only({.ids = {alone}}).sent_id, alone);
}

TEST_F(OutboxActions, SaysWhichOfTheIdsIsMissing) {
  const std::string dead = add("ops", "a", "dead"), first = add("ops", "b", "dead"), second = add("ops", "c", "dead");
  compose("DIGEST", {first, second});
  const auto missing = [&](const outbox::Choice& choice) {
    return outbox::missing_id(choice, outbox::replayable(db, choice)).value_or("none");
  };
  EXPECT_EQ(missing({.ids = {dead, "NOSUCH"}}), "NOSUCH");
  EXPECT_EQ(missing({.ids = {dead, "DIGEST", second}}), "none");
  EXPECT_EQ(missing({}), "none");
}

TEST_F(OutboxActions, AReplayIsTheSameRowWithTheSameBytesAndTimeToArrive) {
  const std::string id = add("ops", "charge", "dead");
  const WallTime later = kStart + std::chrono::hours(100);
  const auto sent = [&] {
    return text(db, "SELECT id || alert_id || attempts || message FROM outbox") + text(db, "SELECT body FROM outbox");
  };
  const std::string before = sent();
  outbox::replay(db, only({}), kGiveUpAfter, later);
  EXPECT_EQ(sent(), before);
  EXPECT_EQ(state(id), "pending");
  EXPECT_EQ(number(db, "SELECT next_attempt_at_ms FROM outbox WHERE flapping = 0"), to_ms(later));
  EXPECT_EQ(number(db, "SELECT give_up_at_ms FROM outbox"), to_ms(later + kGiveUpAfter));
  const auto begun = outbox::begin_attempt(db, "ops", later);
  ASSERT_TRUE(begun);
  EXPECT_EQ(begun->alert_id, id);
  EXPECT_EQ(begun->body, "{\"id\":\"" + id + "\"}");
  EXPECT_EQ(begun->attempt, 4U);
}

TEST_F(OutboxActions, AReplayOfADigestHasItsIdAndBytes) {
  const std::string first = add("ops", "b", "dead"), second = add("ops", "c", "dead");
  compose("DIGEST", {first, second});
  for (const auto& alert : outbox::replayable(db, {.ids = {second}})) outbox::replay(db, alert, kGiveUpAfter, kStart);
  const auto begun = outbox::begin_attempt(db, "ops", kStart);
  ASSERT_TRUE(begun);
  EXPECT_EQ(begun->alert_id, "DIGEST");
  EXPECT_EQ(begun->body, "all");
  EXPECT_FALSE(outbox::begin_attempt(db, "ops", kStart - kMinute));
}

TEST_F(OutboxActions, WhatIsPendingOrDeliveredIsNotReplayed) {
  const std::string id = add("ops", "charge", "dead");
  const outbox::Undelivered alert = only({});
  for (const char* now : {"pending", "delivered"}) {
    db.run("UPDATE outbox SET state = ?", now);
    outbox::replay(db, alert, kGiveUpAfter, kStart + kMinute);
    EXPECT_EQ(state(id), now);
    EXPECT_EQ(number(db, "SELECT next_attempt_at_ms FROM outbox"), to_ms(kStart));
  }
}

TEST_F(OutboxActions, ToAnotherDestinationItIsANewRowUnderTheSameIdWithTheSameBytes) {
  const std::string id = add("ops", "charge", "dead");
  const WallTime later = kStart + kMinute;
  EXPECT_EQ(ids(outbox::replay_to(db, only({}), "chat", kGiveUpAfter, later)), Strings{id});
  EXPECT_EQ(state(id), "dead");
  EXPECT_EQ(state(id, "chat"), "pending");
  EXPECT_EQ(number(db, "SELECT count(DISTINCT body || alert_id || kind || target || event_seq) FROM outbox"), 1);
  const auto begun = outbox::begin_attempt(db, "chat", later);
  ASSERT_TRUE(begun);
  EXPECT_EQ(begun->alert_id, id);
  EXPECT_EQ(begun->attempt, 1U);
  EXPECT_EQ(begun->created_at, later);
  EXPECT_EQ(begun->give_up_at, later + kGiveUpAfter);
}

TEST_F(OutboxActions, WhatTheOtherDestinationHasAlreadyIsLeftAloneUnlessItIsDeadThereToo) {
  const struct {
    const char* there;
    bool done;
    const char* after;
  } cases[] = {{"pending", false, "pending"},
               {"delivered", false, "delivered"},
               {"dead", true, "pending"},
               {"dropped", true, "pending"}};
  for (const auto& each : cases) {
    const LoggedEvent logged = event(each.there);
    add("ops", logged, "dead");
    add("chat", logged, each.there);
    const outbox::Undelivered alert = only({.ids = {logged.id}, .destination = "ops"});
    EXPECT_EQ(!outbox::replay_to(db, alert, "chat", kGiveUpAfter, kStart).empty(), each.done) << each.there;
    EXPECT_EQ(state(logged.id, "chat"), each.after);
    EXPECT_EQ(state(logged.id), "dead");
    EXPECT_EQ(number(db, "SELECT count(*) FROM outbox WHERE alert_id = '" + logged.id + "'"), 2);
  }
}

TEST_F(OutboxActions, WhatIsDeadThereAsPartOfAMessageComesBackAsThatMessage) {
  const LoggedEvent one = event("one"), two = event("two");
  add("ops", one, "dead");
  add("chat", one, "dead");
  add("chat", two, "dead");
  db.run("UPDATE outbox SET message = 2, message_id = CASE WHEN id = 2 THEN 'DIGEST' END WHERE destination = 'chat'");
  const auto rows = outbox::replay_to(db, only({.destination = "ops"}), "chat", kGiveUpAfter, kStart);
  EXPECT_EQ(ids(rows), (Strings{one.id, two.id}));
  for (const auto& row : rows) EXPECT_EQ(row.destination + " " + row.sent_id, "chat DIGEST");
  EXPECT_EQ(state(one.id, "chat"), "pending");
  EXPECT_EQ(state(two.id, "chat"), "pending");
}

TEST_F(OutboxActions, ANoticeThatIsNoEventGoesToTheOtherDestinationOnce) {
  add("ops", "charge", "dead");
  db.run("UPDATE outbox SET event_seq = NULL, kind = 'drift.reminder'");
  EXPECT_EQ(outbox::replay_to(db, only({}), "chat", kGiveUpAfter, kStart).size(), 1U);
  EXPECT_TRUE(outbox::replay_to(db, only({}), "chat", kGiveUpAfter, kStart).empty());
  EXPECT_EQ(number(db, "SELECT count(*) FROM outbox WHERE destination = 'chat'"), 1);
}

TEST_F(OutboxActions, WhatIsDroppedIsNotDeliveredAndWhatWaitedBehindItIs) {
  const std::string first = add("ops", "charge", "pending"), second = add("ops", "charge", "pending");
  db.run("UPDATE outbox SET flapping = 0, attempts = 0, message = NULL");
  outbox::drop(db, outbox::droppable(db, {.ids = {first}}).at(0));
  EXPECT_EQ(state(first), "dropped");
  const auto begun = outbox::begin_attempt(db, "ops", kStart);
  ASSERT_TRUE(begun);
  EXPECT_EQ(begun->alert_id, second);
  // One that is on its way is not made delivered by its late answer.
  outbox::drop(db, outbox::droppable(db, {.ids = {second}}).at(0));
  EXPECT_FALSE(outbox::delivered(db, *begun, {"delivered", 204, "", Millis{5}}, kStart));
  EXPECT_EQ(state(second), "dropped");
}

TEST_F(OutboxActions, WhatWasDeliveredIsNotDropped) {
  const std::string id = add("ops", "charge", "dead");
  const outbox::Undelivered alert = outbox::droppable(db, {}).at(0);
  db.run("UPDATE outbox SET state = 'delivered'");
  outbox::drop(db, alert);
  EXPECT_EQ(state(id), "delivered");
}

TEST_F(OutboxActions, ATestIsBegunOnceAheadOfWhatWaits) {
  add("ops", "charge", "pending");
  db.run(
      "INSERT INTO outbox (alert_id, destination, kind, body, state, attempts, created_at_ms, next_attempt_at_ms, "
      "give_up_at_ms) VALUES ('TEST', 'ops', 'test', ?, 'pending', 0, 1, 1, 2)",
      Blob{"{}"});
  const auto test = outbox::begin_test(db, "ops", "TEST", kStart);
  ASSERT_TRUE(test);
  EXPECT_EQ(test->alert_id, "TEST");
  EXPECT_EQ(test->kind, "test");
  EXPECT_EQ(test->body, "{}");
  EXPECT_EQ(test->attempt, 1U);
  EXPECT_FALSE(outbox::begin_test(db, "ops", "TEST", kStart));
  EXPECT_FALSE(outbox::begin_test(db, "chat", "TEST", kStart));
  EXPECT_TRUE(outbox::dead(db, *test, {"retry", 503, "busy", Millis{5}}, kStart));
  EXPECT_EQ(text(db, "SELECT result || status || words FROM attempt"), "retry503busy");
  EXPECT_EQ(text(db, "SELECT state FROM outbox WHERE alert_id = 'TEST'"), "dead");
}

}  // namespace
}  // namespace codedriftd::test
