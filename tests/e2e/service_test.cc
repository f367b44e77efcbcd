/// What the service manager and the monitoring see.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/unique_fd.h"
#include "e2e/daemon.h"
#include "e2e/page.h"
#include "support/program.h"
#include "support/temp_dir.h"
#include "support/test_ca.h"

namespace codedriftd::test {
namespace {

/// The service manager's end of $NOTIFY_SOCKET.
class NotifySocket {
 public:
  explicit NotifySocket(std::string path)
      : path_(std::move(path)), fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
    if (::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("cannot bind " + path_);
  }
  const std::string& path() const { return path_; }

  /// True as soon as a message that holds `text` has come since the last call that found one.
  bool wait_for(std::string_view text) {
    return eventually([&] {
      take();
      while (next_ < messages_.size()) {
        if (messages_[next_++].find(text) != std::string::npos) return true;
      }
      return false;
    });
  }
  const std::string& last_found() const { return messages_.at(next_ - 1); }
  std::string all() const {
    std::string text;
    for (const std::string& message : messages_) text += message + "\n--\n";
    return text;
  }

 private:
  void take() {
    char buffer[4096];
    for (ssize_t size; (size = ::recv(fd_.get(), buffer, sizeof buffer, MSG_DONTWAIT)) >= 0;)
      messages_.emplace_back(buffer, static_cast<std::size_t>(size));
  }

  std::string path_;
  UniqueFd fd_;
  std::vector<std::string> messages_;
  std::size_t next_ = 0;
};

TEST(Service, TellsTheServiceManagerWhatItDoes) {
  Daemon daemon;
  NotifySocket manager(daemon.dir() / "notify");
  daemon.env["NOTIFY_SOCKET"] = manager.path();
  daemon.env["WATCHDOG_USEC"] = "2000000";
  daemon.start();
  ASSERT_TRUE(manager.wait_for("READY=1")) << manager.all();
  EXPECT_NE(manager.last_found().find("\nSTATUS=1 function, "), std::string::npos) << manager.last_found();
  ASSERT_TRUE(manager.wait_for("WATCHDOG=1"));
  ASSERT_TRUE(manager.wait_for("WATCHDOG=1"));
  daemon.hangup();
  ASSERT_TRUE(manager.wait_for("RELOADING=1")) << manager.all();
  EXPECT_NE(manager.last_found().find("\nMONOTONIC_USEC="), std::string::npos);
  ASSERT_TRUE(manager.wait_for("READY=1"));
  daemon.dir().write("codedriftd.toml", "[daemn]\n");
  daemon.hangup();
  ASSERT_TRUE(manager.wait_for("RELOADING=1"));
  ASSERT_TRUE(manager.wait_for("READY=1"));
  EXPECT_NE(manager.last_found().find("changed nothing"), std::string::npos) << manager.last_found();
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
  EXPECT_TRUE(manager.wait_for("STOPPING=1")) << manager.all();
}

TEST(Service, TheStatusPageIsCleanAndReadOnly) {
  Daemon daemon;
  daemon.config.status_page = true;
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  daemon.deploy("charge", "hurried");
  ASSERT_TRUE(daemon.wait_for_alert("drift.detected"));
  const std::string page = daemon.status_page();
  EXPECT_EQ(ask_page(page + "/healthz").status, 200);
  EXPECT_EQ(ask_page(page + "/readyz").status, 200);
  std::filesystem::rename(daemon.database(), daemon.database() + ".moved");
  EXPECT_EQ(ask_page(page + "/readyz").status, 503) << "its record goes where nobody looks";
  std::filesystem::rename(daemon.database() + ".moved", daemon.database());
  EXPECT_EQ(ask_page(page + "/readyz").status, 200);
  EXPECT_EQ(ask_page(page + "/nothing").status, 404);
  for (const char* method : {"POST", "PUT", "DELETE"}) {
    const HttpResponse refused = ask_page(page + "/metrics", method);
    EXPECT_EQ(refused.status, 405) << method;
    EXPECT_EQ(refused.header("allow"), "GET, HEAD");
  }
  EXPECT_EQ(ask_page(page + "/metrics", "POST", "a body").status, 413);
  EXPECT_EQ(ask_page(page + "/metrics", "HEAD").status, 200);
  EXPECT_TRUE(eventually([&] { return metric(page, "codedriftd_drifts_open") == 1; }));
  const HttpResponse metrics = ask_page(page + "/metrics");
  EXPECT_EQ(metrics.body.find("charge"), std::string::npos) << "no function names in it";

  if (run({.argv = {"sh", "-c", "command -v promtool"}}).status != ExitStatus{0, 0})
    GTEST_SKIP() << "SKIPPED: there is no promtool; scripts/install-deps --test installs it";
  const RunResult lint = run({.argv = {"promtool", "check", "metrics"}, .stdin_text = metrics.body});
  EXPECT_EQ(lint.status, (ExitStatus{0, 0})) << lint.out << lint.err;
  EXPECT_EQ(lint.out + lint.err, "");
}

TEST(Service, WritesItsMetricsForATextfileCollectorWhereItIsTold) {
  Daemon daemon;
  const TempDir folder;
  const std::string file = folder / "codedriftd.prom";
  daemon.after_command = {"--textfile", file};
  daemon.start();
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(file); }));
  struct stat info {};
  ASSERT_EQ(::stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0644U) << "the collector is another user";
  std::ifstream stream(file);
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  EXPECT_NE(text.find("\ncodedriftd_build_info{"), std::string::npos);
  EXPECT_EQ(text.find("\nprocess_"), std::string::npos);

  const RunResult wrong = daemon.command({"run", "--textfile", folder / "metrics.txt"});
  EXPECT_EQ(wrong.status, (ExitStatus{64, 0}));
  EXPECT_NE(wrong.err.find(".prom"), std::string::npos) << wrong.err;
}

