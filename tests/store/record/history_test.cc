#include "store/record/history.h"

#include <gtest/gtest.h>

#include "store/store_support.h"

namespace codedriftd::test {
namespace {

struct Poll {
  int minute;
  Observation observation;
};

/// Each run as "outcome[/code] from-to xPOLLS gap GAP", in minutes, in the order they began.
std::string runs(Database& db) {
  std::string all;
  auto q = db.query_once(
      "SELECT outcome, code, (first_seen_ms - ?) / 60000, (last_seen_ms - ?) / 60000, polls, longest_gap_ms / 60000 "
      "FROM run ORDER BY id",
      kStart, kStart);
  while (q.step()) {
    if (!all.empty()) all += ", ";
    all += fmt::format("{}{}{} {}-{} x{} gap {}", q.text(0), q.text(1).empty() ? "" : "/", q.text(1), q.integer(2),
                       q.integer(3), q.integer(4), q.integer(5));
  }
  return all;
}

struct Case {
  const char* name;
  std::vector<Poll> polls;
  const char* runs;
};

class History : public testing::TestWithParam<Case> {};

TEST_P(History, IsRunLength) {
  Store store;
  TargetRow row;
  row.target = function_named("charge");
  row.id = targets::insert(store.db, row.target);
  row.state.stale_after = kStaleAfter;
  for (const Poll& poll : GetParam().polls) {
    history::record(store.db, row, poll.observation, kStart + poll.minute * kMinute);
    const TargetRow stored = targets::load(store.db, row.id);
    EXPECT_EQ(stored.answer_run, row.answer_run);
    EXPECT_EQ(stored.failure_run, row.failure_run);
  }
  EXPECT_EQ(runs(store.db), GetParam().runs);
}

const Case kCases[] = {
    {"TheSameHash", {{0, saw("a")}, {5, saw("a")}, {12, saw("a")}}, "observed 0-12 x3 gap 7"},
    {"AnotherHash", {{0, saw("a")}, {5, saw("b")}, {10, saw("b")}}, "observed 0-0 x1 gap 0, observed 5-10 x2 gap 5"},
    {"ThereAndBack",
     {{0, saw("a")}, {5, saw("b")}, {10, saw("a")}},
     "observed 0-0 x1 gap 0, observed 5-5 x1 gap 0, observed 10-10 x1 gap 0"},
    {"AGapOfExactlyStaleAfter", {{0, saw("a")}, {20, saw("a")}}, "observed 0-20 x2 gap 20"},
    {"ALongerGap", {{0, saw("a")}, {21, saw("a")}}, "observed 0-0 x1 gap 0, observed 21-21 x1 gap 0"},
    {"MissingEndsAHash",
     {{0, saw("a")}, {5, not_found("ResourceNotFound.Function")}, {6, saw("a")}},
     "observed 0-0 x1 gap 0, missing/ResourceNotFound.Function 5-5 x1 gap 0, observed 6-6 x1 gap 0"},
    {"TwoCodesOfMissingAreOneRun",
     {{0, not_found("ResourceNotFound.Function")}, {5, not_found("ResourceNotFound.Namespace")}},
     "missing/ResourceNotFound.Function 0-5 x2 gap 5"},
    {"FailuresLieInsideARun",
     {{0, saw("a")}, {5, failed("X")}, {10, failed("X")}, {15, saw("a")}},
     "observed 0-15 x2 gap 15, failed/X 5-10 x2 gap 5"},
    {"FailuresAreToldApartByCode",
     {{0, failed("X")}, {5, failed("Y")}, {10, failed("Y")}},
     "failed/X 0-0 x1 gap 0, failed/Y 5-10 x2 gap 5"},
    {"OutcomesAreToldApart",
     {{0, failed("X")}, {5, failed("X", Outcome::denied)}, {9, failed("X", Outcome::updating)}},
     "failed/X 0-0 x1 gap 0, denied/X 5-5 x1 gap 0, updating/X 9-9 x1 gap 0"},
    {"AnAnswerEndsARunOfFailures",
     {{0, failed("X")}, {5, saw("a")}, {10, failed("X")}},
     "failed/X 0-0 x1 gap 0, observed 5-5 x1 gap 0, failed/X 10-10 x1 gap 0"},
    {"MissingIsAnAnswerToo",
     {{0, failed("X")}, {5, not_found("N")}, {10, failed("X")}},
     "failed/X 0-0 x1 gap 0, missing/N 5-5 x1 gap 0, failed/X 10-10 x1 gap 0"},
    {"FailuresWithAGapAreTwoRuns",
     {{0, failed("X")}, {30, failed("X")}},
     "failed/X 0-0 x1 gap 0, failed/X 30-30 x1 gap 0"},
    {"FailuresDoNotBridgeAGap",
     {{0, saw("a")}, {10, failed("X")}, {21, saw("a")}},
     "observed 0-0 x1 gap 0, failed/X 10-10 x1 gap 0, observed 21-21 x1 gap 0"},
    {"AnEarlierTimeBeginsANewRun",
     {{3000, saw("a")}, {0, saw("a")}, {5, saw("a")}},
     "observed 3000-3000 x1 gap 0, observed 0-5 x2 gap 5"},
};
INSTANTIATE_TEST_SUITE_P(Rules, History, testing::ValuesIn(kCases),
                         [](const auto& param) { return std::string(param.param.name); });

TEST(HistoryRuns, EndTogetherWhenTheClockIsStepped) {
  Store store;
  Ledger ledger = ledger_with_routes();
  const TargetId id = add_target(store.db, ledger, "charge");
  Tx tx(store.db);
  ledger.apply(tx, id, saw("a"), kStart);
  ledger.apply(tx, id, failed("X"), kStart + kMinute);
  history::end_open_runs(store.db);
  ledger.apply(tx, id, saw("a"), kStart + 2 * kMinute);
  EXPECT_EQ(runs(store.db), "observed 0-0 x1 gap 0, failed/X 1-1 x1 gap 0, observed 2-2 x1 gap 0");
}

TEST(HistoryRuns, AreMeasuredByTheStaleAfterInForce) {
  Store store;
  Ledger ledger = ledger_with_routes();
  const TargetId id = add_target(store.db, ledger, "charge");
  Tx tx(store.db);
  ledger.apply(tx, id, saw("a"), kStart);
  ledger.apply(tx, id, watched(kMinute), kStart);
  ledger.apply(tx, id, saw("a"), kStart + 2 * kMinute);
  EXPECT_EQ(number(store.db, "SELECT count(*) FROM run"), 2);
}

TEST(HistoryRuns, AreNotAddedToByAPollThatCameAfterTheRemoval) {
  Store store;
  Ledger ledger = ledger_with_routes();
  const TargetId id = add_target(store.db, ledger, "charge");
  Tx tx(store.db);
  ledger.apply(tx, id, Unwatched{}, kStart);
  ledger.apply(tx, id, saw("a"), kStart + kMinute);
  EXPECT_EQ(number(store.db, "SELECT count(*) FROM run"), 0);
}

TEST(WatchPeriods, FollowTheConfiguration) {
  Store store;
  Ledger ledger = ledger_with_routes();
  const TargetId id = add_target(store.db, ledger, "charge");
  Tx tx(store.db);
  const auto periods = [&] {
    std::string all;
    auto q = store.db.query_once(
        "SELECT CAST((from_ms - ?) / 60000 AS text), coalesce(CAST((to_ms - ?) / 60000 AS text), 'now'), "
        "stale_after_ms / 60000 FROM watch_period ORDER BY id",
        kStart, kStart);
    while (q.step()) all += fmt::format("[{},{}) {}; ", q.text(0), q.text(1), q.integer(2));
    return all;
  };
  EXPECT_EQ(periods(), "[0,now) 20; ");
  ledger.apply(tx, id, watched(), kStart + kMinute);
  EXPECT_EQ(periods(), "[0,now) 20; ") << "nothing changed";
  ledger.apply(tx, id, watched(30 * kMinute), kStart + 2 * kMinute);
  EXPECT_EQ(periods(), "[0,2) 20; [2,now) 30; ");
  ledger.apply(tx, id, Unwatched{}, kStart + 5 * kMinute);
  EXPECT_EQ(periods(), "[0,2) 20; [2,5) 30; ");
  ledger.apply(tx, id, watched(30 * kMinute), kStart + 9 * kMinute);
  EXPECT_EQ(periods(), "[0,2) 20; [2,5) 30; [9,now) 30; ");
  history::end_period(store.db, id, kStart);
  EXPECT_EQ(periods(), "[0,2) 20; [2,5) 30; [9,9) 30; ") << "a period never ends before it began";
}

TEST(WatchPeriods, OfAClockThatIsFarBehindTakeNothingAway) {
  Store store;
  Database& db = store.db;
  Ledger ledger = ledger_with_routes();
  const TargetId id = add_target(db, ledger, "charge");
  Tx tx(db);
  ledger.apply(tx, id, saw("a"), kStart);
  ledger.apply(tx, id, saw("a"), kStart + 5 * kMinute);
  ledger.apply(tx, id, watched(30 * kMinute), WallTime{Millis{60'000}});
  const auto minutes = [&](const char* column) {
    return joined(
        db, fmt::format("SELECT coalesce(CAST(({} - ?) / 60000 AS text), 'now') FROM watch_period ORDER BY id", column),
        kStart);
  };
  EXPECT_EQ(minutes("from_ms"), "0 5");
  EXPECT_EQ(minutes("to_ms"), "5 now");
  ledger.apply(tx, id, watched(40 * kMinute), WallTime{Millis{120'000}});
  EXPECT_EQ(minutes("from_ms"), "0 5 5");
  ledger.apply(tx, id, watched(), kStart + 9 * kMinute);
  EXPECT_EQ(minutes("from_ms"), "0 5 5 9") << "the clock is right again";
  EXPECT_EQ(minutes("to_ms"), "5 5 9 now");
}

TEST(History, ManySteadyPollsAreAsGoodAsEachOfThem) {
  struct Steps {
    Observation observation;
    int minute, polls, interval;
  };
  // A run that begins, one that goes on (with a longer and a shorter gap), failures inside, and a gap.
  const Steps steps[] = {{saw("a"), 0, 1, 5},           {saw("a"), 7, 100, 5},  {saw("a"), 505, 3, 1},
                         {failed("Busy"), 510, 4, 5},   {saw("a"), 527, 50, 5}, {saw("a"), 900, 2, 20},
                         {not_found(), 925, 10, 5},     {saw("b"), 975, 1, 0},  {saw("b"), 975, 5, 0},
                         {failed("Denied"), 980, 1, 5}, {saw("a"), 990, 9, 5}};
  Store each, at_once;
  for (const bool steady : {false, true}) {
    Store& store = steady ? at_once : each;
    TargetRow row;
    row.target = function_named("charge");
    row.id = targets::insert(store.db, row.target);
    row.state.stale_after = kStaleAfter;
    for (const Steps& s : steps) {
      if (steady) {
        history::record_steady(store.db, row, s.observation, kStart + s.minute * kMinute, s.polls,
                               s.interval * kMinute);
      } else {
        for (int i = 0; i < s.polls; ++i)
          history::record(store.db, row, s.observation, kStart + (s.minute + i * s.interval) * kMinute);
      }
    }
  }
  EXPECT_EQ(runs(at_once.db), runs(each.db));
  EXPECT_NE(runs(each.db).find("observed 0-772 x154 gap 20"), std::string::npos) << runs(each.db);
}

}  // namespace
}  // namespace codedriftd::test
