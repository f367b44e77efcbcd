/// VERDICTS.md, "With packages", row by row: what is inside decides where it can be known.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "model/verdict_story.h"
#include "support/seed.h"

namespace codedriftd {
namespace {

using namespace story;

// A is live and accepted, and its content `a` is known.
const Step kKnown{examined('A', 'a'), "package.examined A a", "in_sync A/A first_seen"};
const Step kWaits{see_new('X'), "", "examining X/A first_seen"};

class PackageVerdict : public testing::TestWithParam<Case> {};
TEST_P(PackageVerdict, IsAsWritten) { play(GetParam()); }

INSTANTIATE_TEST_SUITE_P(
    Waits, PackageVerdict,
    testing::Values(
        Case{"ForASameContentUntilItWasExamined",
             {kWatched,
              kInSync,
              kKnown,
              kWaits,
              {see_new('X'), "", "examining X/A first_seen", 10s},
              {examined('X', 'a'), "package.examined X a; baseline.set X content A", "in_sync X/X content", 5s}}},
        Case{"ForAnAnnouncedContentAlsoWhereNothingAcceptedWasExamined",
             {kWatched,
              kInSync,
              {expect_content('b'), "deploy.expected b", "pending_deploy A/A first_seen +b"},
              {see_new('X'), "", "examining X/A first_seen +b"},
              {examined('X', 'b'), "package.examined X b; deploy.arrived b", "in_sync X/X deploy", 10s}}},
        Case{"NotWhereNothingIsKnownThatItCouldBe",
             {kWatched, kInSync, {see_new('X'), "!drift.detected X A A", "drifted X/A first_seen"}}},
        Case{"NotWithoutALink", {kWatched, kInSync, kKnown, kDrifted}},
        Case{"NotWhereSameContentIsToBeTold",
             {{[] {
                 Watched watched = std::get<Watched>(watch());
                 watched.same_content_accepted = false;
                 return Input(watched);
               }(),
               "watch.added -", "unobserved -/- (never_polled)"},
              kInSync,
              kKnown,
              {see_new('X'), "!drift.detected X A A", "drifted X/A first_seen"},
              {examined('X', 'a'), "package.examined X a", "drifted X/A first_seen"}}},
        Case{
            "NotForWhatWasExaminedBefore",
            {kWatched,
             kInSync,
             kKnown,
             {see_known('X', 'a'), "baseline.set X content A", "in_sync X/X content"},
             {see_known('Y', 'b'), "!drift.detected Y X X [examined]", "drifted Y/X content"},
             {see_known('A', 'a'), "baseline.set A content X; !drift.resolved A A Y returned", "in_sync A/A content"}}},
        Case{"NotForAnAnnouncedHash",
             {kWatched,
              kInSync,
              kKnown,
              {expect('H'), "deploy.expected H", "pending_deploy A/A first_seen +H"},
              {see_new('H'), "deploy.arrived H", "in_sync H/H deploy"}}}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    EndsAsDrift, PackageVerdict,
    testing::Values(
        Case{"WithAnotherContent",
             {kWatched,
              kInSync,
              kKnown,
              kWaits,
              {examined('X', 'b'), "package.examined X b; !drift.detected X A A [examined]", "drifted X/A first_seen",
               10s}}},
        Case{"WithOtherModes",
             {kWatched,
              kInSync,
              kKnown,
              kWaits,
              {examined('X', 'a', false), "package.examined X a; !drift.detected X A A [examined]",
               "drifted X/A first_seen", 10s}}},
        Case{
            "WhenItIsAmbiguous",
            {kWatched,
             kInSync,
             kKnown,
             kWaits,
             {ambiguous('X'), "package.examined X; !drift.detected X A A [ambiguous]", "drifted X/A first_seen", 10s}}},
        Case{"WhenItIsUnavailable",
             {kWatched,
              kInSync,
              kKnown,
              kWaits,
              {unavailable('X'), "!drift.detected X A A [unavailable]", "drifted X/A first_seen", 10s}}},
        Case{"WhenItsBytesAreNotItsHash",
             {kWatched,
              kInSync,
              kKnown,
              kWaits,
              {mismatch('X'), "!package.mismatch X; !drift.detected X A A [mismatch]", "drifted X/A first_seen", 10s}}},
        Case{"WhenTheTimeIsOverAtATick",
             {kWatched,
              kInSync,
              kKnown,
              kWaits,
              {tick(), "", "examining X/A first_seen", 59s},
              {tick(), "!drift.detected X A A [unknown]", "drifted X/A first_seen", 1s},
              {tick(), "", "drifted X/A first_seen", 1s}}},
        Case{"WhenTheTimeIsOverAtAPoll",
             {kWatched,
              kInSync,
              kKnown,
              kWaits,
              {see_new('X'), "!drift.detected X A A [unknown]", "drifted X/A first_seen", 60s}}},
        Case{"BeforeWhatTookItsPlace",
             {kWatched,
              kInSync,
              kKnown,
              kWaits,
              {see('Y'), "!drift.detected X A A [unknown]; !drift.changed Y A X", "drifted Y/A first_seen", 10s}}},
        Case{"BeforeTheAcceptedOneIsSeenAgain",
             {kWatched,
              kInSync,
              kKnown,
              kWaits,
              {see_known('A', 'a'), "!drift.detected X A A [unknown]; !drift.resolved A A X returned",
               "in_sync A/A first_seen", 10s}}},
        Case{"BeforeAnAnnouncedOneArrives",
             {kWatched,
              kInSync,
              kKnown,
              {expect('H'), "deploy.expected H", "pending_deploy A/A first_seen +H"},
              {see_new('X'), "", "examining X/A first_seen +H"},
              {see_new('H'), "!drift.detected X A A [unknown]; deploy.arrived H; !drift.resolved H H X deployed",
               "in_sync H/H deploy", 10s}}},
        Case{"BeforeAnotherThatIsWorthWaitingForAndIsToldOnceThatIsKnown",
             {kWatched,
              kInSync,
              kKnown,
              kWaits,
              {see_new('Y'), "!drift.detected X A A [unknown]", "drifted Y/A first_seen", 10s},
              {examined('X', 'a'), "", "drifted Y/A first_seen", 10s},
              {examined('Y', 'b'), "package.examined Y b; !drift.changed Y A X [examined]", "drifted Y/A first_seen",
               10s}}}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    AfterTheVerdict, PackageVerdict,
    testing::Values(
        Case{"TheAnnouncedContentResolves",
             {kWatched,
              kInSync,
              {expect_content('b'), "deploy.expected b", "pending_deploy A/A first_seen +b"},
              {see_new('X'), "", "examining X/A first_seen +b"},
              {tick(), "!drift.detected X A A [unknown]", "drifted X/A first_seen +b", 60s},
              {examined('X', 'b'), "package.examined X b; deploy.arrived b; !drift.resolved X X A deployed",
               "in_sync X/X deploy"}}},
        Case{"TheAcceptedContentResolves",
             {kWatched,
              kInSync,
              kKnown,
              kWaits,
              {tick(), "!drift.detected X A A [unknown]", "drifted X/A first_seen", 60s},
              {examined('X', 'a'), "package.examined X a; baseline.set X content A; !drift.resolved X X A returned",
               "in_sync X/X content"}}},
        Case{
            "WhatTheAcceptedOneHoldsIsLearntLater",
            {kWatched,
             kInSync,
             {see_known('X', 'a'), "!drift.detected X A A [examined]", "drifted X/A first_seen"},
             {examined('A', 'a'), "", "drifted X/A first_seen"},
             {see_known('X', 'a'), "baseline.set X content A; !drift.resolved X X A returned", "in_sync X/X content"}}},
        Case{"AFailedLookTakesNothingAway",
             {kWatched,
              kInSync,
              kKnown,
              {unavailable('A'), "", "in_sync A/A first_seen"},
              kWaits,
              {examined('X', 'a'), "package.examined X a; baseline.set X content A", "in_sync X/X content"}}},
        Case{"AnotherHashSaysNothing",
             {kWatched, kInSync, kKnown, kDrifted, {examined('Y', 'a'), "", "drifted X/A first_seen"}}}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Content, PackageVerdict,
    testing::Values(
        Case{"UnderReviewItDecidesNothing",
             {{review(), "watch.added -", "unobserved -/- (never_polled)"},
              {see_new('A'), "", "unreviewed A/-"},
              {examined('A', 'a'), "package.examined A a", "unreviewed A/-"},
              {see_new('X'), "!drift.changed X - A", "unreviewed X/-"}}},
        Case{"UnderReviewAnAnnouncedContentIsWaitedFor",
             {{review(), "watch.added -", "unobserved -/- (never_polled)"},
              {see_new('A'), "", "unreviewed A/-"},
              {expect_content('b'), "deploy.expected b", "unreviewed A/- +b"},
              {see_new('X'), "", "examining X/- +b"},
              {examined('X', 'b'), "package.examined X b; deploy.arrived b", "in_sync X/X deploy", 10s}}},
        Case{"UnderReviewAnotherContentIsTold",
             {{review(), "watch.added -", "unobserved -/- (never_polled)"},
              {see_new('A'), "", "unreviewed A/-"},
              {expect_content('b'), "deploy.expected b", "unreviewed A/- +b"},
              {see_new('X'), "", "examining X/- +b"},
              {examined('X', 'c'), "package.examined X c; !drift.changed X - A [examined]", "unreviewed X/- +b", 10s},
              {see_new('Y'), "", "examining Y/- +b"},
              {tick(), "!drift.changed Y - X [unknown]", "unreviewed Y/- +b", 60s}}},
        Case{"WhatIsLearntWhileTheFunctionIsMissingCountsWhenItReturns",
             {kWatched,
              kInSync,
              kKnown,
              kWaits,
              {gone(), "", "examining X/A first_seen", 1s},
              {gone(), "!function.missing ResourceNotFound.Function",
               "missing X/A first_seen (ResourceNotFound.Function)", 1s},
              {examined('X', 'a'), "package.examined X a", "missing X/A first_seen (ResourceNotFound.Function)", 1s},
              {see_known('A', 'a'), "baseline.set X content A; !function.returned A; baseline.set A content X",
               "in_sync A/A content", 1s}}},
        Case{"AnAnnouncedContentExpiresWhileTheFunctionIsMissing",
             {kWatched,
              kInSync,
              {expect_content('b', 5min), "deploy.expected b", "pending_deploy A/A first_seen +b"},
              {see_new('X'), "", "examining X/A first_seen +b"},
              {gone(), "", "examining X/A first_seen +b", 1s},
              {gone(), "!function.missing ResourceNotFound.Function",
               "missing X/A first_seen +b (ResourceNotFound.Function)", 1s},
              {examined('X', 'c'), "package.examined X c", "missing X/A first_seen +b (ResourceNotFound.Function)", 1s},
              {tick(), "!deploy.overdue b", "missing X/A first_seen (ResourceNotFound.Function)", 10min}}},
        Case{"APinThatIsTakenAwayAcceptsNothing",
             {{watch_content('b'), "watch.added -", "unobserved -/- (never_polled)"},
              {see_new('X'), "", "examining X/-"},
              {examined('X', 'c'), "package.examined X c; !drift.detected X - - [examined]", "drifted X/-", 10s},
              {watch(), "", "drifted X/-"},
              {see_known('X', 'c'), "", "drifted X/-"},
              {approve('X'), "baseline.set X approval -; !drift.resolved X X - approved", "in_sync X/X approval"}}},
        Case{"AnApprovalEndsTheWait",
             {kWatched,
              kInSync,
              kKnown,
              kWaits,
              {approve('X'), "baseline.set X approval A", "in_sync X/X approval", 10s},
              {examined('X', 'b'), "package.examined X b", "in_sync X/X approval", 10s},
              {see_new('Z'), "", "examining Z/X approval"},
              {examined('Z', 'b'), "package.examined Z b; baseline.set Z content X", "in_sync Z/Z content", 10s}}},
        Case{"AnAnnouncementThatEndsDuringTheExaminationStillCounts",
             {kWatched,
              kInSync,
              {expect_content('b', 4min + 30s), "deploy.expected b", "pending_deploy A/A first_seen +b"},
              {see_new('X'), "", "examining X/A first_seen +b"},
              {tick(), "", "examining X/A first_seen +b", 40s},
              {examined('X', 'b'), "package.examined X b; deploy.arrived b", "in_sync X/X deploy", 10s}}},
        Case{"OneThatWasOverBeforeDoesNot",
             {kWatched,
              kInSync,
              {expect_content('b', 3min + 30s), "deploy.expected b", "pending_deploy A/A first_seen +b"},
              {see_new('X'), "!deploy.overdue b; !drift.detected X A A", "drifted X/A first_seen"},
              {examined('X', 'b'), "package.examined X b", "drifted X/A first_seen", 10s}}},
        Case{"WhatIsLiveAndAcceptedArrivesAtOnce",
             {kWatched, kInSync, kKnown, {expect_content('a'), "deploy.arrived a", "in_sync A/A deploy"}}},
        Case{"WhatIsLiveAndNotAcceptedIsRefused",
             {kWatched,
              kInSync,
              kKnown,
              {see_known('X', 'b'), "!drift.detected X A A [examined]", "drifted X/A first_seen"},
              {expect_content('b'),
               "refused: content " + content('b').text() +
                   " is live already, since 2026-11-24T00:04:00.000Z, and not accepted: only approve accepts what is "
                   "already live",
               "drifted X/A first_seen"}}},
        Case{"APinnedContentIsAcceptedWhenItIsSeen",
             {{watch_content('b'), "watch.added -", "unobserved -/- (never_polled)"},
              {see_new('X'), "", "examining X/-"},
              {examined('X', 'b'), "package.examined X b; baseline.set X pin -", "in_sync X/X pin", 10s},
              {see_new('Y'), "", "examining Y/X pin"},
              {examined('Y', 'b'), "package.examined Y b; baseline.set Y pin X", "in_sync Y/Y pin", 10s},
              {approve('Y'), "refused: pinned at conf.d/pay.toml:12, change it there", "in_sync Y/Y pin"}}},
        Case{"AnotherThanThePinnedContentIsDrift",
             {{watch_content('b'), "watch.added -", "unobserved -/- (never_polled)"},
              {see_new('X'), "", "examining X/-"},
              {examined('X', 'c'), "package.examined X c; !drift.detected X - - [examined]", "drifted X/-", 10s},
              {see_known('Y', 'b'), "baseline.set Y pin -; !drift.resolved Y Y X pinned", "in_sync Y/Y pin"}}},
        Case{"ANewlyPinnedContentIsAwaited",
             {kWatched,
              kInSync,
              {watch_content('b'), "deploy.expected b", "pending_deploy A/A first_seen +b"},
              {see_new('X'), "", "examining X/A first_seen +b"},
              {examined('X', 'b'), "package.examined X b; deploy.arrived b", "in_sync X/X pin", 10s}}},
        Case{"ANewlyPinnedContentThatIsLiveIsAcceptedAtOnce",
             {kWatched,
              kInSync,
              kKnown,
              {watch_content('a'), "baseline.set A pin A", "in_sync A/A pin"},
              {watch_content('a'), "", "in_sync A/A pin"}}}),
    name_of);

/// Random lives with examinations: each hash has a content of its own or shares it with another, and is examined late,
/// never, or not at all. What must hold is counted beside decide(), from its inputs and events alone.
class PackageLife {
 public:
  explicit PackageLife(uint64_t seed) : random_(test::random_from(seed)) {}

  void live(int steps) {
    give(watch());
    for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) step();
  }

 private:
  int below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }
  static char content_of(char hash) { return static_cast<char>('a' + (hash - 'A') / 2); }
  char any_hash() { return static_cast<char>('A' + below(6)); }
  char live_hash() { return state_.live ? letter(state_.live) : any_hash(); }

  void step() {
    now_ += Millis(1s) * below(45);
    const int what = below(13);
    if (what < 4) {
      const char c = below(3) == 0 ? any_hash() : live_hash();
      observe(c, examined_.contains(c) && below(2) == 0 ? see_known(c, content_of(c))
                 : below(4) == 0                        ? see(c)
                                                        : see_new(c));
    } else if (what < 7) {
      const char c = below(4) == 0 ? any_hash() : live_hash();
      const int how = below(4);
      if (how >= 2) examined_.insert(c);
      give(how == 0 ? unavailable(c) : how == 1 ? ambiguous(c) : examined(c, content_of(c)));
    } else if (what < 9) {
      give(tick());
      if (state_.watched && state_.examining_until && state_.package == PackageState::unknown) {
        EXPECT_LT(now_, *state_.examining_until) << "the time was over";
      }
    } else if (what == 9) {
      const Millis until = now_ - kStart + Millis(1min) * (1 + below(20));
      give(below(3) == 0 ? expect(any_hash(), until) : expect_content(content_of(any_hash()), until));
    } else if (what == 10 && below(3) == 0) {
      give(approve(live_hash()));
    } else if (what == 11 && below(3) == 0) {
      give(gone());
    } else if (what == 12 && below(2) == 0) {
      give(any_configuration());
    }
  }

  Input any_configuration() {
    switch (below(6)) {
      case 0:
        return unwatch();
      case 1:
        return review();
      case 2:
        return watch(any_hash());
      case 3:
        return watch_content(content_of(any_hash()));
      case 4: {
        Watched tells = std::get<Watched>(watch());
        tells.same_content_accepted = false;
        return tells;
      }
      default:
        return watch();
    }
  }

  void observe(char c, const Input& input) {
    const auto before = state_.live;
    const bool unaccepted =
        state_.watched && before && before != hash(c) && state_.accepted && before != state_.accepted;
    const bool told = told_.contains(letter(before));
    const auto events = give(input);
    // What was live and is replaced was accepted, or somebody was told.
    const bool accepted = std::any_of(events.begin(), events.end(),
                                      [&](const NewEvent& event) { return event.facts.accepted == before; });
    if (unaccepted && !told && !accepted) {
      EXPECT_TRUE(told_.contains(letter(before)))
          << letter(before) << " was live, and nobody was told: " << brief(events);
    }
    if (state_.watched && before != hash(c)) told_.erase(letter(before));
  }

  std::vector<NewEvent> give(const Input& input) {
    const TargetState before = state_;
    const Decision decision = decide(kTarget, state_, input, now_);
    if (decision.refused) {
      EXPECT_EQ(decision.state, before);
      return {};
    }
    state_ = decision.state;
    for (const NewEvent& event : decision.events) {
      const Json& data = *event.data;
      if (event.kind == "drift.detected" || event.kind == "drift.changed")
        told_.insert(letter(data["observed_sha256"]));
      if (event.kind == "baseline.set" && data["source"] == "content") {
        EXPECT_EQ(content_of(letter(data["accepted_sha256"])), content_of(letter(data["previous_sha256"])));
      }
      if (event.kind == "drift.detected") {
        EXPECT_FALSE(std::exchange(open_, true)) << "opened twice";
      }
      if (event.kind == "drift.resolved") {
        EXPECT_TRUE(std::exchange(open_, false)) << "closed twice";
      }
    }
    EXPECT_EQ(open_, state_.drift_open);
    const Status status = bare_status(state_, now_);
    if (state_.examining_until) {
      EXPECT_LE(*state_.examining_until, now_ + state_.examine_within);
      EXPECT_NE(status, Status::in_sync);
      EXPECT_NE(status, Status::pending_deploy);
    } else if (state_.accepted && !state_.missing) {
      EXPECT_EQ(state_.drift_open, state_.live != state_.accepted);
    }
    if (status == Status::in_sync) {
      EXPECT_EQ(state_.live, state_.accepted);
    }
    EXPECT_EQ(state_.live_content.has_value(), state_.package == PackageState::examined);
    for (const auto& [code, inside] :
         {std::pair{state_.live, state_.live_content}, std::pair{state_.accepted, state_.accepted_content}}) {
      if (inside) {
        EXPECT_EQ(letter(inside->digest), content_of(letter(code)));
      }
    }
    return decision.events;
  }

  std::mt19937_64 random_;
  WallTime now_ = kStart;
  TargetState state_;
  std::set<char> examined_;  // at some time
  std::set<char> told_;      // of the hashes that were live since they came
  bool open_ = false;
};

TEST(PackageVerdictProperty, HoldsInThousandsOfRandomLives) {
  const uint64_t first = test::seed();
#ifdef CODEDRIFTD_SANITIZED
  constexpr uint64_t kLives = 400;
#else
  constexpr uint64_t kLives = 2000;
#endif
  for (uint64_t i = 0; i < kLives && !HasFailure(); ++i) {
    SCOPED_TRACE("alone and first with CODEDRIFTD_SEED=" + std::to_string(first + i));
    PackageLife(first + i).live(80);
  }
}

}  // namespace
}  // namespace codedriftd
