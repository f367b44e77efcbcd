#include "store/ledger/seen_change.h"

#include <gtest/gtest.h>

#include "store/packages/packages.h"
#include "store/record/attributions.h"
#include "store/store_support.h"

namespace codedriftd::test {
namespace {

struct SeenChangeTest : testing::Test {
  Store store;
  Database& db = store.db;
  Ledger ledger = ledger_with_routes();
  Tx tx{db};
  TargetId id = 0;

  SeenChangeTest() {
    ledger.set_audited({"prod"});
    id = add_target(db, ledger, "charge");
  }
  void apply(const Input& input, Millis after) { ledger.apply(tx, id, input, kStart + after); }
  /// Each event that is asked about: its kind and the minutes of its window.
  std::string asked() {
    std::string all;
    auto q = db.query(
        "SELECT e.kind, a.from_ms, a.to_ms FROM attribution a JOIN event e ON e.seq = a.event_seq ORDER BY e.seq");
    while (q.step()) {
      all += fmt::format("{}{} {}-{}", all.empty() ? "" : ", ", q.text(0), (q.time(1) - kStart) / kMinute,
                         (q.time(2) - kStart) / kMinute);
    }
    return all;
  }
  /// The window of an event that other parts of the program write.
  std::optional<ChangeWindow> window(const char* kind, const TargetState& after, WallTime now,
                                     std::optional<Sha256> observed = {}) {
    TargetRow row = targets::load(db, id);
    const TargetState before = row.state;
    row.state = after;
    NewEvent event;
    event.kind = kind;
    event.facts.observed = observed;
    return change_window(db, event, row, before, now);
  }
};

TEST_F(SeenChangeTest, DriftIsAskedAboutBetweenTheTwoSights) {
  apply(saw("a"), Millis{0});
  apply(saw("a"), 5 * kMinute);
  EXPECT_EQ(asked(), "");
  apply(saw("b"), 10 * kMinute);
  apply(saw("b"), 15 * kMinute);
  apply(saw("c"), 20 * kMinute);
  apply(saw("a"), 25 * kMinute);
  EXPECT_EQ(asked(), "drift.detected 5-10, drift.changed 15-20") << "the way back ends the drift, and is no other one";
  EXPECT_EQ(number(db, "SELECT next_at_ms FROM attribution ORDER BY event_seq LIMIT 1"), to_ms(kStart + 12 * kMinute));
}

TEST_F(SeenChangeTest, WhoMadeAFunctionThatWasMissingFromTheStartIsAsked) {
  const Input missing = not_found("ResourceNotFound.Function");
  apply(missing, Millis{0});
  apply(missing, kMinute);
  apply(missing, 2 * kMinute);
  apply(saw("a"), 5 * kMinute);
  EXPECT_EQ(asked(), "function.returned 2-5");
}

TEST_F(SeenChangeTest, WhatWasAnnouncedAcceptedOrSeenFirstIsNotAskedAbout) {
  apply(saw("a"), Millis{0});
  apply(Expected{hash_of("b"), kStart + kHour, "", "", "uid:1(x)"}, kMinute);
  apply(saw("b"), 5 * kMinute);
  apply(Unwatched{}, 6 * kMinute);
  EXPECT_EQ(asked(), "");
}

TEST_F(SeenChangeTest, AnAccountWhoseAuditLogMayNotBeReadIsNotAskedAbout) {
  ledger.set_audited({"other"});
  apply(saw("a"), Millis{0});
  apply(saw("b"), 5 * kMinute);
  EXPECT_EQ(asked(), "");
}

TEST_F(SeenChangeTest, AFunctionIsMissingSinceTheFirstAnswerThatSaidSo) {
  apply(saw("a"), Millis{0});
  apply(not_found(), 5 * kMinute);
  apply(not_found(), 6 * kMinute);
  apply(saw("b"), 12 * kMinute);
  EXPECT_EQ(asked(), "function.missing 0-5, drift.detected 6-12");
}

TEST_F(SeenChangeTest, AFunctionThatIsBackWithTheSameHashWasMadeByOneWhoIsAskedFor) {
  apply(saw("a"), Millis{0});
  apply(not_found(), 5 * kMinute);
  apply(not_found(), 6 * kMinute);
  apply(saw("a"), 12 * kMinute);
  EXPECT_EQ(asked(), "function.missing 0-5, function.returned 6-12");
}

TEST_F(SeenChangeTest, NotFoundOnceIsNoSightOfAnotherState) {
  apply(saw("a"), Millis{0});
  apply(not_found(), 5 * kMinute);
  apply(saw("b"), 10 * kMinute);
  EXPECT_EQ(asked(), "drift.detected 0-10");
}

TEST_F(SeenChangeTest, AFunctionWasMadeBetweenTheListingWithoutItAndTheOneThatFoundIt) {
  const WallTime before = kStart, found = kStart + 10 * kMinute, now = found + Millis{1000};
  const struct {
    const char* what;
    std::optional<WallTime> listed_without, added_at;
    std::optional<ChangeWindow> window;
  } cases[] = {
      {"no listing before", std::nullopt, found, std::nullopt},
      {"no time of creation", before, std::nullopt, ChangeWindow{before, found}},
      {"made since", before, before + kMinute, ChangeWindow{before, found}},
      {"made by a clock that is ahead", before, found + kMinute, ChangeWindow{before, found}},
      {"made before, in a namespace that was not listed", before, before - kHour,
       ChangeWindow{before - kHour, before - kHour}},
      {"made so long ago that nobody knows", before, before - kOldestChange - kHour, std::nullopt},
      {"no listing for long", found - 2 * kLongestChange, std::nullopt, ChangeWindow{found - kLongestChange, found}},
  };
  for (const auto& c : cases) EXPECT_EQ(making_window(c.listed_without, c.added_at, found, now), c.window) << c.what;
}

TEST_F(SeenChangeTest, AFunctionThatWasNeverSeenHasNoChange) {
  EXPECT_FALSE(window("function.touched", {}, kStart));
  apply(not_found(), Millis{0});
  apply(not_found(), kMinute);
  EXPECT_EQ(asked(), "");
}

TEST_F(SeenChangeTest, AnotherPinAsksWhoMadeTheChangeThatNowIsDrift) {
  apply(saw("a"), Millis{0});
  apply(Expected{hash_of("b"), kStart + kHour, "", "", "uid:1(x)"}, kMinute);
  apply(saw("b"), 5 * kMinute);
  apply(failed(), 10 * kMinute);
  apply(saw("b"), 30 * kMinute);  // a run of its own: too long after the other
  EXPECT_EQ(number(db, "SELECT count(*) FROM run WHERE outcome = 'observed'"), 3);
  TargetState now = targets::load(db, id).state;
  EXPECT_EQ(window("drift.detected", now, kStart + kHour, hash_of("b")), (ChangeWindow{kStart, kStart + 5 * kMinute}));
}

TEST_F(SeenChangeTest, AVerdictThatWaitedIsAboutTheSightAndNotAboutItself) {
  apply(saw("a"), Millis{0});
  packages::save(db, hash_of("a"), Examination{{}, {{"index.py", 0644, 1, hash_of("1")}}, {}, 100, 1}, kStart);
  ledger.examined(tx, hash_of("a"), kStart);
  Observation seen = saw("b");
  seen.obtainable = true;
  apply(seen, 5 * kMinute);
  EXPECT_EQ(asked(), "") << "its package is examined first";
  packages::save_unavailable(db, hash_of("b"), "gone", false, kStart + 9 * kMinute);
  ledger.examined(tx, hash_of("b"), kStart + 9 * kMinute);
  EXPECT_EQ(asked(), "drift.detected 0-5");
}

TEST_F(SeenChangeTest, WhatListingsTellBeginsAtTheCloudsOwnTimeIfThatIsEarlier) {
  apply(saw("a"), 10 * kMinute);
  const WallTime now = kStart + 20 * kMinute, seen = kStart + 10 * kMinute;
  TargetState after = targets::load(db, id).state;
  EXPECT_EQ(window("function.touched", after, now), (ChangeWindow{seen, now}));
  after.modified_at = kStart + 12 * kMinute;
  EXPECT_EQ(window("function.touched", after, now), (ChangeWindow{seen, now}));
  after.modified_at = kStart + 3 * kMinute;
  EXPECT_EQ(window("function.touched", after, now), (ChangeWindow{kStart + 3 * kMinute, now}));
  after.added_at = kStart + 2 * kMinute;
  EXPECT_EQ(window("function.recreated", after, now), (ChangeWindow{kStart + 2 * kMinute, now}));
}

TEST_F(SeenChangeTest, TheWordsAboutAHashAreThoseOfTheChangeThatMadeItLive) {
  apply(saw("a"), Millis{0});
  apply(saw("b"), 5 * kMinute);
  apply(not_found(), 10 * kMinute);
  apply(not_found(), 11 * kMinute);
  for (const char* words : {"to b", "gone"}) {
    const auto asked = attributions::due(db, kStart + kHour, kStart);
    ASSERT_FALSE(asked.empty());
    EXPECT_EQ(attributions::words_about(db, id, hash_of("a")), "");
    attributions::save(db, asked[0].event_seq, {Attribution::Grade::one, {}, {}, false, words}, kStart, 1,
                       std::nullopt);
  }
  EXPECT_EQ(attributions::words_about(db, id, hash_of("a")), "") << "seen first, not changed to";
  EXPECT_EQ(attributions::words_about(db, id, hash_of("b")), "to b");
  EXPECT_EQ(attributions::words_about(db, id, std::nullopt), "gone");
}

/// The same hash twice: what is told of the first time is not said of the second.
TEST_F(SeenChangeTest, TheWordsAboutAHashAreThoseOfTheLastTimeThatItCame) {
  const auto answer = [&](const char* words) {
    const auto asked = attributions::due(db, kStart + kHour, kStart);
    ASSERT_EQ(asked.size(), 1U);
    attributions::save(db, asked[0].event_seq, {Attribution::Grade::one, {}, {}, false, words}, kStart, 1,
                       std::nullopt);
  };
  apply(saw("a"), Millis{0});
  apply(saw("b"), 5 * kMinute);
  answer("first");
  apply(failed(), 6 * kMinute);
  apply(not_found(), 7 * kMinute);
  apply(saw("b"), 8 * kMinute);
  EXPECT_EQ(attributions::words_about(db, id, hash_of("b")), "first") << "it was there all the time";
  apply(saw("a"), 10 * kMinute);
  EXPECT_EQ(attributions::words_about(db, id, hash_of("b")), "first") << "the last time that it was there";
  apply(saw("b"), 15 * kMinute);
  EXPECT_EQ(attributions::words_about(db, id, hash_of("b")), "") << "who did it again is not known yet";
  answer("second");
  EXPECT_EQ(attributions::words_about(db, id, hash_of("b")), "second");
  apply(saw("a"), 20 * kMinute);
  ledger.set_audited({});
  apply(saw("b"), 25 * kMinute);
  EXPECT_EQ(attributions::words_about(db, id, hash_of("b")), "") << "nobody was asked";
}

TEST_F(SeenChangeTest, TheWordsAboutWhatWasNeverElseAreThoseAboutWhoMadeIt) {
  const auto tell = [&](const char* kind, Millis at, const char* words) {
    NewEvent event;
    event.kind = kind;
    event.target_id = id;
    const LoggedEvent logged = ledger.append(tx, event, kStart + at);
    ledger.ask_who(tx, logged, function_named("charge"), id, {kStart, kStart + at}, kStart + at);
    if (words != nullptr)
      attributions::save(db, logged.seq, {Attribution::Grade::one, {}, {}, false, words}, kStart, 1, std::nullopt);
  };
  tell("function.discovered", kMinute, "made");
  EXPECT_EQ(attributions::words_about(db, id, hash_of("a")), "") << "it was never seen there";
  apply(saw("a"), 2 * kMinute);
  EXPECT_EQ(attributions::words_about(db, id, hash_of("a")), "made");
  apply(saw("a"), 6 * kMinute);
  tell("function.recreated", 4 * kMinute, nullptr);
  EXPECT_EQ(attributions::words_about(db, id, hash_of("a")), "") << "of this one nothing is known yet";
  apply(saw("b"), 10 * kMinute);
  EXPECT_EQ(attributions::words_about(db, id, hash_of("b")), "");
  ledger.set_audited({"other"});
  tell("function.discovered", 11 * kMinute, nullptr);
  EXPECT_EQ(number(db, "SELECT count(*) FROM attribution"), 3) << "another account's audit log is another one";
}

TEST_F(SeenChangeTest, LayersAndAliasesAreAskedAboutAsCodeIs) {
  apply(saw("a"), Millis{0});
  apply(saw("b"), 5 * kMinute);
  const TargetState after = targets::load(db, id).state;
  for (const char* kind : {"layer.changed", "alias.moved"}) {
    EXPECT_EQ(window(kind, after, kStart + 5 * kMinute, hash_of("b")), (ChangeWindow{kStart, kStart + 5 * kMinute}));
  }
  for (const char* kind : {"drift.resolved", "deploy.arrived", "baseline.set", "poll.failing"})
    EXPECT_FALSE(window(kind, after, kStart + 5 * kMinute, hash_of("b"))) << kind;
}

TEST_F(SeenChangeTest, TheCloudAnswersForNoMoreThanAMonthAndThreeMonthsBack) {
  apply(saw("a"), Millis{0});
  const Millis months = std::chrono::days(60);
  apply(saw("b"), months);
  const TargetState after = targets::load(db, id).state;
  EXPECT_EQ(window("drift.detected", after, kStart + months, hash_of("b")),
            (ChangeWindow{kStart + months - kLongestChange, kStart + months}));
  EXPECT_TRUE(window("drift.detected", after, kStart + months + kOldestChange, hash_of("b")));
  EXPECT_FALSE(window("drift.detected", after, kStart + months + kOldestChange + Millis{1}, hash_of("b")));
}

}  // namespace
}  // namespace codedriftd::test
