/// Many drifts at once, a receiver that is down, a daemon that is killed, and a destination that hangs for good: every
/// drift is told, in order, and nobody waits for somebody else.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>

#include "base/guarded.h"
#include "e2e/daemon.h"
#include "e2e/record.h"
#include "support/raw_server.h"

namespace codedriftd::test {
namespace {

#ifdef CODEDRIFTD_SANITIZED
constexpr int kStormFunctions = 500;  // a sanitizer looks for other mistakes, and takes long
#else
constexpr int kStormFunctions = 10'000;
#endif
constexpr Millis kLongEnough{240'000};

std::string name_of(int function) { return fmt::format("f{}", function); }

/// What the process used at most, in MiB.
double peak_mib(pid_t pid) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stod(line.substr(6)) / 1024;
  }
  return 0;
}

TEST(Storm, EveryDriftArrivesInOrderThoughTheReceiverIsDownAndTheDaemonIsKilled) {
  const uint16_t port = port_for_later();
  Daemon daemon;
  daemon.config.alerts = webhook_alert("ops", fmt::format("http://127.0.0.1:{}/hook", port), daemon.secret_file());
  daemon.config.interval = "10s";
  daemon.config.defaults = "stale_after = \"10m\"\n";
  daemon.config.account = "requests_per_second = 2000";
  daemon.config.functions.clear();
  for (int i = 0; i < kStormFunctions; ++i) {
    daemon.config.functions.emplace_back(name_of(i), "");
    daemon.deploy(name_of(i), "reviewed");
  }
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_polls(1, kLongEnough));

  for (int i = 0; i < kStormFunctions; ++i) daemon.deploy(name_of(i), "hurried");
  ASSERT_TRUE(
      eventually([&] { return count_kind(daemon.kinds(), "drift.detected") > kStormFunctions / 3; }, kLongEnough));
  const double before_kill = peak_mib(daemon.child().pid());
  daemon.kill();
  daemon.launch();
  daemon.wait_until_ready();
  ASSERT_TRUE(eventually([&] { return count_kind(daemon.kinds(), "drift.detected") == kStormFunctions; }, kLongEnough));
  for (int i = 0; i < kStormFunctions; i += 10) daemon.deploy(name_of(i), i % 20 == 0 ? "worse" : "reviewed");
  ASSERT_TRUE(eventually(
      [&] {
        return count_kind(daemon.kinds(), "drift.changed") + count_kind(daemon.kinds(), "drift.resolved") ==
               kStormFunctions / 10;
      },
      kLongEnough));

  Receiver receiver(ReceiverOptions{.port = port, .tls = {}});
  std::vector<ReceiverAnswer> rough;
  for (int i = 0; i < 6; ++i) {
    rough.push_back({.status = 204, .fault = i % 2 == 0 ? Fault::reset_before_reading : Fault::reset_after_reading});
    rough.push_back({.status = 204});
    rough.push_back({.status = 429, .headers = {{"Retry-After", "1"}}});
  }
  receiver.script(rough);
  daemon.hangup();  // what waits for a receiver that is back need not wait any longer
  const auto left = [&] {
    const Json rows = daemon.rows({"alerts"});
    return std::count_if(rows.begin(), rows.end(), [](const Json& row) { return row["state"] != "delivered"; });
  };
  ASSERT_TRUE(eventually([&] { return left() == 0; }, kLongEnough)) << left() << " are not delivered";
  const double daemon_peak = std::max(before_kill, peak_mib(daemon.child().pid()));
  const Json events = daemon.rows({"events", "--kind", "drift.*"});
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
  EXPECT_TRUE(whole_record(daemon.database()));

