/// Drift, the alert about it, and the reports; and that nothing but a transition sends anything.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>

#include "e2e/daemon.h"
#include "e2e/record.h"

namespace codedriftd::test {
namespace {

std::vector<std::string> with_prefix(const std::vector<std::string>& kinds, std::string_view prefix) {
  std::vector<std::string> found;
  std::copy_if(kinds.begin(), kinds.end(), std::back_inserter(found),
               [&](const std::string& kind) { return kind.starts_with(prefix); });
  return found;
}

using Kinds = std::vector<std::string>;

TEST(MainJob, DriftReachesTheReceiverSignedAndTheReportsSayTheSame) {
  Daemon daemon;
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync")) << daemon.log();
  daemon.deploy("charge", "hurried");
  ASSERT_TRUE(daemon.receiver().wait_for(1, kSoonEnough)) << daemon.log();

  const ReceivedRequest request = daemon.receiver().requests().at(0);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.header("content-type"), "application/cloudevents+json");
  EXPECT_TRUE(same_bytes_under_one_id({request}, kWebhookSecret));
  const Json event = Json::parse(request.body);
  EXPECT_EQ(event.at("type"), "codedriftd.drift.detected");
  EXPECT_EQ(event.at("source"), "codedriftd/e2e");
  EXPECT_EQ(event.at("subject"), Daemon::address("charge"));
  EXPECT_EQ(event.at("id"), request.header("webhook-id"));
  const Json& alert = event.at("data");
  EXPECT_EQ(alert.at("id"), request.header("webhook-id"));
  EXPECT_EQ(alert.at("severity"), "critical");
  EXPECT_EQ(alert.at("observed_sha256"), hash_of("hurried"));
  EXPECT_EQ(alert.at("accepted_sha256"), hash_of("reviewed"));

  const Json status = daemon.status("charge");
  EXPECT_EQ(status.at("status"), "drifted");
  EXPECT_EQ(status.at("observed_sha256"), hash_of("hurried"));
  EXPECT_EQ(status.at("accepted_sha256"), hash_of("reviewed"));
  EXPECT_EQ(status.at("accepted_source"), "first_seen");
  EXPECT_EQ(status.at("drift_since"), alert.at("drift_since"));
  const Json events = daemon.rows({"events", "--kind", "drift.*"});
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].at("id"), alert.at("id"));
  EXPECT_EQ(events[0].at("seq"), alert.at("log").at("index"));
  EXPECT_TRUE(eventually([&] { return daemon.rows({"alerts"}).at(0).at("state") == "delivered"; }));
  EXPECT_EQ(daemon.rows({"history", "--function", "charge"}).size(), 2U);

  daemon.deploy("charge", "reviewed");
  ASSERT_TRUE(daemon.wait_for_alert("drift.resolved"));
  const std::vector<Json> alerts = daemon.alerts();
  EXPECT_EQ(alerts.at(1).at("resolution"), "returned");
  EXPECT_EQ(daemon.status("charge").at("status"), "in_sync");
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
  EXPECT_TRUE(whole_record(daemon.database()));
  EXPECT_EQ(daemon.receiver().count(), 2U);
}

TEST(MainJob, RestartAndReloadSendNothingTwice) {
  Daemon daemon;
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  daemon.deploy("charge", "hurried");
  ASSERT_TRUE(daemon.wait_for_alert("drift.detected"));
  ASSERT_TRUE(eventually([&] { return daemon.rows({"alerts"}).at(0).at("state") == "delivered"; }));
  const std::size_t before = daemon.kinds().size();

  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_polls(2));
  daemon.hangup();
  ASSERT_TRUE(daemon.wait_for_polls(2));
  daemon.kill();
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_polls(2));

  const Json events = daemon.rows({"events"});
  Kinds since;
  for (std::size_t i = before; i < events.size(); ++i) since.push_back(events[i].at("kind"));
  EXPECT_EQ(since, (Kinds{"daemon.stopped", "daemon.started", "daemon.started"}));
  EXPECT_EQ(events.at(before + 1).at("data").at("previous_stop"), "clean");
  EXPECT_EQ(events.at(before + 2).at("data").at("previous_stop"), "unclean");
  EXPECT_EQ(events.at(before + 2).at("data").at("last_event_at"), events.at(before + 1).at("time"));
  EXPECT_EQ(daemon.receiver().count(), 1U);
  EXPECT_EQ(daemon.status("charge").at("status"), "drifted");
  EXPECT_TRUE(whole_record(daemon.database()));
}

TEST(MainJob, DriftThatHappenedWhileStoppedIsFound) {
  Daemon daemon;
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
  daemon.deploy("charge", "at night");
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_alert("drift.detected")) << daemon.log();
  EXPECT_EQ(daemon.alerts().at(0).at("observed_sha256"), hash_of("at night"));
  EXPECT_EQ(daemon.alerts().at(0).at("accepted_sha256"), hash_of("reviewed"));
}

