#include "attribution/attributor.h"

#include <gtest/gtest.h>

#include "attribution/audit_log.h"
#include "base/json.h"
#include "support/manual_clock.h"
#include "support/temp_dir.h"
#include "support/test_record.h"

namespace codedriftd::test {
namespace {

using namespace std::chrono_literals;

class AttributorTest : public testing::Test {
 protected:
  AttributorTest() : ledger("ops-1", "ops-1/codedriftd") {
    writer = std::make_unique<Writer>(record.open_writer(), clock, Writer::Options{});
    ledger.set_audited({"prod"});
    ledger.set_routes({{{"curious", {"drift.*", "change.attributed"}, {}}, 1h, ""},
                       {{"ops", {}, {}}, 1h, ""},
                       {{"other", {"poll.*", "change.attributed"}, {}}, 1h, ""}});
    attributor = std::make_unique<Attributor>(
        *writer, ledger, clock, [this](std::shared_ptr<ReadJob> job, std::function<void()> over) {
          if (lost) return;
          carry(
              *job, [&](const ReadCall& call) { return log.answer(call); }, clock.wall());
          over();
        });
    attributor->set_accounts({{"prod", {"ci-deploy"}}});
    for (const char* function : {"charge", "refund"}) add(function);
  }
  ~AttributorTest() override { writer->stop(); }

  void add(const std::string& function) {
    writer->run([&](Tx& tx) {
      const TargetId id = targets::insert(tx.db, {"prod", "ap-guangzhou", "default", function, "$LATEST"});
      Watched watched{};
      watched.interval = 60s;
      watched.stale_after = 24h;
      watched.deploy_grace = 1h;
      ledger.apply(tx, id, watched, clock.wall());
      ids[function] = id;
    });
    see(function, "accepted");
  }
  void see(const std::string& function, const std::string& code) {
    Observation seen;
    seen.outcome = Outcome::observed;
    seen.sha256 = sha256(code);
    writer->run([&](Tx& tx) { ledger.apply(tx, ids[function], seen, clock.wall()); });
  }
  /// Drift, half a minute after the last sight of what is accepted.
  void drift(const std::string& function, const std::string& code = "other") {
    see(function, "accepted");
    clock.advance(30s);
    see(function, code);
  }
  /// Time passes, and what is due is asked.
  void after(Millis time) {
    clock.advance(time);
    attributor->ask_due();
    for (int i = 0; i < 2; ++i) writer->run([](Tx&) {});  // the queries, and what came back
  }
  Database reader() const { return record.open_reader(); }
  /// The events of change.attributed, as they stand in the log.
  std::vector<Json> attributed() const {
    Database db = reader();
    std::vector<Json> bodies;
    auto q = db.query("SELECT body FROM event WHERE kind = 'change.attributed' ORDER BY seq");
    while (q.step()) bodies.push_back(Json::parse(q.text(0)));
    return bodies;
  }
  int64_t number(std::string_view sql) const {
    Database db = reader();
    auto q = db.query_once(sql);
    return q.step() ? q.integer(0) : -1;
  }
  std::string id_of_drift(const std::string& function) {
    Database db = reader();
    auto q = db.query("SELECT id FROM event WHERE kind = 'drift.detected' AND target_id = ?", ids[function]);
    return q.step() ? q.string(0) : std::string();
  }

