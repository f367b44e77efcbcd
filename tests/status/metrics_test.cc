#include "status/metrics.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>

#include "base/unique_fd.h"
#include "status/process_stats.h"
#include "support/process.h"

namespace codedriftd::test {
namespace {

StatusSnapshot snapshot() {
  StatusSnapshot s;
  s.now = from_ms(1'795'478'400'000);
  s.polls.polls = {10, 1, 0, 2, 3};
  for (const double seconds : {0.01, 0.05, 0.06, 1.0, 30.0}) s.polls.took.add(seconds);
  s.polls.last_poll_at = s.now;
  s.polls.last_success_at = s.now;
  s.polls.lanes = {{"prod", "ap-guangzhou", 42, 0, 14.7, Millis{1500}}};
  s.polls.paces = {{"prod,staging", Action::get_function_address, 15, 14.7}};
  s.functions = {{"in_sync", 41}, {"drifted", 1}};
  s.drifts_open = 1;
  StatusSnapshot::Destination ops;
  ops.name = "o\"p\\s";
  ops.runner.up = true;
  ops.runner.attempts = {{DeliveryResult::delivered, 2}, {DeliveryResult::retry, 1}};
  ops.runner.delay.add(3);
  ops.runner.delay.add(100'000);
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
  s.discovery.regions = {{"prod", "ap-guangzhou", s.now, s.now - Millis{15'000}, Millis{600'000}, 2, 11, 7},
                         {"prod", "ap-tokyo", {}, {}, Millis{0}, 0, 0, 0}};
  s.fleet = StatusSnapshot::Fleet{7, 2, 3, Millis{-1500}, true};
  s.store_errors = {{"full", 3}};
  s.disk_free_bytes = 5'000'000'000;
  s.config_loads_failed = 2;
  s.last_load_failed = true;
  s.config_loaded_at = s.now;
  return s;
}

std::string text_of(const StatusSnapshot& s, ExpositionFormat format = ExpositionFormat::prometheus,
                    ProcessMetrics process = ProcessMetrics::with) {
  return metrics_text(s, format, process);
}

TEST(Metrics, SayWhatTheSnapshotHolds) {
  const std::string text = text_of(snapshot());
  for (const char* line : {
           "codedriftd_polls_total{outcome=\"observed\"} 10\n",
           "codedriftd_polls_total{outcome=\"updating\"} 0\n",
           "codedriftd_functions{status=\"drifted\"} 1\n",
           "codedriftd_drifts_open 1\n",
           "codedriftd_api_call_duration_seconds_bucket{le=\"0.05\"} 2\n",
           "codedriftd_api_call_duration_seconds_bucket{le=\"0.1\"} 3\n",
           "codedriftd_api_call_duration_seconds_bucket{le=\"1.0\"} 4\n",
           "codedriftd_api_call_duration_seconds_bucket{le=\"10.0\"} 4\n",
           "codedriftd_api_call_duration_seconds_bucket{le=\"+Inf\"} 5\n",
           "codedriftd_api_call_duration_seconds_count 5\n",
           "codedriftd_delivery_attempts_total{destination=\"o\\\"p\\\\s\",result=\"delivered\"} 2\n",
           "codedriftd_delivery_attempts_total{destination=\"o\\\"p\\\\s\",result=\"fault\"} 0\n",
           "codedriftd_delivery_delay_seconds_bucket{destination=\"o\\\"p\\\\s\",le=\"5.0\"} 1\n",
           "codedriftd_delivery_delay_seconds_bucket{destination=\"o\\\"p\\\\s\",le=\"+Inf\"} 2\n",
           "codedriftd_store_errors_total{error=\"full\"} 3\n",
           "codedriftd_store_errors_total{error=\"corrupt\"} 0\n",
           "codedriftd_disk_free_bytes 5000000000\n",
           "codedriftd_fleet_member 7\n",
           "codedriftd_fleet_leases_held 2\n",
           "codedriftd_fleet_leases 3\n",
           "codedriftd_fleet_config_outdated 1\n",
           "codedriftd_fleet_clock_offset_seconds -1.5\n",
           "codedriftd_config_reload_failures_total 2\n",
           "codedriftd_config_last_reload_successful 0\n",
           "codedriftd_config_last_reload_success_timestamp_seconds 1795478400\n",
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
           "codedriftd_discovery_interval_seconds{account=\"prod\",region=\"ap-guangzhou\"} 600\n",
           "codedriftd_discovery_failing_namespaces{account=\"prod\",region=\"ap-guangzhou\"} 2\n",
           "codedriftd_discovery_functions_found{account=\"prod\",region=\"ap-guangzhou\"} 11\n",
           "codedriftd_discovery_functions_watched{account=\"prod\",region=\"ap-guangzhou\"} 7\n",
           "codedriftd_destination_held{destination=\"o\\\"p\\\\s\"} 1\n",
       }) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "\nin\n" << text;
  }
}

TEST(Metrics, OfAFleetAreThoseOfItsMembersAlone) {
  StatusSnapshot s = snapshot();
  s.fleet->held = 0;
  EXPECT_NE(text_of(s).find("codedriftd_fleet_leases_held 0\n"), std::string::npos);
  s.fleet.reset();
  EXPECT_EQ(text_of(s).find("codedriftd_fleet"), std::string::npos);
}

TEST(Metrics, AreCleanUnderPromtool) {
  if (!run({.argv = {"sh", "-c", "command -v promtool"}}).out.ends_with("promtool\n")) {
    GTEST_SKIP() << "promtool is not installed (Debian: prometheus)";
  }
  ChildOptions options{.argv = {"promtool", "check", "metrics"}};
  options.stdin_text = text_of(snapshot());
  const RunResult result = run(std::move(options));
  EXPECT_EQ(result.status, (ExitStatus{0, 0})) << result.out << result.err;
  EXPECT_EQ(result.err, "");
}

TEST(Metrics, OfTheProcessItselfAreLikeThoseOfOtherPrograms) {
  const std::string with = text_of(snapshot());
  for (const char* name : {"process_cpu_seconds_total", "process_start_time_seconds", "process_resident_memory_bytes",
                           "process_virtual_memory_bytes", "process_open_fds", "process_max_fds", "process_threads"}) {
    const auto sample = with.find(fmt::format("\n{} ", name));
    ASSERT_NE(sample, std::string::npos) << name;
    EXPECT_GT(std::strtod(with.c_str() + sample + 2 + std::strlen(name), nullptr), 0) << name;
  }
  const std::string without = text_of(snapshot(), ExpositionFormat::prometheus, ProcessMetrics::without);
  EXPECT_EQ(without.find("process_"), std::string::npos) << "node_exporter has those of its own beside a textfile";
}

TEST(ProcessStats, AreOfThisProcess) {
  const ProcessStats stats = process_stats();
  const double now = static_cast<double>(to_ms(SystemClock().wall())) / 1000;
  EXPECT_LE(stats.start_time, now + 1);
  EXPECT_GT(stats.start_time, now - 3'600) << "the tests take minutes";
  EXPECT_GE(stats.virtual_bytes, stats.resident_bytes);
  const int64_t before = stats.open_fds;
  const UniqueFd one(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(process_stats().open_fds, before + 1);
}

// By the reader of Prometheus's own Python client, which is strict.
TEST(Metrics, AreOpenMetricsForWhoeverAsksForIt) {
  const std::string text = text_of(snapshot(), ExpositionFormat::openmetrics);
  EXPECT_TRUE(text.ends_with("\n# EOF\n"));
  EXPECT_NE(text.find("# TYPE codedriftd_polls counter\n"), std::string::npos);
  EXPECT_NE(text.find("\ncodedriftd_polls_total{outcome=\"observed\"} 10\n"), std::string::npos);
  if (run({.argv = {"/usr/bin/python3", "-c", "import prometheus_client"}}).status != (ExitStatus{0, 0})) {
    GTEST_SKIP() << "prometheus_client is not installed (Debian: python3-prometheus-client)";
  }
  ChildOptions options{.argv = {"/usr/bin/python3", "-c",
                                "import sys\n"
                                "from prometheus_client.openmetrics.parser import text_string_to_metric_families\n"
                                "print(len(list(text_string_to_metric_families(sys.stdin.read()))))\n"}};
  options.stdin_text = text;
  const RunResult result = run(std::move(options));
  EXPECT_EQ(result.status, (ExitStatus{0, 0})) << result.err;
  EXPECT_GT(std::atoi(result.out.c_str()), 40);
}

TEST(Exposition, IsInTheFormatThatTheAcceptHeaderAsksFor) {
  constexpr auto kOpen = ExpositionFormat::openmetrics;
  constexpr auto kText = ExpositionFormat::prometheus;
  const std::pair<const char*, ExpositionFormat> cases[] = {
      {"", kText},
      {"*/*", kText},
      {"text/plain", kText},
      {"application/openmetrics-text; version=1.0.0; charset=utf-8", kOpen},
      {"application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", kOpen},
      {"text/plain,application/openmetrics-text", kOpen},
      {"application/openmetrics-text;q=0", kText},
      {"application/openmetrics-text; q=0.00 , text/plain", kText},
      {"application/openmetrics-textual", kText},
      {",;,;q=", kText},
  };
  for (const auto& [accept, format] : cases) EXPECT_EQ(exposition_format_of(accept), format) << accept;
}

TEST(Exposition, EscapesWhatALabelMayNotHold) { EXPECT_EQ(label_value("a\"b\\c\nd"), "a\\\"b\\\\c\\nd"); }

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
