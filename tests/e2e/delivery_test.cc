/// Receivers and plugins that misbehave: the alert is retried until it is delivered or visibly dead, and polling goes
/// on.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "e2e/daemon.h"
#include "e2e/record.h"

namespace codedriftd::test {
namespace {

/// Faults that a receiver can play; the rest are about the API's JSON.
bool for_receivers(Fault fault) { return fault < Fault::sha_missing; }

std::string alert_name(Fault fault) { return std::string(fault_name(fault)); }

/// The row of one destination's one alert.
Json alert_row_about(const Daemon& daemon, std::string_view name) {
  for (const Json& row : daemon.rows({"alerts"})) {
    if (row.at("alert") == name) return row;
  }
  return {};
}

bool state_is(const Daemon& daemon, std::string_view name, std::string_view state) {
  const Json row = alert_row_about(daemon, name);
  return row.is_object() && row.at("state") == state;
}

TEST(Delivery, EveryHostileAnswerOfAReceiverIsSurvivedAndTheAlertArrives) {
  std::map<Fault, std::unique_ptr<Receiver>> receivers;
  Daemon daemon;
  daemon.config.alerts.clear();
  for (const Fault fault : all_faults()) {
    if (!for_receivers(fault) || fault == Fault::redirect) continue;  // a redirect is a refusal: below
    receivers[fault] = std::make_unique<Receiver>();
    receivers[fault]->script({{.status = 200, .fault = fault}});
    daemon.config.alerts +=
        webhook_alert(alert_name(fault), receivers[fault]->url(), daemon.secret_file(), "", "timeout_s = 2");
  }
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync", Millis{40'000})) << daemon.log();
  daemon.deploy("charge", "hurried");
  ASSERT_TRUE(daemon.wait_for_status("charge", "drifted"));
  const auto all_delivered = [&] {
    const Json rows = daemon.rows({"alerts"});
    return rows.size() == receivers.size() &&
           std::all_of(rows.begin(), rows.end(), [](const Json& row) { return row.at("state") == "delivered"; });
  };
  EXPECT_TRUE(eventually(all_delivered, Millis{60'000})) << daemon.rows({"alerts"}).dump(1);
  for (const auto& [fault, receiver] : receivers) {
    EXPECT_TRUE(same_bytes_under_one_id(receiver->requests(), kWebhookSecret)) << fault_name(fault);
  }
  ASSERT_TRUE(daemon.running());
  ASSERT_TRUE(daemon.wait_for_polls(2));
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
  EXPECT_TRUE(whole_record(daemon.database()));
}

TEST(Delivery, EveryStatusIsDeliveredRetriedDeadOrHeldAsTheContractSays) {
  struct Case {
    int status;
    const char* state;  ///< of the alert after that answer, the next being 204
  };
  constexpr Case kCases[] = {{200, "delivered"}, {202, "delivered"}, {408, "delivered"}, {425, "delivered"},
                             {429, "delivered"}, {500, "delivered"}, {503, "delivered"}, {400, "dead"},
                             {413, "dead"},      {415, "dead"},      {422, "dead"},      {302, "held"},
                             {401, "held"},      {403, "held"},      {404, "held"},      {405, "held"},
                             {407, "held"},      {410, "held"}};
  std::map<int, std::unique_ptr<Receiver>> receivers;
  Daemon daemon;
  daemon.config.alerts.clear();
  for (const Case& c : kCases) {
    auto& receiver = receivers[c.status] = std::make_unique<Receiver>();
    receiver->script({{.status = c.status, .headers = {{"Location", "/elsewhere"}}, .body = "words of the receiver"}});
    daemon.config.alerts += webhook_alert(fmt::format("s{}", c.status), receiver->url(), daemon.secret_file());
  }
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync", Millis{40'000}));
  daemon.deploy("charge", "hurried");
  for (const Case& c : kCases) {
    const std::string name = fmt::format("s{}", c.status);
    EXPECT_TRUE(eventually([&] { return state_is(daemon, name, c.state); }, Millis{40'000}))
        << name << " " << alert_row_about(daemon, name).dump(1);
    const bool retried = std::string_view(c.state) == "delivered" && c.status >= 300;
    EXPECT_EQ(receivers[c.status]->count(), retried ? 2U : 1U) << name;
    if (std::string_view(c.state) != "delivered") {
      EXPECT_EQ(alert_row_about(daemon, name).at("last_status"), c.status);
      EXPECT_NE(alert_row_about(daemon, name).at("last_error").get<std::string>().find("words of the receiver"),
                std::string::npos);
    }
  }
  for (const Json& row : daemon.rows({"events", "--kind", "delivery.*"})) {
    EXPECT_TRUE(row.at("kind") == "delivery.dead" || row.at("kind") == "delivery.refused");
  }
  EXPECT_EQ(daemon.rows({"events", "--kind", "delivery.dead"}).size(), 4U);
  EXPECT_EQ(daemon.rows({"events", "--kind", "delivery.refused"}).size(), 7U);
}

TEST(Delivery, RetryAfterIsAMinimum) {
  Daemon daemon;
  daemon.receiver().script({{.status = 429, .headers = {{"Retry-After", "8"}}}});
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  daemon.deploy("charge", "hurried");
  ASSERT_TRUE(daemon.receiver().wait_for(2, Millis{60'000}));
  const auto requests = daemon.receiver().requests();
  EXPECT_GE(requests[1].arrived - requests[0].arrived, std::chrono::seconds(8));
}

TEST(Delivery, WhenADestinationCannotDeliverItsFallbackIsTold) {
  Receiver pager;
  Daemon daemon;
  daemon.receiver().set_default({.status = 400, .body = "no such channel"});
  daemon.config.alerts = webhook_alert("ops", daemon.receiver().url(), daemon.secret_file(), "fallback = \"pager\"") +
                         webhook_alert("pager", pager.url(), daemon.secret_file(), "kinds = [\"account.*\"]");
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  daemon.deploy("charge", "hurried");
  ASSERT_TRUE(pager.wait_for(1, kSoonEnough)) << daemon.log();
  EXPECT_EQ(Json::parse(pager.requests()[0].body).at("type"), "codedriftd.delivery.dead");
}

TEST(Delivery, APluginThatCrashesOrHangsStopsNeitherPollingNorAnotherDestination) {
  Daemon daemon;
  for (const char* mode :
       {"crash", "segv", "exit", "hang", "open_crashes", "nonsense", "garbage_result", "log_forever"})
    daemon.config.alerts += faulty_alert(mode, mode);
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync", Millis{40'000})) << daemon.log();
  daemon.deploy("charge", "hurried");
  ASSERT_TRUE(daemon.wait_for_alert("drift.detected")) << daemon.log();
  daemon.deploy("charge", "reviewed");
  ASSERT_TRUE(daemon.wait_for_alert("drift.resolved")) << daemon.log();
  // An alert that was in flight in three faults is given up, for that destination alone.
  for (const char* mode : {"crash", "segv", "exit"}) {
    EXPECT_TRUE(eventually(
        [&] {
          const Json rows = daemon.rows({"alerts"});
          return std::any_of(rows.begin(), rows.end(),
                             [&](const Json& row) { return row.at("alert") == mode && row.at("state") == "dead"; });
        },
        Millis{60'000}))
        << mode;
  }
  ASSERT_TRUE(daemon.running());
  ASSERT_TRUE(daemon.wait_for_polls(2));
  const MonoTime asked = SystemClock{}.mono();
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
  EXPECT_LT(SystemClock{}.mono() - asked, std::chrono::seconds(5));
  EXPECT_TRUE(whole_record(daemon.database()));
}

TEST(Delivery, AnAlertThatIsNoLongerConfiguredIsVisiblyDead) {
  Daemon daemon;
  daemon.receiver().set_default({.status = 503});
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  daemon.deploy("charge", "hurried");
  ASSERT_TRUE(daemon.receiver().wait_for(1, kSoonEnough));
  daemon.config.alerts = webhook_alert("pager", daemon.receiver().url(), daemon.secret_file());
  daemon.write_config();
  daemon.hangup();
  EXPECT_TRUE(eventually([&] { return state_is(daemon, "ops", "dead"); }));
}

}  // namespace
}  // namespace codedriftd::test
