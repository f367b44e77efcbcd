/// What the daemon is started in, and what reaches it from outside: descriptors, users, signals, odd files.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <thread>

#include "base/unique_fd.h"
#include "e2e/daemon.h"
#include "e2e/page.h"
#include "e2e/record.h"
#include "support/program.h"

namespace codedriftd::test {
namespace {

/// A daemon that Daemon does not start itself: a shell does, with `redirections`.
std::unique_ptr<Child> started_by_a_shell(const Daemon& daemon, const std::string& redirections) {
  daemon.write_config();
  ChildOptions options;
  options.argv = {"sh", "-c",
                  fmt::format("exec '{}/codedriftd' --config '{}' run {}", CODEDRIFTD_BINARY_DIR, daemon.config_file(),
                              redirections)};
  options.env = daemon.env;
  options.clear_env = true;
  return std::make_unique<Child>(std::move(options));
}

bool becomes(const Daemon& daemon, std::string_view status) {
  return eventually([&] {
    const RunResult seen = daemon.command({"query", "status", "--json"});
    return seen.status == ExitStatus{0, 0} && Json::parse(seen.out).at("rows").at(0).at("status") == status;
  });
}

TEST(Surroundings, AStderrThatNobodyReadsHoldsNothingUp) {
  Daemon daemon;
  const std::string pipe = daemon.dir() / "stderr";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const UniqueFd held(::open(pipe.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
  ASSERT_TRUE(held.valid());
  const std::string block(4096, '\n');
  while (::write(held.get(), block.data(), block.size()) > 0) {
  }
  const auto child = started_by_a_shell(daemon, "2>'" + pipe + "'");
  ASSERT_TRUE(becomes(daemon, "in_sync"));
  daemon.deploy("charge", "hurried");
  ASSERT_TRUE(daemon.wait_for_alert("drift.detected"));
  EXPECT_TRUE(becomes(daemon, "drifted"));

  std::array<char, 65536> read{};
  while (::read(held.get(), read.data(), read.size()) > 0) {
  }
  daemon.deploy("charge", "reviewed");
  ASSERT_TRUE(daemon.wait_for_alert("drift.resolved"));
  std::string log;
  ASSERT_TRUE(eventually([&] {
    const ssize_t size = ::read(held.get(), read.data(), read.size());
    if (size > 0) log.append(read.data(), static_cast<std::size_t>(size));
    return log.find("drift.resolved") != std::string::npos;
  }));
  EXPECT_NE(log.find("log.dropped: "), std::string::npos) << log;
  child->signal(SIGTERM);
  EXPECT_EQ(child->wait(kSoonEnough), (ExitStatus{0, 0}));
  EXPECT_TRUE(whole_record(daemon.database()));
}

TEST(Surroundings, ClosedDescriptorsAreNotMistakenForFiles) {
  Daemon daemon;
  const auto child = started_by_a_shell(daemon, "<&- >&- 2>&-");
  ASSERT_TRUE(becomes(daemon, "in_sync"));
  daemon.deploy("charge", "hurried");
  ASSERT_TRUE(daemon.wait_for_alert("drift.detected"));
  EXPECT_EQ(read_file(daemon.state_dir() + "/codedriftd.lock"), fmt::format("{}\n", child->pid()));
  for (const char* fd : {"0", "1", "2"})
    EXPECT_EQ(std::filesystem::read_symlink(fmt::format("/proc/{}/fd/{}", child->pid(), fd)), "/dev/null");
  child->signal(SIGTERM);
  EXPECT_EQ(child->wait(kSoonEnough), (ExitStatus{0, 0}));
  EXPECT_TRUE(whole_record(daemon.database()));
}

TEST(Surroundings, ABackupIntoAFullDeviceFails) {
  Daemon daemon;
  daemon.start();
  const RunResult full = run({.argv = {"sh", "-c",
                                       fmt::format("'{}/codedriftd' --config '{}' backup - >/dev/full",
                                                   CODEDRIFTD_BINARY_DIR, daemon.config_file())},
                              .env = daemon.env});
  EXPECT_EQ(full.status, (ExitStatus{1, 0})) << "half a copy is none";
  EXPECT_NE(full.err, "");
}

/// Files that a process has open.
std::size_t descriptors_of(pid_t pid) {
  std::error_code gone;
  const std::filesystem::directory_iterator files(fmt::format("/proc/{}/fd", pid), gone);
  return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

/// Connects `count` times, says nothing, and begins anew once all of them were hung up on, until it is asked to stop.
void connect_and_say_nothing(const std::stop_token& stop, const sockaddr* address, socklen_t size, int count) {
  while (!stop.stop_requested()) {
    std::vector<UniqueFd> silent;
    for (int i = 0; i < count && !stop.stop_requested(); ++i) {
      silent.emplace_back(::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
      if (::connect(silent.back().get(), address, size) != 0) silent.pop_back();
    }
    for (const UniqueFd& each : silent) {
      std::array<char, 512> said{};
      pollfd ready{each.get(), POLLIN, 0};
      while (!stop.stop_requested() &&
             (::poll(&ready, 1, 100) == 0 || ::recv(each.get(), said.data(), said.size(), 0) > 0)) {
      }
    }
  }
}

// More connections than the process may have descriptors, to its page and to its control socket.
TEST(Surroundings, SilentConnectionsWithoutNumberLeaveTheWorkItsDescriptors) {
  Daemon daemon;
  daemon.config.status_page = true;
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  const pid_t pid = daemon.child().pid();
  constexpr std::size_t kMost = 256;
  const rlimit low{kMost, kMost};
  ASSERT_EQ(::prlimit(pid, RLIMIT_NOFILE, &low, nullptr), 0);
  const std::size_t before = descriptors_of(pid);
  ASSERT_LT(before, 80U);

  sockaddr_in page{};
  page.sin_family = AF_INET;
  page.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const std::string url = daemon.status_page();
  page.sin_port = htons(static_cast<uint16_t>(std::stoi(url.substr(url.rfind(':') + 1))));
  sockaddr_un control{};
  control.sun_family = AF_UNIX;
  const std::string socket = daemon.dir() / "run/control.sock";
  ASSERT_LT(socket.size(), sizeof control.sun_path);
  socket.copy(control.sun_path, sizeof control.sun_path - 1);
  std::jthread at_the_page([&](const std::stop_token& stop) {
    connect_and_say_nothing(stop, reinterpret_cast<const sockaddr*>(&page), sizeof page, 300);
  });
  std::jthread at_the_control_socket([&](const std::stop_token& stop) {
    connect_and_say_nothing(stop, reinterpret_cast<const sockaddr*>(&control), sizeof control, 300);
  });
  std::size_t most = 0;
  const auto becomes_so = [&](const std::function<bool()>& predicate) {
    return eventually([&] {
      most = std::max(most, descriptors_of(pid));
      return predicate();
    });
  };
  ASSERT_TRUE(becomes_so([&] { return most >= before + 64; })) << "not even the places that there are were taken";

  daemon.deploy("charge", "hurried");
  ASSERT_TRUE(becomes_so([&] { return daemon.wait_for_alert("drift.detected", 1, Millis{0}); })) << daemon.log();
  EXPECT_TRUE(becomes_so([&] { return ask_page(url + "/healthz").status == 200; }));
  EXPECT_TRUE(becomes_so([&] { return daemon.command({"poll", "charge"}).status == ExitStatus{0, 0}; }));
  EXPECT_LT(most, kMost - 64) << "there was room for calls and plugins all the time";
  EXPECT_FALSE(daemon.logged("EMFILE")) << daemon.log();
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
}

TEST(Surroundings, SignalsThatMeanNothingAreALineInTheLog) {
  Daemon daemon;
  daemon.start();
  for (const int signal : {SIGUSR1, SIGUSR2, SIGALRM, SIGRTMIN + 1}) daemon.child().signal(signal);
  for (const char* name : {"SIGUSR1 came", "SIGUSR2 came", "SIGALRM came", "SIGRTMIN+1 came"})
    EXPECT_TRUE(eventually([&] { return daemon.logged(name); })) << name << daemon.log();
  ASSERT_TRUE(daemon.wait_for_polls());
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0})) << daemon.log();
}

TEST(Surroundings, AStormOfHangupsIsAFewReloadsOfWhatStandsThereLastAndAStopAfterItIsClean) {
  Daemon daemon;
  daemon.start();
  daemon.deploy("refund", "reviewed");
  constexpr int kHangups = 2'000;
  for (int i = 0; i < kHangups; ++i) {
    if (i == kHangups - 1) {
      daemon.config.functions.emplace_back("refund", "");
      daemon.write_config();
    }
    daemon.child().signal(SIGHUP);
  }
  ASSERT_TRUE(eventually([&] {
    const auto kinds = daemon.kinds();
    return std::count(kinds.begin(), kinds.end(), "watch.added") == 2;
  })) << "the last one counts";
  ASSERT_TRUE(daemon.wait_for_status("refund", "in_sync"));
  for (int i = 0; i < kHangups; ++i) daemon.child().signal(SIGHUP);
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0})) << daemon.log();
  EXPECT_EQ(daemon.kinds().back(), "daemon.stopped");
}

