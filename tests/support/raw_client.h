#pragma once
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/unique_fd.h"

namespace codedriftd::test {

/// A client that says what it likes, or nothing: what a server has to put up with.
class RawClient {
 public:
  /// Connects to a Unix socket.
  explicit RawClient(const std::string& socket) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket.c_str(), sizeof address.sun_path - 1);
    connected_ = ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  /// Connects to 127.0.0.1:`port` and sends `text`.
  explicit RawClient(int port, std::string_view text = "") : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    send(text);
  }
  bool connected() const { return connected_; }
  /// True if all of it was taken.
  bool send(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t size = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (size <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(size));
    }
    return true;
  }
  void half_close() { ::shutdown(fd_.get(), SHUT_WR); }
  /// Waits, without reading, until the other side hangs up.
  bool hung_up(Millis at_most = kSoon) const {
    pollfd ready{fd_.get(), 0, 0};
    return ::poll(&ready, 1, static_cast<int>(at_most.count())) == 1 && (ready.revents & POLLHUP) != 0;
  }
  /// Returns when there is something to read, or the other side hung up.
  void wait_for_something() const {
    pollfd ready{fd_.get(), POLLIN, 0};
    ::poll(&ready, 1, static_cast<int>(kSoon.count()));
  }
  /// Everything until the other side hangs up.
  std::string rest() const {
    std::string all;
    char buffer[4096];
    pollfd ready{fd_.get(), POLLIN, 0};
    while (::poll(&ready, 1, static_cast<int>(kSoon.count())) > 0) {
      const ssize_t size = ::recv(fd_.get(), buffer, sizeof buffer, 0);
      if (size <= 0) return all;
      all.append(buffer, static_cast<std::size_t>(size));
    }
    return all + "(and then nothing came)";
  }

 private:
  static constexpr Millis kSoon{20'000};
  UniqueFd fd_;
  bool connected_ = false;
};

}  // namespace codedriftd::test
