#include "audit/story/coverage.h"

#include <gtest/gtest.h>

#include <ostream>

namespace codedriftd {
namespace {

using Period = Sightings::Period;
using Run = Sightings::Run;
using Stay = Sightings::Stay;

WallTime moment(int64_t seconds) { return from_ms(1'795'478'400'000 + seconds * 1000); }
Millis s(int64_t seconds) { return Millis{seconds * 1000}; }
Period period(int64_t from, int64_t until, int64_t stale_after) {
  return {moment(from), moment(until), s(stale_after)};
}
Run run(int64_t first, int64_t last, int64_t polls, int64_t longest_gap, std::string_view reason = {}) {
  return {moment(first), moment(last), polls, s(longest_gap), reason};
}

struct ExpectedGap {
  int64_t from, until;
  std::string_view reason;
};

struct Case {
  std::string name;
  Sightings seen;
  std::vector<Stay> stays;
  int64_t since, until;
  int64_t observed, unobserved, longest, polls;
  std::vector<ExpectedGap> gaps;
};
std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.name; }

const std::vector<Stay> kAlways{{moment(-100'000), moment(1'000'000)}};

class CoverageOf : public testing::TestWithParam<Case> {};

TEST_P(CoverageOf, IsWhatWasComputedByHand) {
  const Case& c = GetParam();
  const Coverage coverage = coverage_of(c.seen, c.stays, moment(c.since), moment(c.until));
  EXPECT_EQ(coverage.observed, s(c.observed));
  EXPECT_EQ(coverage.unobserved, s(c.unobserved));
  EXPECT_EQ(coverage.longest_gap, s(c.longest));
  EXPECT_EQ(coverage.polls, c.polls);
  ASSERT_EQ(coverage.gaps.size(), c.gaps.size());
  for (std::size_t i = 0; i < c.gaps.size(); ++i) {
    EXPECT_EQ(coverage.gaps[i].from, moment(c.gaps[i].from)) << i;
    EXPECT_EQ(coverage.gaps[i].until, moment(c.gaps[i].until)) << i;
    EXPECT_EQ(coverage.gaps[i].reason, c.gaps[i].reason) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cases, CoverageOf,
    testing::Values(
        Case{"nothing configured: nothing to count",
             {{}, {run(0, 100, 3, 50)}, {}, moment(0)},
             kAlways,
             0,
             1000,
             0,
             0,
             0,
             0,
             {}},
        Case{"never polled: the whole time is one gap",
             {{period(100, 1000, 300)}, {}, {}, {}},
             kAlways,
             0,
             1000,
             0,
             900,
             900,
             0,
             {{100, 1000, "never_polled"}}},
        Case{"shorter than stale_after is no gap",
             {{period(100, 400, 300)}, {}, {}, {}},
             kAlways,
             0,
             1000,
             300,
             0,
             300,
             0,
             {}},
        Case{"one run from the first to the last moment",
             {{period(0, 600, 300)}, {run(0, 600, 11, 60)}, {}, moment(0)},
             kAlways,
             0,
             600,
             600,
             0,
             60,
             11,
             {}},
        // 0..10 before the first answer, 610..1000 after the last: 390 s, stale.
        Case{"the edges stand for answers",
             {{period(0, 1000, 300)}, {run(10, 610, 11, 60)}, {}, moment(10)},
             kAlways,
             0,
             1000,
             610,
             390,
             390,
             11,
             {{610, 1000, "stale"}}},
        // 200..501 is 301 s: longer than 300. 801..1101 is exactly 300: no gap.
        Case{"a gap begins above stale_after, not at it",
             {{period(0, 1101, 300)}, {run(0, 200, 5, 60), run(501, 801, 6, 60), run(1101, 1101, 1, 0)}, {}, moment(0)},
             kAlways,
             0,
             1101,
             800,
             301,
             301,
             12,
             {{200, 501, "stale"}}},
        Case{"a late first answer, with failures before it, was not never polled",
             {{period(0, 2000, 300)}, {run(1000, 2000, 18, 60)}, {run(100, 900, 9, 100, "denied")}, moment(100)},
             kAlways,
             0,
             2000,
             1000,
             1000,
             1000,
             18,
             {{0, 1000, "denied"}}},
        Case{"the reason with the most polls wins; of equals, the latest",
             {{period(0, 3000, 300)},
              {run(0, 0, 1, 0), run(1000, 1000, 1, 0), run(3000, 3000, 1, 0)},
              {run(100, 200, 3, 50, "failed"), run(300, 900, 7, 100, "updating"), run(1100, 1300, 2, 200, "clock"),
               run(1400, 1600, 2, 200, "code_secret")},
              moment(0)},
             kAlways,
             0,
             3000,
             0,
             3000,
             2000,
             3,
             {{0, 1000, "updating"}, {1000, 3000, "code_secret"}}},
        // Away 400 of 800 seconds: half of it, whatever else failed.
        Case{
            "the daemon was away for half of the gap",
            {{period(0, 800, 300)}, {run(0, 0, 1, 0), run(800, 800, 1, 0)}, {run(50, 350, 6, 60, "failed")}, moment(0)},
            {{moment(0), moment(400)}, {moment(800), moment(900)}},
            0,
            800,
            0,
            800,
            800,
            2,
            {{0, 800, "daemon_not_running"}}},
        Case{
            "the daemon was away for less than half, and polls failed",
            {{period(0, 800, 300)}, {run(0, 0, 1, 0), run(800, 800, 1, 0)}, {run(50, 350, 6, 60, "failed")}, moment(0)},
            {{moment(0), moment(401)}, {moment(800), moment(900)}},
            0,
            800,
            0,
            800,
            800,
            2,
            {{0, 800, "failed"}}},
        Case{"the daemon was away for a little, and no poll failed",
             {{period(0, 800, 300)}, {run(0, 0, 1, 0), run(800, 800, 1, 0)}, {}, moment(0)},
             {{moment(0), moment(700)}, {moment(800), moment(900)}},
             0,
             800,
             0,
             800,
             800,
             2,
             {{0, 800, "daemon_not_running"}}},
        // Not configured 300..2000: that time counts for nothing.
        Case{"only the time configured counts",
             {{period(0, 300, 300), period(2000, 2300, 300)},
              {run(0, 300, 6, 60), run(2000, 2300, 6, 60)},
              {},
              moment(0)},
             kAlways,
             0,
             5000,
             600,
             0,
             60,
             12,
             {}},
        // stale_after goes from 1000 to 100 at 500. What is shorter counts from then on.
        Case{"a stale_after that gets shorter says nothing of the time before",
             {{period(0, 500, 1000), period(500, 900, 100)},
              {run(0, 0, 1, 0), run(400, 400, 1, 0), run(600, 900, 7, 50)},
              {},
              moment(0)},
             kAlways,
             0,
             900,
             900,
             0,
             400,
             9,
             {}},
        Case{"but counts from then on",
             {{period(0, 500, 1000), period(500, 900, 100)},
              {run(0, 0, 1, 0), run(400, 400, 1, 0), run(601, 900, 7, 50)},
              {},
              moment(0)},
             kAlways,
             0,
             900,
             699,
             201,
             400,
             9,
             {{400, 601, "stale"}}},
        Case{
            "one that gets longer heals no gap that was one already",
            {{period(0, 500, 100), period(500, 900, 1000)}, {run(0, 390, 5, 100), run(600, 900, 7, 50)}, {}, moment(0)},
            kAlways,
            0,
            900,
            690,
            210,
            210,
            12,
            {{390, 600, "stale"}}},
        Case{"reloads one after the other hide no gap",
             {{period(0, 300, 350), period(300, 600, 400), period(600, 900, 350)},
              {run(0, 0, 1, 0), run(900, 900, 1, 0)},
              {},
              moment(0)},
             kAlways,
             0,
             900,
             0,
             900,
             900,
             2,
             {{0, 900, "stale"}}},
        // The window 600..1200 cuts a run of 0..3000: at least 600/60 polls lie within.
        Case{"a run that the window cuts is covered, and counts what is certain",
             {{period(0, 3000, 300)}, {run(0, 3000, 51, 60)}, {}, moment(0)},
             kAlways,
             600,
             1200,
             600,
             0,
             60,
             10,
             {}},
        Case{"a run that ends within the window counts its end",
             {{period(0, 3000, 300)}, {run(0, 700, 15, 50)}, {}, moment(0)},
             kAlways,
             600,
             1000,
             400,
             0,
             300,
             3,
             {}},
        Case{"the window shortens a gap",
             {{period(0, 3000, 300)}, {run(0, 0, 1, 0), run(2000, 3000, 18, 60)}, {}, moment(0)},
             kAlways,
             500,
             3000,
             1000,
             1500,
             1500,
             18,
             {{500, 2000, "stale"}}},
        Case{"a window before the configuration",
             {{period(1000, 2000, 300)}, {}, {}, {}},
             kAlways,
             0,
             500,
             0,
             0,
             0,
             0,
             {}},
        Case{"overlapping runs, as after a clock's mistake, count once",
             {{period(0, 1000, 300)}, {run(0, 800, 14, 60), run(200, 1000, 14, 60)}, {}, moment(0)},
             kAlways,
             0,
             1000,
             1000,
             0,
             60,
             28,
             {}}));

TEST(Coverage, SaysFromWhenUntilWhenItCounted) {
  const Sightings seen{{period(100, 300, 300), period(500, 5000, 300)}, {}, {}, {}};
  const Coverage coverage = coverage_of(seen, kAlways, moment(0), moment(900));
  EXPECT_EQ(coverage.from, moment(100));
  EXPECT_EQ(coverage.until, moment(900));
  EXPECT_EQ(coverage_of(seen, kAlways, moment(310), moment(400)).from, std::nullopt);
}

TEST(Coverage, RatioHasSixDecimalsAndIsNeverOneByRounding) {
  EXPECT_EQ(coverage_ratio(s(2), s(1)), 0.666667);
  EXPECT_EQ(coverage_ratio(s(1), s(0)), 1.0);
  EXPECT_EQ(coverage_ratio(s(0), s(5)), 0.0);
  EXPECT_EQ(coverage_ratio(s(100'000'000), s(1)), 0.999999);
  EXPECT_EQ(coverage_ratio(s(0), s(0)), std::nullopt);
}

TEST(Coverage, ReasonOfAFailureComesFromItsOutcomeAndCode) {
  EXPECT_EQ(gap_reason("updating", "FailedOperation.FunctionStatusError"), "updating");
  EXPECT_EQ(gap_reason("denied", "UnauthorizedOperation.CAM"), "denied");
  EXPECT_EQ(gap_reason("denied", "UnauthorizedOperation.CodeSecret"), "code_secret");
  EXPECT_EQ(gap_reason("failed", "Client.Clock"), "clock");
  EXPECT_EQ(gap_reason("denied", "AuthFailure.SignatureExpire"), "denied");
  EXPECT_EQ(gap_reason("failed", "InternalError"), "failed");
}

}  // namespace
}  // namespace codedriftd
