#include "polling/poller.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "polling/fake_api.h"
#include "store/ledger/watch_list.h"
#include "store/outbox/outbox.h"
#include "support/manual_clock.h"
#include "support/temp_dir.h"
#include "support/test_record.h"
#include "support/test_sql.h"

namespace codedriftd::test {
namespace {

using namespace std::chrono_literals;

/// A poller on a fake API, a manual clock and a real store.
class PollerTest : public testing::Test {
 protected:
  PollerTest() {
    writer = std::make_unique<Writer>(record.open_writer(), clock, Writer::Options{});
    restart();
    api.answer_with = [](const Target&) { return observed("reviewed"); };
  }

  /// Another poller on the same record, which watches nothing yet.
  void restart() { poller = std::make_unique<Poller>(api, *writer, ledger, clock); }

  void take_over(const WatchList& list, Paces paces) {
    Poller::Watch watch;
    writer->run([&](Tx& tx) { watch.targets = sync_watch_list(tx, ledger, list, clock.wall()).targets; });
    watch.paces = std::move(paces);
    poller->set_watch(std::move(watch));
  }

  /// Watches these addresses of several accounts, each with its pace.
  void watch_all(const std::vector<Target>& all, Paces paces) {
    WatchList list;
    for (const Target& target : all) {
      list.entries.push_back({target, {}});
      list.entries.back().watched.interval = 60s;
      list.entries.back().watched.stale_after = 180s;
    }
    take_over(list, std::move(paces));
  }

  static Target target(const std::string& function) { return {"prod", "ap-guangzhou", "default", function, "$LATEST"}; }

  /// Watches functions f0 … f(count-1).
  void watch(int count, Millis interval = 60s, double rate = 1000) {
    watch(std::vector<Millis>(static_cast<std::size_t>(count), interval), rate);
  }
  /// The same, each with an interval of its own.
  void watch(const std::vector<Millis>& intervals, double rate) {
    WatchList list;
    for (const Millis interval : intervals) {
      Watched watched;
      watched.interval = interval;
      watched.stale_after = std::max<Millis>(3 * interval, 60s);
      watched.deploy_grace = 1h;
      list.entries.push_back({target(fmt::format("f{}", list.entries.size())), watched});
    }
    take_over(list, {{"prod", {"a key", rate}}});
  }
  /// Lets `time` pass in steps of `step`.
  void pass(Millis time, Millis step = 100ms) {
    for (Millis done{0}; done < time; done += step) {
      poller->turn(0ms);
      clock.advance(step);
    }
    poller->turn(0ms);
  }
  int calls_to(const std::string& function) const {
    return static_cast<int>(std::count(api.calls.begin(), api.calls.end(), target(function).address()));
  }
  /// The fewest and the most calls to one of the functions f(from) … f(to-1).
  std::pair<int, int> calls_to_each(int from, int to) const {
    std::pair<int, int> range{1'000'000, 0};
    for (int i = from; i < to; ++i) {
      const int calls = calls_to(fmt::format("f{}", i));
      range = {std::min(range.first, calls), std::max(range.second, calls)};
    }
    return range;
  }
  TargetState state(const std::string& function) {
    TargetState found;
    writer->run([&](Tx& tx) { found = targets::find(tx.db, target(function).address()).value().state; });
    return found;
  }
  /// Kinds of all events but the noise of watching, in order.
  std::vector<std::string> events() {
    std::vector<std::string> kinds;
    writer->run([&](Tx& tx) {
      auto q = tx.db.query(
          "SELECT kind FROM event WHERE kind NOT IN ('watch.added', 'baseline.set', 'config.loaded') ORDER BY seq");
      while (q.step()) kinds.push_back(q.string(0));
    });
    return kinds;
  }

  std::vector<std::string> account_events() {
    std::vector<std::string> kinds = events();
    std::erase_if(kinds, [](const std::string& kind) { return !kind.starts_with("account."); });
    return kinds;
  }

  using Ends = std::vector<PollEnd>;
  /// Asks for polls now; what comes of them is in ends().
  void ask(const std::vector<std::string>& functions, std::vector<TargetId> ids = {}) {
    writer->run([&](Tx& tx) {
      for (const std::string& function : functions)
        ids.push_back(targets::find(tx.db, target(function).address()).value().id);
    });
    poller->poll_now(std::move(ids), [this](PollEnd end) { ends_.lock()->push_back(end); });
  }
  Ends ends() {
    writer->run([](Tx&) {});
    return ends_.copy();
  }

