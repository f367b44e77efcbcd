#include "control/client.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include "base/json.h"
#include "base/unique_fd.h"
#include "control/server.h"

namespace codedriftd {
namespace {

Result<sockaddr_un> socket_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return Error{path + ": the name is too long for a socket; set a shorter runtime_dir"};
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

class Conversation {
 public:
  Conversation(std::string path, Millis within) : path_(std::move(path)), deadline_(clock_.mono() + within) {}

  Result<JsonBox, NoReply> hold(Json request) {
    for (;;) {
      if (auto connected = connect(); !connected) return connected.error();
      // What is left now: the daemon counts from this connection on.
      request["within_ms"] = std::max(Millis{0}, left()).count();
      if (auto sent = send(json_line(request) + "\n"); !sent) return sent.error();
      auto reply = receive();
      // Others of the same user are being heard.
      if (!reply || (*reply)->value("error", "") != "busy" || left() <= kAskAgain) return reply;
      std::this_thread::sleep_for(kAskAgain);
    }
  }

 private:
  using Step = Result<Done, NoReply>;
  static constexpr Millis kAskAgain{50};

  NoReply failed(std::string_view what) const { return {false, fmt::format("{}: {}", path_, what)}; }
  NoReply late() const { return failed("the daemon did not answer in time; its log says what it is doing"); }
  Millis left() const { return std::chrono::ceil<Millis>(deadline_ - clock_.mono()); }
  /// True if the socket is ready for `events` before the deadline.
  bool ready(short events) const {
    for (;;) {
      const Millis wait = left();
      if (wait <= Millis{0}) return false;
      pollfd fd{fd_.get(), events, 0};
      if (::poll(&fd, 1, static_cast<int>(wait.count())) > 0) return true;
    }
  }

  Step connect() {
    const auto address = socket_address(path_);
    if (!address) return NoReply{false, address.error().message};
    fd_ = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd_.valid()) return failed(std::strerror(errno));
    while (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0) {
      if (errno == ENOENT || errno == ECONNREFUSED)
        return NoReply{true, fmt::format("{}: nobody listens there", path_)};
      if (errno == EACCES || errno == EPERM) return failed("permission denied; ask as root");
      if (errno != EAGAIN && errno != EINTR) return failed(std::strerror(errno));
      // EAGAIN: the socket's queue of connections is full. There is nothing to poll for, so it is tried again soon.
      if (left() <= Millis{0}) return late();
      std::this_thread::sleep_for(Millis{10});
    }
    return Done{};
  }

  Step send(const std::string& request) {
    for (std::size_t sent = 0; sent < request.size();) {
      const ssize_t size = ::send(fd_.get(), request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
      if (size >= 0) {
        sent += static_cast<std::size_t>(size);
      } else if (errno == EPIPE || errno == ECONNRESET) {
        break;  // it refused the request before reading all of it; the reply that it sent first says why
      } else if (errno == EAGAIN) {
        if (!ready(POLLOUT)) return late();
      } else if (errno != EINTR) {
        return failed(std::strerror(errno));
      }
    }
    return Done{};
  }

  Result<JsonBox, NoReply> receive() {
    std::string reply;
    char buffer[16 * 1024];
    while (reply.find('\n') == std::string::npos) {
      if (reply.size() > kLongestControlReply) return failed("the reply is too long");
      if (!ready(POLLIN)) return late();
      const ssize_t size = ::recv(fd_.get(), buffer, sizeof buffer, 0);
      if (size < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      if (size <= 0) return failed("the daemon hung up without an answer; its log says why");
      reply.append(buffer, static_cast<std::size_t>(size));
    }
    Json answer = Json::parse(reply, nullptr, false);
    if (!answer.is_object() || !(answer.contains("done") || answer.contains("error")))
      return failed("what answers there is no codedriftd");
    return JsonBox(std::move(answer));
  }

  std::string path_;
  SystemClock clock_;
  MonoTime deadline_;
  UniqueFd fd_;
};

}  // namespace

Result<JsonBox, NoReply> ask_daemon(const std::string& runtime_dir, const JsonBox& request, Millis within) {
  return Conversation(runtime_dir + "/control.sock", within).hold(*request);
}

Result<std::optional<pid_t>> daemon_listening(const std::string& runtime_dir) {
  const std::string path = runtime_dir + "/control.sock";
  const auto address = socket_address(path);
  if (!address) return address.error();
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return Error{fmt::format("{}: {}", path, std::strerror(errno))};
  const bool connected = ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) == 0;
  if (!connected && (errno == ENOENT || errno == ECONNREFUSED)) return std::optional<pid_t>();
  if (!connected && errno != EAGAIN) return Error{fmt::format("{}: {}", path, std::strerror(errno))};
  ucred peer{};
  socklen_t size = sizeof peer;
  // Whoever called listen(); not known where all places are taken.
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) peer.pid = 0;
  return std::optional(peer.pid);
}

}  // namespace codedriftd
