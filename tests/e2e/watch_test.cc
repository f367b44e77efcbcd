/// `status --watch`, on a terminal of which the test holds the other end.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <stdexcept>

#include "base/unique_fd.h"
#include "e2e/daemon.h"

namespace codedriftd::test {
namespace {

constexpr std::string_view kDrawnAnew = "\x1b[H\x1b[2J";

class Terminal {
 public:
  /// Throws std::runtime_error if there are none here.
  Terminal() : other_end_(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)) {
    std::array<char, 64> name{};
    const int fd = other_end_.get();
    if (!other_end_.valid() || ::grantpt(fd) != 0 || ::unlockpt(fd) != 0 ||
        ::ptsname_r(fd, name.data(), name.size()) != 0)
      throw std::runtime_error("there is no terminal to be had");
    name_ = name.data();
    // Held open, so that it stays while no program has it; never the one that controls this process.
    held_ = UniqueFd(::open(name_.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
    const winsize size{40, 160, 0, 0};
    if (!held_.valid() || ::ioctl(fd, TIOCSWINSZ, &size) != 0) throw std::runtime_error(name_ + " cannot be used");
  }
  const std::string& name() const { return name_; }
  /// True as soon as everything written so far fits.
  bool comes_to(const std::function<bool(std::string_view)>& predicate) {
    return eventually([&] {
      std::array<char, 4096> piece{};
      for (ssize_t size = 0; (size = ::read(other_end_.get(), piece.data(), piece.size())) > 0;)
        written_.append(piece.data(), static_cast<std::size_t>(size));
      return predicate(written_);
    });
  }
  const std::string& written() const { return written_; }

 private:
  UniqueFd other_end_, held_;
  std::string name_, written_;
};

TEST(Watch, DrawsTheStatusAgainAndAgainUntilItIsEnded) {
  Daemon daemon;
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  Terminal terminal;
  ChildOptions options;
  options.argv = {"sh", "-c",
                  fmt::format("exec '{}/codedriftd' --config '{}' status --watch=1s >'{}'", CODEDRIFTD_BINARY_DIR,
                              daemon.config_file(), terminal.name())};
  options.env = daemon.env;
  options.clear_env = true;
  Child watching(std::move(options));
  EXPECT_TRUE(terminal.comes_to([](std::string_view written) {
    const std::size_t first = written.find(kDrawnAnew);
    return first != std::string_view::npos && written.find(kDrawnAnew, first + 1) != std::string_view::npos;
  })) << terminal.written()
      << watching.err();
  EXPECT_TRUE(terminal.written().starts_with(kDrawnAnew)) << "what stood there before is gone";
  EXPECT_NE(terminal.written().find("in_sync"), std::string::npos) << terminal.written();
  EXPECT_EQ(terminal.written().find("drifted"), std::string::npos) << terminal.written();
  daemon.deploy("charge", "hurried");
  EXPECT_TRUE(terminal.comes_to([](std::string_view written) {
    return written.find("drifted") != std::string_view::npos;
  })) << terminal.written()
      << watching.err();
  EXPECT_TRUE(watching.running());
  watching.signal(SIGTERM);
  EXPECT_EQ(watching.wait(kSoonEnough), (ExitStatus{-1, SIGTERM}));
  EXPECT_EQ(watching.err(), "");
}

TEST(Watch, IsForATerminal) {
  Daemon daemon;
  daemon.write_config();
  for (const char* command : {"status", "query"}) {
    std::vector<std::string> args{command};
    if (args.front() == "query") args.emplace_back("status");
    args.emplace_back("--watch");
    const RunResult refused = daemon.command(args);
    EXPECT_EQ(refused.status, (ExitStatus{64, 0})) << refused.err;
    EXPECT_NE(refused.err.find("--watch draws on a terminal"), std::string::npos) << refused.err;
    EXPECT_EQ(refused.out, "");
  }
}

}  // namespace
}  // namespace codedriftd::test
