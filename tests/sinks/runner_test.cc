#include "sinks/runner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>

#include "base/json.h"
#include "support/manual_clock.h"
#include "support/temp_dir.h"
#include "support/test_record.h"
#include "support/test_sql.h"

namespace codedriftd::test {
namespace {

using namespace std::chrono_literals;

/// A channel that answers as it was told.
class FakeChannel final : public SinkChannel {
 public:
  struct Delivered {
    std::string id, body;
    uint32_t attempt;
  };
  std::deque<DeliveryAnswer> answers;       ///< for the next deliveries; then "delivered"
  std::deque<StartFailure> start_failures;  ///< for the next starts; then success
  std::vector<Delivered> deliveries;
  std::deque<DeliveryAnswer> probe_answers;  ///< for the next probes; then "delivered"
  PluginInfo info;
  int starts = 0, probes = 0;
  bool stopped = false;
  bool changed = false;  ///< what files_changed() says
  std::function<void()> during_delivery;

  Result<PluginInfo, StartFailure> start() override {
    ++starts;
    if (!start_failures.empty()) {
      StartFailure failure = start_failures.front();
      start_failures.pop_front();
      return failure;
    }
    running_ = true;
    ended_from_outside_ = false;
    return info;
  }
  bool running() override { return running_; }
  bool ended_from_outside() const override { return ended_from_outside_; }
  void end_from_outside() {
    running_ = false;
    ended_from_outside_ = true;
  }
  DeliveryAnswer deliver(std::string_view id, std::string_view json, uint32_t attempt, Millis) override {
    deliveries.push_back({std::string(id), std::string(json), attempt});
    if (during_delivery) during_delivery();
    if (answers.empty()) return {DeliveryResult::delivered, Millis{0}, 204, ""};
    DeliveryAnswer answer = answers.front();
    answers.pop_front();
    if (answer.result == DeliveryResult::fault) running_ = false;
    if (answer.interrupted) end_from_outside();
    return answer;
  }
  DeliveryAnswer probe(Millis) override {
    ++probes;
    if (probe_answers.empty()) return {DeliveryResult::delivered, Millis{0}, 0, ""};
    DeliveryAnswer answer = probe_answers.front();
    probe_answers.pop_front();
    if (answer.result == DeliveryResult::fault) running_ = false;
    return answer;
  }
  bool files_changed() override { return changed; }
  void cancel() override {}
  void stop() override {
    running_ = false;
    stopped = true;
  }

 private:
  bool running_ = false, ended_from_outside_ = false;
};

DeliveryAnswer answer(DeliveryResult result, int status = 0, Millis retry_after = 0ms) {
  return {result, retry_after, status, "simulated"};
}

class RunnerTest : public testing::Test {
 protected:
  RunnerTest() {
    writer = std::make_unique<Writer>(record.open_writer(), clock, Writer::Options{});
    writer->run([&](Tx&) {
      ledger.set_routes({{{"ops", {}, {}}, 72h, "pager"}, {{"pager", {"none.*"}, {}}, 72h, ""}});
    });
    runner = std::make_unique<Runner>("ops", channel, *writer, ledger, clock);
  }

  /// Writes a drift.detected about `function`: one alert for "ops".
  void drift(const std::string& function = "charge") {
    writer->run([&](Tx& tx) {
      NewEvent event;
      event.kind = "drift.detected";
      event.severity = Severity::critical;
      event.target = "prod/ap-guangzhou/default/" + function + ":$LATEST";
      if (!targets::find(tx.db, *event.target)) targets::insert(tx.db, Target::parse(*event.target).value());
      event.facts.summary = "drift";
      ledger.append(tx, event, clock.wall());
    });
  }
  /// Turns until nothing is due.
  void work() {
    for (int i = 0; i < 50 && runner->turn() == Millis{0}; ++i) {
    }
  }
  /// The same while time passes in steps of a second.
  void pass(Millis time) {
    for (Millis done{0}; done < time; done += 1s) {
      work();
      clock.advance(1s);
    }
    work();
  }
  std::vector<std::string> column(std::string_view sql) {
    std::vector<std::string> values;
    writer->run([&](Tx& tx) {
      auto q = tx.db.query_once(sql);
      while (q.step()) values.push_back(q.string(0));
    });
    return values;
  }
  std::vector<std::string> states() { return column("SELECT state FROM outbox WHERE destination = 'ops' ORDER BY id"); }
  std::vector<std::string> delivery_events() {
    return column("SELECT kind FROM event WHERE kind LIKE 'delivery.%' ORDER BY seq");
  }
  Json last_event_data() {
    return Json::parse(column("SELECT body FROM event ORDER BY seq DESC LIMIT 1").at(0)).at("data");
  }