TEST(Service, APageThatCannotListenIsAWarningAndIsThereOnceItCan) {
  Daemon first, second;
  first.config.status_page = true;
  first.start();
  second.write_config();
  std::string text = second.config_text();
  const std::string off = "listen = \"\"";
  text.replace(text.find(off), off.size(), fmt::format("listen = \"{}\"", first.status_page().substr(7)));
  second.dir().write("codedriftd.toml", text, std::filesystem::perms(0644));
  second.launch();
  second.wait_until_ready();
  EXPECT_TRUE(second.logged("http.unavailable: [http] listen = ")) << second.log();
  EXPECT_TRUE(second.wait_for_status("charge", "in_sync")) << second.log();
  EXPECT_EQ(first.stop(), (ExitStatus{0, 0}));
  second.hangup();
  EXPECT_EQ(ask_page(second.status_page() + "/healthz").status, 200) << second.log();
  EXPECT_EQ(second.stop(), (ExitStatus{0, 0}));
}

TEST(Service, TheUnitIsCleanAndHardened) {
  if (run({.argv = {"sh", "-c", "command -v systemd-analyze"}}).status != ExitStatus{0, 0})
    GTEST_SKIP() << "SKIPPED: there is no systemd-analyze; scripts/install-deps --test installs it";
  const TempDir folder;
  const std::string source = std::string(CODEDRIFTD_SOURCE_DIR) + "/systemd/";
  for (const char* name : {"codedriftd.service", "codedriftd-failed.service"}) {
    std::string unit = read_file(source + name);
    const std::string installed = "/usr/bin/codedriftd";
    for (std::size_t at = 0; (at = unit.find(installed, at)) != std::string::npos;) {
      const std::string built = std::string(CODEDRIFTD_BINARY_DIR) + "/codedriftd";
      unit.replace(at, installed.size(), built);
      at += built.size();
    }
    folder.write(name, unit, std::filesystem::perms(0644));
  }
  const std::string unit = folder / "codedriftd.service";
  const RunResult verified = run({.argv = {"systemd-analyze", "verify", "--man=no", unit}});
  EXPECT_EQ(verified.status, (ExitStatus{0, 0}));
  EXPECT_EQ(verified.out + verified.err, "");
  const RunResult security =
      run({.argv = {"systemd-analyze", "security", "--no-pager", "--offline=true", "--threshold=12", unit}});
  EXPECT_EQ(security.status, (ExitStatus{0, 0})) << security.out << security.err;
}