  TempDir dir;
  TestRecord record{dir / "codedriftd.db"};
  ManualClock clock;
  AuditLog log;
  bool lost = false;  ///< jobs are never over
  Ledger ledger;
  std::map<std::string, TargetId> ids;
  std::unique_ptr<Writer> writer;
  std::unique_ptr<Attributor> attributor;
};

TEST_F(AttributorTest, WhoChangedItIsToldOnceTwoMinutesAfterTheAlert) {
  drift("charge");
  log.add("charge", clock.wall() - 10s, "mallory");
  after(119s);
  EXPECT_TRUE(log.calls.empty());
  after(1s);
  ASSERT_EQ(attributed().size(), 1U);
  const Json event = attributed()[0];
  EXPECT_EQ(event.at("severity"), "info");
  EXPECT_EQ(event.at("target"), "prod/ap-guangzhou/default/charge:$LATEST");
  const Json& data = event.at("data");
  EXPECT_EQ(data.at("event"), id_of_drift("charge"));
  EXPECT_EQ(data.at("grade"), "one");
  EXPECT_EQ(data.at("final"), true);
  EXPECT_EQ(data.at("by_deploy_principal"), false);
  EXPECT_EQ(data.at("asked_at"), rfc3339(clock.wall()));
  EXPECT_EQ(data.at("records").at(0).at("principal"), "mallory");
  EXPECT_EQ(data.at("words").get<std::string>().find("The only recorded code change of charge between"), 0U);
  after(3h);
  EXPECT_EQ(log.calls.size(), 1U) << "what was found is final";
  EXPECT_EQ(attributed().size(), 1U);
}

TEST_F(AttributorTest, OnlyWhoAsksForItAndWasSentWhatItFollowsIsAlertedAndTheAlertNamesThat) {
  drift("charge");
  log.add("charge", clock.wall(), "ci-deploy");
  after(2min);
  Database db = reader();
  auto q = db.query("SELECT destination, body FROM outbox WHERE kind = 'change.attributed'");
  ASSERT_TRUE(q.step());
  EXPECT_EQ(q.text(0), "curious");
  const Json alert = Json::parse(q.text(1));
  EXPECT_EQ(alert.at("follows"), id_of_drift("charge"));
  const auto summary = alert.at("summary").get<std::string>();
  EXPECT_EQ(summary.find("The only recorded code change of charge between"), 0U);
  EXPECT_NE(summary.find("sub-user ci-deploy. That is one of the account's deploy_principals."), std::string::npos);
  EXPECT_FALSE(q.step());
}

TEST_F(AttributorTest, ARecordThatComesLateIsFoundByALaterQuery) {
  drift("charge");
  const WallTime when = clock.wall() - 10s;
  after(2min);
  after(8min);
  EXPECT_EQ(log.calls.size(), 2U);
  EXPECT_TRUE(attributed().empty());
  log.add("charge", when);
  after(19min);
  EXPECT_EQ(log.calls.size(), 2U);
  after(1min);
  ASSERT_EQ(attributed().size(), 1U);
  EXPECT_EQ(attributed()[0].at("data").at("grade"), "one");
}

TEST_F(AttributorTest, AfterTwoHoursWithoutARecordThatIsToldWithWhatFailed) {
  drift("charge");
  log.add("charge", clock.wall(), "mallory", "UnauthorizedOperation.CAM");
  for (const Millis step : {Millis{2min}, Millis{8min}, Millis{20min}}) {
    after(step);
    EXPECT_TRUE(attributed().empty());
  }
  after(90min);
  ASSERT_EQ(attributed().size(), 1U);
  const Json data = attributed()[0].at("data");
  EXPECT_EQ(data.at("grade"), "none");
  EXPECT_EQ(data.at("words"), "No record found as of " + rfc3339(clock.wall()) + "; records can be late or absent.");
  EXPECT_EQ(data.at("failed").size(), 1U);
  after(24h);
  EXPECT_EQ(log.calls.size(), 4U);
}

TEST_F(AttributorTest, TheFunctionsOfOneReleaseAreOneQuery) {
  drift("charge");
  log.add("charge", clock.wall());
  clock.advance(20s);
  see("refund", "other");
  log.add("refund", clock.wall(), "bob");
  after(100s);
  EXPECT_EQ(log.calls.size(), 1U);
  ASSERT_EQ(attributed().size(), 2U);
  EXPECT_EQ(attributed()[0].at("data").at("records").at(0).at("principal"), "alice");
  EXPECT_EQ(attributed()[1].at("data").at("records").at(0).at("principal"), "bob");
}

TEST_F(AttributorTest, ManyFunctionsAtOnceAreEachToldOnce) {
  for (int i = 0; i < 250; ++i) add("f" + std::to_string(i));
  clock.advance(30s);
  for (int i = 0; i < 250; ++i) {
    see("f" + std::to_string(i), "other");
    log.add("f" + std::to_string(i), clock.wall());
  }
  after(2min);
  after(1min);
  EXPECT_EQ(log.calls.size(), 5U) << "pages of one query";
  EXPECT_EQ(attributed().size(), 250U);
  EXPECT_EQ(number("SELECT count(*) FROM attribution WHERE told_seq IS NULL OR next_at_ms IS NOT NULL"), 0);
}

TEST_F(AttributorTest, ARefusedQueryIsAskedAgainAndPagesNobody) {
  log.refuses = "UnauthorizedOperation.CAM";
  drift("charge");
  log.add("charge", clock.wall());
  const int64_t alerts = number("SELECT count(*) FROM outbox");
  for (const Millis step : {Millis{2min}, Millis{8min}, Millis{20min}, Millis{90min}, Millis{2h}}) after(step);
  EXPECT_EQ(log.calls.size(), 5U);
  EXPECT_TRUE(attributed().empty());
  EXPECT_EQ(number("SELECT count(*) FROM outbox"), alerts);
  log.refuses.clear();
  after(2h);
  ASSERT_EQ(attributed().size(), 1U);
  EXPECT_EQ(attributed()[0].at("data").at("grade"), "one");
}

TEST_F(AttributorTest, WhatNeverHadAnAnswerIsNotSaidToHaveNoRecord) {
  log.refuses = "UnauthorizedOperation.CAM";
  drift("charge");
  for (int i = 0; i < 40; ++i) after(1h);
  EXPECT_EQ(log.calls.size(), kMostAuditTries);
  EXPECT_TRUE(attributed().empty());
  EXPECT_EQ(number("SELECT count(*) FROM attribution WHERE next_at_ms IS NOT NULL OR grade IS NOT NULL"), 0);
}

TEST_F(AttributorTest, AnAnswerFromBeforeTheRefusalsIsWhatStays) {
  drift("charge");
  after(2min);
  const WallTime answered = clock.wall();
  log.refuses = "InternalError";
  for (int i = 0; i < 40; ++i) after(1h);
  ASSERT_EQ(attributed().size(), 1U);
  EXPECT_EQ(attributed()[0].at("data").at("asked_at"), rfc3339(answered));
  EXPECT_EQ(attributed()[0].at("data").at("grade"), "none");
}

TEST_F(AttributorTest, WhatIsUnderWayIsNotAskedTwiceAndALostQueryIsAskedAgain) {
  drift("charge");
  log.add("charge", clock.wall());
  lost = true;
  after(2min);
  lost = false;
  after(10min);
  EXPECT_TRUE(attributed().empty()) << "it may still be under way";
  after(6min);
  EXPECT_EQ(attributed().size(), 1U);
}

TEST_F(AttributorTest, ARestartLosesNothing) {
  drift("charge");
  log.add("charge", clock.wall());
  lost = true;
  after(2min);
  lost = false;
  Attributor again(*writer, ledger, clock, [this](std::shared_ptr<ReadJob> job, std::function<void()> over) {
    carry(
        *job, [&](const ReadCall& call) { return log.answer(call); }, clock.wall());
    over();
  });
  again.set_accounts({{"prod", {}}});
  again.ask_due();
  for (int i = 0; i < 2; ++i) writer->run([](Tx&) {});
  EXPECT_EQ(attributed().size(), 1U);
}

TEST_F(AttributorTest, AnAccountThatIsNoLongerAuditedIsNotAsked) {
  drift("charge");
  attributor->set_accounts({});
  after(2min);
  attributor->set_accounts({{"prod", {}}});
  after(24h);
  EXPECT_TRUE(log.calls.empty());
  EXPECT_TRUE(attributed().empty());
}

TEST_F(AttributorTest, OnlyTheCallThatCanHaveMadeTheChangeIsNamed) {
  drift("charge");
  log.add("charge", clock.wall() - 10s, "mallory");
  log.add("charge", clock.wall() - 5s, "ci-deploy");
  log.records.back().action = "PublishVersion";
  after(2min);
  ASSERT_EQ(attributed().size(), 1U);
  const Json data = attributed()[0].at("data");
  EXPECT_EQ(data.at("grade"), "one");
  EXPECT_EQ(data.at("records").at(0).at("principal"), "mallory");
  EXPECT_EQ(log.calls[0].body.find("PublishVersion"), std::string::npos) << "nor is it asked for";
}

TEST_F(AttributorTest, AnAnswerThatIsTooLargeIsAskedForInHalves) {
  log.page = 1;
  drift("charge");
  log.add("charge", clock.wall());
  lost = true;
  after(2min);  // the question stays open for long
  lost = false;
  for (unsigned i = 0; i < kMostAuditPages; ++i) log.add("elsewhere", clock.wall() + 30min);
  clock.advance(1h);
  drift("refund");
  log.add("refund", clock.wall(), "bob");
  after(2min);
  after(1s);
  EXPECT_EQ(log.calls.size(), kMostAuditPages + 2U);
  ASSERT_EQ(attributed().size(), 2U);
  EXPECT_EQ(attributed()[0].at("data").at("records").at(0).at("principal"), "alice");
  EXPECT_EQ(attributed()[1].at("data").at("records").at(0).at("principal"), "bob");
}

TEST_F(AttributorTest, WhatIsTooLargeByItselfIsNotAskedAgain) {
  log.page = 1;
  drift("charge");
  for (unsigned i = 0; i <= kMostAuditPages; ++i) log.add("elsewhere", clock.wall());
  after(2min);
  EXPECT_EQ(log.calls.size(), kMostAuditPages);
  for (int i = 0; i < 30; ++i) after(1h);
  EXPECT_EQ(log.calls.size(), kMostAuditPages);
  EXPECT_TRUE(attributed().empty()) << "that nothing was found is not known";
  EXPECT_EQ(number("SELECT count(*) FROM attribution WHERE next_at_ms IS NOT NULL OR grade IS NOT NULL"), 0);
}

}  // namespace
}  // namespace codedriftd::test