  TempDir dir;
  TestRecord record{dir / "codedriftd.db"};
  ManualClock clock;
  std::shared_ptr<FakeChannel> channel = std::make_shared<FakeChannel>();
  Ledger ledger{"test", "test/codedriftd"};
  std::unique_ptr<Writer> writer;
  std::unique_ptr<Runner> runner;
};

using Strings = std::vector<std::string>;

TEST_F(RunnerTest, LoadsThePluginBeforeThereIsAnythingToSend) {
  work();
  EXPECT_EQ(channel->starts, 1);
  EXPECT_TRUE(runner->state().up);
}

TEST_F(RunnerTest, DeliversWhatIsInTheOutboxOnceAndInOrder) {
  drift("charge");
  drift("refund");
  work();
  work();
  ASSERT_EQ(channel->deliveries.size(), 2U);
  EXPECT_NE(channel->deliveries[0].body.find("charge"), std::string::npos);
  EXPECT_NE(channel->deliveries[1].body.find("refund"), std::string::npos);
  EXPECT_EQ(states(), (Strings{"delivered", "delivered"}));
}

TEST_F(RunnerTest, RetriesUnderTheSameIdWithTheSameBytes) {
  channel->answers = {answer(DeliveryResult::retry, 503), answer(DeliveryResult::retry, 0)};
  drift();
  pass(60s);
  ASSERT_EQ(channel->deliveries.size(), 3U);
  EXPECT_EQ(channel->deliveries[0].id, channel->deliveries[2].id);
  EXPECT_EQ(channel->deliveries[0].body, channel->deliveries[2].body);
  EXPECT_EQ(channel->deliveries[2].attempt, 3U);
  EXPECT_EQ(states(), Strings{"delivered"});
  EXPECT_EQ(column("SELECT result FROM attempt ORDER BY n"), (Strings{"retry", "retry", "delivered"}));
}

TEST_F(RunnerTest, WaitsAtLeastASecondBetweenAttempts) {
  channel->answers = {answer(DeliveryResult::retry, 503)};
  drift();
  work();
  clock.advance(999ms);
  work();
  EXPECT_EQ(channel->deliveries.size(), 1U);
}

TEST_F(RunnerTest, RetryAfterIsAMinimumForTheWholeDestination) {
  channel->answers = {answer(DeliveryResult::retry, 429, 120s)};
  drift("charge");
  drift("refund");
  pass(119s);
  EXPECT_EQ(channel->deliveries.size(), 1U);
  pass(30s);
  EXPECT_EQ(states(), (Strings{"delivered", "delivered"}));
}

TEST_F(RunnerTest, ALongSilenceThatAReceiverAsksForIsObeyedAndTheFallbackToldOnce) {
  channel->answers = {answer(DeliveryResult::retry, 503, 24h), answer(DeliveryResult::retry, 503, 24h)};
  drift();
  work();
  EXPECT_EQ(delivery_events(), Strings{"delivery.refused"});
  EXPECT_NE(last_event_data().at("reason").get<std::string>().find("for 1d of silence"), std::string::npos)
      << last_event_data();
  EXPECT_EQ(column("SELECT kind FROM outbox WHERE destination = 'pager'"), Strings{"delivery.refused"});
  clock.advance(24h - 1s);
  work();
  EXPECT_EQ(channel->deliveries.size(), 1U);
  clock.advance(1s);
  work();
  EXPECT_EQ(channel->deliveries.size(), 2U);
  clock.advance(24h);
  work();
  EXPECT_EQ(states(), Strings{"delivered"});
  EXPECT_EQ(delivery_events(), Strings{"delivery.refused"});
}

TEST_F(RunnerTest, WhereNobodyElseIsToldALongSilenceIsAQuarterOfAnHour) {
  writer->run([&](Tx&) { ledger.set_routes({{{"ops", {}, {}}, 72h, ""}}); });
  channel->answers = {answer(DeliveryResult::retry, 503, 24h)};
  drift();
  pass(14min);
  EXPECT_EQ(channel->deliveries.size(), 1U);
  pass(2min);
  EXPECT_EQ(states(), Strings{"delivered"});
}

TEST_F(RunnerTest, AQuarterOfAnHourIsNoLongSilence) {
  channel->answers = {answer(DeliveryResult::retry, 503, 15min)};
  drift();
  pass(14min);
  EXPECT_EQ(channel->deliveries.size(), 1U);
  EXPECT_EQ(delivery_events(), Strings{});
}

TEST_F(RunnerTest, RetryAfterCountsWhileItIsHeldToo) {
  channel->answers = {answer(DeliveryResult::refused, 403), answer(DeliveryResult::retry, 503, 2h)};
  drift();
  pass(16min);
  ASSERT_EQ(channel->deliveries.size(), 2U);
  clock.advance(110min - 16min);
  work();
  EXPECT_EQ(channel->deliveries.size(), 2U);
  pass(30min);
  EXPECT_EQ(states(), Strings{"delivered"});
}

TEST_F(RunnerTest, AHoldEndsWhenTheReceiverWouldAcceptThoughNothingIsPending) {
  channel->info.can_probe = true;
  channel->answers = {answer(DeliveryResult::refused, 403)};
  drift();
  work();
  writer->run([](Tx& tx) { tx.db.run("UPDATE outbox SET state = 'dropped'"); });
  pass(16min);
  EXPECT_EQ(channel->probes, 1);
  EXPECT_EQ(column("SELECT state FROM destination WHERE name = 'ops'"), Strings{"ok"});
}

TEST_F(RunnerTest, AnAlertThatAlwaysFailsLetsOthersPass) {
  drift("charge");
  channel->answers = {answer(DeliveryResult::retry, 500)};
  work();
  drift("refund");
  pass(20s);
  EXPECT_EQ(column("SELECT state FROM outbox WHERE target LIKE '%refund%'"), Strings{"delivered"});
}

TEST_F(RunnerTest, ALaterAlertAboutTheSameFunctionWaitsForTheEarlier) {
  channel->answers = {answer(DeliveryResult::retry, 500)};
  drift("charge");
  work();
  drift("charge");
  pass(60s);
  ASSERT_EQ(channel->deliveries.size(), 3U);
  EXPECT_EQ(channel->deliveries[0].id, channel->deliveries[1].id);
  EXPECT_NE(channel->deliveries[1].id, channel->deliveries[2].id);
}

TEST_F(RunnerTest, ARejectedAlertIsDeadAtOnceAndTheFallbackIsTold) {
  channel->answers = {answer(DeliveryResult::rejected, 400)};
  drift();
  work();
  EXPECT_EQ(states(), Strings{"dead"});
  EXPECT_EQ(delivery_events(), Strings{"delivery.dead"});
  EXPECT_EQ(last_event_data().at("id"), channel->deliveries.at(0).id);
  EXPECT_EQ(column("SELECT kind FROM outbox WHERE destination = 'pager'"), Strings{"delivery.dead"});
}

TEST_F(RunnerTest, ARefusingDestinationIsHeldToldOnceAndProbedEveryQuarterOfAnHour) {
  channel->answers = {answer(DeliveryResult::refused, 404), answer(DeliveryResult::refused, 404)};
  drift();
  pass(14min);
  EXPECT_EQ(channel->deliveries.size(), 1U);
  EXPECT_EQ(column("SELECT state FROM destination WHERE name = 'ops'"), Strings{"held"});
  pass(2min);
  EXPECT_EQ(channel->deliveries.size(), 2U);
  EXPECT_EQ(delivery_events(), Strings{"delivery.refused"});
  pass(15min);
  EXPECT_EQ(states(), Strings{"delivered"});
  EXPECT_EQ(column("SELECT state FROM destination WHERE name = 'ops'"), Strings{"ok"});
}

TEST_F(RunnerTest, ARefusalOpensThePluginAnewSoThatItsSecretsAreReadAgain) {
  channel->answers = {answer(DeliveryResult::refused, 401)};
  drift();
  pass(16min);
  EXPECT_EQ(channel->starts, 2);
  EXPECT_EQ(states(), Strings{"delivered"});
}

TEST_F(RunnerTest, ARefusalIsTriedAtOnceWithASecretThatHasChanged) {
  channel->answers = {answer(DeliveryResult::refused, 401)};
  channel->changed = true;
  drift();
  pass(5s);
  EXPECT_EQ(channel->starts, 2);
  EXPECT_EQ(states(), Strings{"delivered"});
  EXPECT_EQ(delivery_events(), Strings{}) << "it was never held";
}

TEST_F(RunnerTest, ARefusalOfTheNewSecretTooHoldsTheDestinationHoweverOftenTheFileChanges) {
  for (int i = 0; i < 10; ++i) channel->answers.push_back(answer(DeliveryResult::refused, 401));
  channel->changed = true;
  drift();
  pass(14min);
  EXPECT_EQ(channel->deliveries.size(), 2U);
  EXPECT_EQ(column("SELECT state FROM destination WHERE name = 'ops'"), Strings{"held"});
  EXPECT_EQ(delivery_events(), Strings{"delivery.refused"});
}

TEST_F(RunnerTest, ARefusalAfterAReloadIsToldAgain) {
  channel->answers = {answer(DeliveryResult::refused, 401)};
  drift();
  work();
  auto next = std::make_shared<FakeChannel>();
  next->answers = {answer(DeliveryResult::refused, 401)};
  runner->replace_channel(next);
  work();
  EXPECT_EQ(next->deliveries.size(), 1U);
  EXPECT_EQ(delivery_events(), (Strings{"delivery.refused", "delivery.refused"}));
}

TEST_F(RunnerTest, TheFallbackIsNotToldOfAnAlertThatWasItselfAboutADelivery) {
  writer->run([&](Tx&) {
    ledger.set_routes({{{"first", {"none.*"}, {}}, 72h, "ops"},
                       {{"ops", {}, {}}, 72h, "pager"},
                       {{"pager", {"none.*"}, {}}, 72h, ""}});
  });
  channel->answers = {answer(DeliveryResult::rejected, 400)};
  writer->run([&](Tx& tx) {
    NewEvent dead;
    dead.kind = "delivery.dead";
    dead.severity = Severity::warning;
    ledger.append_about_delivery(tx, dead, "first", clock.wall());
  });
  work();
  EXPECT_EQ(states(), Strings{"dead"});
  EXPECT_EQ(column("SELECT kind FROM outbox WHERE destination = 'pager'"), Strings{});
}

TEST_F(RunnerTest, AnAlertIsTriedOnceMoreAfterADowntimeLongerThanItsTime) {
  drift();
  clock.advance(100h);
  writer->run([&](Tx& tx) { outbox::recover(tx.db, clock.wall()); });
  work();
  EXPECT_EQ(states(), Strings{"delivered"});
}

TEST_F(RunnerTest, NothingIsThrownAwayBeforeItsTimeAndThenItIsDead) {
  for (int i = 0; i < 400; ++i) channel->answers.push_back(answer(DeliveryResult::refused, 401));
  drift();
  work();
  clock.advance(71h);
  work();
  EXPECT_EQ(states(), Strings{"pending"});
  clock.advance(61min);
  work();
  EXPECT_EQ(states(), Strings{"dead"});
  EXPECT_EQ(delivery_events(), (Strings{"delivery.refused", "delivery.dead"}));
}

TEST_F(RunnerTest, AnAlertInFlightInThreeFaultsIsDeadForThisDestination) {
  channel->answers = {answer(DeliveryResult::fault), answer(DeliveryResult::fault), answer(DeliveryResult::fault)};
  drift("charge");
  pass(5min);
  EXPECT_EQ(states(), Strings{"dead"});
  EXPECT_EQ(delivery_events(), Strings{"delivery.dead"});
  drift("refund");
  pass(1min);
  EXPECT_EQ(states(), (Strings{"dead", "delivered"}));
  EXPECT_EQ(channel->starts, 4);
  EXPECT_EQ(runner->state().faults, 3U);
}

TEST_F(RunnerTest, WhatSomebodyElsesSignalEndedIsCountedAgainstNobody) {
  DeliveryAnswer interrupted = answer(DeliveryResult::retry);
  interrupted.interrupted = true;
  for (int i = 0; i < 6; ++i) channel->answers.push_back(interrupted);
  drift();
  pass(15min);
  EXPECT_EQ(states(), Strings{"delivered"}) << "not dead after three, not held after five";
  EXPECT_EQ(column("SELECT state FROM destination WHERE failures = 0"), Strings{"ok"});
  for (int i = 0; i < 6; ++i) {
    channel->end_from_outside();
    pass(1min);
  }
  EXPECT_EQ(runner->state().faults, 0U);
  EXPECT_TRUE(runner->state().up);
  EXPECT_EQ(delivery_events(), Strings{});
}

TEST_F(RunnerTest, FiveFaultsInTenMinutesHoldTheDestinationUntilItWorks) {
  for (int i = 0; i < 6; ++i) channel->answers.push_back(answer(DeliveryResult::fault));
  drift("charge");
  drift("refund");
  pass(9min);
  EXPECT_EQ(channel->deliveries.size(), 5U);
  EXPECT_EQ(column("SELECT state FROM destination WHERE name = 'ops'"), Strings{"held"});
  EXPECT_EQ(delivery_events(), (Strings{"delivery.dead", "delivery.refused"})) << "the poisoned one, and the hold";
  EXPECT_NE(last_event_data().at("reason").get<std::string>().find("5 times within 10m"), std::string::npos);
  const int starts = channel->starts;
  drift("invoice");
  pass(4min);
  EXPECT_EQ(channel->starts, starts) << "it is not even started";
  pass(30min);
  EXPECT_EQ(column("SELECT state FROM destination WHERE name = 'ops'"), Strings{"ok"});
  EXPECT_EQ(states(), (Strings{"dead", "dead", "delivered"})) << "the second was in flight in its third fault";
}

TEST_F(RunnerTest, FaultsFarApartHoldNothing) {
  for (int i = 0; i < 6; ++i) {
    channel->answers = {answer(DeliveryResult::fault)};
    drift("f" + std::to_string(i));
    pass(5min);
  }
  EXPECT_EQ(delivery_events(), Strings{});
  EXPECT_EQ(states(), Strings(6, "delivered"));
}

TEST_F(RunnerTest, AReloadEndsAHoldForFaultsAtOnce) {
  StartFailure failure;
  failure.message = "it crashed";
  for (int i = 0; i < 5; ++i) channel->start_failures.push_back(failure);
  drift();
  pass(9min);
  EXPECT_EQ(column("SELECT state FROM destination WHERE name = 'ops'"), Strings{"held"});
  auto mended = std::make_shared<FakeChannel>();
  runner->replace_channel(mended);
  work();
  EXPECT_EQ(mended->deliveries.size(), 1U);
}

TEST_F(RunnerTest, AHeldDestinationIsAskedBeforeAnAlertIsSpentOnIt) {
  channel->info.can_probe = true;
  channel->answers = {answer(DeliveryResult::refused, 404)};
  channel->probe_answers = {answer(DeliveryResult::refused, 404), answer(DeliveryResult::retry)};
  drift();
  pass(31min);
  EXPECT_EQ(channel->probes, 2);
  EXPECT_EQ(channel->deliveries.size(), 1U) << "the one that was refused";
  EXPECT_EQ(delivery_events(), Strings{"delivery.refused"});
  pass(16min);
  EXPECT_EQ(channel->probes, 3);
  EXPECT_EQ(states(), Strings{"delivered"});
  drift("refund");
  pass(1min);
  EXPECT_EQ(channel->probes, 3) << "one that is well is not asked";
}

TEST_F(RunnerTest, AReceiverThatOnlySaysItWouldAcceptIsStillHeldAndTheFallbackToldOnce) {
  channel->info.can_probe = true;
  for (int i = 0; i < 4; ++i) channel->answers.push_back(answer(DeliveryResult::refused, 403));
  drift();
  pass(46min);
  EXPECT_EQ(channel->probes, 3);
  EXPECT_EQ(channel->deliveries.size(), 4U);
  EXPECT_EQ(delivery_events(), Strings{"delivery.refused"});
  EXPECT_EQ(column("SELECT CAST(count(*) AS text) FROM outbox WHERE destination = 'pager'"), Strings{"1"});
  pass(15min);
  EXPECT_EQ(states(), Strings{"delivered"});
}

TEST_F(RunnerTest, APluginThatDiesWhileIdleIsStartedLaterEachTimeAndThenHeld) {
  work();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(channel->starts, i + 1);
    channel->stop();  // as if its process had ended
    work();
    EXPECT_EQ(channel->starts, i + 1) << "not at once";
    pass(1min);
  }
  EXPECT_EQ(runner->state().faults, 5U);
  EXPECT_EQ(channel->starts, 5) << "five are too many";
  EXPECT_EQ(delivery_events(), Strings{"delivery.refused"});
}

TEST_F(RunnerTest, ARejectedDigestCostsNoAlertThatWouldBeAcceptedAlone) {
  channel->answers = {answer(DeliveryResult::retry, 503), answer(DeliveryResult::rejected, 413),
                      answer(DeliveryResult::rejected, 400)};
  drift("first");
  work();
  for (int i = 0; i < 6; ++i) drift("f" + std::to_string(i));
  pass(5min);
  EXPECT_EQ(Json::parse(channel->deliveries.at(1).body)["kind"], "digest");
  const Strings ended = states();
  EXPECT_EQ(std::count(ended.begin(), ended.end(), "dead"), 1) << "the one that was rejected by itself";
  EXPECT_EQ(std::count(ended.begin(), ended.end(), "delivered"), 6);
  EXPECT_EQ(delivery_events(), Strings{"delivery.dead"});
}

TEST_F(RunnerTest, KeepsToThePublishedRateAndSendsTheRestAsADigest) {
  channel->info.per_minute = 20;
  channel->info.burst = 2;
  for (int i = 0; i < 20; ++i) drift("f" + std::to_string(i));
  pass(20s);
  ASSERT_EQ(channel->deliveries.size(), 1U);
  EXPECT_EQ(Json::parse(channel->deliveries[0].body)["items"].size(), 20U);
  drift("charge");
  drift("refund");
  drift("invoice");
  work();
  EXPECT_EQ(channel->deliveries.size(), 3U) << "two at once";
  pass(3s);
  EXPECT_EQ(channel->deliveries.size(), 3U);
  pass(2s);
  EXPECT_EQ(channel->deliveries.size(), 4U) << "and one in four seconds: three quarters of the limit";
}

TEST_F(RunnerTest, SpeaksUpOnceAMinuteWhereNothingHappens) {
  writer->run([&](Tx&) { ledger.set_routes({{{"ops", {}, {}}, 72h, "", 0ms, 1h}}); });
  work();
  EXPECT_EQ(channel->deliveries.size(), 1U);
  EXPECT_EQ(column("SELECT kind FROM outbox"), Strings{"heartbeat"});
  pass(59min);
  EXPECT_EQ(channel->deliveries.size(), 1U);
  pass(2min);
  EXPECT_EQ(channel->deliveries.size(), 2U);
}

TEST_F(RunnerTest, ForgetsAttemptsAfterNinetyDays) {
  drift();
  work();
  pass(2min);
  EXPECT_EQ(column("SELECT CAST(count(*) AS text) FROM attempt"), Strings{"1"});
  clock.advance(24h * 90);
  work();
  EXPECT_EQ(column("SELECT CAST(count(*) AS text) FROM attempt"), Strings{"0"});
  EXPECT_EQ(states(), Strings{"delivered"}) << "that it was delivered is not forgotten";
}

TEST_F(RunnerTest, SignsOfLifeAreKeptForAWeekAndTheLastOneForGood) {
  writer->run([&](Tx&) { ledger.set_routes({{{"ops", {}, {}}, 72h, "", 0ms, 12h}}); });
  for (int day = 0; day < 30; ++day) {
    for (int half = 0; half < 2; ++half) {
      work();
      clock.advance(12h);
    }
  }
  const int kept = std::stoi(column("SELECT CAST(count(*) AS text) FROM outbox WHERE kind = 'heartbeat'").at(0));
  EXPECT_GE(kept, 14);
  EXPECT_LE(kept, 17);
  EXPECT_EQ(column("SELECT CAST(delivered AS text) FROM destination"), Strings{std::to_string(kept)});
  writer->run([&](Tx&) { ledger.set_routes({{{"ops", {}, {}}, 72h, "", 0ms, 0ms}}); });
  clock.advance(24h * 30);
  work();
  work();
  EXPECT_EQ(column("SELECT CAST(count(*) AS text) FROM outbox"), Strings{"1"});
}

TEST_F(RunnerTest, APluginThatDoesNotStartIsTriedAgainWithBackOff) {
  StartFailure failure;
  failure.message = "it crashed";
  channel->start_failures = {failure, failure, failure};
  drift();
  pass(5min);
  EXPECT_EQ(channel->starts, 4);
  EXPECT_EQ(states(), Strings{"delivered"});
}

TEST_F(RunnerTest, AWrongOptionHoldsTheDestinationUntilAReload) {
  StartFailure failure;
  failure.kind = StartFailure::Kind::mistakes;
  failure.mistakes = {{{"a.toml", 3, 1}, "unknown option 'ur'; did you mean 'url'?"}};
  channel->start_failures = {failure};
  drift();
  pass(10min);
  EXPECT_EQ(channel->starts, 1);
  EXPECT_EQ(delivery_events(), Strings{"delivery.refused"});
  const Json data = last_event_data();
  EXPECT_TRUE(data.at("id").is_null()) << "it refused no alert in particular: " << data.dump();
  EXPECT_EQ(data.at("alert"), "ops");
  EXPECT_NE(data.at("reason").get<std::string>().find("a.toml:3:1"), std::string::npos);
  EXPECT_NE(runner->state().down_reason.find("a.toml:3:1"), std::string::npos);
  auto mended = std::make_shared<FakeChannel>();
  runner->replace_channel(mended);
  work();
  EXPECT_EQ(mended->deliveries.size(), 1U);
  EXPECT_TRUE(channel->stopped);
  EXPECT_EQ(states(), Strings{"delivered"});
}

TEST_F(RunnerTest, AReloadTriesABackedOffDestinationAtOnce) {
  channel->answers = {answer(DeliveryResult::retry, 503, 1h)};
  drift();
  work();
  auto next = std::make_shared<FakeChannel>();
  runner->replace_channel(next);
  work();
  EXPECT_EQ(next->deliveries.size(), 1U);
}

TEST_F(RunnerTest, ARestartResumesWhereItWas) {
  channel->answers = {answer(DeliveryResult::retry, 503, 60s)};
  drift();
  work();
  auto again = std::make_shared<FakeChannel>();
  runner = std::make_unique<Runner>("ops", again, *writer, ledger, clock);
  pass(59s);
  EXPECT_EQ(again->deliveries.size(), 0U);
  pass(30s);
  ASSERT_EQ(again->deliveries.size(), 1U);
  EXPECT_EQ(again->deliveries[0].attempt, 2U);
}

TEST_F(RunnerTest, UnderAForeignWriteLockItSaysSoAndSendsNothingTwiceAfterwards) {
  work();
  drift();
  Database other = record.open_writer();
  channel->during_delivery = [&] { lock_out_writers(other); };
  EXPECT_THROW(runner->turn(), StoreError) << "it arrived, and its end cannot be recorded";
  channel->during_delivery = nullptr;
  ASSERT_EQ(channel->deliveries.size(), 1U);
  clock.advance(31s);
  EXPECT_THROW(runner->turn(), StoreError);
  ASSERT_EQ(channel->deliveries.size(), 2U);
  EXPECT_NE(channel->deliveries.back().body.find("record.failing"), std::string::npos);
  other.rollback();
  work();
  EXPECT_EQ(states(), std::vector<std::string>{"delivered"});
  EXPECT_EQ(std::count_if(channel->deliveries.begin(), channel->deliveries.end(),
                          [](const auto& each) { return each.body.find("drift.detected") != std::string::npos; }),
            1);
}

TEST_F(RunnerTest, ItsThreadStopsWhileItWaits) {
  runner->start();
  runner->stop();
  EXPECT_TRUE(channel->stopped);
}

}  // namespace
}  // namespace codedriftd::test
