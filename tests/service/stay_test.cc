#include "service/stay.h"

#include <gtest/gtest.h>

#include "support/recorded.h"

namespace codedriftd {
namespace {

using test::at;
using test::Recorded;

constexpr double kDay = 86'400;

int64_t begin(Recorded& r, WallTime now, const std::optional<RecordHead>& known = {}) {
  int64_t id = 0;
  r.write([&](Tx& tx) { id = stay::begin(tx, r.ledger(), known, now); });
  return id;
}

/// The kinds of all events but those of watching, in order.
std::string kinds(Recorded& r) {
  std::string all;
  auto q = r.db().query(
      "SELECT kind FROM event WHERE kind NOT IN ('watch.added', 'config.loaded', 'baseline.set') ORDER BY seq");
  while (q.step()) all += q.string(0) + ' ';
  return all;
}

TEST(Stay, TheFirstBeginsTheLogAndTheNextGoesOn) {
  Recorded r;
  const int64_t first = begin(r, at(0));
  daemon_runs::end(r.db(), first, at(10));
  EXPECT_GT(begin(r, at(20), record_head::of(r.db(), "o")), first);
  EXPECT_EQ(kinds(r), "log.genesis daemon.started daemon.started ");
  EXPECT_EQ(facts::read(r.db(), "log_origin"), "ops-1/codedriftd");
}

TEST(Stay, ARecordBegunAnewIsToldAfterItsGenesis) {
  Recorded r;
  begin(r, at(20), RecordHead{"ops-1/codedriftd", 41, "abcdef", at(10)});
  EXPECT_EQ(kinds(r), "log.genesis record.restored daemon.started ");
}

TEST(Stay, WhatAClockThatWasAheadLeftBehindIsBroughtBack) {
  Recorded r;
  daemon_runs::end(r.db(), begin(r, at(5 * kDay)), at(5 * kDay + 60));
  r.watch({"f"}, at(5 * kDay));
  r.observed("f", "A", at(5 * kDay + 1));
  begin(r, at(120));
  EXPECT_EQ(kinds(r), "log.genesis daemon.started clock.stepped daemon.started ");
  auto q = r.db().query("SELECT (SELECT max(last_seen_ms) FROM run), (SELECT max(from_ms) FROM watch_period)");
  ASSERT_TRUE(q.step());
  EXPECT_LE(q.time(0), at(120));
  EXPECT_LE(q.time(1), at(120));
}

TEST(Stay, WhatMovesBackComesBeforeWhatIsSaidOfTheStart) {
  Recorded r;
  daemon_runs::end(r.db(), begin(r, at(5 * kDay)), at(5 * kDay + 60));
  r.watch({"f"}, at(5 * kDay));
  r.observed("f", "A", at(5 * kDay + 1));
  begin(r, at(600), RecordHead{"ops-1/codedriftd", 41, "abcdef", at(10)});
  EXPECT_EQ(kinds(r), "log.genesis daemon.started record.restored clock.stepped daemon.started ");
  auto q = r.db().query("SELECT max(last_seen_ms) FROM run");
  ASSERT_TRUE(q.step());
  EXPECT_LT(q.time(0), at(600)) << "by as much as the clock was ahead";
}

TEST(Stay, AClockThatIsBehindMovesNothingOfARecordThatTheCloudConfirmed) {
  Recorded r;
  const int64_t id = begin(r, at(365 * kDay));
  r.watch({"f"}, at(365 * kDay));
  for (int minute = 0; minute < 90; ++minute) r.observed("f", "A", at(365 * kDay + 60 * minute));
  daemon_runs::end(r.db(), id, at(365 * kDay + 5'400));
  begin(r, at(0));  // no clock that runs on while the machine is off, and no time from the network yet
  EXPECT_EQ(kinds(r), "log.genesis daemon.started daemon.started ");
  auto q = r.db().query("SELECT max(first_seen_ms) FROM run");
  ASSERT_TRUE(q.step());
  EXPECT_EQ(q.time(0), at(365 * kDay));
}

TEST(Stay, AClockThatIsBehindGivesNoAlertUpEarlier) {
  Route ops;
  ops.subscription.name = "ops";
  ops.subscription.targets = {"*"};
  ops.give_up_after = std::chrono::hours(72);
  Recorded r({ops});
  const int64_t id = begin(r, at(365 * kDay));
  r.watch({"f"}, at(365 * kDay));
  for (int minute = 0; minute < 90; ++minute) r.observed("f", minute == 0 ? "A" : "B", at(365 * kDay + 60 * minute));
  daemon_runs::end(r.db(), id, at(365 * kDay + 5'400));
  const auto given_up = [&] {
    return test::joined(r.db(), "SELECT CAST(give_up_at_ms AS text) FROM outbox WHERE state = 'pending' ORDER BY id");
  };
  const std::string before = given_up();
  ASSERT_NE(before, "");
  begin(r, at(0));
  EXPECT_EQ(given_up(), before);
}

}  // namespace
}  // namespace codedriftd
