#include "status/metrics.h"

#include <gtest/gtest.h>

#include "support/process.h"

namespace codedriftd::test {
namespace {

StatusSnapshot snapshot() {
  StatusSnapshot s;
  s.now = from_ms(1'795'478'400'000);
  s.polls.polls = {10, 1, 0, 2, 3};
  s.polls.attempts = 16;
  s.polls.took = {{0.05, 4}, {1, 16}};
  s.polls.seconds = 1.5;
  s.polls.last_poll_at = s.now;
  s.polls.last_success_at = s.now;
  s.polls.lanes = {{"prod", "ap-guangzhou", 42, 0, 14.7, Millis{1500}}};
  s.polls.paces = {{"prod,staging", Action::get_function_address, 15, 14.7}};
  s.functions = {{"in_sync", 41}, {"drifted", 1}};
  s.drifts_open = 1;
  StatusSnapshot::Destination ops;
  ops.name = "o\"p\\s";
  ops.runner.up = true;
  ops.depth.pending = 2;
  ops.depth.oldest_pending = s.now - Millis{61'000};
  ops.depth.suspended = 3;
  ops.depth.flapping = 4;
  ops.depth.last_delivered = s.now;
  ops.state = DestinationState::Kind::held;
  s.destinations = {ops};
  s.packages = {7, 1, 2, 3, 123'456, 4};
  s.discovery.calls = {{Action::list_functions, 42}, {Action::get_account, 3}};
  s.discovery.refused_by_limit = 5;
  s.discovery.listings = 10;
  s.discovery.incomplete_listings = 3;
  s.discovery.looks = 100;
  s.discovery.failed_looks = 1;
  s.discovery.details = 6;
  s.discovery.failed_details = 2;
  s.discovery.details_waiting = 9;
  s.discovery.regions = {{"prod", "ap-guangzhou", s.now, s.now - Millis{15'000}, 2, 11, 7},
                         {"prod", "ap-tokyo", {}, {}, 0, 0, 0}};
  return s;
}

TEST(Metrics, SayWhatTheSnapshotHolds) {
  const std::string text = metrics_text(snapshot());
  for (const char* line : {
           "codedriftd_polls_total{outcome=\"observed\"} 10\n",
           "codedriftd_polls_total{outcome=\"updating\"} 0\n",
           "codedriftd_functions{status=\"drifted\"} 1\n",
           "codedriftd_drifts_open 1\n",
           "codedriftd_api_call_duration_seconds_bucket{le=\"+Inf\"} 16\n",
           "codedriftd_lane_behind_seconds{account=\"prod\",region=\"ap-guangzhou\"} 1.5\n",
           "codedriftd_pace_calls_per_second{accounts=\"prod,staging\",action=\"GetFunctionAddress\"} 14.7\n",
           "codedriftd_pace_limit_calls_per_second{accounts=\"prod,staging\",action=\"GetFunctionAddress\"} 15\n",
           "codedriftd_outbox_oldest_pending_age_seconds{destination=\"o\\\"p\\\\s\"} 61\n",
           "codedriftd_destination_plugin_up{destination=\"o\\\"p\\\\s\"} 1\n",
           "codedriftd_destination_backing_off{destination=\"o\\\"p\\\\s\"} 0\n",
           "codedriftd_destination_last_delivery_timestamp_seconds{destination=\"o\\\"p\\\\s\"} 1795478400\n",
           "codedriftd_outbox_pending{destination=\"o\\\"p\\\\s\"} 2\n",
           "codedriftd_outbox_suspended{destination=\"o\\\"p\\\\s\"} 3\n",
           "codedriftd_outbox_flapping{destination=\"o\\\"p\\\\s\"} 4\n",
           "codedriftd_packages_total{state=\"examined\"} 7\n",
           "codedriftd_packages_total{state=\"ambiguous\"} 1\n",
           "codedriftd_packages_total{state=\"unavailable\"} 2\n",
           "codedriftd_packages_total{state=\"mismatch\"} 3\n",
           "codedriftd_package_downloaded_bytes_total 123456\n",
           "codedriftd_packages_queued 4\n",
           "codedriftd_discovery_calls_total{action=\"ListFunctions\"} 42\n",
           "codedriftd_discovery_calls_total{action=\"GetAccount\"} 3\n",
           "codedriftd_discovery_calls_refused_total 5\n",
           "codedriftd_discovery_listings_total{outcome=\"complete\"} 7\n",
           "codedriftd_discovery_listings_total{outcome=\"incomplete\"} 3\n",
           "codedriftd_discovery_looks_total{outcome=\"complete\"} 99\n",
           "codedriftd_discovery_looks_total{outcome=\"incomplete\"} 1\n",
           "codedriftd_discovery_details_total{outcome=\"incomplete\"} 2\n",
           "codedriftd_discovery_details_waiting 9\n",
           "codedriftd_discovery_last_complete_listing_timestamp_seconds{account=\"prod\",region=\"ap-guangzhou\"} "
           "1795478400\n",
           "codedriftd_discovery_last_complete_listing_timestamp_seconds{account=\"prod\",region=\"ap-tokyo\"} 0\n",
           "codedriftd_discovery_last_good_look_timestamp_seconds{account=\"prod\",region=\"ap-guangzhou\"} "
           "1795478385\n",
           "codedriftd_discovery_failing_namespaces{account=\"prod\",region=\"ap-guangzhou\"} 2\n",
           "codedriftd_discovery_functions_found{account=\"prod\",region=\"ap-guangzhou\"} 11\n",
           "codedriftd_discovery_functions_watched{account=\"prod\",region=\"ap-guangzhou\"} 7\n",
           "codedriftd_destination_held{destination=\"o\\\"p\\\\s\"} 1\n",
       }) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "\nin\n" << text;
  }
}

TEST(Metrics, AreCleanUnderPromtool) {
  if (!run({.argv = {"sh", "-c", "command -v promtool"}}).out.ends_with("promtool\n")) {
    GTEST_SKIP() << "promtool is not installed (Debian: prometheus)";
  }
  ChildOptions options{.argv = {"promtool", "check", "metrics"}};
  options.stdin_text = metrics_text(snapshot());
  const RunResult result = run(std::move(options));
  EXPECT_EQ(result.status, (ExitStatus{0, 0})) << result.out << result.err;
  EXPECT_EQ(result.err, "");
}

TEST(Metrics, TheStatusLineSaysTheMainThingsInOneLine) {
  StatusSnapshot s = snapshot();
  EXPECT_EQ(status_line(s), "42 functions, 1 drifted; last poll 00:00:00Z; 0 of 1 destination up, 2 alerts pending")
      << "one that is held takes nothing";
  s.destinations.front().state = DestinationState::Kind::ok;
  s.destinations.front().depth.pending = 1;
  s.polls.last_poll_at.reset();
  EXPECT_EQ(status_line(s), "42 functions, 1 drifted; not polled yet; 1 of 1 destination up, 1 alert pending");
}

}  // namespace
}  // namespace codedriftd::test
