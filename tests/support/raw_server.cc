#include "support/raw_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <atomic>
#include <cstring>
#include <list>
#include <random>
#include <stdexcept>
#include <thread>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "support/tls_stream.h"

namespace codedriftd::test {
namespace {

constexpr std::size_t kMaxRequest = 16 << 20;

/// Non-blocking socket, optional TLS, and an event fd that ends every wait.
class SocketConnection final : public Connection {
 public:
  SocketConnection(UniqueFd socket, int stop_fd, const TlsContext* tls)
      : socket_(std::move(socket)), stop_fd_(stop_fd) {
    if (tls != nullptr) tls_.emplace(*tls, socket_.get());
  }

  /// True once the peer may talk: at once without TLS, after the handshake with it.
  bool handshake() {
    if (!tls_) return true;
    for (;;) {
      switch (tls_->accept()) {
        case TlsStream::Need::nothing:
          return true;
        case TlsStream::Need::failed:
          return false;
        case TlsStream::Need::read:
          if (!wait(POLLIN)) return false;
          break;
        case TlsStream::Need::write:
          if (!wait(POLLOUT)) return false;
          break;
      }
    }
  }
  void goodbye() {
    if (tls_ && socket_.valid()) tls_->shutdown();
    if (!socket_.valid()) return;
    // Unread bytes would turn the close into a reset and could take the answer with them: say the end, then read on
    // briefly.
    ::shutdown(socket_.get(), SHUT_WR);
    char sink[4096];
    for (int rounds = 0; rounds < 100; ++rounds) {
      const ssize_t got = ::recv(socket_.get(), sink, sizeof sink, MSG_DONTWAIT);
      if (got == 0 || (got < 0 && errno != EAGAIN)) return;
      if (got < 0) {
        pollfd fds[2] = {{socket_.get(), POLLIN, 0}, {stop_fd_, POLLIN, 0}};
        if (::poll(fds, 2, 100) <= 0 || fds[1].revents != 0) return;
      }
    }
  }

  bool wait_readable() override { return !buffer_.empty() || (tls_ && tls_->pending()) || wait(POLLIN); }

  std::optional<HttpRequest> read_request() override {
    std::size_t head_end = 0;
    while ((head_end = buffer_.find("\r\n\r\n")) == std::string::npos)
      if (buffer_.size() > kMaxRequest || !read_more()) return std::nullopt;
    HttpRequest request;
    if (!parse_head(std::string_view(buffer_).substr(0, head_end + 4), request)) return std::nullopt;
    buffer_.erase(0, head_end + 4);
    if (request.header("expect") == "100-continue" && !send("HTTP/1.1 100 Continue\r\n\r\n")) return std::nullopt;
    const bool complete =
        request.header("transfer-encoding") == "chunked" ? read_chunked(request) : read_length(request);
    if (!complete) return std::nullopt;
    return request;
  }

  bool send(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t sent = tls_ ? tls_->write(bytes) : ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      } else if (!(sent < 0 && errno == EAGAIN) || !wait(POLLOUT)) {
        return false;
      }
    }
    return true;
  }

  bool pause(std::chrono::microseconds time) override {
    const timespec limit{time.count() / 1000000, (time.count() % 1000000) * 1000};
    pollfd stop{stop_fd_, POLLIN, 0};
    return ::ppoll(&stop, 1, &limit, nullptr) == 0;
  }

  void wait_for_peer_to_leave() override {
    char sink[4096];
    while (wait(POLLIN)) {
      const ssize_t got = ::recv(socket_.get(), sink, sizeof sink, MSG_DONTWAIT);
      if (got == 0 || (got < 0 && errno != EAGAIN)) return;
    }
  }

  void end() override {
    if (tls_) tls_->shutdown();
    ::shutdown(socket_.get(), SHUT_WR);
  }

  void close() override {
    if (tls_) tls_->shutdown();
    tls_.reset();
    socket_.reset();
  }