  Guarded<Ends> ends_;
  TempDir dir;
  TestRecord record{dir / "codedriftd.db"};
  ManualClock clock;
  FakeApi api;
  Ledger ledger{"test", "test/codedriftd"};
  std::unique_ptr<Writer> writer;
  std::unique_ptr<Poller> poller;
};

TEST_F(PollerTest, PollsEverythingNewAtOnceAndThenOnceInEachInterval) {
  watch(10);
  pass(1s);
  EXPECT_EQ(api.calls.size(), 10U);
  pass(10min, 1s);
  for (int i = 0; i < 10; ++i) {
    const int calls = calls_to(fmt::format("f{}", i));
    EXPECT_GE(calls, 10) << i;
    EXPECT_LE(calls, 12) << i;
  }
}

TEST_F(PollerTest, RecordsWhatItSaw) {
  watch(1);
  pass(1s);
  EXPECT_EQ(state("f0").live, sha256("reviewed"));
  EXPECT_EQ(state("f0").accepted, sha256("reviewed"));
}

TEST_F(PollerTest, NeverExceedsThePace) {
  watch(100, 60s, 10);
  pass(5s, 10ms);
  EXPECT_LE(api.calls.size(), 51U);
  EXPECT_GE(api.calls.size(), 44U);
}

TEST_F(PollerTest, ARestartDoesNotPollAgainWhatWasJustPolled) {
  watch(10);
  pass(1s);
  writer->run([](Tx&) {});
  api.calls.clear();
  restart();
  watch(10);
  pass(1s);
  EXPECT_LE(api.calls.size(), 2U) << "only what has its slot in this second";
}

TEST_F(PollerTest, RetriesSoonWithinOnePollAndThenRecordsTheFailure) {
  api.answer_with = [](const Target&) { return refused("InternalError"); };
  watch(1);
  pass(20s);
  EXPECT_EQ(api.calls.size(), 3U);
  EXPECT_EQ(state("f0").consecutive_failures, 1U);
  EXPECT_EQ(state("f0").last_error->code, "InternalError");
}

TEST_F(PollerTest, ARetryThatSucceedsLeavesNoTraceOfTheFailure) {
  int call = 0;
  api.answer_with = [&call](const Target&) { return ++call == 1 ? refused("InternalError") : observed("reviewed"); };
  watch(1);
  pass(20s);
  EXPECT_EQ(api.calls.size(), 2U);
  EXPECT_EQ(state("f0").consecutive_failures, 0U);
}

TEST_F(PollerTest, WhatKeepsFailingGetsOneAttemptForEachPoll) {
  api.answer_with = [](const Target&) { return refused("InternalError"); };
  watch(1);
  pass(4min, 1s);
  api.calls.clear();
  pass(10min, 1s);
  EXPECT_LE(api.calls.size(), 11U);
  EXPECT_GE(api.calls.size(), 9U);
}

TEST_F(PollerTest, ADeniedCallIsNotRetriedWithinThePoll) {
  api.answer_with = [](const Target&) { return refused("UnauthorizedOperation.CAM"); };
  watch(1);
  pass(20s);
  EXPECT_EQ(api.calls.size(), 1U);
}

TEST_F(PollerTest, RefusedCredentialsGetOneMoreAttemptOnceTheyWereReadAnew) {
  api.answer_with = [](const Target&) { return refused("AuthFailure.SecretIdNotFound"); };
  watch(1);
  pass(20s);
  EXPECT_EQ(api.calls.size(), 2U);
}

TEST_F(PollerTest, AFunctionNotFoundIsAskedAgainAfterHalfAMinuteBeforeItCounts) {
  bool gone = false;
  api.answer_with = [&gone](const Target&) {
    return gone ? refused("ResourceNotFound.Function") : observed("reviewed");
  };
  watch(1, 10min);
  pass(1s);
  gone = true;
  pass(10min, 1s);
  const auto first = api.calls.size();
  ASSERT_GE(first, 2U);
  pass(31s, 1s);
  EXPECT_TRUE(state("f0").missing);
  EXPECT_EQ(events(), std::vector<std::string>{"function.missing"});
}

TEST_F(PollerTest, AFunctionThatIsUpdatingIsAskedAgainSoon) {
  api.answer_with = [](const Target&) { return refused("FailedOperation.FunctionStatusError"); };
  watch(1, 10min);
  pass(100s, 1s);
  EXPECT_GE(api.calls.size(), 3U);
  EXPECT_LE(api.calls.size(), 5U);
}

TEST_F(PollerTest, AFunctionThatNeverAnswersDelaysNoOther) {
  api.answer_with = [](const Target& t) -> std::optional<ApiAnswer> {
    if (t.function == "f0") return std::nullopt;
    return observed("reviewed");
  };
  watch(10);
  pass(10min, 1s);
  EXPECT_EQ(calls_to("f0"), 1);
  for (int i = 1; i < 10; ++i) EXPECT_GE(calls_to(fmt::format("f{}", i)), 10) << i;
}

TEST_F(PollerTest, AScheduleThatCannotBeMetGetsLongerEvenly) {
  watch(100, 1s, 10);
  pass(120s, 10ms);
  const auto [least, most] = calls_to_each(0, 100);
  EXPECT_GE(least, 10);
  EXPECT_LE(most - least, 2);
  EXPECT_GT(poller->stats().lanes.at(0).behind, 5s);
}

TEST_F(PollerTest, AScheduleThatCannotBeMetKeepsTheLongIntervals) {
  std::vector<Millis> intervals(31, 1s);
  intervals.resize(131, 30s);
  watch(intervals, 10);
  pass(15s, 10ms);  // the first poll of each
  api.calls.clear();
  pass(150s, 10ms);
  const auto [least_short, most_short] = calls_to_each(0, 31);
  EXPECT_GE(least_short, 27) << "31 functions share what 100 a 30 seconds leave of 9.8 a second: 4.8 s";
  EXPECT_LE(most_short, 35);
  const auto [least_long, most_long] = calls_to_each(31, 131);
  EXPECT_GE(least_long, 4);
  EXPECT_LE(most_long, 6);
}

TEST_F(PollerTest, IsSlowedDownByRefusals) {
  api.answer_with = [](const Target&) { return refused("RequestLimitExceeded.UinLimitExceeded"); };
  watch(100, 60s, 20);
  pass(6s, 10ms);
  EXPECT_LT(poller->stats().lanes.at(0).rate, 10);
  EXPECT_GT(poller->stats().refused_by_limit, 10U);
}

TEST_F(PollerTest, AFunctionThatIsNotSeenForTooLongFailsAndRecovers) {
  bool down = false;
  api.answer_with = [&down](const Target& t) {
    return down && t.function == "f0" ? refused("InternalError") : observed("reviewed");
  };
  watch(10);
  pass(1s);
  down = true;
  pass(5min, 1s);
  EXPECT_EQ(events(), std::vector<std::string>{"poll.failing"});
  down = false;
  pass(2min, 1s);
  EXPECT_EQ(events(), (std::vector<std::string>{"poll.failing", "poll.recovered"}));
}

TEST_F(PollerTest, WhenMostOfAnAccountFailsOneEventSaysSoForAll) {
  bool down = false;
  api.answer_with = [&down](const Target&) { return down ? refused("InternalError") : observed("reviewed"); };
  watch(10);
  pass(1s);
  down = true;
  pass(8min, 1s);
  auto kinds = events();
  EXPECT_EQ(std::count(kinds.begin(), kinds.end(), "account.failing"), 1);
  EXPECT_EQ(std::count(kinds.begin(), kinds.end(), "poll.failing"), 10);
  down = false;
  pass(3min, 1s);
  kinds = events();
  EXPECT_EQ(std::count(kinds.begin(), kinds.end(), "account.recovered"), 1);
  EXPECT_EQ(std::count(kinds.begin(), kinds.end(), "poll.recovered"), 10);
}

TEST_F(PollerTest, ACauseThatIsTheAccountsIsToldAtOnce) {
  bool refuse = true;
  api.answer_with = [&refuse](const Target&) {
    return refuse ? refused("AuthFailure.SignatureFailure") : observed("reviewed");
  };
  watch(10);
  pass(12s);
  EXPECT_EQ(events(), std::vector<std::string>{"account.failing"});
  refuse = false;
  pass(2min, 1s);
  EXPECT_EQ(events(), (std::vector<std::string>{"account.failing", "account.recovered"}));
}

TEST_F(PollerTest, OneFunctionWhoseCallAloneIsRefusedDoesNotSpeakForItsAccount) {
  api.answer_with = [](const Target& t) {
    return t.function == "f0" ? refused("AuthFailure.UnauthorizedOperation") : observed("reviewed");
  };
  watch(10);
  pass(3min, 1s);
  const auto kinds = events();
  EXPECT_EQ(std::count(kinds.begin(), kinds.end(), "account.failing"), 0);
}

TEST_F(PollerTest, ATimeoutInBetweenIsNoRecoveryOfTheAccount) {
  int call = 0;
  api.answer_with = [&call](const Target&) {
    if (++call % 5 != 0) return refused("AuthFailure.SignatureFailure");
    ApiAnswer timeout;
    timeout.observation.error = {"Client.Timeout", "simulated", ""};
    timeout.observation.reason = "failed";
    return timeout;
  };
  watch(10);
  pass(2min, 1s);
  EXPECT_EQ(events(), std::vector<std::string>{"account.failing"});
}

TEST_F(PollerTest, OnlyAnAnswerThatProvesItEndsACauseThatIsTheAccounts) {
  api.answer_with = [](const Target&) { return refused("AuthFailure.SignatureFailure"); };
  watch(10);
  pass(12s);
  for (const char* code : {"RequestLimitExceeded", "InternalError", "LimitExceeded", "ServiceUnavailable"}) {
    api.answer_with = [code](const Target&) { return refused(code); };
    pass(90s, 1s);
    EXPECT_EQ(account_events(), std::vector<std::string>{"account.failing"}) << code;
  }
  api.answer_with = [](const Target&) { return observed("reviewed"); };
  pass(90s, 1s);
  EXPECT_EQ(account_events(), (std::vector<std::string>{"account.failing", "account.recovered"}));
}

TEST_F(PollerTest, AnUnreachableCloudIsOneAlertHoweverLongAndWhateverEachFunctionsSlot) {
  writer->run([&](Tx&) { ledger.set_routes({{{"ops", {}, {}}, 72h, ""}}); });
  const auto alerted = [&] {
    std::vector<std::string> kinds;
    writer->run([&](Tx& tx) {
      auto q =
          tx.db.query_once("SELECT kind FROM outbox WHERE kind LIKE 'poll.%' OR kind LIKE 'account.%' ORDER BY id");
      while (q.step()) kinds.push_back(q.string(0));
    });
    return kinds;
  };
  watch(100);
  std::vector<std::string> expected;
  for (const char* code : {"Client.Network", "Client.Timeout", "RequestLimitExceeded", "InternalError"}) {
    for (const Millis outage : {Millis{3min}, Millis{20min}}) {
      api.answer_with = [](const Target&) { return observed("reviewed"); };
      pass(3min, 1s);
      api.answer_with = [code](const Target&) { return refused(code); };
      pass(outage, 1s);
      api.answer_with = [](const Target&) { return observed("reviewed"); };
      pass(3min, 1s);
      expected.insert(expected.end(), {"account.failing", "account.recovered"});
      ASSERT_EQ(alerted(), expected) << code << " for " << outage.count() << " ms";
    }
  }
}

TEST_F(PollerTest, OneFunctionThatFailsAllTheTimeDoesNotSpeakForOthersThatAreSeldomAsked) {
  api.answer_with = [](const Target& t) {
    return t.function == "f0" ? refused("InternalError") : observed("reviewed");
  };
  std::vector<Millis> intervals(10, 1h);
  intervals[0] = 10s;
  watch(intervals, 1000);
  pass(30min, 1s);
  EXPECT_EQ(events(), std::vector<std::string>{"poll.failing"});
}

TEST_F(PollerTest, TimeInWhichThisProcessDidNotRunMakesNothingStale) {
  for (const Millis absence : {Millis{2min}, Millis{1h}, Millis{24h}}) {
    watch(10);
    pass(3min, 1s);
    clock.advance(absence);  // stopped, or frozen: the monotonic clock goes on
    pass(3min, 1s);
    EXPECT_EQ(events(), std::vector<std::string>{}) << absence.count();
  }
}

TEST_F(PollerTest, WhatIsNotSeenAfterAnAbsenceEitherIsToldAllTheSame) {
  watch(10);
  pass(3min, 1s);
  clock.advance(1h);
  api.answer_with = [](const Target&) { return refused("Client.Network"); };
  pass(5min, 1s);
  const auto kinds = events();
  EXPECT_EQ(std::count(kinds.begin(), kinds.end(), "account.failing"), 1);
}

TEST_F(PollerTest, AllRegionsAndAccountsOfOneKeyShareOnePace) {
  std::vector<Target> all;
  for (const char* place : {"prod/r1", "prod/r2", "staging/r1", "other/r1"}) {
    const std::string account = std::string(place).substr(0, std::string(place).find('/'));
    for (int i = 0; i < 60; ++i)
      all.push_back({account, std::string(place).substr(account.size() + 1), "default", fmt::format("f{}", i), "1"});
  }
  watch_all(all, {{"prod", {"a key", 20}}, {"staging", {"a key", 10}}, {"other", {"another", 10}}});
  pass(5s, 10ms);
  const auto of = [&](const char* account) {
    return std::count_if(api.calls.begin(), api.calls.end(),
                         [&](const auto& call) { return call.starts_with(account); });
  };
  EXPECT_LE(of("prod") + of("staging"), 51) << "ten a second together: the lowest of their limits";
  EXPECT_GE(of("prod") + of("staging"), 44);
  EXPECT_GE(of("other"), 44);
  const PollStats stats = poller->stats();
  ASSERT_EQ(stats.paces.size(), 2U);
  EXPECT_EQ(stats.paces[0].accounts, "prod,staging");
  EXPECT_EQ(stats.paces[0].limit, 10);
  EXPECT_EQ(stats.paces[1].accounts, "other");
  EXPECT_EQ(stats.lanes.size(), 4U);
}

TEST_F(PollerTest, ARetryAsksForANewConnection) {
  int call = 0;
  api.answer_with = [&call](const Target&) { return ++call < 3 ? refused("InternalError") : observed("reviewed"); };
  watch(1);
  pass(20s);
  EXPECT_EQ(api.calls.size(), 3U);
  EXPECT_EQ(api.new_connections, 2);
}

TEST_F(PollerTest, AReloadDoesNotMoveARetry) {
  api.answer_with = [](const Target&) { return refused("InternalError"); };
  watch(1, 1h);
  pass(100ms, 50ms);
  ASSERT_EQ(api.calls.size(), 1U);
  ask({"f0"});
  watch(1, 2h);  // another interval, and somebody waits
  poller->turn(0ms);
  EXPECT_EQ(api.calls.size(), 1U) << "the pause after a failure is kept";
  pass(20s);
  EXPECT_EQ(state("f0").consecutive_failures, 1U) << "and the poll has its three attempts";
}

TEST_F(PollerTest, AFunctionRemovedAndAddedWhileItsCallIsInFlightIsNotPolledTwice) {
  bool answer = false;
  api.answer_with = [&answer](const Target&) -> std::optional<ApiAnswer> {
    if (!answer) return std::nullopt;
    return observed("reviewed");
  };
  watch(2);
  pass(1s);
  watch(1);
  pass(1s);
  watch(2);
  pass(1s);
  answer = true;
  pass(1s);
  api.calls.clear();
  pass(10min, 1s);
  EXPECT_LE(calls_to("f1"), 11);
}

TEST_F(PollerTest, AFunctionNotFoundBeforeARestartIsAskedSoonAfterIt) {
  api.answer_with = [](const Target&) { return refused("ResourceNotFound.Function"); };
  watch(1, 1h);
  pass(1s);
  restart();
  watch(1, 1h);
  pass(31s, 1s);
  EXPECT_EQ(events(), std::vector<std::string>{"function.missing"});
}

TEST_F(PollerTest, AFunctionNotFoundBeforeARestartIsAskedOnceMoreAndNotTwice) {
  api.answer_with = [](const Target&) { return refused("ResourceNotFound.Function"); };
  watch(1, 24h);
  pass(1s);
  restart();
  watch(1, 24h);
  pass(1s);
  ask({"f0"});
  pass(31s, 1s);
  EXPECT_EQ(ends(), Ends{PollEnd::answered}) << "the second time it is not found counts, also after a restart";
  pass(2min, 1s);
  EXPECT_EQ(calls_to("f0"), 2);
}

TEST_F(PollerTest, WhatWaitsInTheOutboxMovesAlongWithAClockStep) {
  watch(1);
  pass(1s);
  int64_t before = 0;
  writer->run([&](Tx& tx) {
    outbox::set_destination(tx.db, "ops", {DestinationState::Kind::backing_off, clock.wall() + 60s, 1, ""});
    before = to_ms(outbox::destination(tx.db, "ops").until);
  });
  clock.step_wall(-6h);
  pass(10s);
  int64_t after = 0;
  writer->run([&](Tx& tx) { after = to_ms(outbox::destination(tx.db, "ops").until); });
  EXPECT_EQ(before - after, Millis(6h).count());
}

TEST_F(PollerTest, AClockThatIsSetBackBeforeTheFirstLookIsNoticedAndNothingStaysAhead) {
  watch(1);
  clock.step_wall(-120h);  // the time came from the network, a second after the start
  pass(10s);
  EXPECT_EQ(events(), std::vector<std::string>{"clock.stepped"});
  int64_t ahead = -1;
  writer->run([&](Tx& tx) {
    auto q = tx.db.query(
        "SELECT (SELECT count(*) FROM watch_period WHERE from_ms > ?1) + (SELECT count(*) FROM target WHERE "
        "status_since_ms > ?1 OR last_polled_at_ms > ?1) + (SELECT count(*) FROM run WHERE last_seen_ms > ?1)",
        clock.wall());
    q.step();
    ahead = q.integer(0);
  });
  EXPECT_EQ(ahead, 0);
}

TEST_F(PollerTest, AStaleAfterThatGetsShorterCountsFromTheReload) {
  watch({Millis{60min}}, 1000);
  pass(1s);
  api.answer_with = [](const Target&) { return refused("InternalError"); };
  pass(10min, 1s);
  watch({Millis{60s}}, 1000);  // stale after 3 minutes now, and not seen for ten
  pass(170s, 1s);
  EXPECT_EQ(events(), std::vector<std::string>{});
  pass(60s, 1s);
  EXPECT_EQ(events(), std::vector<std::string>{"poll.failing"});
}

TEST_F(PollerTest, ACallThatCannotEvenBeStartedIsAFailedAttempt) {
  api.start_throws = true;
  watch(1);
  pass(1s);
  EXPECT_EQ(state("f0").last_error->code, "Client.Network");
}

TEST_F(PollerTest, ARestartWhileAnAccountFailsNeitherRepeatsNorForgets) {
  api.answer_with = [](const Target&) { return refused("AuthFailure.SignatureFailure"); };
  watch(10);
  pass(12s);
  restart();
  watch(10);
  pass(2min, 1s);
  EXPECT_EQ(events(), std::vector<std::string>{"account.failing"});
  api.answer_with = [](const Target&) { return observed("reviewed"); };
  pass(2min, 1s);
  EXPECT_EQ(events(), (std::vector<std::string>{"account.failing", "account.recovered"}));
}

TEST_F(PollerTest, TimeThatTheProcessCouldNotPollMakesNothingStale) {
  watch(10);
  pass(1s);
  clock.step_wall(24h);  // a day asleep: the monotonic clock stood still
  pass(10s);
  EXPECT_EQ(events(), std::vector<std::string>{"clock.stepped"});
}

TEST_F(PollerTest, AClockStepEndsTheOpenRuns) {
  watch(1);
  pass(1s);
  clock.step_wall(-2min);
  pass(130s, 1s);
  int64_t runs = 0;
  writer->run([&](Tx& tx) {
    auto q = tx.db.query("SELECT count(*) FROM run");
    q.step();
    runs = q.integer(0);
  });
  EXPECT_EQ(runs, 2);
}

TEST_F(PollerTest, AReloadForgetsWhatIsNoLongerWatchedAndAddsWhatIsNew) {
  watch(2);
  pass(1s);
  api.calls.clear();
  watch(1);
  pass(2min, 1s);
  EXPECT_GE(calls_to("f0"), 1);
  EXPECT_EQ(calls_to("f1"), 0);
  watch(3);
  pass(1s);
  EXPECT_EQ(calls_to("f2"), 1);
}

TEST_F(PollerTest, AnAnswerToACallFromBeforeTheRemovalDoesNotCountForTheOneAfter) {
  std::optional<ApiAnswer> next;
  // The oldest call in flight gets the answer that there is.
  api.answer_with = [&next](const Target&) { return std::exchange(next, std::nullopt); };
  watch(1);
  pass(1s);
  watch(0);
  pass(1s);
  watch(1);
  pass(1s);
  ASSERT_EQ(api.in_flight(), 2U);
  next = observed("from before it was removed");
  pass(1s);
  EXPECT_FALSE(state("f0").live.has_value());
  next = observed("reviewed");
  pass(1s);
  EXPECT_EQ(state("f0").live, sha256("reviewed"));
}

TEST_F(PollerTest, AnAnswerForWhatAReloadRemovedIsIgnored) {
  bool answer = false;
  api.answer_with = [&answer](const Target&) -> std::optional<ApiAnswer> {
    if (!answer) return std::nullopt;
    return observed("reviewed");
  };
  watch(2);
  pass(1s);
  watch(1);
  pass(1s);
  answer = true;
  pass(1s);
  EXPECT_FALSE(state("f1").live.has_value());
  EXPECT_TRUE(state("f0").live.has_value());
}

TEST_F(PollerTest, AChangedIntervalIsTakenOverByAReload) {
  watch(1, 1h);
  pass(1s);
  watch(1, 10s);
  api.calls.clear();
  pass(60s, 1s);
  EXPECT_GE(api.calls.size(), 5U);
}

TEST_F(PollerTest, AnOverdueDeploymentIsToldWhenItsTimeHasPassed) {
  watch(1);
  pass(1s);
  writer->run([&](Tx& tx) {
    const TargetId id = targets::find(tx.db, target("f0").address())->id;
    ledger.apply(tx, id, Expected{sha256("announced"), clock.wall() + 5min, "build-1", "c0ffee", "uid:1001(alice)"},
                 clock.wall());
  });
  pass(4min, 1s);
  EXPECT_EQ(events(), std::vector<std::string>{"deploy.expected"});
  pass(2min, 1s);
  EXPECT_EQ(events(), (std::vector<std::string>{"deploy.expected", "deploy.overdue"}));
}

TEST_F(PollerTest, AnOverdueDeploymentIsToldAlsoAfterTheClockWasSetBack) {
  watch(1);
  pass(1s);
  clock.step_wall(-48h);  // it was days ahead when the daemon started
  pass(2min, 1s);
  writer->run([&](Tx& tx) {
    const TargetId id = targets::find(tx.db, target("f0").address())->id;
    ledger.apply(tx, id, Expected{sha256("announced"), clock.wall() + 1min, "build-1", "c0ffee", "uid:1001(alice)"},
                 clock.wall());
  });
  api.answer_with = [](const Target&) { return std::nullopt; };  // a poll that ends would tell, too
  pass(90s, 1s);
  EXPECT_EQ(events(), (std::vector<std::string>{"clock.stepped", "deploy.expected", "deploy.overdue"}))
      << "it was polled since the start, by whatever clock";
}

TEST_F(PollerTest, WhatCouldNotBeRecordedOfAFailingFunctionIsToldAgain) {
  bool down = false;
  api.answer_with = [&down](const Target& t) {
    return down && t.function == "f0" ? refused("InternalError") : observed("reviewed");
  };
  watch(10);
  pass(1s);
  writer->run([](Tx& tx) { refuse_writes(tx.db, "INSERT ON event", "NEW.kind = 'poll.failing'"); });
  down = true;
  pass(5min, 1s);
  EXPECT_EQ(events(), std::vector<std::string>{});
  writer->run([](Tx& tx) { allow_writes(tx.db, "event"); });
  pass(15s, 1s);
  EXPECT_EQ(events(), std::vector<std::string>{"poll.failing"});
}

// ---- polls that somebody asked for --------------------------------------------------------------------------------

TEST_F(PollerTest, ARequestedTargetIsPolledNowAndReturnsToItsSlot) {
  watch(3, 1h);
  pass(1s);
  ask({"f1"});
  EXPECT_EQ(ends(), Ends{}) << "nothing is over before it was asked";
  pass(1s);
  EXPECT_EQ(calls_to("f1"), 2);
  EXPECT_EQ(calls_to("f0") + calls_to("f2"), 2);
  EXPECT_EQ(ends(), Ends{PollEnd::answered});
  EXPECT_EQ(state("f1").last_polled_at, clock.wall() - 1s);
  pass(1h, 1s);
  EXPECT_EQ(calls_to("f1"), 3) << "its slot comes once an hour, as before";
}

TEST_F(PollerTest, RequestedPollsKeepToThePace) {
  watch(50, 1h, 10);
  pass(20s);
  api.calls.clear();
  std::vector<std::string> all;
  for (int i = 0; i < 50; ++i) all.push_back(fmt::format("f{}", i));
  ask(all);
  pass(2s);
  EXPECT_LE(api.calls.size(), 21U);
  pass(5s);
  EXPECT_EQ(api.calls.size(), 50U);
  EXPECT_EQ(ends().size(), 50U);
}

TEST_F(PollerTest, WhatIsAskedForGoesAheadOfAScheduleThatIsBehindInTheOrderOfTheAsking) {
  watch(400, 20s, 8);
  pass(1min);  // it takes 50 s to poll all of them: most are overdue
  const std::vector<std::string> moved{"f7", "f300", "f12", "f250", "f3"};
  ask({"f7", "f300", "f12"});
  ask({"f250", "f3"});
  ask({"f300"});  // again: it keeps its place
  api.calls.clear();
  pass(1s, 50ms);
  ASSERT_GE(api.calls.size(), moved.size());
  for (std::size_t i = 0; i < moved.size(); ++i) EXPECT_EQ(api.calls[i], target(moved[i]).address()) << i;
  EXPECT_EQ(ends().size(), 6U);
  pass(3min);
  const auto [fewest, most] = calls_to_each(0, 400);
  EXPECT_GE(fewest, 1) << "they are asked for once, and nothing else is forgotten";
  EXPECT_LE(most, 4);
}

TEST_F(PollerTest, WhatIsAskedForWhileItsAttemptIsUnderWayGoesAheadToo) {
  watch(400, 20s, 8);
  pass(1min);
  api.answer_with = [](const Target&) { return std::nullopt; };
  api.calls.clear();
  pass(500ms);
  ASSERT_FALSE(api.calls.empty());
  const std::string under_way = api.calls.back();
  ask({Target::parse(under_way)->function});
  api.answer_with = [](const Target&) { return observed("reviewed"); };
  pass(1s);
  EXPECT_EQ(std::count(api.calls.begin(), api.calls.end(), under_way), 2);
  EXPECT_EQ(ends().size(), 1U);
}

TEST_F(PollerTest, WhatIsAskedForStaysAheadAfterAReload) {
  watch(400, 20s, 8);
  pass(1min);
  ask({"f7", "f300"});
  poller->turn(0ms);
  watch(400, 30s, 8);
  api.calls.clear();
  pass(1s);
  EXPECT_EQ(ends().size(), 2U);
}

TEST_F(PollerTest, AnAttemptUnderWayAtTheRequestDoesNotCount) {
  watch(1, 1h);
  api.answer_with = [](const Target&) { return std::nullopt; };
  pass(100ms);
  ASSERT_EQ(api.calls.size(), 1U);
  ask({"f0"});
  pass(1s);
  api.answer_with = [](const Target&) { return observed("as it was before"); };
  poller->turn(0ms);
  EXPECT_EQ(ends(), Ends{});
  pass(1s);
  EXPECT_EQ(api.calls.size(), 2U);
  EXPECT_EQ(ends(), Ends{PollEnd::answered});
}

TEST_F(PollerTest, ARequestedPollThatFailsIsOverAfterItsLastAttempt) {
  watch(1, 1h);
  pass(1s);
  api.answer_with = [](const Target&) { return refused("InternalError"); };
  ask({"f0"});
  pass(200ms, 100ms);
  EXPECT_EQ(ends(), Ends{});
  pass(10s);
  EXPECT_EQ(calls_to("f0"), 4);
  EXPECT_EQ(ends(), Ends{PollEnd::unanswered});
  EXPECT_EQ(state("f0").consecutive_failures, 1U);
}

TEST_F(PollerTest, ARequestedFunctionThatIsNotFoundIsOverOnceThatCounts) {
  watch(1, 1h);
  pass(1s);
  api.answer_with = [](const Target&) { return refused("ResourceNotFound.Function"); };
  ask({"f0"});
  pass(20s);
  ask({"f0"});  // whoever asks meanwhile waits too: half a minute is what it takes
  pass(5s);
  EXPECT_EQ(calls_to("f0"), 2);
  EXPECT_EQ(ends(), Ends{});
  pass(10s);
  EXPECT_EQ(calls_to("f0"), 3);
  EXPECT_TRUE(state("f0").missing);
  EXPECT_EQ(ends(), (Ends{PollEnd::answered, PollEnd::answered}));
}

TEST_F(PollerTest, ATargetThatIsNotWatchedIsOverAtOnceAndOneThatIsLetGoWithTheReload) {
  watch(2, 1h);
  pass(1s);
  api.answer_with = [](const Target&) { return std::nullopt; };
  ask({"f1"}, {4711});
  pass(1s);
  EXPECT_EQ(ends(), Ends{PollEnd::unwatched}) << "there is no target 4711";
  watch(1, 1h);
  pass(1s);
  EXPECT_EQ(ends(), (Ends{PollEnd::unwatched, PollEnd::unwatched}));
}

TEST_F(PollerTest, WhatAWatchWantedDoneIsDoneAlsoIfAnotherOneReplacedItBeforeItsTurn) {
  std::string done;
  for (const char* name : {"a", "b"}) {
    Poller::Watch watch;
    watch.apply = [&done, name] { done += name; };
    poller->set_watch(std::move(watch));
  }
  poller->set_watch({});
  pass(1s);
  EXPECT_EQ(done, "ab");
}

TEST_F(PollerTest, ARequestSurvivesAReloadWithAnotherInterval) {
  watch(1, 1h);
  pass(1s);
  ask({"f0"});
  watch(1, 2h);
  pass(1s);
  EXPECT_EQ(calls_to("f0"), 2);
  EXPECT_EQ(ends(), Ends{PollEnd::answered});
}

}  // namespace
}  // namespace codedriftd::test
