#include "store/outbox/compose.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <utility>

#include "base/json.h"
#include "store/ledger/notices.h"
#include "store/ledger/suspensions.h"
#include "store/outbox/flapping.h"
#include "store/outbox/outbox.h"
#include "store/store_support.h"

namespace codedriftd::test {
namespace {

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
    auto q =
        db.query("SELECT id FROM event WHERE target_id = ? AND kind LIKE 'drift.%' ORDER BY seq", ids.at(function));
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
  EXPECT_EQ(outbox::depths(db, kStart).at(1).delivered, 2);
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

TEST_F(Compose, MissingAndRecreatedInOneOutageAreBothTold) {
  see("charge", "accepted");
  {
    Tx tx(db);
    const auto listed = [](std::string id, Millis created) {
      return Listed{std::move(id), kStart + created, kStart + created};
    };
    ledger.apply(tx, ids["charge"], listed("lam-1", Millis{0}), kStart);
    for (int i = 0; i < 2; ++i) ledger.apply(tx, ids["charge"], not_found(), kStart + kMinute);
    ledger.apply(tx, ids["charge"], listed("lam-2", kMinute), kStart + 2 * kMinute);
    ledger.apply(tx, ids["charge"], saw("accepted"), kStart + 2 * kMinute);
    ledger.apply(tx, ids["charge"], saw("y"), kStart + 3 * kMinute);
  }
  std::vector<std::string> kinds;
  while (const auto alert = begin(kStart + kHour)) {
    kinds.push_back(alert->kind);
    outbox::delivered(db, *alert, kOk, kStart + kHour);
  }
  EXPECT_EQ(kinds, (std::vector<std::string>{"function.missing", "function.recreated", "function.returned",
                                             "drift.detected"}));
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
    targets::insert(db, function_named(fmt::format("g{}", i)));
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

TEST_F(Compose, AFlappingTargetIsToldWhenHoldingBeginsAndWhenItIsQuiet) {
  see("charge", "x");
  // Six drift events within the hour are told as they come.
  const char* hashes[] = {"x", "y", "z"};
  for (int i = 1; i < 6; ++i) see("charge", hashes[i % 3], kStart + i * kMinute);
  const auto before = begin(kStart + 5 * kMinute);
  ASSERT_TRUE(before);
  EXPECT_EQ(before->kind, "drift.changed");
  EXPECT_EQ(Json::parse(before->body)["event_ids"].size(), 6U);
  outbox::delivered(db, *before, kOk, kStart);
  // With the seventh holding begins, and that is told at once.
  see("charge", "x", kStart + 6 * kMinute);
  const auto begins = begin(kStart + 6 * kMinute);
  ASSERT_TRUE(begins);
  EXPECT_EQ(begins->kind, "drift.flapping");
  EXPECT_NE(Json::parse(begins->body)["summary"].get<std::string>().find("at the latest after 6h"), std::string::npos);
  outbox::delivered(db, *begins, kOk, kStart);
  // Every further one is held, and begins the half hour anew.
  see("charge", "y", kStart + 20 * kMinute);
  see("charge", "accepted", kStart + 45 * kMinute);
  EXPECT_FALSE(begin(kStart + 74 * kMinute));
  EXPECT_EQ(outbox::next_due_at(db, "ops"), kStart + 75 * kMinute);
  const auto after = begin(kStart + 75 * kMinute);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->kind, "drift.flapping");
  const Json told = Json::parse(after->body);
  EXPECT_EQ(told["event_ids"].size(), 2U);
  EXPECT_NE(told["summary"].get<std::string>().find("2 drift events"), std::string::npos) << told["summary"];
  EXPECT_NE(told["summary"].get<std::string>().find("until it was quiet"), std::string::npos) << told["summary"];
  EXPECT_EQ(after->give_up_at, kStart + 45 * kMinute + 72 * kHour) << "as the youngest; holding moves nothing";
  outbox::delivered(db, *after, kOk, kStart);
  EXPECT_EQ(event_ids("charge").size(), 9U) << "the record is complete";
  // Quiet since: the next one is told at once.
  see("charge", "z", kStart + 3 * kHour);
  EXPECT_EQ(begin(kStart + 3 * kHour)->kind, "drift.detected");
  EXPECT_EQ(broken_invariant(db), "");
}

TEST_F(Compose, EventsOfAClockThatWasAheadDoNotMakeATargetFlap) {
  for (int i = 0; i < 8; ++i) see("charge", i % 2 == 0 ? "x" : "y", kStart + 100 * kHour);
  while (const auto alert = begin(kStart + 200 * kHour)) outbox::delivered(db, *alert, kOk, kStart + 200 * kHour);
  db.run("DELETE FROM flapping");
  see("charge", "z", kStart);
  const auto told = begin(kStart);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->kind, "drift.changed");
}

TEST_F(Compose, OneThatNeverIsQuietIsToldEverySixHoursAllTheSame) {
  hurry(db);
  for (int i = 0; i < 7; ++i) see("charge", i % 2 == 0 ? "x" : "y");
  int messages = 0;
  for (int minute = 0; minute < 7 * 24 * 60; minute += 5) {
    const WallTime at = kStart + minute * kMinute;
    if (minute % 25 == 0) see("charge", minute % 50 == 0 ? "y" : "x", at);
    while (const auto alert = begin(at)) {
      EXPECT_EQ(alert->kind, "drift.flapping");
      EXPECT_EQ(Json::parse(alert->body)["status"], "drifted");
      EXPECT_LE(alert->give_up_at, at + 72 * kHour);
      outbox::delivered(db, *alert, kOk, at);
      ++messages;
    }
  }
  EXPECT_GE(messages, 26) << "one when it began, and four a day";
  EXPECT_LE(messages, 29);
}

TEST_F(Compose, HoldingIsNeverLongerThanTheReminderAndLeavesTimeToDeliver) {
  using outbox::longest_hold;
  EXPECT_EQ(longest_hold(24 * kHour, 72 * kHour), 6 * kHour);
  EXPECT_EQ(longest_hold(Millis{0}, 72 * kHour), 6 * kHour);
  EXPECT_EQ(longest_hold(kHour, 72 * kHour), kHour);
  EXPECT_EQ(longest_hold(24 * kHour, 2 * kHour), kHour);
}

TEST_F(Compose, OneThatIsHeldForFlappingHoldsOnlyItself) {
  for (int i = 0; i < 7; ++i) see("charge", i % 2 == 0 ? "x" : "y");
  outbox::delivered(db, *begin(), kOk, kStart);
  {
    Tx tx(db);
    for (int i = 0; i < 2; ++i) ledger.apply(tx, ids["charge"], not_found(), kStart);
  }
  see("charge", "y");  // it is back, with another hash: that is held, what else there is about it is not
  see("refund", "x");
  std::set<std::string> kinds;
  while (const auto alert = begin()) {
    kinds.insert(alert->kind);
    outbox::delivered(db, *alert, kOk, kStart);
  }
  EXPECT_EQ(kinds, (std::set<std::string>{"drift.detected", "function.returned"}));
  EXPECT_EQ(number(db, "SELECT count(*) FROM outbox WHERE destination = 'ops' AND state = 'pending'"), 1);
}

TEST_F(Compose, OnlyDriftCountsAsFlapping) {
  see("charge", "x");
  for (int i = 0; i < 6; ++i) {
    Tx tx(db);
    for (int n = 0; n < 2; ++n) ledger.apply(tx, ids["charge"], not_found(), kStart);
    ledger.apply(tx, ids["charge"], saw("x"), kStart);
  }
  see("charge", "y");
  EXPECT_EQ(number(db, "SELECT count(*) FROM outbox WHERE flapping = 1"), 0) << "two drift events, and twelve others";
}

TEST_F(Compose, WhatComesAfterwardsIsToldWithWhatWasHeldAndNotBeforeIt) {
  for (int i = 0; i < 7; ++i) see("charge", i % 2 == 0 ? "x" : "y");
  outbox::delivered(db, *begin(), kOk, kStart);
  see("charge", "accepted", kStart + kMinute);
  // The destination is down when it has been quiet, and drift comes anew.
  see("charge", "z", kStart + 5 * kHour);
  const auto alert = begin(kStart + 5 * kHour);
  ASSERT_TRUE(alert);
  const Json told = Json::parse(alert->body);
  EXPECT_EQ(told["event_ids"].size(), 2U);
  EXPECT_EQ(told["status"], "drifted");
  outbox::delivered(db, *alert, kOk, kStart);
  EXPECT_FALSE(begin(kStart + 24 * kHour));
}

/// One function, one destination with its ups and downs, and time: whatever happens, open drift is told in time.
class FlappingLife : public Compose {
 protected:
  void live(uint64_t seed) {
    std::mt19937_64 random(seed);
    const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
    const char* hashes[] = {"accepted", "x", "y", "z"};
    const Millis paces[] = {Millis{5'000}, kMinute, 5 * kMinute, 25 * kMinute, 29 * kMinute, 2 * kHour};
    const Millis longest = outbox::longest_hold(Millis{0}, 72 * kHour);
    const std::string name = fmt::format("f{}", seed);
    WallTime now = kStart;
    see(name, "accepted", now);
    std::optional<WallTime> untold_since;  // drift that no message has told of
    std::map<std::string, WallTime> composed_at;
    WallTime down_until = now;
    bool failed_last = false;
    Millis pace = kMinute, pace_before = kMinute;
    for (int step = 0; step < 300 && !HasFailure(); ++step) {
      if (below(40) == 0) pace_before = std::exchange(pace, paces[below(6)]);
      now += pace;
      if (below(3) != 0) {
        Tx tx(db);
        for (const LoggedEvent& logged : ledger.apply(tx, ids[name], saw(hashes[below(4)]), now).events) {
          if (logged.event.kind == "drift.resolved") {
            untold_since.reset();
          } else if (logged.event.kind.starts_with("drift.") && !untold_since) {
            untold_since = now;
          }
        }
      }
      if (below(60) == 0 && now > down_until + 3 * kHour) down_until = now + kHour;
      while (now >= down_until) {
        const auto alert = begin(now);
        if (!alert) break;
        if (alert->attempt == 1) {  // composed now: it says how things are now
          composed_at[alert->alert_id] = now;
          if (targets::load(db, ids[name]).state.drift_open) {
            ASSERT_EQ(Json::parse(alert->body)["status"], "drifted") << alert->body;
          }
        }
        if (!failed_last && below(10) == 0) {
          failed_last = true;
          outbox::postponed(db, *alert, kRetry, now, now + kMinute);
          break;
        }
        failed_last = false;
        outbox::delivered(db, *alert, kOk, now);
        if (untold_since && composed_at[alert->alert_id] >= *untold_since) untold_since.reset();
      }
      // Within the ceiling; the rest is the receiver's own time, and the length of the steps here.
      if (untold_since && now >= down_until) {
        ASSERT_LE(now - *untold_since, longest + 2 * kHour + 4 * std::max(pace, pace_before)) << "step " << step;
      }
    }
    // Left alone, everything is told.
    for (int i = 0; i < 10; ++i) {
      now += kHour;
      while (const auto alert = begin(now)) outbox::delivered(db, *alert, kOk, now);
    }
    EXPECT_EQ(number(db, "SELECT count(*) FROM outbox WHERE destination = 'ops' AND state = 'pending'"), 0);
    EXPECT_EQ(
        number(db,
               "SELECT count(*) FROM outbox o WHERE give_up_at_ms > 72 * 3600000 + (SELECT max(created_at_ms) FROM "
               "outbox m WHERE m.message = o.message)"),
        0)
        << "give_up_at never moves";
    EXPECT_EQ(broken_invariant(db), "");
  }
};

TEST_F(FlappingLife, OpenDriftIsToldWithinTheCeilingAndNoMessageClaimsLessThanIsSo) {
  const auto base = static_cast<uint64_t>(testing::UnitTest::GetInstance()->random_seed());
#ifdef CODEDRIFTD_SANITIZED
  constexpr uint64_t kLives = 2;
#else
  constexpr uint64_t kLives = 8;
#endif
  hurry(db);
  for (uint64_t i = 0; i < kLives && !HasFailure(); ++i) {
    const uint64_t seed = base * 1'000'000 + i;
    SCOPED_TRACE("seed " + std::to_string(seed) + ", again with --gtest_random_seed=" + std::to_string(base));
    live(seed);
  }
}

TEST_F(Compose, WhatWasComposedInBetweenKeepsItsPlace) {
  see("charge", "x");
  const auto dropped = begin();
  see("charge", "y");
  db.execute("UPDATE outbox SET state = 'dropped', message = NULL WHERE destination = 'ops' AND alert_id = '" +
             dropped->alert_id + "'");
  const auto composed = begin();
  ASSERT_TRUE(composed);
  outbox::postponed(db, *composed, kRetry, kStart, kStart);
  see("charge", "z");
  db.execute("UPDATE outbox SET state = 'pending' WHERE state = 'dropped'");  // as a replay does
  std::vector<std::string> told;
  while (const auto alert = begin(kStart + kMinute)) {
    const Json body = Json::parse(alert->body);
    EXPECT_EQ(body["event_ids"].size(), 1U);
    for (const Json& id : body["event_ids"]) told.push_back(id);
    outbox::delivered(db, *alert, kOk, kStart);
  }
  EXPECT_EQ(told, event_ids("charge"));
}

TEST_F(Compose, TheOldestRowLeadsThoughAnotherOneIsDueFirst) {
  for (int i = 0; i < 6; ++i) see(fmt::format("f{}", i), "x");
  db.execute("UPDATE outbox SET next_attempt_at_ms = next_attempt_at_ms + 5000 WHERE target LIKE '%f0:%'");
  const auto digest = begin(kStart + kHour);
  ASSERT_TRUE(digest);
  EXPECT_EQ(digest->kind, "digest");
  EXPECT_EQ(digest->id, number(db, "SELECT min(id) FROM outbox WHERE destination = 'ops'"));
  EXPECT_EQ(broken_invariant(db), "");
}

TEST_F(Compose, FiftyAlertsAboutDeliveriesHideNoDrift) {
  for (int i = 0; i < 55; ++i) {
    const std::string name = fmt::format("g{}", i);
    Tx tx(db);
    targets::insert(db, function_named(name));
    NewEvent event;
    event.kind = "delivery.dead";
    event.target = function_named(name).address();
    ledger.append_about_delivery(tx, event, "ops", kStart - kMinute);  // chat is its fallback
  }
  for (int i = 0; i < 6; ++i) see(fmt::format("f{}", i), "x");
  db.execute("UPDATE outbox SET next_attempt_at_ms = next_attempt_at_ms - 120000 WHERE target LIKE '%f0:%'");
  std::map<std::string, int> kinds;
  while (const auto alert = outbox::begin_attempt(db, "chat", kStart + kHour)) {
    ++kinds[alert->kind];
    outbox::delivered(db, *alert, kOk, kStart);
  }
  EXPECT_EQ(kinds["digest"], 1);
  EXPECT_EQ(kinds["drift.detected"], 0);
}

TEST_F(Compose, AnAccountThatGetsAnotherLabelTakesItsAlertsAlong) {
  see("charge", "x");
  see("refund", "x");
  {
    Tx tx(db);
    suspensions::begin(tx, ledger, targets::load(db, ids["charge"]),
                       {kStart, kStart + kHour, "uid:0(root)", "", "why"});
    targets::rename_account(db, "prod", "production");
  }
  std::set<std::string> told;
  while (const auto alert = begin()) {
    told.insert(alert->target.value_or("-"));
    outbox::delivered(db, *alert, kOk, kStart);
  }
  EXPECT_EQ(told, std::set<std::string>{function_named("refund").address()}) << "printed as it was; charge stays held";
  // Order goes on across the labels, and so do reminders.
  Route ops = route("ops");
  ops.reminder = 24 * kHour;
  {
    Tx tx(db);
    EXPECT_EQ(notices::remind(tx, ledger, ops, kStart + 25 * kHour), 1);
    suspensions::end(tx, ledger, targets::load(db, ids["charge"]), "uid:0(root)", "", "done", kStart + 25 * kHour);
  }
  std::vector<std::string> kinds;
  while (const auto alert = begin(kStart + 25 * kHour)) {
    kinds.push_back(alert->kind);
    const Json body = Json::parse(alert->body);
    if (alert->kind == "drift.reminder") {
      EXPECT_EQ(body["target"]["account"], "production");
      EXPECT_EQ(body["event_ids"], Json(event_ids("refund"))) << "it still knows what it stands for";
    }
    outbox::delivered(db, *alert, kOk, kStart);
  }
  EXPECT_EQ(kinds, (std::vector<std::string>{"drift.detected", "drift.reminder"}));
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
  for (int i = 0; i < 7; ++i) see("charge", i % 2 == 0 ? "x" : "y");
  outbox::delivered(db, *begin(), kOk, kStart);
  for (int i = 0; i < 2; ++i) see("charge", i % 2 == 0 ? "y" : "x");
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
  db.run("UPDATE outbox SET body = ? WHERE destination = 'ops'", Blob{std::string_view("", 1)});
  EXPECT_THROW(
      {
        db.begin_write();
        try {
          begin();
        } catch (...) {
          db.rollback();
          throw;
        }
      },
      std::runtime_error);
  EXPECT_EQ(number(db, "SELECT count(*) FROM outbox WHERE destination = 'ops' AND message IS NULL"), 2);
}

}  // namespace
}  // namespace codedriftd::test
