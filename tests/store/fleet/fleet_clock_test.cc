#include "store/fleet/fleet_clock.h"

#include <gtest/gtest.h>

#include "store/fleet/claims.h"
#include "support/manual_clock.h"

namespace codedriftd::test {
namespace {

using namespace std::chrono_literals;

TEST(FleetClock, IsTheHostsUntilTheDatabaseHasTold) {
  ManualClock host;
  const FleetClock clock(host);
  host.step_wall(1h);
  EXPECT_EQ(clock.wall(), host.wall());
  EXPECT_EQ(clock.mono(), host.mono());
  EXPECT_EQ(clock.host_offset(), 0s);
}

TEST(FleetClock, CarriesTheDatabasesClockOnAndSaysHowFarTheHostsIsOff) {
  ManualClock host;
  FleetClock clock(host);
  const WallTime database = host.wall() - 90s;
  clock.told(database, host.mono(), host.mono());
  EXPECT_EQ(clock.wall(), database);
  EXPECT_EQ(clock.host_offset(), 90s);
  host.advance(10s);
  EXPECT_EQ(clock.wall(), database + 10s);
  host.step_wall(-100s);
  EXPECT_EQ(clock.wall(), database + 10s) << "the host's clock is not asked";
  EXPECT_EQ(clock.host_offset(), -10s);
}

TEST(FleetClock, FollowsTheDatabasesButForAnswersThatTookLonger) {
  const std::tuple<Millis, Millis> cases[] = {
      {0ms, 0ms}, {50ms, 50ms}, {-100ms, 0ms}, {-101ms, -101ms}, {1h, 1h}, {-1h, -1h},
  };
  for (const auto& [told, seen] : cases) {
    ManualClock host;
    FleetClock clock(host);
    const WallTime database = host.wall();
    clock.told(database, host.mono(), host.mono());
    host.advance(5s);
    clock.told(database + 5s + told, host.mono(), host.mono());
    EXPECT_EQ(clock.wall(), database + 5s + seen) << told.count();
  }
}

TEST(Claims, HoldWhatWasSetUntilItsTime) {
  ManualClock clock;
  Claims claims(clock);
  EXPECT_FALSE(claims.hold("a"));
  claims.set(7, clock.mono() + 5s, {"a", "b", "c"});
  EXPECT_EQ(claims.member(), 7);
  claims.let_go("b");
  claims.let_go("nothing");
  EXPECT_TRUE(claims.hold("a"));
  EXPECT_FALSE(claims.hold("b"));
  EXPECT_FALSE(claims.hold(""));
  clock.step_mono(5s);
  EXPECT_FALSE(claims.hold("a"));
  claims.set(7, clock.mono() + 5s, {"a", "c"});
  EXPECT_TRUE(claims.hold("c"));
  claims.let_go_of_all();
  EXPECT_FALSE(claims.hold("a"));
}

TEST(FleetClock, IsNotSetBackByAnAnswerThatCameLate) {
  ManualClock host{SystemClock{}.wall()};
  FleetClock clock(host);
  const WallTime database = host.wall();
  clock.told(database, host.mono(), host.mono());
  const MonoTime sent = host.mono();
  host.step_mono(20s);  // it was stopped before it read the answer
  clock.told(database + 1ms, sent, host.mono());
  EXPECT_EQ(clock.wall(), database + 20s);
}

}  // namespace
}  // namespace codedriftd::test
