#include "store/ledger/ledger.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "store/outbox/outbox.h"
#include "store/packages/packages.h"
#include "store/record/history.h"
#include "store/statements.h"
#include "store/store_support.h"
#include "support/manual_clock.h"

namespace codedriftd::test {
namespace {

std::string kinds(Database& db) {
  std::string all;
  auto q = db.query_once("SELECT kind FROM event ORDER BY seq");
  while (q.step()) all += (all.empty() ? "" : " ") + q.string(0);
  return all;
}

struct LedgerTest : testing::Test {
  Store store;
  Database& db = store.db;
  Ledger ledger = ledger_with_routes();
  TargetId id = add_target(db, ledger, "charge");
  Tx tx{db};

  Applied apply(const Input& input, Millis after = Millis{0}) { return ledger.apply(tx, id, input, kStart + after); }
  TargetState state() { return targets::load(db, id).state; }
  int64_t alerts(const std::string& destination) {
    return number(db, "SELECT count(*) FROM outbox WHERE destination = '" + destination + "'");
  }
};

TEST_F(LedgerTest, DriftIsHistoryStateEventAndAlerts) {
  apply(saw("a"));
  const Applied drift = apply(saw("b"), kMinute);
  ASSERT_EQ(drift.events.size(), 1U);
  EXPECT_EQ(kinds(db), "watch.added baseline.set drift.detected");
  EXPECT_TRUE(state().drift_open);
  EXPECT_EQ(state().live, hash_of("b"));
  EXPECT_EQ(state().accepted, hash_of("a"));
  EXPECT_EQ(number(db, "SELECT count(*) FROM run"), 2);
  EXPECT_EQ(alerts("ops"), 1);
  EXPECT_EQ(alerts("chat"), 1);
  const Json alert = Json::parse(text(db, "SELECT body FROM outbox WHERE destination = 'ops'"));
  EXPECT_EQ(alert.at("schema"), "codedriftd.alert.v1");
  EXPECT_EQ(alert.at("id"), drift.events[0].id);
  EXPECT_EQ(alert.at("log").at("leaf_hash"), drift.events[0].leaf.hex());
  EXPECT_EQ(broken_invariant(db), "");
}

TEST_F(LedgerTest, TheStateThatIsReadBackIsTheStateThatWasDecided) {
  TargetRow row = targets::load(db, id);
  std::vector<Input> inputs{
      saw("a"),
      failed("X"),
      failed("Y", Outcome::denied),
      not_found(),
      not_found(),
      saw("b"),
      Expected{hash_of("c"), kStart + 60 * kMinute, "https://ci", "abc", "uid:1(x)"},
      Expected{hash_of("e"), kStart + 60 * kMinute, "", "", "key:ci", "", std::nullopt,
               Attestation{"ci", "a1", hash_of("envelope"), "https://slsa.dev/provenance/v1", "https://ci", "git+x",
                           "c0ffee", "uid:1(x)"}},
      Tick{kStaleAfter + kMinute, false},
      saw("c"),
      Approved{hash_of("c"), "why", "T-1", "uid:1(x)"},
      Watched{hash_of("d"), "conf.toml:7", Baseline::review, Millis{1000}, Millis{60'000}, Millis{5}},
      Tick{Millis{120'000}, true},
      Unwatched{}};
  int minute = 0;
  for (const Input& input : inputs) {
    ledger.apply(tx, row, input, kStart + ++minute * kMinute);
    const TargetRow stored = targets::load(db, id);
    EXPECT_EQ(stored.state, row.state) << "input " << minute;
    EXPECT_EQ(stored.answer_run, row.answer_run);
    EXPECT_EQ(stored.failure_run, row.failure_run);
  }
  EXPECT_EQ(broken_invariant(db), "");
}

TEST_F(LedgerTest, APackageMattersUntilItsHashIsLetGo) {
  for (const char* code : {"a", "b"}) packages::save_unavailable(db, hash_of(code), "gone", false, kStart);
  apply(saw("a"));
  apply(saw("b"), 5 * kMinute);
  EXPECT_EQ(packages::find(db, hash_of("a"))->wanted_at, kStart + 5 * kMinute) << "it was live until now";
  apply(Approved{hash_of("b"), "reviewed", "", "uid:1(x)"}, 7 * kMinute);
  EXPECT_EQ(packages::find(db, hash_of("a"))->wanted_at, kStart + 7 * kMinute) << "it was accepted until now";
  EXPECT_EQ(packages::find(db, hash_of("b"))->wanted_at, kStart + 7 * kMinute);
}

TEST_F(LedgerTest, AVerdictThatWaitsForAnExaminationSaysSoEachTime) {
  apply(saw("a"));
  packages::save(db, hash_of("a"), Examination{{}, {{"index.py", 0644, 1, hash_of("1")}}, {}, 100, 1}, kStart);
  ledger.examined(tx, hash_of("a"), kStart);
  Observation seen = saw("b");
  seen.obtainable = true;
  for (int i = 0; i < 2; ++i) {
    const Applied applied = apply(seen);
    EXPECT_TRUE(applied.unexamined && applied.urgency == Urgency::verdict);
    EXPECT_TRUE(applied.events.empty());
  }
}

TEST_F(LedgerTest, APackageThatHoldsMoreThanFilesSayIsNotTheSame) {
  const Manifest files{{"index.py", 0644, 1, hash_of("1")}};
  const auto holds = [&](const char* code, std::vector<Finding> findings) {
    packages::save(db, hash_of(code), Examination{{}, files, std::move(findings), 100, 1}, kStart);
  };
  holds("a", {});
  holds("a again", {});
  holds("with a link", {{"symlink", "index.py"}});
  holds("with a folder", {{"file-and-folder", "index.py"}});
  apply(saw("a"));
  ledger.examined(tx, hash_of("a"), kStart);
  apply(saw("a again"), kMinute);
  EXPECT_FALSE(state().drift_open) << "the same content is accepted";
  apply(saw("with a link"), 2 * kMinute);
  EXPECT_TRUE(state().drift_open);
  apply(saw("a again"), 3 * kMinute);
  apply(
      Expected{std::nullopt, kStart + kHour, "", "", "uid:1(x)", "", content_of({{"other.py", 0644, 1, hash_of("2")}})},
      4 * kMinute);
  apply(saw("with a folder"), 5 * kMinute);
  EXPECT_TRUE(state().drift_open);
  EXPECT_FALSE(state().live_content) << "nor what is announced: readers unpack different files";
}

TEST_F(LedgerTest, AfterAStartAVerdictWaitsItsWholeTimeAnew) {
  apply(saw("a"));
  packages::save(db, hash_of("a"), Examination{{}, {{"index.py", 0644, 1, hash_of("1")}}, {}, 100, 1}, kStart);
  ledger.examined(tx, hash_of("a"), kStart);
  Observation seen = saw("b");
  seen.obtainable = true;
  apply(seen, kMinute);
  targets::wait_anew(db, kStart + kHour);
  apply(seen, kHour + kMinute / 2);
  EXPECT_FALSE(state().drift_open) << "nobody could look while the daemon was stopped";
  EXPECT_TRUE(state().examining_until);
  apply(seen, kHour + kMinute);
  EXPECT_TRUE(state().drift_open);
}

TEST_F(LedgerTest, KeepsEveryAcceptance) {
  apply(saw("a"));
  apply(saw("b"), kMinute);
  apply(Approved{hash_of("b"), "reviewed", "T-1", "uid:1001(alice)"}, 2 * kMinute);
  apply(Expected{hash_of("c"), kStart + 60 * kMinute, "build 7", "c0ffee", "uid:1002(ci)", "bob"}, 3 * kMinute);
  apply(saw("c"), 4 * kMinute);
  std::string all;
  auto q = db.query_once(
      "SELECT source, (at_ms - ?) / 60000, actor, reason, ticket, sha256, claimed, build, \"commit\" FROM baseline "
      "ORDER BY id",
      kStart);
  std::vector<Sha256> hashes;
  while (q.step()) {
    all += fmt::format("{}@{} {} {} {} {} {} {}; ", q.text(0), q.integer(1), q.text(2), q.text(3), q.text(4), q.text(6),
                       q.text(7), q.text(8));
    hashes.push_back(*q.optional_sha256(5));
  }
  EXPECT_EQ(all,
            "first_seen@0 daemon     ; approval@2 uid:1001(alice) reviewed T-1   ; deploy@4 uid:1002(ci)   bob build 7 "
            "c0ffee; ");
  EXPECT_EQ(hashes, (std::vector{hash_of("a"), hash_of("b"), hash_of("c")}));
}

TEST_F(LedgerTest, ARefusalChangesNothing) {
  apply(saw("a"));
  const auto rows = rows_by_table(db);
  const TargetState before = state();
  EXPECT_TRUE(apply(Approved{hash_of("never seen"), "r", "", "uid:1(x)"}, kMinute).refused);
  EXPECT_EQ(rows_by_table(db), rows);
  EXPECT_EQ(state(), before);
}

TEST_F(LedgerTest, RoutesAreMatchedWhenTheEventIsWritten) {
  Route narrow = route("narrow");
  narrow.subscription.targets = {"*/refund:*"};
  Route kinds_only = route("kinds");
  kinds_only.subscription.kinds = {"baseline.*"};
  ledger.set_routes({narrow, kinds_only});
  apply(saw("a"));
  apply(saw("b"), kMinute);
  EXPECT_EQ(alerts("narrow"), 0);
  EXPECT_EQ(alerts("kinds"), 1);
  ledger.set_routes({route("late")});
  EXPECT_EQ(alerts("late"), 0);
  apply(saw("b"), 2 * kMinute);
  EXPECT_EQ(alerts("late"), 0) << "drift that is open already is not told again";
  apply(saw("a"), 3 * kMinute);
  EXPECT_EQ(alerts("late"), 1);
}

TEST_F(LedgerTest, HooksRunAfterTheCommitForEachEventAndAlert) {
  std::vector<std::string> calls;
  Ledger with_hooks = ledger_with_routes({[&](const LoggedEvent& e) { calls.push_back(e.event.kind); },
                                          [&](const std::string& to) { calls.push_back("-> " + to); }});
  apply(saw("a"));
  Tx other(db);
  with_hooks.apply(other, id, saw("b"), kStart + kMinute);
  EXPECT_TRUE(calls.empty());
  for (const auto& hook : other.take_hooks()) hook();
  std::sort(calls.begin(), calls.end());
  EXPECT_EQ(calls, (std::vector<std::string>{"-> chat", "-> ops", "drift.detected"}));
}

NewEvent about(const std::string& kind) {
  NewEvent event;
  event.kind = kind;
  event.severity = Severity::warning;
  return event;
}

TEST_F(LedgerTest, DeliveryTroubleIsToldToTheFallbackOnly) {
  ledger.append_about_delivery(tx, about("delivery.dead"), "ops", kStart, "drift.detected");
  EXPECT_EQ(alerts("ops"), 0);
  EXPECT_EQ(alerts("chat"), 1);
  ledger.append_about_delivery(tx, about("delivery.dead"), "chat", kStart, "drift.detected");
  ledger.append_about_delivery(tx, about("delivery.dead"), "gone", kStart, "drift.detected");
  EXPECT_EQ(number(db, "SELECT count(*) FROM outbox"), 1) << "no fallback, nobody to tell";
  EXPECT_EQ(kinds(db), "watch.added delivery.dead delivery.dead delivery.dead") << "but it is recorded";
}

TEST_F(LedgerTest, TwoFallbacksOfEachOtherDoNotGoOnForEver) {
  ledger.set_routes({route("ops", "chat"), route("chat", "ops"), route("self", "self")});
  ledger.append_about_delivery(tx, about("delivery.dead"), "chat", kStart, "delivery.dead");
  ledger.append_about_delivery(tx, about("delivery.refused"), "self", kStart);
  EXPECT_EQ(number(db, "SELECT count(*) FROM outbox"), 0);
}

TEST_F(LedgerTest, AnAccountThatFailsIsToldOnceAndRecovers) {
  const PollError error{"AuthFailure.SignatureFailure", "no", "r"};
  const AccountInput failing{10, 6, true, "credentials", error};
  EXPECT_TRUE(ledger.apply_account(tx, "prod", "r1", failing, kStart));
  EXPECT_TRUE(ledger.apply_account(tx, "prod", "r1", failing, kStart + kMinute));
  EXPECT_FALSE(ledger.apply_account(tx, "prod", "r2", {10, 0, false, "", {}}, kStart));
  EXPECT_EQ(kinds(db), "watch.added account.failing");
  EXPECT_EQ(alerts("ops"), 1);
  EXPECT_EQ(number(db, "SELECT since_ms FROM account_state WHERE failing = 1"), to_ms(kStart));
  EXPECT_FALSE(ledger.apply_account(tx, "prod", "r1", {10, 0, false, "", {}}, kStart + 2 * kMinute));
  EXPECT_EQ(kinds(db), "watch.added account.failing account.recovered");
  EXPECT_EQ(number(db, "SELECT count(*) FROM account_state WHERE failing = 1"), 0);
}

TEST_F(LedgerTest, TimesOfATargetNeverGoBackButItsAlertsAreDueByTheClock) {
  apply(saw("a"), std::chrono::hours(20));
  apply(saw("b"), Millis{0});  // the clock was set back
  EXPECT_EQ(state().last_polled_at, kStart + std::chrono::hours(20));
  EXPECT_EQ(state().drift_since, kStart + std::chrono::hours(20));
  EXPECT_EQ(number(db, "SELECT next_attempt_at_ms FROM outbox WHERE destination = 'ops'"), to_ms(kStart));
  EXPECT_EQ(number(db, "SELECT min(first_seen_ms) FROM run"), to_ms(kStart + std::chrono::hours(20)));
  apply(Approved{hash_of("b"), "why", "", "uid:1(a)"}, kMinute);
  EXPECT_EQ(number(db, "SELECT min(at_ms) FROM baseline"), to_ms(kStart + std::chrono::hours(20)));
  EXPECT_EQ(number(db, "SELECT count(*) FROM run WHERE last_seen_ms < first_seen_ms"), 0);
}

TEST_F(LedgerTest, AStoredTimeMoreThanADayAheadCountsAsNow) {
  apply(saw("a"), std::chrono::hours(24 * 400));
  apply(saw("a"), kMinute);
  apply(saw("b"), 2 * kMinute);
  EXPECT_EQ(state().last_polled_at, kStart + 2 * kMinute);
  EXPECT_EQ(number(db, "SELECT time_ms FROM event WHERE kind = 'drift.detected'"), to_ms(kStart + 2 * kMinute));
  EXPECT_EQ(number(db, "SELECT count(*) FROM run WHERE last_seen_ms < first_seen_ms OR longest_gap_ms < 0"), 0);
}

TEST(LedgerInWriter, AFailureAnywhereLeavesNeitherHistoryNorStateNorEventNorAlert) {
  Store store;
  Ledger ledger = ledger_with_routes();
  const TargetId id = add_target(store.db, ledger, "charge");
  {
    Tx tx(store.db);
    ledger.apply(tx, id, saw("a"), kStart);
  }
  const auto rows = rows_by_table(store.db);
  const TargetRow before = targets::load(store.db, id);
  ManualClock clock;
  Writer writer(store.record.open_writer(), clock, {});
  for (const char* table : {"run", "event", "outbox", "target"}) {
    // A trigger that refuses, at each of the steps of one poll.
    const std::string verb = std::string(table) == "target" ? "UPDATE OF live ON " : "INSERT ON ";
    refuse_writes(store.db, verb + table);
    try {
      writer.run([&](Tx& tx) { ledger.apply(tx, id, saw("b"), kStart + kMinute); });
      FAIL() << table << ": nothing was refused";
    } catch (const StoreError& error) {
      EXPECT_NE(std::string(error.what()).find("simulated"), std::string::npos) << error.what();
    }
    allow_writes(store.db, table);
    EXPECT_EQ(rows_by_table(store.db), rows) << table;
    EXPECT_EQ(targets::load(store.db, id).state, before.state) << table;
  }
  writer.run([&](Tx& tx) { ledger.apply(tx, id, saw("b"), kStart + kMinute); });
  EXPECT_EQ(broken_invariant(store.db), "");
}

TEST(LedgerAtRest, TenThousandUnchangedPollsAddNoRow) {
  Store store;
  Ledger ledger = ledger_with_routes();
  store.db.execute("BEGIN");
  std::vector<TargetId> ids;
  for (int i = 0; i < 100; ++i) ids.push_back(add_target(store.db, ledger, fmt::format("f{}", i)));
  Tx tx(store.db);
  const auto poll_all = [&](int round) {
    for (const TargetId id : ids) ledger.apply(tx, id, saw(id % 2 == 0 ? "a" : "b"), kStart + round * kMinute);
  };
  poll_all(0);
  const auto rows = rows_by_table(store.db);
  for (int round = 1; round <= 100; ++round) poll_all(round);
  EXPECT_EQ(rows_by_table(store.db), rows);
  EXPECT_EQ(number(store.db, "SELECT count(*) FROM run WHERE polls = 101 AND longest_gap_ms = 60000"), 100);
  store.db.execute("COMMIT");
}

TEST(SqlitePlans, EveryStatementOfAPollUsesAnIndex) {
  const Statements statements;
  const Store store;
  Database db = store.record.open_writer();
  Ledger ledger = ledger_with_routes();
  const TargetId id = add_target(db, ledger, "charge");
  Tx tx(db);
  for (const Observation& seen : {saw("a"), saw("a"), failed("X"), saw("b"), not_found()})
    ledger.apply(tx, id, seen, kStart);
  ledger.apply(tx, id, Unwatched{}, kStart);
  for (const std::string& plan : statements.slow_plans()) {
    // The newest event is the first step of a walk down the key; how often a target drifted lately is read from 64.
    const bool short_walk =
        plan.find("SELECT seq, time_ms FROM event ORDER BY seq DESC LIMIT 1") != std::string::npos ||
        plan.find("SCAN (subquery") != std::string::npos;
    EXPECT_TRUE(short_walk) << plan;
  }
}

}  // namespace
}  // namespace codedriftd::test
