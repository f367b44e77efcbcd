#include "store/outbox/compose.h"

#include <gtest/gtest.h>

#include <set>

#include "base/json.h"
#include "store/outbox/outbox.h"
#include "store/store_support.h"

namespace codedriftd::test {
namespace {

const AttemptOutcome kOk{"delivered", 200, "ok", Millis{12}};
const AttemptOutcome kRetry{"retry", 503, "busy", Millis{30}};
constexpr Millis kHour = 60 * kMinute;

/// Alerts of real drift, to `ops` and `chat`.
struct Compose : testing::Test {
  Store store;
  Database& db = store.db;
  Ledger ledger = ledger_with_routes();
  std::map<std::string, TargetId> ids;

  void see(const std::string& function, std::string_view hash, WallTime at = kStart) {
    if (!ids.contains(function)) {
      ids[function] = add_target(db, ledger, function);
      see(function, "accepted");
    }
    Tx tx(db);
    ledger.apply(tx, ids[function], saw(hash), at);
  }
  std::optional<PendingAlert> begin(WallTime at = kStart, unsigned capacity = 1'000'000) {
    return outbox::begin_attempt(db, "ops", at, capacity);
  }
  std::vector<std::string> event_ids(const std::string& function) {
    std::vector<std::string> found;
    auto q = db.query(
        "SELECT id FROM event WHERE target_id = (SELECT id FROM target WHERE address = ?) AND kind GLOB 'drift.*' "
        "ORDER BY seq",
        function_named(function).address());
    while (q.step()) found.push_back(q.string(0));
    return found;
  }
};

TEST_F(Compose, DetectedAndResolvedBeforeItCouldBeSentIsOneMessage) {
  see("charge", "x");
  see("charge", "accepted", kStart + kMinute);
  const auto alert = begin(kStart + kMinute);
  ASSERT_TRUE(alert);
  EXPECT_EQ(alert->kind, "drift.resolved");
  EXPECT_EQ(alert->target, function_named("charge").address());
  const Json told = Json::parse(alert->body);
  EXPECT_EQ(told["id"], alert->alert_id);
  EXPECT_EQ(told["event_ids"], Json(event_ids("charge")));
  EXPECT_EQ(begin(kStart + kHour)->alert_id, alert->alert_id) << "nothing else is left";
  EXPECT_EQ(broken_invariant(db), "");
  outbox::delivered(db, *alert, kOk, kStart);
  EXPECT_FALSE(begin(kStart + kHour));
  EXPECT_EQ(number(db, "SELECT count(*) FROM outbox WHERE destination = 'ops' AND state = 'delivered'"), 2);
  EXPECT_EQ(outbox::depths(db).at(1).delivered, 2);
  EXPECT_EQ(broken_invariant(db), "");
}

TEST_F(Compose, WhatWasComposedNeverChanges) {
  see("charge", "x");
  const auto first = begin();
  outbox::postponed(db, *first, kRetry, kStart, kStart + kMinute);
  see("charge", "accepted", kStart + kMinute);
  const auto again = begin(kStart + kMinute);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->alert_id, first->alert_id);
  EXPECT_EQ(again->body, first->body);
  EXPECT_EQ(again->attempt, 2U);
  EXPECT_EQ(begin(kStart + kMinute)->alert_id, first->alert_id) << "what came later waits";
}

TEST_F(Compose, OtherFamiliesAndDeliveriesAreToldByThemselves) {
  see("charge", "x");
  {
    Tx tx(db);
    for (int i = 0; i < 2; ++i) ledger.apply(tx, ids["charge"], not_found(), kStart + kMinute);
    ledger.apply(tx, ids["charge"], saw("y"), kStart + 2 * kMinute);
  }
  std::vector<std::string> kinds;
  while (const auto alert = begin(kStart + 2 * kMinute)) {
    kinds.push_back(alert->kind);
    outbox::delivered(db, *alert, kOk, kStart);
  }
  EXPECT_EQ(kinds, (std::vector<std::string>{"drift.detected", "function.returned", "drift.changed"}))
      << "missing and returned are one story, in between drift";
}

TEST_F(Compose, ManyTargetsBecomeADigestOnlyWhenSomethingIsBehind) {
  const struct {
    const char* name;
    int targets;
    Millis late;
    unsigned failures, capacity;
    bool digest;
  } table[] = {
      {"on time", 5, {}, 0, 100, false},
      {"the destination was down", 5, {}, 1, 100, true},
      {"too few for a digest", 4, {}, 1, 100, false},
      {"they waited for nearly ten seconds", 5, Millis{9'999}, 0, 100, false},
      {"they waited for ten seconds", 5, Millis{10'000}, 0, 100, true},
      {"more than the receiver takes", 5, {}, 0, 4, true},
      {"as many as the receiver takes", 5, {}, 0, 5, false},
      {"not yet a crowd", 49, {}, 0, 100, false},
      {"a crowd", 50, {}, 0, 100, true},
  };
  int n = 0;
  for (const auto& row : table) {
    for (int i = 0; i < row.targets; ++i) see(fmt::format("f{}", n++), "x");
    DestinationState state;
    state.failures = row.failures;
    outbox::set_destination(db, "ops", state);
    std::vector<std::string> kinds;
    while (const auto alert = begin(kStart + row.late, row.capacity)) {
      kinds.push_back(alert->kind);
      outbox::delivered(db, *alert, kOk, kStart);
    }
    const std::size_t messages = row.digest ? 1 : static_cast<std::size_t>(row.targets);
    EXPECT_EQ(kinds.size(), messages) << row.name;
    EXPECT_EQ(kinds[0], row.digest ? "digest" : "drift.detected") << row.name;
    EXPECT_EQ(broken_invariant(db), "") << row.name;
  }
}

TEST_F(Compose, ADigestNamesEveryTargetFiftyAtMostAndBlocksTheirLaterAlerts) {
  for (int i = 0; i < 60; ++i) see(fmt::format("f{}", i), "x");
  see("f3", "y");
  const auto digest = begin(kStart + kHour);
  ASSERT_TRUE(digest);
  EXPECT_EQ(digest->kind, "digest");
  EXPECT_EQ(digest->target, std::nullopt);
  EXPECT_LT(digest->body.size(), 64U * 1024);
  const Json told = Json::parse(digest->body);
  ASSERT_EQ(told["items"].size(), 50U);
  EXPECT_EQ(told["event_ids"].size(), 51U);
  EXPECT_EQ(told["items"][3]["event_ids"], Json(event_ids("f3")));
  see("f0", "y", kStart + kHour);
  outbox::postponed(db, *digest, kRetry, kStart, kStart + 2 * kHour);
  const auto rest = begin(kStart + kHour);
  ASSERT_TRUE(rest);
  EXPECT_EQ(Json::parse(rest->body)["items"].size(), 10U) << "the other ten, and not f0's second";
  outbox::delivered(db, *rest, kOk, kStart);
  EXPECT_FALSE(begin(kStart + kHour));
  EXPECT_EQ(outbox::next_due_at(db, "ops"), kStart + 2 * kHour);
  const auto again = begin(kStart + 2 * kHour);
  EXPECT_EQ(again->alert_id, digest->alert_id);
  EXPECT_EQ(again->body, digest->body);
  outbox::dead(db, *again, kRetry, kStart);
  EXPECT_EQ(number(db, "SELECT count(*) FROM outbox WHERE state = 'dead'"), 51) << "they share its fate";
  EXPECT_EQ(begin(kStart + 2 * kHour)->target, function_named("f0").address());
  EXPECT_EQ(broken_invariant(db), "");
}

TEST_F(Compose, AlertsAboutDeliveriesHaveADigestOfTheirOwn) {
  for (int i = 0; i < 5; ++i) {
    see(fmt::format("f{}", i), "x");
    Tx tx(db);
    NewEvent event;
    event.kind = "delivery.dead";
    event.target = function_named(fmt::format("g{}", i)).address();
    ledger.append_about_delivery(tx, event, "ops", kStart);  // chat is its fallback
  }
  std::vector<std::string> kinds;
  while (const auto alert = outbox::begin_attempt(db, "chat", kStart + kHour)) {
    kinds.push_back(alert->kind);
    outbox::delivered(db, *alert, kOk, kStart);
  }
  EXPECT_EQ(kinds, (std::vector<std::string>{"digest", "delivery.digest"}));
}

TEST_F(Compose, AMessageIsGivenUpWhenItsYoungestRowWouldBe) {
  see("charge", "x");
  see("charge", "y", kStart + 70 * kHour);
  const auto alert = begin(kStart + 70 * kHour);
  EXPECT_EQ(alert->give_up_at, kStart + 142 * kHour);
  EXPECT_TRUE(outbox::expire(db, "ops", kStart + 100 * kHour).empty());
  const auto gone = outbox::expire(db, "ops", kStart + 142 * kHour);
  ASSERT_EQ(gone.size(), 1U);
  EXPECT_EQ(gone[0].alert_id, alert->alert_id);
  EXPECT_EQ(number(db, "SELECT count(*) FROM outbox WHERE destination = 'ops' AND state = 'dead'"), 2);
}

TEST_F(Compose, AFlappingTargetIsHeldUntilItIsQuietAndThenToldOnce) {
  see("charge", "x");
  // Six drift events within the hour are told as they come.
  const char* hashes[] = {"x", "y", "z"};
  for (int i = 1; i < 6; ++i) see("charge", hashes[i % 3], kStart + i * kMinute);
  const auto before = begin(kStart + 5 * kMinute);
  ASSERT_TRUE(before);
  EXPECT_EQ(Json::parse(before->body)["event_ids"].size(), 6U);
  outbox::delivered(db, *before, kOk, kStart);
  // From the seventh on it is held, and every further one begins the half hour anew.
  see("charge", "x", kStart + 6 * kMinute);
  see("charge", "y", kStart + 20 * kMinute);
  see("charge", "accepted", kStart + 45 * kMinute);
  EXPECT_FALSE(begin(kStart + 74 * kMinute));
  EXPECT_EQ(outbox::next_due_at(db, "ops"), kStart + 75 * kMinute);
  const auto after = begin(kStart + 75 * kMinute);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->kind, "drift.flapping");
  const Json told = Json::parse(after->body);
  EXPECT_EQ(told["event_ids"].size(), 3U);
  EXPECT_NE(told["summary"].get<std::string>().find("3 drift events"), std::string::npos) << told["summary"];
  EXPECT_EQ(after->give_up_at, kStart + 75 * kMinute + 72 * kHour) << "what was held has its whole time to be sent";
  outbox::delivered(db, *after, kOk, kStart);
  EXPECT_EQ(event_ids("charge").size(), 9U) << "the record is complete";
  // Quiet since: the next one is told at once.
  see("charge", "z", kStart + 3 * kHour);
  EXPECT_EQ(begin(kStart + 3 * kHour)->kind, "drift.detected");
  EXPECT_EQ(broken_invariant(db), "");
}

TEST_F(Compose, OneThatIsHeldForFlappingHoldsOnlyItself) {
  for (int i = 0; i < 8; ++i) see("charge", i % 2 == 0 ? "x" : "y", kStart);
  see("refund", "x");
  const auto alert = begin();
  ASSERT_TRUE(alert);
  EXPECT_EQ(alert->target, function_named("refund").address());
  EXPECT_EQ(number(db, "SELECT count(*) FROM outbox WHERE destination = 'ops' AND flapping = 1"), 8)
      << "those that had not been sent are held with the rest";
}

TEST_F(Compose, WhatIsTakenUpAgainLaterLeavesComposedMessagesWhole) {
  see("f0", "x");
  db.execute("UPDATE outbox SET state = 'dropped' WHERE destination = 'ops'");
  see("f0", "y");
  for (int i = 1; i < 8; ++i) see(fmt::format("f{}", i), "x");
  const auto digest = begin(kStart + kHour);
  ASSERT_EQ(digest->kind, "digest");
  outbox::postponed(db, *digest, kRetry, kStart, kStart + 2 * kHour);
  db.execute("UPDATE outbox SET state = 'pending' WHERE state = 'dropped'");  // as a replay does
  int messages = 0;
  while (const auto alert = begin(kStart + 2 * kHour)) {
    EXPECT_EQ(broken_invariant(db), "");
    outbox::delivered(db, *alert, kOk, kStart);
    ++messages;
  }
  EXPECT_EQ(messages, 2);
  EXPECT_EQ(number(db, "SELECT count(*) FROM outbox WHERE destination = 'ops' AND state != 'delivered'"), 0);
}

TEST_F(Compose, ADigestThatIsTakenApartIsToldOneByOneAndUnderTheirOwnIds) {
  for (int i = 0; i < 6; ++i) see(fmt::format("f{}", i), "x");
  const auto digest = begin(kStart + kHour);
  ASSERT_EQ(digest->kind, "digest");
  ASSERT_TRUE(outbox::taken_apart(db, *digest, {"rejected", 413, "too long", Millis{1}}, kStart + kHour));
  EXPECT_FALSE(outbox::dead(db, *digest, {"rejected", 413, "too long", Millis{1}}, kStart)) << "it is no message more";
  std::set<std::string> sent;
  while (const auto alert = begin(kStart + kHour)) {
    EXPECT_EQ(alert->kind, "drift.detected");
    EXPECT_EQ(event_ids(Json::parse(alert->body)["target"]["function"]), (std::vector<std::string>{alert->alert_id}));
    EXPECT_FALSE(outbox::taken_apart(db, *alert, kRetry, kStart)) << "one alert cannot be";
    sent.insert(alert->alert_id);
    outbox::delivered(db, *alert, kOk, kStart);
  }
  EXPECT_EQ(sent.size(), 6U);
  EXPECT_FALSE(sent.contains(digest->alert_id)) << "no two bodies under one id";
  EXPECT_EQ(broken_invariant(db), "");
}

TEST_F(Compose, NeitherAReloadNorAnythingElseOfTheTargetReleasesOrWaitsForAFlappingOne) {
  for (int i = 0; i < 9; ++i) see("charge", i % 2 == 0 ? "x" : "y");
  outbox::retry_now(db, "ops", kStart);
  EXPECT_FALSE(begin());
  {
    Tx tx(db);
    for (int i = 0; i < 2; ++i) ledger.apply(tx, ids["charge"], not_found(), kStart);
  }
  const auto alert = begin();
  ASSERT_TRUE(alert);
  EXPECT_EQ(alert->kind, "function.missing");
}

TEST_F(Compose, ADamagedAlertIsAnErrorAndNothingIsLost) {
  see("charge", "x");
  see("charge", "y");
  db.execute("UPDATE outbox SET body = x'00' WHERE destination = 'ops'");
  EXPECT_THROW(
      {
        db.execute("SAVEPOINT s");
        try {
          begin();
        } catch (...) {
          db.execute("ROLLBACK TO s; RELEASE s");
          throw;
        }
      },
      std::runtime_error);
  EXPECT_EQ(number(db, "SELECT count(*) FROM outbox WHERE destination = 'ops' AND message IS NULL"), 2);
}

}  // namespace
}  // namespace codedriftd::test
