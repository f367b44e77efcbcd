/// Trouble of a whole account: its clock, its rate limit; and a daemon that did not run.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <charconv>
#include <cmath>

#include "e2e/daemon.h"
#include "e2e/page.h"
#include "e2e/record.h"
#include "store/db/sqlite.h"

namespace codedriftd::test {
namespace {

TEST(Trouble, AClockTenMinutesOffIsOneAlertOfTheAccountThatNamesTheSeconds) {
  Daemon daemon;
  daemon.deploy("refund", "reviewed");
  daemon.config.functions.emplace_back("refund", "");
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  daemon.cloud().set_clock_offset(std::chrono::seconds(600));
  ASSERT_TRUE(daemon.wait_for_alert("account.failing")) << daemon.log();
  const Json alert = daemon.alerts().at(0);
  EXPECT_EQ(alert.at("reason"), "clock");
  const std::string message = alert.at("error").at("message");
  const std::size_t at = message.find("clock is ");
  ASSERT_NE(at, std::string::npos) << message;
  EXPECT_NEAR(std::stod(message.substr(at + 9)), 600, 2) << message;
  EXPECT_NE(message.find("behind the cloud's"), std::string::npos) << message;
  EXPECT_EQ(daemon.status("charge").at("last_error").at("code"), "Client.Clock");

  daemon.cloud().set_clock_offset(std::chrono::seconds(0));
  ASSERT_TRUE(daemon.wait_for_alert("account.recovered", 1, Millis{40'000})) << daemon.log();
  EXPECT_EQ(daemon.receiver().count(), 2U);
}

TEST(Trouble, AStormOfRateLimitRefusalsSlowsThePaceAndEveryFunctionIsStillSeen) {
  DaemonOptions options;
  options.cloud.requests_per_second = 5;
  Daemon daemon(options);
  daemon.config.status_page = true;
  daemon.config.account = "requests_per_second = 20";
  daemon.config.functions.clear();
  for (int i = 0; i < 20; ++i) {
    daemon.config.functions.emplace_back(fmt::format("f{}", i), "");
    daemon.deploy(fmt::format("f{}", i), "reviewed");
  }
  daemon.start();
  const std::string pace = "codedriftd_lane_pace_calls_per_second{account=\"prod\",region=\"ap-guangzhou\"}";
  ASSERT_TRUE(eventually(
      [&] {
        const auto rate = metric(daemon.status_page(), pace);
        return rate && *rate < 12;
      },
      Millis{40'000}))
      << daemon.log();
  EXPECT_TRUE(eventually([&] { return daemon.query({"status"}).at("summary").at("in_sync") == 20; }, Millis{60'000}))
      << daemon.query({"status"}).at("summary").dump();
  EXPECT_GT(metric(daemon.status_page(), "codedriftd_api_calls_refused_total").value_or(0), 0);
  EXPECT_LE(daemon.cloud().statistics().busiest_second, 5U);
}

/// Moves every stored time of the record into the past: what it would be if the daemon had stopped then.
void age(const std::string& database, Millis by) {
  Database db = sqlite::open_writer(database);
  db.run(
      "UPDATE target SET last_polled_at_ms = last_polled_at_ms - ?1, last_success_at_ms = last_success_at_ms - ?1, "
      "status_since_ms = status_since_ms - ?1, live_since_ms = live_since_ms - ?1",
      by);
  db.run(
      "UPDATE daemon_run SET alive_at_ms = alive_at_ms - ?1, started_at_ms = started_at_ms - ?1, "
      "stopped_at_ms = stopped_at_ms - ?1",
      by);
}

TEST(Trouble, ADaemonStoppedLongerThanStaleAfterIsSaidByTheStatusAndAlertsNothingWhenItStarts) {
  Daemon daemon;
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
  EXPECT_EQ(daemon.status("charge").at("status"), "in_sync");
  age(daemon.database(), std::chrono::hours(24));
  const Json row = daemon.status("charge");
  EXPECT_EQ(row.at("status"), "unobserved");
  EXPECT_EQ(row.at("reason"), "daemon_not_running");
  EXPECT_EQ(daemon.command({"query", "status", "--detailed-exitcode"}).status, (ExitStatus{3, 0}));

  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  ASSERT_TRUE(daemon.wait_for_polls(2));
  EXPECT_EQ(daemon.receiver().count(), 0U);
}

/// A second alert would come with the next poll, or with the next look after time, which is every five seconds.
constexpr unsigned kPollsWithoutASecondAlert = 7;

TEST(Trouble, AFunctionThatCannotBeSeenLongerThanStaleAfterAlertsOnceAndSeesAgain) {
  Daemon daemon;
  daemon.config.defaults = "stale_after = \"3s\"";
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  daemon.cloud().set_error(Daemon::key("charge"), "UnauthorizedOperation.CAM", "no permission");
  ASSERT_TRUE(daemon.wait_for_alert("poll.failing", 1, Millis{40'000})) << daemon.log();
  EXPECT_EQ(daemon.alerts().at(0).at("reason"), "denied");
  EXPECT_EQ(daemon.status("charge").at("reason"), "denied");
  ASSERT_TRUE(daemon.wait_for_polls(kPollsWithoutASecondAlert));
  EXPECT_EQ(daemon.receiver().count(), 1U) << daemon.alerts().back().dump();
  daemon.cloud().clear();
  ASSERT_TRUE(daemon.wait_for_alert("poll.recovered")) << daemon.log();
  EXPECT_EQ(daemon.receiver().count(), 2U);
}

TEST(Trouble, AFunctionThatIsGoneAlertsOnceAndAgainWhenItReturnsWithOtherCode) {
  Daemon daemon;
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  daemon.cloud().remove(Daemon::key("charge"));
  ASSERT_TRUE(daemon.wait_for_alert("function.missing")) << daemon.log();
  EXPECT_TRUE(daemon.wait_for_status("charge", "missing"));
  ASSERT_TRUE(daemon.wait_for_polls(kPollsWithoutASecondAlert));
  EXPECT_EQ(daemon.receiver().count(), 1U) << daemon.alerts().back().dump();
  daemon.deploy("charge", "hurried");
  ASSERT_TRUE(daemon.wait_for_alert("function.returned")) << daemon.log();
  ASSERT_TRUE(daemon.wait_for_alert("drift.detected"));
  EXPECT_EQ(daemon.receiver().count(), 3U);
}

}  // namespace
}  // namespace codedriftd::test