TEST(MainJob, AnAlertThatWasNotDeliveredBeforeTheStopIsDeliveredAfterIt) {
  Daemon daemon;
  daemon.receiver().set_default({.status = 503});
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  daemon.deploy("charge", "hurried");
  ASSERT_TRUE(daemon.receiver().wait_for(1, kSoonEnough));
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
  const std::size_t refused = daemon.receiver().count();
  daemon.receiver().set_default({});
  daemon.start();
  ASSERT_TRUE(eventually([&] { return daemon.rows({"alerts"}).at(0).at("state") == "delivered"; }, Millis{40'000}));
  EXPECT_EQ(daemon.receiver().count(), refused + 1);
  EXPECT_TRUE(same_bytes_under_one_id(daemon.receiver().requests(), kWebhookSecret));
}

TEST(MainJob, AChangedPinIsPendingAndItsArrivalDoesNotAlert) {
  Daemon daemon;
  daemon.config.functions = {{"charge", "sha256 = \"" + hash_of("reviewed") + "\""}};
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  daemon.config.functions = {{"charge", "sha256 = \"" + hash_of("next") + "\""}};
  daemon.write_config();
  daemon.hangup();
  Json row = daemon.status("charge");
  EXPECT_EQ(row.at("status"), "pending_deploy");
  EXPECT_EQ(row.at("expected_sha256"), hash_of("next"));
  EXPECT_EQ(row.at("accepted_sha256"), hash_of("reviewed"));
  ASSERT_TRUE(daemon.wait_for_polls(2));
  EXPECT_EQ(daemon.status("charge").at("status"), "pending_deploy");

  daemon.deploy("charge", "next");
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync")) << daemon.log();
  row = daemon.status("charge");
  EXPECT_EQ(row.at("accepted_sha256"), hash_of("next"));
  EXPECT_EQ(row.at("accepted_source"), "pin");
  EXPECT_TRUE(with_prefix(daemon.kinds(), "drift.").empty());
  EXPECT_EQ(daemon.receiver().count(), 0U);

  daemon.deploy("charge", "reviewed");  // accepted once, but not any more
  ASSERT_TRUE(daemon.wait_for_alert("drift.detected"));
}

TEST(MainJob, AFunctionAddedOnReloadIsWatchedAndOneRemovedIsNot) {
  Daemon daemon;
  daemon.deploy("refund", "reviewed");
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  daemon.config.functions = {{"refund", ""}};
  daemon.write_config();
  daemon.hangup();
  ASSERT_TRUE(daemon.wait_for_status("refund", "in_sync"));
  EXPECT_EQ(daemon.rows({"status"}).size(), 1U);
  EXPECT_EQ(daemon.rows({"status", "--all"}).size(), 2U);
  daemon.deploy("charge", "nobody looks");
  ASSERT_TRUE(daemon.wait_for_polls(3));
  EXPECT_TRUE(with_prefix(daemon.kinds(), "drift.").empty());
}

TEST(MainJob, ABadFileOnReloadChangesNothingAndEveryMistakeIsInTheLog) {
  Daemon daemon;
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  const std::size_t before = daemon.kinds().size();
  daemon.dir().write("codedriftd.toml",
                     "[daemon]\nstate_dri = \"/tmp\"\n[[function]]\nname = 7\n[defaults]\ninterval = \"soon\"\n",
                     std::filesystem::perms(0644));
  daemon.hangup();
  for (const char* place : {"codedriftd.toml:2:", "codedriftd.toml:4:", "codedriftd.toml:6:"})
    EXPECT_TRUE(daemon.logged(place)) << place << "\n" << daemon.log();
  EXPECT_TRUE(daemon.logged("did you mean 'state_dir'?")) << daemon.log();
  EXPECT_TRUE(daemon.logged("config.refused"));
  EXPECT_FALSE(daemon.logged("config.reloaded"));
  ASSERT_TRUE(daemon.wait_for_polls(2));
  daemon.write_config();  // for the queries
  EXPECT_EQ(daemon.kinds().size(), before);
  daemon.deploy("charge", "hurried");
  EXPECT_TRUE(daemon.wait_for_alert("drift.detected"));
}

TEST(MainJob, ABadFileAtTheStartEndsWith78AndEveryMistake) {
  Daemon daemon;
  daemon.dir().write("codedriftd.toml", "[daemon]\nstate_dri = \"/tmp\"\n[[function]]\nname = 7\n",
                     std::filesystem::perms(0644));
  const RunResult result = daemon.command({"run"});
  EXPECT_EQ(result.status, (ExitStatus{78, 0}));
  EXPECT_NE(result.err.find("codedriftd.toml:2:"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("codedriftd.toml:4:"), std::string::npos) << result.err;
  EXPECT_FALSE(std::filesystem::exists(daemon.state_dir()));
}

TEST(MainJob, UnchangedPollsAddNoRows) {
  Daemon daemon;
  for (int i = 0; i < 20; ++i) {
    const std::string name = "f" + std::to_string(i);
    daemon.deploy(name, "reviewed");
    daemon.config.functions.emplace_back(name, "");
  }
  daemon.config.account = "requests_per_second = 200";
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_polls(2));
  ASSERT_TRUE(daemon.wait_for_status("f19", "in_sync"));
  const auto before = row_counts(daemon.database());
  ASSERT_TRUE(daemon.wait_for_polls(4));
  EXPECT_EQ(row_counts(daemon.database()), before);
}

}  // namespace
}  // namespace codedriftd::test
