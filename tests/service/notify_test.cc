#include "service/notify.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "base/unique_fd.h"
#include "support/temp_dir.h"

namespace codedriftd::test {
namespace {

/// systemd's end of the socket.
class Listener {
 public:
  explicit Listener(const std::string& name) : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name.front() == '@') address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
  }
  std::string next() {
    pollfd waiting{fd_.get(), POLLIN, 0};
    if (::poll(&waiting, 1, 2000) != 1) return "nothing";
    char text[512];
    const ssize_t size = ::recv(fd_.get(), text, sizeof text, 0);
    return std::string(text, static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  }

 private:
  UniqueFd fd_;
};

TEST(Notify, SpeaksToAPathSocket) {
  TempDir dir;
  Listener systemd(dir / "notify");
  Notify notify;
  notify.ready("42 functions");
  EXPECT_EQ(systemd.next(), "READY=1\nSTATUS=42 functions");
  notify.stopping();
  EXPECT_EQ(systemd.next(), "STOPPING=1\nSTATUS=stopping");
  notify.watchdog();
  EXPECT_EQ(systemd.next(), "WATCHDOG=1");
  notify.extend(std::chrono::seconds(2));
  EXPECT_EQ(systemd.next(), "EXTEND_TIMEOUT_USEC=2000000");
  notify.reloading(MonoTime(std::chrono::milliseconds(5)));
  EXPECT_EQ(systemd.next(), "RELOADING=1\nMONOTONIC_USEC=5000");
}

TEST(Notify, SpeaksToAnAbstractSocket) {
  Listener systemd("@codedriftd-test-" + std::to_string(::getpid()));
  Notify().status("one\nREADY=1");
  EXPECT_EQ(systemd.next(), "STATUS=one\\u{a}READY=1") << "a status must not smuggle in a second assignment";
}

TEST(Notify, IsSilentWithoutASocketAndForOneItDoesNotKnow) {
  ::unsetenv("NOTIFY_SOCKET");
  Notify().ready("x");
  ::setenv("NOTIFY_SOCKET", "vsock:2:1234", 1);
  Notify().ready("x");
}

TEST(Notify, TakesItsVariablesOutOfTheEnvironment) {
  ::setenv("NOTIFY_SOCKET", "/nowhere", 1);
  ::setenv("WATCHDOG_USEC", "60000000", 1);
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  Notify notify;
  EXPECT_EQ(std::getenv("NOTIFY_SOCKET"), nullptr);
  EXPECT_EQ(std::getenv("WATCHDOG_USEC"), nullptr);
  EXPECT_EQ(std::getenv("WATCHDOG_PID"), nullptr);
  EXPECT_EQ(notify.watchdog_interval(), Millis{30'000});
}

TEST(Notify, LeavesAWatchdogOfAnotherProcessAlone) {
  ::setenv("WATCHDOG_USEC", "60000000", 1);
  ::setenv("WATCHDOG_PID", "1", 1);
  EXPECT_EQ(Notify().watchdog_interval(), std::nullopt);
  ::setenv("WATCHDOG_USEC", "soon", 1);
  EXPECT_EQ(Notify().watchdog_interval(), std::nullopt);
}

}  // namespace
}  // namespace codedriftd::test
