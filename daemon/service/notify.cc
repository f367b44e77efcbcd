#include "service/notify.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <cstring>

#include "base/text.h"
#include "base/unique_fd.h"

namespace codedriftd {
namespace {

std::string take_variable(const char* name) {
  const char* value = std::getenv(name);
  std::string text = value == nullptr ? "" : value;
  ::unsetenv(name);
  return text;
}

std::optional<int64_t> number(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value <= 0) return std::nullopt;
  return value;
}

}  // namespace

Notify::Notify() : socket_(take_variable("NOTIFY_SOCKET")) {
  const auto period_us = number(take_variable("WATCHDOG_USEC"));
  const std::string pid = take_variable("WATCHDOG_PID");
  if (period_us && (pid.empty() || number(pid) == ::getpid())) watchdog_interval_ = Millis{*period_us / 2000};
  // A path or an abstract name; anything else (vsock) is not for this program.
  if (!socket_.starts_with('/') && !socket_.starts_with('@')) socket_.clear();
}

void Notify::send(std::string_view message) const {
  sockaddr_un address{};
  if (socket_.empty() || socket_.size() >= sizeof address.sun_path) return;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket_.data(), socket_.size());
  if (socket_.front() == '@') address.sun_path[0] = '\0';
  const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  ::sendto(fd.get(), message.data(), message.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address), size);
}

void Notify::ready(std::string_view status) { send(fmt::format("READY=1\nSTATUS={}", harmless(status))); }
void Notify::reloading(MonoTime now) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count();
  send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", us));
}
void Notify::stopping() { send("STOPPING=1\nSTATUS=stopping"); }
void Notify::status(std::string_view status) { send(fmt::format("STATUS={}", harmless(status))); }
void Notify::extend(Millis more) { send(fmt::format("EXTEND_TIMEOUT_USEC={}", more.count() * 1000)); }
void Notify::watchdog() { send("WATCHDOG=1"); }

}  // namespace codedriftd
