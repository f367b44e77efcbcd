#include "cloud/pace.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "support/seed.h"

namespace codedriftd::test {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr MonoTime kStart{std::chrono::hours(1000)};

/// A server as strict as can be: it lets through at most `limit` requests in any second that ends now.
class StrictServer {
 public:
  StrictServer(std::size_t limit, bool refused_count_too) : limit_(limit), refused_count_too_(refused_count_too) {}
  bool arrive(MonoTime now) {
    while (!window_.empty() && window_.front() <= now - seconds(1)) window_.pop_front();
    const bool accepted = window_.size() < limit_;
    if (accepted || refused_count_too_) window_.push_back(now);
    return accepted;
  }

 private:
  std::size_t limit_;
  bool refused_count_too_;
  std::deque<MonoTime> window_;
};

struct Way {
  milliseconds before_min, before_max;  ///< from sending to being counted
  milliseconds after_min, after_max;    ///< from there to the answer
  bool halves = false;                  ///< one draw of `before`, half of it on each side
};

struct Outcome {
  double used = 0;     ///< share of the limit
  double refused = 0;  ///< share of the requests
};

/// Sends until `count` requests were let through, as a poller would: it wakes up to a millisecond late, now and then 8
/// ms.
Outcome simulate(Pace& pace, std::size_t limit, std::size_t count, const Way& way, bool refused_count_too,
                 uint64_t stream) {
  enum class Kind { send, arrive, answer };
  struct Event {
    MonoTime at;
    Kind kind;
    MonoTime sent;
    MonoTime::duration after;
    bool accepted;
    bool operator>(const Event& other) const { return at > other.at; }
  };
  std::mt19937_64 random = random_from(stream);
  const auto draw = [&random](microseconds from, microseconds to) {
    return microseconds(std::uniform_int_distribution<microseconds::rep>(from.count(), to.count())(random));
  };
  const auto lateness = [&] {
    return draw({}, seconds(1)) < milliseconds(20) ? microseconds(8000) : draw({}, milliseconds(1));
  };

  StrictServer server(limit, refused_count_too);
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events;
  events.push({kStart, Kind::send, {}, {}, false});
  std::size_t sent = 0;
  std::size_t accepted = 0;
  std::size_t refused = 0;
  MonoTime first{};
  MonoTime last{};
  while (accepted < count) {
    const Event event = events.top();
    events.pop();
    switch (event.kind) {
      case Kind::send:
        if (pace.take(event.at)) {
          ++sent;
          microseconds before = draw(way.before_min, way.before_max);
          microseconds after = draw(way.after_min, way.after_max);
          if (way.halves) after = before = before / 2;
          events.push({event.at + before, Kind::arrive, event.at, after, false});
        }
        events.push({std::max(pace.ready_at(), event.at) + lateness(), Kind::send, {}, {}, false});
        break;
      case Kind::arrive: {
        const bool good = server.arrive(event.at);
        accepted += good ? 1 : 0;
        refused += good ? 0 : 1;
        if (first == MonoTime{}) first = event.at;
        last = event.at;
        events.push({event.at + event.after, Kind::answer, event.sent, {}, good});
        break;
      }
      case Kind::answer:
        if (event.accepted) {
          pace.answered(event.at);
        } else {
          pace.refused(event.sent, event.at);
        }
        break;
    }
  }
  const double took = std::chrono::duration<double>(last - first).count();
  return {static_cast<double>(count - 1) / took / static_cast<double>(limit),
          static_cast<double>(refused) / static_cast<double>(sent)};
}

constexpr Way kJitterAfter{milliseconds(0), milliseconds(1), milliseconds(60), milliseconds(260), false};
constexpr Way kHalfBefore{milliseconds(60), milliseconds(260), {}, {}, true};

struct Goal {
  double used, refused;
};

void expect_goal(const Way& way, bool refused_count_too, std::size_t limit, Goal goal) {
  const uint64_t first = seed(1);  // the goals are what a pace reaches in nearly every simulation, not in each
  for (uint64_t each = first; each < first + 100; ++each) {
    Pace pace(static_cast<double>(limit));
    const Outcome outcome = simulate(pace, limit, 30 * limit, way, refused_count_too, each);
    EXPECT_GE(outcome.used, goal.used) << "alone and first with CODEDRIFTD_SEED=" << each;
    EXPECT_LE(outcome.refused, goal.refused) << "alone and first with CODEDRIFTD_SEED=" << each;
  }
}

TEST(Pace, UsesTheLimitAndIsNeverRefusedWhenOnlyAnswersAreSlow) {
  expect_goal(kJitterAfter, false, 20, {0.97, 0.0});
  expect_goal(kJitterAfter, true, 20, {0.97, 0.0});
}

TEST(Pace, LearnsRoomForAnUnevenWay) { expect_goal(kHalfBefore, false, 20, {0.85, 0.005}); }

TEST(Pace, SurvivesAServerThatCountsRefusedRequestsToo) { expect_goal(kHalfBefore, true, 20, {0.70, 0.01}); }

TEST(Pace, HoldsForOtherLimits) {
  expect_goal(kJitterAfter, false, 3, {0.93, 0.0});
  expect_goal(kJitterAfter, false, 200, {0.95, 0.0});
}

TEST(Pace, NeverSendsMoreThanTheLimitInAnySecond) {
  for (const double limit : {1.0, 7.0, 20.0, 1500.0}) {
    Pace pace(limit);
    std::mt19937_64 random = random_from(seed(7));
    std::vector<MonoTime> sent;
    MonoTime now = kStart;
    // Late by anything up to 40 ms, and by seconds now and then: catching up must not make a burst.
    while (now < kStart + seconds(30)) {
      now = std::max(now, pace.ready_at()) + microseconds(random() % 40'000) + seconds(random() % 200 == 0 ? 3 : 0);
      while (pace.take(now)) sent.push_back(now);
    }
    const auto window = static_cast<std::size_t>(limit);
    ASSERT_GT(sent.size(), 2 * window > 40 ? std::size_t{40} : 2 * window);
    for (std::size_t i = window; i < sent.size(); ++i) {
      ASSERT_GE(sent[i] - sent[i - window], seconds(1)) << "limit " << limit << ", request " << i;
    }
  }
}

TEST(Pace, SaysWhenTheNextSlotComes) {
  Pace pace(20);
  ASSERT_TRUE(pace.take(kStart));
  EXPECT_FALSE(pace.take(kStart));
  EXPECT_GT(pace.ready_at(), kStart + milliseconds(51));
  EXPECT_LT(pace.ready_at(), kStart + milliseconds(56));
  EXPECT_FALSE(pace.take(pace.ready_at() - std::chrono::nanoseconds(1)));
  EXPECT_TRUE(pace.take(pace.ready_at()));
}

TEST(Pace, CatchesUpTenMillisecondsOfLatenessAndNoMore) {
  Pace pace(20);
  ASSERT_TRUE(pace.take(kStart));
  const MonoTime late = pace.ready_at() + seconds(60);
  ASSERT_TRUE(pace.take(late));
  EXPECT_FALSE(pace.take(late));
  EXPECT_GT(pace.ready_at(), late + milliseconds(40));
}

TEST(Pace, CountsRefusalsOfRequestsSentBeforeTheSlowDownOnce) {
  Pace pace(20);
  pace.take(kStart);
  const double before = pace.share();
  pace.refused(kStart, kStart + milliseconds(100));
  EXPECT_DOUBLE_EQ(pace.share(), before * 0.94);
  pace.refused(kStart + milliseconds(50), kStart + milliseconds(150));
  EXPECT_DOUBLE_EQ(pace.share(), before * 0.94);
  pace.refused(kStart + milliseconds(500), kStart + milliseconds(600));
  EXPECT_DOUBLE_EQ(pace.share(), before * 0.94 * 0.7) << "refused although slowed down";
  pace.refused(kStart + seconds(10), kStart + seconds(10));
  EXPECT_DOUBLE_EQ(pace.share(), before * 0.94 * 0.7 * 0.94) << "long after: gently again";
}

TEST(Pace, NeverStopsWhateverIsRefused) {
  Pace pace(20);
  MonoTime now = kStart;
  for (int i = 0; i < 200; ++i) {
    now = std::max(now, pace.ready_at());
    ASSERT_TRUE(pace.take(now));
    pace.refused(now, now + milliseconds(1));
  }
  EXPECT_DOUBLE_EQ(pace.share(), 0.05);
}

TEST(Pace, SpeedsUpAgainGraduallyAfterThirtyQuietSeconds) {
  Pace pace(20);
  MonoTime now = kStart;
  const auto run_for = [&](seconds time) {
    const MonoTime end = now + time;
    while (std::max(now, pace.ready_at()) < end) {
      now = std::max(now, pace.ready_at());
      pace.take(now);
    }
  };
  pace.take(now);
  pace.refused(now, now);
  const double slowed = pace.share();
  run_for(seconds(29));
  EXPECT_DOUBLE_EQ(pace.share(), slowed);
  run_for(seconds(11));
  EXPECT_NEAR(pace.share(), slowed + 0.01, 0.0025);
  run_for(seconds(3600));
  EXPECT_DOUBLE_EQ(pace.share(), 0.98);
}

TEST(Pace, CarriesUnlimitedRates) {
  Pace pace(1e6);
  MonoTime now = kStart;
  std::size_t taken = 0;
  for (int i = 0; i < 1000; ++i, now += milliseconds(1)) {
    while (taken < 2'000'000 && pace.take(now)) ++taken;
  }
  EXPECT_GT(taken, 900'000U);
}

TEST(Pace, KeepsWhatItLearnedAcrossAReload) {
  Pace pace(20);
  pace.take(kStart);
  pace.refused(kStart, kStart);
  const double share = pace.share();
  pace.set_limit(10);
  EXPECT_DOUBLE_EQ(pace.rate(), 10 * share);
  EXPECT_THROW(pace.set_limit(0), std::logic_error);
  EXPECT_THROW(Pace(-1), std::logic_error);
}

TEST(Pace, ANewLimitCountsFromTheNextSlotOn) {
  Pace pace(0.001);
  ASSERT_TRUE(pace.take(kStart));
  EXPECT_GT(pace.ready_at(), kStart + std::chrono::seconds(1000));
  pace.set_limit(10);
  EXPECT_GT(pace.ready_at(), kStart + Millis{100});
  EXPECT_LT(pace.ready_at(), kStart + Millis{120});
  pace.set_limit(0.001);
  EXPECT_FALSE(pace.take(kStart + std::chrono::seconds(1000)));
  EXPECT_TRUE(pace.take(kStart + std::chrono::seconds(1100)));
}

TEST(Pace, ANewLimitBeforeTheFirstSlotChangesNothingOfIt) {
  Pace pace(0.001);
  pace.set_limit(10);
  EXPECT_TRUE(pace.take(kStart));
}

}  // namespace
}  // namespace codedriftd::test
