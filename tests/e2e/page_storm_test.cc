/// What anybody who can connect to the page may do to it, all at once: the daemon's own work does not notice.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <array>
#include <fstream>
#include <thread>

#include "base/guarded.h"
#include "e2e/daemon.h"
#include "e2e/page.h"
#include "support/raw_client.h"

namespace codedriftd::test {
namespace {

#ifdef CODEDRIFTD_SANITIZED
constexpr int64_t kMostKib = 768 * 1024;  // a sanitizer keeps 256 MiB of what was freed, and more for each of it
constexpr double kLongestGap = 15;
#else
constexpr int64_t kMostKib = 32 * 1024;
constexpr double kLongestGap = 4;
#endif

int64_t resident_kib(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("VmRSS:")) return std::stoll(line.substr(6));
  return 0;
}

void allow_many_descriptors() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 8192);
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// Clients of one port until this object ends.
class Attack {
 public:
  explicit Attack(int port) : port_(port) {
    start(&Attack::idle);
    start(&Attack::drip);
    for (int i = 0; i < 2; ++i) start(&Attack::flood);
    start(&Attack::pipeline);
    start(&Attack::every_method);
  }
  /// How often each kind of client came round, at least.
  uint64_t rounds() const {
    const auto all = rounds_.copy();
    return *std::min_element(all.begin(), all.end());
  }

 private:
  static constexpr std::size_t kKinds = 6;
  void start(void (Attack::*kind)(const std::stop_token&, std::size_t)) {
    threads_.emplace_back(
        [this, kind, place = threads_.size()](const std::stop_token& stop) { (this->*kind)(stop, place); });
  }
  void came_round(std::size_t place) { ++(*rounds_.lock())[place]; }

  /// A thousand that say nothing, and come again when they are hung up on.
  void idle(const std::stop_token& stop, std::size_t place) {
    std::vector<std::unique_ptr<RawClient>> clients(1'000);
    while (!stop.stop_requested()) {
      for (auto& client : clients) {
        if (stop.stop_requested()) return;
        if (!client || client->hung_up(Millis{0})) client = std::make_unique<RawClient>(port_);
      }
      came_round(place);
    }
  }
  /// Two hundred that send their head byte by byte.
  void drip(const std::stop_token& stop, std::size_t place) {
    std::vector<std::unique_ptr<RawClient>> clients(200);
    while (!stop.stop_requested()) {
      for (auto& client : clients) {
        if (stop.stop_requested()) return;
        if (!client || !client->send("x")) client = std::make_unique<RawClient>(port_, "GET /");
      }
      came_round(place);
    }
  }
  void flood(const std::stop_token& stop, std::size_t place) {
    constexpr std::array<const char*, 5> kPaths{"/", "/metrics", "/api/v1/status", "/log", "/healthz?verbose"};
    for (std::size_t i = 0; !stop.stop_requested(); ++i) {
      const RawClient client(port_,
                             "GET " + std::string(kPaths[i % kPaths.size()]) + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
      if (i % 2 == 0) client.rest();  // the others do not take their answer
      came_round(place);
    }
  }
  void pipeline(const std::stop_token& stop, std::size_t place) {
    std::string many;
    for (int i = 0; i < 500; ++i) many += "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    while (!stop.stop_requested()) {
      RawClient(port_, many).rest();
      came_round(place);
    }
  }
  void every_method(const std::stop_token& stop, std::size_t place) {
    while (!stop.stop_requested()) {
      for (const char* method : {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE", "PRI", "NONE"}) {
        if (stop.stop_requested()) return;
        RawClient(port_, std::string(method) + " / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n123456789")
            .rest();
      }
      came_round(place);
    }
  }

  const int port_;
  Guarded<std::array<uint64_t, kKinds>> rounds_;
  std::vector<std::jthread> threads_;
};

TEST(PageStorm, ThePollerDoesNotNoticeMemoryStaysFlatAndDriftIsTold) {
  allow_many_descriptors();
  Daemon daemon;
  daemon.config.status_page = true;
  daemon.config.functions.clear();
  for (int i = 0; i < 10; ++i) {
    const std::string name = "pay-" + std::to_string(i);
    daemon.config.functions.push_back({name, ""});
    daemon.deploy(name, "reviewed");
  }
  daemon.start();
  for (const auto& [name, more] : daemon.config.functions) ASSERT_TRUE(daemon.wait_for_status(name, "in_sync"));
  const std::string page = daemon.status_page();
  ASSERT_EQ(ask_page(page + "/").status, 200);
  const int64_t before = resident_kib(daemon.child().pid());
  {
    const Attack attack(std::stoi(page.substr(page.rfind(':') + 1)));
    ASSERT_TRUE(eventually([&] { return attack.rounds() > 1; }));
    ASSERT_TRUE(daemon.wait_for_polls(10));
    daemon.deploy("pay-3", "hurried");
    EXPECT_TRUE(daemon.wait_for_alert("drift.detected"));
    EXPECT_LT(resident_kib(daemon.child().pid()) - before, kMostKib);
  }
  for (const Json& row : daemon.rows({"history"})) {
    EXPECT_EQ(row.at("outcome"), "observed");
    EXPECT_LT(row.at("longest_gap_s").get<double>(), kLongestGap) << row;
  }
  EXPECT_EQ(ask_page(page + "/readyz").status, 200);
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
}

}  // namespace
}  // namespace codedriftd::test
