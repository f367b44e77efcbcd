/// VERDICTS.md, row by row: what listings say of a function, and the values beside its code.
#include <gtest/gtest.h>

#include "model/verdict.h"
#include "model/verdict_story.h"

namespace codedriftd {
namespace {

using namespace story;

class VerdictListed : public testing::TestWithParam<Case> {};
TEST_P(VerdictListed, IsAsWritten) { play(GetParam()); }

constexpr const char* kCalm = "in_sync A/A first_seen";
/// The function as the first listing shows it, and the same after somebody wrote it at `modified`.
const Step kListed{listed("lam-a", -24h, 90s), "", kCalm};
Step written(Millis modified) { return {listed("lam-a", -24h, modified), "", kCalm}; }

INSTANTIATE_TEST_SUITE_P(
    AnotherFunction, VerdictListed,
    testing::Values(
        Case{"FirstSightIsSilent", {kWatched, kInSync, kListed, kListed}},
        Case{"FirstSightBeforeTheFirstPollIsSilent",
             {kWatched, {listed("lam-a", -24h, 90s), "", "unobserved -/- (never_polled)"}, kInSync, kListed}},
        Case{"AnotherIdIsToldOnceEvenWithTheSameCode",
             {kWatched,
              kInSync,
              kListed,
              {listed("lam-b", 3min, 3min), "!function.recreated lam-b lam-a", kCalm},
              {listed("lam-b", 3min, 3min), "", kCalm},
              {see('A'), "", kCalm}}},
        Case{"AnotherIdIsToldWhereNoTimesAre",
             {kWatched,
              kInSync,
              {listed("lam-a", {}, {}), "", kCalm},
              {listed("lam-b", {}, {}), "!function.recreated lam-b lam-a", kCalm}}},
        Case{"AnotherTimeOfCreationIsAnotherFunctionUnderTheSameId",
             {kWatched, kInSync, kListed, {listed("lam-a", 3min, 3min), "!function.recreated lam-a lam-a", kCalm}}},
        Case{"AnotherTimeOfCreationIsAnotherFunctionWithoutAnId",
             {kWatched,
              kInSync,
              {listed("", -24h, 90s), "", kCalm},
              {listed("", 3min, 3min), "!function.recreated - -", kCalm},
              {listed("", 3min, 3min), "", kCalm}}},
        Case{"AnIdThatIsLearnedLaterIsNoOther",
             {kWatched,
              kInSync,
              {listed("", -24h, 90s), "", kCalm},
              kListed,
              {listed("", -24h, 90s), "", kCalm},
              {listed("lam-b", 3min, 3min), "!function.recreated lam-b lam-a", kCalm}}},
        Case{"AListingThatLagsBehindSaysNothing",
             {kWatched,
              kInSync,
              kListed,
              {listed("lam-b", 3min, 3min), "!function.recreated lam-b lam-a", kCalm},
              kListed,
              {listed("lam-b", 3min, 3min), "", kCalm}}},
        Case{"TwoOfOneSecondAreToldApartByTheirLastWrite",
             {kWatched,
              kInSync,
              {listed("lam-a", 2min, 2min), "", kCalm},
              {listed("lam-b", 2min, 3min), "!function.recreated lam-b lam-a", kCalm},
              {listed("lam-a", 2min, 2min), "", kCalm},
              {listed("lam-b", 2min, 3min), "", kCalm}}},
        Case{"ATimeOfCreationInTheFutureIsNotToldAndHidesNoOther",
             {kWatched,
              kInSync,
              kListed,
              {listed("lam-a", 640'000h, 90s), "", kCalm},
              kListed,
              {listed("lam-b", 640'000h, 3min), "!function.recreated lam-b lam-a", kCalm},
              {listed("lam-b", 3min, 3min), "", kCalm},
              {listed("lam-c", 4min, 4min), "!function.recreated lam-c lam-b", kCalm}}},
        Case{"OtherCodeInTheNewOneIsDriftBesides",
             {kWatched,
              kInSync,
              kListed,
              {listed("lam-b", 3min, 3min), "!function.recreated lam-b lam-a", kCalm},
              kDrifted}},
        Case{"DeletedSeenMissingAndCreatedAgainIsToldOnceEach",
             {kWatched,
              kInSync,
              kListed,
              {gone(), "", kCalm},
              {gone(), "!function.missing ResourceNotFound.Function",
               "missing A/A first_seen (ResourceNotFound.Function)"},
              {listed("lam-b", 5min, 5min), "!function.recreated lam-b lam-a",
               "missing A/A first_seen (ResourceNotFound.Function)"},
              {see('A'), "!function.returned A", kCalm},
              {listed("lam-b", 5min, 5min), "", kCalm}}},
        Case{"WhatIsNotWatchedIsNotTold",
             {kWatched,
              kInSync,
              kListed,
              {unwatch(), "watch.removed calm", kCalm},
              {listed("lam-b", 3min, 3min), "", kCalm},
              {watch(), "watch.added -", kCalm},
              {listed("lam-b", 3min, 3min), "!function.recreated lam-b lam-a", kCalm}}},
        Case{"AVersionTellsOfAnotherFunctionAndOfNoWrites",
             {kWatched,
              kInSync,
              kListed,
              written(10min),
              {see('A'), "", kCalm},
              {listed("lam-b", 11min, 11min), "!function.recreated lam-b lam-a", kCalm}},
             "7"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Writes, VerdictListed,
    testing::Values(
        Case{"ThatNoHashExplainsAreToldAfterTheNextAnswerAndOnce",
             {kWatched,
              kInSync,
              kListed,
              written(200s),
              {see('A'), "function.touched A", kCalm},
              {see('A'), "", kCalm},
              written(200s),
              {see('A'), "", kCalm}}},
        Case{"AlertWhereTheTargetIsConfiguredSo",
             {{watch_touched(), "watch.added -", "unobserved -/- (never_polled)"},
              kInSync,
              kListed,
              written(200s),
              {see('A'), "!function.touched A", kCalm}}},
        Case{"ThatBringAnotherHashAreDriftAndNoMore",
             {kWatched, kInSync, kListed, written(200s), kDrifted, {see('X'), "", "drifted X/A first_seen"}}},
        Case{"ThatWereAnnouncedAreAnArrivalAndNoMore",
             {kWatched,
              kInSync,
              kListed,
              {expect('H'), "deploy.expected H", "pending_deploy A/A first_seen +H"},
              {listed("lam-a", -24h, 200s), "", "pending_deploy A/A first_seen +H"},
              {see('H'), "deploy.arrived H", "in_sync H/H deploy"},
              {see('H'), "", "in_sync H/H deploy"}}},
        Case{"OfWhichTheHashWasSeenBeforeTheListingAreExplained",
             {kWatched,
              kInSync,
              kListed,
              {see('X'), "!drift.detected X A A", "drifted X/A first_seen"},
              {listed("lam-a", -24h, 230s), "", "drifted X/A first_seen"},
              {see('X'), "", "drifted X/A first_seen"}}},
        // X was first seen at 240 s.
        Case{"WithinTwoSecondsAfterTheHashAreExplained",
             {kWatched,
              kInSync,
              kListed,
              kDrifted,
              {listed("lam-a", -24h, 242s), "", "drifted X/A first_seen"},
              {see('X'), "", "drifted X/A first_seen"}}},
        Case{"ThreeSecondsAfterTheHashAreNot",
             {kWatched,
              kInSync,
              kListed,
              kDrifted,
              {listed("lam-a", -24h, 243s), "", "drifted X/A first_seen"},
              {see('X'), "function.touched X", "drifted X/A first_seen"}}},
        // X was first seen at 240 s, which is 250 s of a cloud whose clock is ahead, and 230 s of one that is behind.
        Case{"AreHeldAgainstTheHashByTheClockOfACloudThatIsAhead",
             {kWatched,
              kInSync,
              kListed,
              kDrifted,
              {listed("lam-a", -24h, 252s, -10s), "", "drifted X/A first_seen"},
              {see('X'), "", "drifted X/A first_seen"},
              {listed("lam-a", -24h, 253s, -10s), "", "drifted X/A first_seen"},
              {see('X'), "function.touched X", "drifted X/A first_seen"}}},
        Case{"AreHeldAgainstTheHashByTheClockOfACloudThatIsBehind",
             {kWatched,
              kInSync,
              kListed,
              kDrifted,
              {listed("lam-a", -24h, 233s, 10s), "", "drifted X/A first_seen"},
              {see('X'), "function.touched X", "drifted X/A first_seen"}}},
        Case{"OfTheFutureAreNotToldAndHideNone",
             {kWatched,
              kInSync,
              kListed,
              written(640'000h),
              {see('A'), "", kCalm},
              written(200s),
              {see('A'), "function.touched A", kCalm}}},
        Case{"StayOpenWhileNobodyAnswers",
             {kWatched,
              kInSync,
              kListed,
              written(200s),
              {failed(), "", kCalm},
              {denied(), "", kCalm},
              {gone(), "", kCalm},
              {see('A'), "function.touched A", kCalm},
              {see('A'), "", kCalm}}},
        Case{"AreNotJudgedByAnAnswerThatWasUnderWay",
             {kWatched,
              kInSync,
              kListed,
              written(200s),
              {see_asked('A', 199s), "", kCalm},
              {see_asked('A', 202s), "", kCalm},
              {see_asked('A', 203s), "function.touched A", kCalm}}},
        Case{"AreExplainedByAnotherHashWheneverItWasAskedFor",
             {kWatched,
              kInSync,
              kListed,
              written(200s),
              {see_asked('X', 199s), "!drift.detected X A A", "drifted X/A first_seen"},
              {see('X'), "", "drifted X/A first_seen"}}},
        Case{"TwoBeforeOneAnswerAreOne",
             {kWatched,
              kInSync,
              kListed,
              written(200s),
              written(201s),
              {see('A'), "function.touched A", kCalm},
              {see('A'), "", kCalm}}},
        Case{"AreToldOnlyOfLaterTimes",
             {kWatched,
              kInSync,
              {listed("lam-a", -24h, 100s), "", kCalm},
              written(80s),
              {see('A'), "", kCalm},
              written(100s),
              {see('A'), "", kCalm},
              {listed("lam-a", -24h, {}), "", kCalm},
              written(200s),
              {see('A'), "function.touched A", kCalm}}},
        Case{"OfTheFunctionThatIsGoneAreForgotten",
             {kWatched,
              kInSync,
              kListed,
              written(200s),
              {listed("lam-b", 5min, 5min), "!function.recreated lam-b lam-a", kCalm},
              {see('A'), "", kCalm}}},
        Case{"OfAnImageAreToldOfItsDigest",
             {kWatched, kInSync, kListed, written(200s), {see('A'), "function.touched A", kCalm}},
             "$IMAGE"},
        Case{"AreNothingToTheLayers", {kWatched, kInSync, kListed, written(200s), {see('A'), "", kCalm}}, "$LAYERS"},
        Case{"AreNothingToAnAlias", {kWatched, kInSync, kListed, written(200s), {see('A'), "", kCalm}}, "$ALIAS.live"},
        Case{"AreNothingToWhatAnAliasNames",
             {kWatched, kInSync, kListed, written(200s), {see('A'), "", kCalm}},
             "live"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Values, VerdictListed,
    testing::Values(Case{"LayersDriftUnderTheirOwnName",
                         {kWatched,
                          kInSync,
                          {see('X'), "!layer.changed X A A", "drifted X/A first_seen"},
                          {see('X'), "", "drifted X/A first_seen"},
                          {see('Y'), "!layer.changed Y A X", "drifted Y/A first_seen"},
                          {see('A'), "!drift.resolved A A Y returned", "in_sync A/A first_seen"}},
                         "$LAYERS"},
                    Case{"LayersUnderReviewChangeUnderTheirOwnName",
                         {{review(), "watch.added -", "unobserved -/- (never_polled)"},
                          {see('A'), "", "unreviewed A/-"},
                          {see('X'), "!layer.changed X - A", "unreviewed X/-"},
                          {approve('X'), "baseline.set X approval -", "in_sync X/X approval"}},
                         "$LAYERS"},
                    Case{"AnAliasDriftsUnderItsOwnNameAndIsApprovedLikeCode",
                         {kWatched,
                          kInSync,
                          {see('X'), "!alias.moved X A A", "drifted X/A first_seen"},
                          {approve('X'), "baseline.set X approval A; !drift.resolved X X A approved",
                           "in_sync X/X approval"}},
                         "$ALIAS.live"},
                    Case{"AnAliasIsAnnouncedLikeCode",
                         {kWatched,
                          kInSync,
                          {expect('H'), "deploy.expected H", "pending_deploy A/A first_seen +H"},
                          {see('H'), "deploy.arrived H", "in_sync H/H deploy"}},
                         "$ALIAS.live"},
                    Case{"AnImageDriftsAsCodeDoes", {kWatched, kInSync, kDrifted}, "$IMAGE"},
                    Case{"NoValueWaitsForAPackage",
                         {kWatched, kInSync, {see_new('X'), "!layer.changed X A A", "drifted X/A first_seen"}},
                         "$LAYERS"}),
    name_of);

// ---- what they say ----------------------------------------------------------------------------------------------

/// Plays inputs a minute apart on one target; what the last one told.
std::vector<NewEvent> told_of(const std::string& qualifier, const std::vector<Input>& inputs) {
  Target target = kTarget;
  target.qualifier = qualifier;
  TargetState state;
  std::vector<NewEvent> last;
  WallTime now = kStart;
  for (const Input& input : inputs) {
    Decision decision = decide(target, state, input, now += 1min);
    state = decision.state;
    last = std::move(decision.events);
  }
  return last;
}

Input see_value(const std::string& text, const std::string& before = {}) {
  Observation seen;
  seen.outcome = Outcome::observed;
  seen.sha256 = sha256(text);
  seen.value = text;
  seen.value_before = before;
  return seen;
}

TEST(VerdictValues, ChangedLayersAreToldInPlainWordsWithBothTexts) {
  const std::string before = "libfoo:3 sha256:" + hash('A').hex() + "\nbase:2 sha256:" + hash('B').hex();
  const std::string after = "libfoo:4 sha256:" + hash('C').hex() + "\nbase:2 sha256:" + hash('B').hex();
  const auto events = told_of("$LAYERS", {watch(), see_value(before), see_value(after, before)});
  ASSERT_EQ(events.size(), 1U);
  const NewEvent& event = events.front();
  EXPECT_EQ(event.kind, "layer.changed");
  EXPECT_EQ(event.severity, Severity::critical);
  EXPECT_EQ((*event.data)["value"], after);
  EXPECT_EQ((*event.data)["previous_value"], before);
  EXPECT_EQ(event.facts.summary,
            "prod/ap-guangzhou/default/charge:$LAYERS: the layers of charge changed, from libfoo:3 " +
                hash('A').hex().substr(0, 12) + ", base:2 " + hash('B').hex().substr(0, 12) + " to libfoo:4 " +
                hash('C').hex().substr(0, 12) + ", base:2 " + hash('B').hex().substr(0, 12) +
                "; that is neither accepted nor announced; the accepted layer list is " +
                sha256(before).hex().substr(0, 12) + ".");
}

TEST(VerdictValues, AnAliasThatMovedSaysFromWhereToWhere) {
  const std::string before = "version 6", after = "version 7, 10% to version 8";
  const auto events = told_of("$ALIAS.live", {review(), see_value(before), see_value(after, before)});
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events.front().facts.summary,
            "prod/ap-guangzhou/default/charge:$ALIAS.live: the alias live of charge changed, from \"version 6\" to "
            "\"version 7, 10% to version 8\"; nobody has accepted either.");
}

TEST(VerdictValues, AValueOfWhichTheTextIsNotKnownIsNamedByItsHash) {
  const auto events = told_of("$ALIAS.live", {watch('P'), see('X')});
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[1].kind, "alias.moved");
  EXPECT_EQ(events[1].facts.summary,
            "prod/ap-guangzhou/default/charge:$ALIAS.live: the alias live of charge leads to " +
                hash('X').hex().substr(0, 12) + "; that is neither accepted nor announced; the accepted route is " +
                hash('P').hex().substr(0, 12) + ".");
  EXPECT_EQ((*events[1].data)["value"], nullptr);
  EXPECT_EQ((*events[1].data)["previous_value"], nullptr);
}

TEST(VerdictValues, WhatALayerIsCalledIsHarmlessAndCut) {
  const std::string hostile = "a\x1b[31m" + std::string(2000, 'x') + ":1 sha256:" + hash('A').hex();
  const auto events = told_of("$LAYERS", {watch(), see('A'), see_value(hostile)});
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events.front().facts.summary.find('\x1b'), std::string::npos);
  EXPECT_LT(events.front().facts.summary.size(), 700U);
  EXPECT_EQ((*events.front().data)["value"].get<std::string>().size(), 1000U);
}

TEST(VerdictValues, WordsFitWhatIsLookedAt) {
  EXPECT_EQ(told_of("$IMAGE", {watch(), see('A'), see('X')}).front().facts.summary,
            "prod/ap-guangzhou/default/charge:$IMAGE runs image " + hash('X').hex().substr(0, 12) +
                ", which is neither accepted nor announced; the accepted image is " + hash('A').hex().substr(0, 12) +
                ".");
  EXPECT_EQ(told_of("$LAYERS", {watch(), see('A'), gone(), gone()}).front().facts.summary,
            "prod/ap-guangzhou/default/charge:$LAYERS was not found, twice in a row (ResourceNotFound.Function); it "
            "last had layer list " +
                hash('A').hex().substr(0, 12) + ".");
}

TEST(VerdictListings, AFunctionCreatedAgainIsNamedWithBothIdsAndTimes) {
  const auto events = told_of("$LATEST", {watch(), see('A'), listed("lam-a", -24h, 1s), listed("lam-b", 3min, 3min)});
  ASSERT_EQ(events.size(), 1U);
  const NewEvent& event = events.front();
  EXPECT_EQ(event.severity, Severity::critical);
  EXPECT_EQ(*event.data, (Json{{"function_id", "lam-b"},
                               {"previous_function_id", "lam-a"},
                               {"added_at", "2026-11-24T00:03:00.000Z"},
                               {"previous_added_at", "2026-11-23T00:00:00.000Z"}}));
  EXPECT_EQ(event.facts.summary,
            "prod/ap-guangzhou/default/charge:$LATEST is another function than before: lam-b, created at "
            "2026-11-24T00:03:00.000Z, took the place of lam-a, created at 2026-11-23T00:00:00.000Z. What was accepted "
            "was accepted of the function that is gone.");
}

TEST(VerdictListings, StoredTimesOfTheFutureHealWithoutAWord) {
  WallTime now = kStart;
  TargetState state;
  const auto give = [&](const Input& input) {
    Decision decision = decide(kTarget, state, input, now += 1min);
    state = decision.state;
    return brief(decision.events);
  };
  for (const Input& input : {watch(), see('A'), listed("lam-a", -24h, 90s)}) give(input);
  state.added_at = state.modified_at = kStart + 640'000h;
  state.touched = true;
  EXPECT_EQ(give(listed("lam-a", -24h, 90s)), "");
  EXPECT_EQ(state.added_at, kStart - 24h);
  EXPECT_EQ(state.modified_at, kStart + 90s);
  EXPECT_EQ(give(see('A')), "");
  give(listed("lam-a", -24h, 200s));
  EXPECT_EQ(give(see('A')), "function.touched A");
  EXPECT_EQ(give(listed("lam-b", 3min, 3min)), "!function.recreated lam-b lam-a");
}

TEST(VerdictListings, AWriteWithoutAnotherHashIsWordedForWhatItIs) {
  const auto events =
      told_of("$LATEST", {watch(), see('A'), listed("lam-a", -24h, 1s), listed("lam-a", -24h, 200s), see('A')});
  ASSERT_EQ(events.size(), 1U);
  const NewEvent& event = events.front();
  EXPECT_EQ(event.kind, "function.touched");
  EXPECT_EQ(event.severity, Severity::info);
  EXPECT_FALSE(event.alertable);
  EXPECT_EQ(*event.data, (Json{{"modified_at", "2026-11-24T00:03:20.000Z"}, {"observed_sha256", hash('A').hex()}}));
  EXPECT_EQ(
      event.facts.summary,
      "prod/ap-guangzhou/default/charge:$LATEST was written at 2026-11-24T00:03:20.000Z, and its code is as before: "
      "configuration was changed, or the code was changed and changed back between two polls.");
}

}  // namespace
}  // namespace codedriftd