TEST(Service, LogsAreJsonOnRequest) {
  Daemon daemon;
  daemon.config.daemon = "log_format = \"json\"";
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
  std::istringstream lines(daemon.log());
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const Json parsed = Json::parse(line);
    for (const char* member : {"time", "level", "event", "message"}) EXPECT_TRUE(parsed.contains(member)) << line;
  }
  EXPECT_GT(count, 3U);
}

TEST(Service, ThePageIsBehindTlsAndATokenAndAReloadTakesRenewedOnes) {
  Daemon daemon;
  TestCa ca(daemon.dir().path().string()), renewed(daemon.dir().path().string(), "renewed");
  const TlsFiles first = ca.server(), second = renewed.server();
  const auto put = [](const std::string& file, const std::string& text) {
    std::ofstream(file) << text;
    std::filesystem::permissions(file, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  };
  const std::string token_file = daemon.dir() / "page.token", certificate = daemon.dir() / "page.pem",
                    key = daemon.dir() / "page.key";
  const auto use = [&](const std::string& token, const TlsFiles& files) {
    put(token_file, token);
    std::filesystem::copy_file(files.certificate, certificate, std::filesystem::copy_options::overwrite_existing);
    std::filesystem::copy_file(files.key, key, std::filesystem::copy_options::overwrite_existing);
  };
  use("fake-token-0123456789", first);
  daemon.config.status_page = true;
  daemon.config.http =
      fmt::format("token_file = \"{}\"\ntls_certificate = \"{}\"\ntls_key = \"{}\"\n", token_file, certificate, key);
  daemon.start();
  const std::string url = daemon.status_page() + "/metrics";
  ASSERT_TRUE(url.starts_with("https://")) << url;
  const auto ask = [&](const TestCa& authority, const std::string& token) {
    HttpClient client;
    codedriftd::HttpRequest request;
    request.url = url;
    request.ca_file = authority.certificate_file();
    request.headers.push_back({"Authorization", "Bearer " + token});
    request.body_cap = 1 << 20;
    return client.fetch(std::move(request));
  };
  EXPECT_EQ(ask(ca, "fake-token-0123456789").status, 200);
  EXPECT_EQ(ask(ca, "fake-token-0123456780").status, 401);
  EXPECT_NE(ask_page("http" + url.substr(5)).status, 200) << "no plain HTTP";
  use("other-fake-token-0123456789", second);
  daemon.hangup();
  EXPECT_EQ(ask(renewed, "other-fake-token-0123456789").status, 200);
  EXPECT_EQ(ask(renewed, "fake-token-0123456789").status, 401);
  EXPECT_EQ(ask(ca, "other-fake-token-0123456789").failure, HttpFailure::tls);
  EXPECT_EQ(daemon.log().find("fake-token"), std::string::npos);
  put(token_file, "short");
  daemon.hangup();
  EXPECT_TRUE(daemon.logged("which can be guessed")) << daemon.log();
  EXPECT_EQ(ask(renewed, "other-fake-token-0123456789").status, 200) << "what was in force stays";
}

TEST(Service, AnUnchangedPollWritesNoLine) {
  Daemon daemon;
  daemon.before_command = {"--log-level", "debug"};
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  ASSERT_TRUE(eventually([&] { return daemon.logged("sink.up:"); }));
  const std::string before = daemon.log();
  ASSERT_TRUE(daemon.wait_for_polls(4));
  EXPECT_EQ(daemon.log(), before);
}

}  // namespace
}  // namespace codedriftd::test