  const std::vector<ReceivedRequest> requests = receiver.requests();
  EXPECT_TRUE(same_bytes_under_one_id(requests, kWebhookSecret));
  std::map<std::string, int64_t> seq_of;
  for (const Json& event : events) seq_of[event["id"]] = event["seq"];
  EXPECT_EQ(seq_of.size(), static_cast<std::size_t>(kStormFunctions + kStormFunctions / 10));
  std::map<std::string, int64_t> newest_told;  // by target
  std::set<std::string> told, messages;
  for (const ReceivedRequest& request : requests) {
    const Json alert = Json::parse(request.body).at("data");
    messages.insert(alert["id"].get<std::string>());
    for (const auto& [target, ids] : told_by(alert)) {
      for (const std::string& id : ids) {
        if (!told.insert(id).second) continue;  // once more
        EXPECT_GT(seq_of.at(id), newest_told[target]) << "out of order: " << target;
        newest_told[target] = seq_of.at(id);
      }
    }
  }
  EXPECT_EQ(told.size(), seq_of.size()) << "not every drift arrived";
  EXPECT_LT(messages.size(), static_cast<std::size_t>(kStormFunctions / 10)) << "single messages instead of digests";
  std::printf("%d functions, %zu drift events, one kill: %zu messages in %zu requests; daemon's peak %.1f MiB\n",
              kStormFunctions, seq_of.size(), messages.size(), requests.size(), daemon_peak);
#ifndef CODEDRIFTD_SANITIZED
  EXPECT_LT(daemon_peak, 100) << "MiB";
#endif
}

TEST(Storm, ADestinationThatHangsForGoodDelaysNoOther) {
  constexpr int kDrifts = 20;
  const SystemClock clock;
  struct Other {
    Receiver receiver;
    Guarded<std::vector<std::pair<std::string, WallTime>>> arrived;  // event, when
  };
  Other others[3];
  Daemon daemon;
  daemon.config.alerts = faulty_alert("hangs", "hang");
  for (int i = 0; i < 3; ++i) {
    Other& other = others[i];
    daemon.config.alerts += webhook_alert(fmt::format("ops{}", i), other.receiver.url(), daemon.secret_file());
    other.receiver.on_request([&other, &clock](const ReceivedRequest& request) {
      const WallTime now = clock.wall();
      other.arrived.lock()->emplace_back(Json::parse(request.body)["data"]["id"], now);
    });
  }
  daemon.config.functions.clear();
  for (int i = 0; i < kDrifts; ++i) {
    daemon.config.functions.emplace_back(name_of(i), "");
    daemon.deploy(name_of(i), "reviewed");
  }
  daemon.config.account = "requests_per_second = 200";
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_polls(1));
  for (int i = 0; i < kDrifts; ++i) {
    daemon.deploy(name_of(i), "hurried");
    for (Other& other : others)
      ASSERT_TRUE(other.receiver.wait_for(static_cast<std::size_t>(i) + 1, kSoonEnough)) << daemon.log();
  }
  std::map<std::string, WallTime> written;
  for (const Json& event : daemon.rows({"events", "--kind", "drift.detected"}))
    written[event["id"]] = parse_rfc3339(event["time"].get<std::string>()).value();
  for (int i = 0; i < 3; ++i) {
    std::vector<Millis> delays;
    for (const auto& [id, when] : *others[i].arrived.lock())
      delays.push_back(std::chrono::duration_cast<Millis>(when - written.at(id)));
    std::sort(delays.begin(), delays.end());
    ASSERT_EQ(delays.size(), static_cast<std::size_t>(kDrifts));
    std::printf("destination %d beside one that hangs: %d alerts, median %lld ms, longest %lld ms\n", i, kDrifts,
                static_cast<long long>(delays[kDrifts / 2].count()), static_cast<long long>(delays.back().count()));
    EXPECT_LT(delays[kDrifts / 2], Millis{5'000});
  }
  const Json hung = daemon.rows({"alerts"});
  EXPECT_TRUE(std::none_of(hung.begin(), hung.end(),
                           [](const Json& row) { return row["alert"] == "hangs" && row["state"] == "delivered"; }));
}

}  // namespace
}  // namespace codedriftd::test
