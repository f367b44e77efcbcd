/// The dashboard that is shipped: against Grafana's own types, and its queries against a real Prometheus (Debian's)
/// that scrapes a real daemon.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "e2e/daemon.h"
#include "e2e/page.h"
#include "support/free_port.h"
#include "support/npm.h"

namespace codedriftd::test {
namespace {

constexpr const char* kDashboard = CODEDRIFTD_SOURCE_DIR "/config/grafana/codedriftd.json";

TEST(Dashboard, IsOneByGrafanasOwnTypes) {
  const NpmFolder npm("e2e/grafana", "check.js");
  if (const std::string why = npm.install(); !why.empty()) GTEST_SKIP() << "SKIPPED: " << why;
  const RunResult checked = npm.run_script({kDashboard});
  EXPECT_TRUE(succeeded(checked)) << checked.out << checked.err;
}

/// Every query of the dashboard, its variables filled in.
std::vector<std::string> queries() {
  std::ifstream in(kDashboard);
  const Json dashboard = Json::parse(in);
  std::vector<std::string> all;
  const auto replace = [](std::string text, const std::string& what, const std::string& by) {
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
      text.replace(at, what.size(), by);
    return text;
  };
  for (const Json& panel : dashboard.at("panels")) {
    for (const Json& target : panel.value("targets", Json::array()))
      all.push_back(replace(replace(target.at("expr"), "$__rate_interval", "1m"), "$instance", ".*"));
  }
  return all;
}

/// `text` in a query string.
std::string encoded(std::string_view text) {
  std::string all;
  for (const char c : text) all += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  return all;
}

class PrometheusProcess {
 public:
  explicit PrometheusProcess(const std::string& page) {
    dir_.write("prometheus.yml", fmt::format("scrape_configs:\n  - job_name: codedriftd\n    scrape_interval: 1s\n"
                                             "    static_configs:\n      - targets: [\"{}\"]\n",
                                             page.substr(page.rfind('/') + 1)));
    for (int tries = 0; tries < 5 && !ready_; ++tries) {  // the port may be taken meanwhile
      const uint16_t port = free_port();
      url_ = fmt::format("http://127.0.0.1:{}", port);
      ChildOptions options;
      options.argv = {"prometheus", fmt::format("--config.file={}", dir_ / "prometheus.yml"),
                      fmt::format("--storage.tsdb.path={}", dir_ / "data"),
                      fmt::format("--web.listen-address=127.0.0.1:{}", port)};
      child_ = std::make_unique<Child>(std::move(options));
      ready_ = child_->wait_for_output("Server is ready to receive web requests", kSoonEnough);
    }
  }
  bool ready() const { return ready_; }
  std::string log() const { return child_->err() + child_->out(); }
  Json query(const std::string& expression) const {
    return Json::parse(ask_page(url_ + "/api/v1/query?query=" + encoded(expression)).body);
  }

 private:
  TempDir dir_;
  std::string url_;
  std::unique_ptr<Child> child_;
  bool ready_ = false;
};

TEST(Dashboard, EveryPanelShowsSomethingOfADaemonThatPrometheusScrapes) {
  if (run({.argv = {"sh", "-c", "command -v prometheus"}}).status != ExitStatus{0, 0})
    GTEST_SKIP() << "SKIPPED: there is no prometheus; scripts/install-deps --test installs it";
  Daemon daemon;
  daemon.config.status_page = true;
  daemon.config.more = "[account.prod.discovery]\nenabled = true\nevery = \"1s\"\nchanges_every = \"1s\"\n";
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  daemon.deploy("charge", "hurried");
  ASSERT_TRUE(daemon.wait_for_alert("drift.detected"));
  const PrometheusProcess prometheus(daemon.status_page());
  ASSERT_TRUE(prometheus.ready()) << prometheus.log();
  const std::vector<std::string> all = queries();
  EXPECT_GT(all.size(), 25U);
  for (const std::string& expression : all) {
    Json answer;
    EXPECT_TRUE(eventually([&] {
      answer = prometheus.query(expression);
      return answer.at("status") == "success" && !answer.at("data").at("result").empty();
    })) << expression
        << ": " << answer;
  }
}

}  // namespace
}  // namespace codedriftd::test
