/// Polls that are recorded together leave what the same polls leave one by one.
#include <gtest/gtest.h>

#include <random>

#include "store/packages/packages.h"
#include "store/store_support.h"

namespace codedriftd::test {
namespace {

/// Everything that polls leave, but ids that are random.
std::vector<std::string> left_in(Database& db) {
  std::vector<std::string> rows;
  const auto add = [&](const char* sql, int columns) {
    auto q = db.query_once(sql);
    while (q.step()) {
      std::string& row = rows.emplace_back();
      for (int i = 0; i < columns; ++i) row += (i == 0 ? "" : "|") + (q.null(i) ? "NULL" : q.string(i));
    }
  };
  add("SELECT address || ' ' || CAST(watched AS TEXT) || ' ' || coalesce(CAST(last_polled_at_ms AS TEXT), '-') || ' ' "
      "|| "
      "coalesce(CAST(last_success_at_ms AS TEXT), '-') || ' ' || CAST(consecutive_failures AS TEXT) || ' ' || "
      "CAST(drift_open AS TEXT) || ' ' || CAST(missing AS TEXT) || ' ' || coalesce(CAST(answer_run AS TEXT), '-') || "
      "' ' || coalesce(CAST(failure_run AS TEXT), '-'), last_reason, package FROM target ORDER BY address",
      3);
  add("SELECT CAST(target AS TEXT) || ' ' || CAST(first_seen_ms AS TEXT) || ' ' || CAST(last_seen_ms AS TEXT) || ' ' "
      "|| "
      "CAST(polls AS TEXT) || ' ' || CAST(longest_gap_ms AS TEXT), outcome, code FROM run ORDER BY id",
      3);
  add("SELECT CAST(seq AS TEXT) || ' ' || CAST(time_ms AS TEXT), kind, severity FROM event ORDER BY seq", 3);
  add("SELECT destination, kind, target FROM outbox ORDER BY id", 3);
  return rows;
}

struct Fleet {
  Store store;
  Database& db = store.db;
  Ledger ledger = ledger_with_routes();
  Tx tx{db};
  std::vector<TargetId> targets;

  Fleet() {
    ledger.set_audited({"prod"});
    for (int i = 0; i < 6; ++i) targets.push_back(add_target(db, ledger, "function-" + std::to_string(i)));
    ledger.apply(tx, targets.back(), Unwatched{}, kStart);
    packages::save(db, hash_of("b"), Examination{{}, {{"index.py", 0644, 1, hash_of("1")}}, {}, 100, 1}, kStart);
  }
};

TEST(Polls, LeaveTogetherWhatTheyLeaveOneByOne) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto any = [&](unsigned below) { return static_cast<unsigned>(random() % below); };
  Fleet alone, together;
  ASSERT_EQ(alone.targets, together.targets);
  WallTime now = kStart;
  int64_t told_alone = 0, told_together = 0;
  for (int round = 0; round < 60; ++round) {
    std::vector<Poll> polls;
    for (unsigned i = any(12) + 1; i > 0; --i) {
      now += any(20) == 0 ? -Millis{any(90'000)} : any(30) == 0 ? kStaleAfter + kMinute : Millis{any(60'000)};
      Poll& poll = polls.emplace_back();
      poll.target = alone.targets[any(static_cast<unsigned>(alone.targets.size()))];
      const unsigned what = any(20);
      poll.observation = what == 0   ? not_found()
                         : what == 1 ? failed()
                         : what == 2 ? failed("Throttled")
                         : what == 3 ? failed("Denied", Outcome::denied)
                         : what == 4 ? saw("b")
                                     : saw("a");
      poll.observation.obtainable = any(4) == 0;
      poll.at = now;
    }
    std::vector<const Poll*> batch;
    for (Poll& poll : polls) {
      const Applied applied = alone.ledger.apply(alone.tx, poll.target, poll.observation, poll.at);
      told_alone += 10 * static_cast<int64_t>(applied.events.size()) + (applied.unexamined ? 1 : 0) +
                    (applied.urgency == Urgency::alert ? 1'000'000 : 0);
      poll.then = [&](Tx&, const Applied& each) {
        told_together += 10 * static_cast<int64_t>(each.events.size()) + (each.unexamined ? 1 : 0) +
                         (each.urgency == Urgency::alert ? 1'000'000 : 0);
      };
      batch.push_back(&poll);
    }
    together.ledger.apply(together.tx, batch);
    ASSERT_EQ(left_in(together.db), left_in(alone.db)) << "round " << round;
    ASSERT_EQ(told_together, told_alone) << "round " << round;
  }
  EXPECT_GT(number(alone.db, "SELECT count(*) FROM run WHERE polls > 3"), 0) << "nothing was unchanged";
  EXPECT_EQ(broken_invariant(together.db), "");
}

TEST(Polls, OfATargetThatIsNotThereIsAnError) {
  Fleet fleet;
  Poll poll{4711, saw("a"), kStart, {}};
  const std::vector<const Poll*> batch{&poll};
  EXPECT_THROW(fleet.ledger.apply(fleet.tx, batch), std::out_of_range);
}

TEST(Polls, ThatChangedNothingWriteARunAndATargetEachAndNothingElse) {
  Fleet fleet;
  std::vector<Poll> polls;
  for (int i = 0; i < 5; ++i) polls.push_back({fleet.targets[static_cast<std::size_t>(i)], saw("a"), kStart, {}});
  std::vector<const Poll*> batch;
  for (const Poll& poll : polls) batch.push_back(&poll);
  fleet.ledger.apply(fleet.tx, batch);
  for (Poll& poll : polls) poll.at += kMinute;
  const int64_t before = fleet.db.total_changes();
  fleet.ledger.apply(fleet.tx, batch);
  EXPECT_EQ(fleet.db.total_changes() - before, 10) << "a run and a target for each, and nothing else";
  EXPECT_EQ(number(fleet.db, "SELECT count(*) FROM run WHERE polls = 2"), 5);
}

}  // namespace
}  // namespace codedriftd::test
