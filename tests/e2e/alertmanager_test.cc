/// A real Alertmanager (Debian's prometheus-alertmanager): told by the daemon, read back with amtool.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "e2e/daemon.h"
#include "http_sink/prometheus.h"
#include "support/free_port.h"

namespace codedriftd::test {
namespace {

bool there(const char* program) {
  ChildOptions options;
  options.argv = {"/bin/sh", "-c", fmt::format("command -v {}", program)};
  const RunResult result = run(std::move(options));
  return result.status && *result.status == ExitStatus{0, 0};
}

/// Alertmanager on loopback, which passes what it gets on to a webhook.
class AlertmanagerProcess {
 public:
  explicit AlertmanagerProcess(const std::string& webhook) {
    dir_.write("am.yml", fmt::format("route:\n  receiver: hook\n  group_by: [alertname]\n  group_wait: 100ms\n"
                                     "  group_interval: 1s\n  repeat_interval: 1h\nreceivers:\n  - name: hook\n"
                                     "    webhook_configs:\n      - url: {}\n",
                                     webhook));
    for (int tries = 0; tries < 5 && !(child_ && child_->running()); ++tries) {  // the port may be taken meanwhile
      const uint16_t port = free_port();
      url_ = fmt::format("http://127.0.0.1:{}", port);
      ChildOptions options;
      options.argv = {"prometheus-alertmanager", fmt::format("--config.file={}", dir_ / "am.yml"),
                      fmt::format("--storage.path={}", dir_ / "data"),
                      fmt::format("--web.listen-address=127.0.0.1:{}", port), "--cluster.listen-address="};
      child_ = std::make_unique<Child>(std::move(options));
      ready_ = child_->wait_for_output("Listening on", kSoonEnough);
    }
  }
  bool ready() const { return ready_; }
  const std::string& url() const { return url_; }
  std::string log() { return child_->err() + child_->out(); }

  /// What `amtool alert query ARGS…` prints, as JSON.
  Json query(std::vector<std::string> args) const {
    ChildOptions options;
    options.argv = {"amtool", fmt::format("--alertmanager.url={}", url_), "--output=json", "alert", "query"};
    options.argv.insert(options.argv.end(), args.begin(), args.end());
    const RunResult result = run(std::move(options));
    if (!result.status || *result.status != ExitStatus{0, 0}) throw std::runtime_error("amtool: " + result.err);
    return Json::parse(result.out);
  }

 private:
  TempDir dir_;
  std::string url_;
  std::unique_ptr<Child> child_;
  bool ready_ = false;
};

TEST(RealAlertmanager, IsToldOfDriftAndOfItsEnd) {
  if (!there("prometheus-alertmanager") || !there("amtool")) {
    GTEST_SKIP() << "prometheus-alertmanager and amtool are not installed (scripts/install-deps --test)";
  }
  Receiver hook;
  AlertmanagerProcess alertmanager(hook.url());
  ASSERT_TRUE(alertmanager.ready()) << alertmanager.log();
  Daemon daemon;
  std::filesystem::create_symlink(CODEDRIFTD_BINARY_DIR "/plugins/alertmanager.so",
                                  daemon.dir() / "plugins/alertmanager.so");
  daemon.config.alerts = fmt::format(
      "[[alert]]\nname = \"am\"\nplugin = \"alertmanager\"\n[alert.options]\nurl = \"{}\"\n", alertmanager.url());
  daemon.config.functions = {{"charge", ""}, {"refund", ""}};
  daemon.deploy("refund", "reviewed");
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync")) << daemon.log();
  ASSERT_TRUE(daemon.wait_for_status("refund", "in_sync")) << daemon.log();
  daemon.deploy("charge", "hurried");
  daemon.deploy("refund", "hurried");
  ASSERT_TRUE(eventually([&] { return alertmanager.query({"alertname=CodeDrift"}).size() == 2; })) << daemon.log();

  const Json alerts = alertmanager.query({"alertname=CodeDrift", "function=charge"});
  ASSERT_EQ(alerts.size(), 1U);
  const Json& alert = alerts[0];
  const std::map<std::string, std::string> labels = {
      {"alertname", "CodeDrift"}, {"severity", "critical"}, {"instance", "e2e"},    {"account", "prod"},
      {"region", "ap-guangzhou"}, {"namespace", "default"}, {"function", "charge"}, {"qualifier", "$LATEST"}};
  EXPECT_EQ(alert["labels"], Json(labels));
  EXPECT_EQ(alert["fingerprint"], http_sink::fingerprint(labels)) << "which is Prometheus' own";
  EXPECT_EQ(alert["status"]["state"], "active");
  EXPECT_NE(alert["annotations"]["description"].get<std::string>().find(hash_of("hurried")), std::string::npos);
  const auto ends = parse_rfc3339(alert["endsAt"].get<std::string>());
  ASSERT_TRUE(ends);
  EXPECT_GT(*ends, SystemClock{}.wall() + std::chrono::hours(47)) << "longer than a day, when it is reminded";

  daemon.deploy("charge", "reviewed");
  EXPECT_TRUE(eventually([&] { return alertmanager.query({"alertname=CodeDrift"}).size() == 1; }));
  EXPECT_EQ(alertmanager.query({"alertname=CodeDrift"})[0]["labels"]["function"], "refund");
  daemon.deploy("refund", "reviewed");
  EXPECT_TRUE(eventually([&] { return alertmanager.query({}).empty(); }));

  // What it passes on is what the webhook plugin's format alertmanager_v4 imitates.
  const auto last = [&] {
    const auto requests = hook.requests();
    return requests.empty() ? Json() : Json::parse(requests.back().body);
  };
  EXPECT_TRUE(eventually([&] { return last().is_object() && last()["status"] == "resolved"; }));
  EXPECT_EQ(Json::parse(hook.requests().front().body)["status"], "firing");
  const auto imitated = http_sink::read_alert(
      R"({"id":"i","kind":"drift.resolved","time":"2026-11-24T03:04:05.678Z","instance":"e2e","summary":"s",)"
      R"("event_ids":["i"],"target":{"address":"prod/ap-guangzhou/default/charge:$LATEST"}})");
  ASSERT_TRUE(imitated);
  const auto names = [](const Json& object) {
    std::vector<std::string> list;
    for (const auto& [name, value] : object.items()) list.push_back(name);
    return list;
  };
  const Json ours = Json::parse(http_sink::webhook_v4_body(*imitated));
  EXPECT_EQ(names(ours), names(last()));
  EXPECT_EQ(names(ours["alerts"][0]), names(last()["alerts"][0]));
  EXPECT_EQ(ours["version"], last()["version"]);
}

}  // namespace
}  // namespace codedriftd::test