  void reset() override {
    const linger now{1, 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    tls_.reset();
    socket_.reset();
  }

 private:
  bool wait(short events) {
    pollfd fds[2] = {{socket_.get(), events, 0}, {stop_fd_, POLLIN, 0}};
    while (::poll(fds, 2, -1) < 0)
      if (errno != EINTR) return false;
    return fds[1].revents == 0;
  }

  bool read_more() {
    char chunk[16384];
    for (;;) {
      const ssize_t got = tls_ ? tls_->read(chunk, sizeof chunk) : ::recv(socket_.get(), chunk, sizeof chunk, 0);
      if (got > 0) {
        buffer_.append(chunk, static_cast<std::size_t>(got));
        return true;
      }
      if (!(got < 0 && errno == EAGAIN) || !wait(POLLIN)) return false;
    }
  }

  bool take(std::size_t size, std::string& out) {
    while (buffer_.size() < size)
      if (!read_more()) return false;
    out.append(buffer_, 0, size);
    buffer_.erase(0, size);
    return true;
  }

  bool read_length(HttpRequest& request) {
    const std::string_view text = request.header("content-length");
    if (text.empty()) return true;
    if (text.size() > 8 || text.find_first_not_of("0123456789") != std::string_view::npos) return false;
    const std::size_t size = std::stoul(std::string(text));
    return size <= kMaxRequest && take(size, request.body);
  }

  bool read_chunked(HttpRequest& request) {
    for (;;) {
      std::size_t end = 0;
      while ((end = buffer_.find("\r\n")) == std::string::npos)
        if (buffer_.size() > 1024 || !read_more()) return false;
      char* stopped = nullptr;
      const unsigned long size = std::strtoul(buffer_.c_str(), &stopped, 16);
      if (stopped == buffer_.c_str() || request.body.size() + size > kMaxRequest) return false;
      buffer_.erase(0, end + 2);
      std::string line_end;
      if (!take(size, request.body) || !take(2, line_end)) return false;
      if (size == 0) return line_end == "\r\n";
    }
  }

  UniqueFd socket_;
  std::optional<TlsStream> tls_;
  int stop_fd_;
  std::string buffer_;
};

UniqueFd listen_on(uint16_t& port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (!fd.valid() || ::bind(fd.get(), generic, size) != 0 || ::listen(fd.get(), 1024) != 0 ||
      ::getsockname(fd.get(), generic, &size) != 0)
    throw std::runtime_error("cannot listen on 127.0.0.1:" + std::to_string(port) + ": " + std::strerror(errno));
  port = ntohs(address.sin_port);
  return fd;
}

}  // namespace

struct RawServer::Impl {
  struct Worker {
    std::atomic<bool> done = false;
    std::thread thread;
  };

  uint16_t port;
  std::unique_ptr<TlsContext> tls;
  Handler handler;
  UniqueFd stop_fd{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  UniqueFd listener;
  std::atomic<uint64_t> connections = 0;
  std::list<Worker> workers;  ///< touched by the accepting thread, and by stop() once that has ended
  std::thread acceptor;

  void accept_all() {
    pollfd fds[2] = {{listener.get(), POLLIN, 0}, {stop_fd.get(), POLLIN, 0}};
    while (::poll(fds, 2, -1) >= 0 || errno == EINTR) {
      if (fds[1].revents != 0) return;
      UniqueFd socket(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!socket.valid()) continue;
      ++connections;
      const int on = 1;
      ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      workers.remove_if([](Worker& worker) {
        if (!worker.done) return false;
        worker.thread.join();
        return true;
      });
      Worker& worker = workers.emplace_back();
      worker.thread = std::thread([this, &worker, fd = socket.release()] {
        serve(UniqueFd(fd));
        worker.done = true;
      });
    }
  }

  void serve(UniqueFd socket) {
    SocketConnection connection(std::move(socket), stop_fd.get(), tls.get());
    if (!connection.handshake()) return;
    handler(connection);
    connection.goodbye();
  }
};

RawServer::RawServer(uint16_t port, const std::optional<TlsFiles>& tls, Handler handler) : impl_(new Impl) {
  impl_->port = port;
  if (tls) impl_->tls = std::make_unique<TlsContext>(*tls);
  impl_->handler = std::move(handler);
  impl_->listener = listen_on(impl_->port);
  impl_->acceptor = std::thread([this] { impl_->accept_all(); });
}

RawServer::~RawServer() { stop(); }

uint16_t RawServer::port() const { return impl_->port; }
uint64_t RawServer::connections() const { return impl_->connections; }

void RawServer::stop() {
  if (!impl_->acceptor.joinable()) return;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(impl_->stop_fd.get(), &one, sizeof one);
  impl_->acceptor.join();
  impl_->listener.reset();
  for (Impl::Worker& worker : impl_->workers) worker.thread.join();
  impl_->workers.clear();
}

uint16_t port_for_later() {
  constexpr uint16_t kFirst = 10'000, kLast = 32'767;
  std::random_device random;
  for (int tries = 0; tries < 100; ++tries) {
    uint16_t port = std::uniform_int_distribution<uint16_t>(kFirst, kLast)(random);
    try {
      listen_on(port);
      return port;
    } catch (const std::runtime_error&) {  // somebody has it
    }
  }
  throw std::runtime_error("no port below those that the kernel hands out is free");
}

}  // namespace codedriftd::test