TEST(Surroundings, APipeInPlaceOfTheConfigurationIsRefusedByCheckAndReload) {
  Daemon daemon;
  daemon.start();
  std::filesystem::remove(daemon.config_file());
  ASSERT_EQ(::mkfifo(daemon.config_file().c_str(), 0644), 0);
  const RunResult check = daemon.command({"check"});
  EXPECT_EQ(check.status, (ExitStatus{78, 0}));
  EXPECT_NE(check.err.find("is a pipe"), std::string::npos) << check.err;
  daemon.hangup();
  EXPECT_TRUE(daemon.logged("config.refused")) << daemon.log();
  std::filesystem::remove(daemon.config_file());
  daemon.write_config();
  ASSERT_TRUE(daemon.wait_for_polls());
  daemon.hangup();
  EXPECT_TRUE(daemon.logged("config.reloaded")) << daemon.log();
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
}

TEST(Surroundings, RunByRootInTheFolderOfTheServicesUserLeavesNothingOfRoots) {
  if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: needs root, to become another user; CI runs it as root";
  constexpr uid_t kService = 64'101;
  Daemon daemon;
  std::filesystem::permissions(daemon.dir().path(), std::filesystem::perms(0755));
  std::filesystem::create_directories(daemon.state_dir());
  for (const std::string& path : {daemon.dir().path().string(), daemon.state_dir(), daemon.secret_file()})
    ASSERT_EQ(::chown(path.c_str(), kService, kService), 0);
  daemon.start();
  EXPECT_TRUE(daemon.logged("daemon.owner: started by root, goes on as uid:64101")) << daemon.log();
  ASSERT_TRUE(daemon.wait_for_polls());
  daemon.deploy("charge", "hurried");
  ASSERT_TRUE(daemon.wait_for_alert("drift.detected")) << daemon.log();
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(daemon.state_dir())) {
    struct stat info {};
    ASSERT_EQ(::stat(entry.path().c_str(), &info), 0);
    EXPECT_EQ(info.st_uid, kService) << entry.path();
  }
  daemon.as = {kService, kService};
  daemon.start();
  EXPECT_TRUE(daemon.wait_for_polls());

  // And what was left behind in another way is named, with the remedy.
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
  ASSERT_EQ(::chown(daemon.database().c_str(), 0, 0), 0);
  const RunResult refused = daemon.command({"run"}, daemon.as);
  EXPECT_EQ(refused.status, (ExitStatus{1, 0}));
  EXPECT_NE(refused.err.find("it belongs to uid:0(root), and this process is uid:64101; chown 64101 "),
            std::string::npos)
      << refused.err;
}

}  // namespace
}  // namespace codedriftd::test
