#include "status/page_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <optional>

#include "base/log.h"

namespace codedriftd {
namespace {

constexpr Millis kAcceptPause{1'000};
/// Nobody is hung up on for the next to come before they could say what they want.
constexpr Millis kLeastStay{20};
constexpr Millis kAnswerWithin{30'000};
constexpr Millis kIdleTurn{60'000};
constexpr int kAcceptedInOneTurn = 16;
constexpr char kTooLong[] =
    "HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  int family() const { return storage.ss_family; }
  void set_port(int port) {
    const auto number = htons(static_cast<uint16_t>(port));
    if (family() == AF_INET6) reinterpret_cast<sockaddr_in6&>(storage).sin6_port = number;
    if (family() == AF_INET) reinterpret_cast<sockaddr_in&>(storage).sin_port = number;
  }
  bool loopback() const {
    if (family() == AF_INET6) return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr);
    return (ntohl(reinterpret_cast<const sockaddr_in&>(storage).sin_addr.s_addr) >> 24) == 127;
  }
};

std::vector<Address> addresses_of(const std::string& host) {
  std::vector<Address> addresses;
  // What /etc/hosts says of localhost is often one of the two.
  const std::vector<std::string> names =
      host == "localhost" ? std::vector<std::string>{"127.0.0.1", "::1"} : std::vector<std::string>{host};
  for (const std::string& name : names) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE;
    addrinfo* found = nullptr;
    if (::getaddrinfo(name.c_str(), nullptr, &hints, &found) != 0) continue;
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
    for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
      if (each->ai_family != AF_INET && each->ai_family != AF_INET6) continue;
      Address address;
      std::memcpy(&address.storage, each->ai_addr, each->ai_addrlen);
      address.size = each->ai_addrlen;
      addresses.push_back(address);
    }
  }
  return addresses;
}

/// A listening socket; on failure errno says why.
UniqueFd listen_on(const Address& address, bool only) {
  UniqueFd fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return fd;
  const int yes = 1;
  // Not SO_REUSEPORT: with that a second program could listen on the same port and nobody would notice.
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  const int v6_only = only ? 0 : 1;
  if (address.family() == AF_INET6) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0 ||
      ::listen(fd.get(), SOMAXCONN) != 0)
    return {};
  return fd;
}

int port_of(const UniqueFd& fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&storage), &size) != 0) return 0;
  return ntohs(storage.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(storage).sin6_port
                                             : reinterpret_cast<sockaddr_in&>(storage).sin_port);
}

}  // namespace

struct PageServer::Client {
  enum class State { reading, answering, writing, leaving, over };
  Client(uint64_t number, UniqueFd fd, const TlsIdentity* identity) : id(number), wire(std::move(fd), identity) {}

  uint64_t id;
  Wire wire;
  State state = State::reading;
  MonoTime came_at{};
  MonoTime deadline{};
  std::string head;
  std::string reply;
  std::size_t written = 0;

  void reply_with(std::string text, MonoTime until) {
    reply = std::move(text);
    state = reply.empty() ? State::over : State::writing;
    deadline = until;
    wire.expect(POLLOUT);
  }
};

Result<std::unique_ptr<PageServer>> PageServer::open(const std::string& host, int port, Options options, Answer answer,
                                                     Identity identity) {
  std::vector<Address> addresses = addresses_of(host);
  if (addresses.empty()) return Error{fmt::format("{}: is not an address of this machine", host)};
  std::vector<UniqueFd> listeners;
  bool loopback = true;
  int trouble = 0;
  for (Address& address : addresses) {
    address.set_port(port);
    UniqueFd fd = listen_on(address, addresses.size() == 1);
    if (fd.valid()) {
      if (port == 0) port = port_of(fd);
      loopback = loopback && address.loopback();
      listeners.push_back(std::move(fd));
      continue;
    }
    trouble = errno;
    // Somebody else has one of the addresses: who asks there would take that answer for ours.
    if (trouble == EADDRINUSE) return Error{"the port is in use by another program (ss -ltnp says which)"};
  }
  if (listeners.empty()) return Error{std::strerror(trouble)};
  UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) return Error{std::strerror(errno)};
  return std::unique_ptr<PageServer>(new PageServer(options, std::move(answer), std::move(listeners), port, loopback,
                                                    std::move(wake), std::move(identity)));
}

PageServer::PageServer(Options options, Answer answer, std::vector<UniqueFd> listeners, int port, bool loopback,
                       UniqueFd wake, Identity identity)
    : options_(options),
      answer_(std::move(answer)),
      listeners_(std::move(listeners)),
      port_(port),
      loopback_only_(loopback),
      wake_(std::move(wake)),
      identity_(std::move(identity)) {
  for (std::size_t i = 0; i < options_.workers; ++i) bells_.push_back(std::make_unique<Bell>());
  for (const auto& bell : bells_)
    workers_.emplace_back([this, &bell = *bell](const std::stop_token& stop) { work(stop, bell); });
  thread_ = std::jthread([this](std::stop_token stop) { loop(stop); });
}

PageServer::~PageServer() {
  for (std::jthread& worker : workers_) worker.request_stop();
  thread_.request_stop();
  wake();
  thread_.join();
  workers_.clear();
}

void PageServer::wake() const {
  const uint64_t one = 1;
  // It can only fail when the counter is full, and then the thread is awake.
  [[maybe_unused]] const ssize_t rung = ::write(wake_.get(), &one, sizeof one);
}

void PageServer::loop(std::stop_token stop) {
  std::vector<Client> clients;
  while (!stop.stop_requested()) {
    try {
      turn(clients);
    } catch (const std::exception& error) {  // no memory: everybody hangs up, and there is some again
      clients.clear();
      log(LogLevel::warning, "http.failed", fmt::format("all clients of the page were hung up on: {}", error.what()));
    }
  }
}

void PageServer::turn(std::vector<Client>& clients) {
  using State = Client::State;
  const MonoTime now = clock_.mono();
  MonoTime next = now + std::chrono::hours(1);
  std::vector<pollfd> fds{{wake_.get(), POLLIN, 0}};
  const bool accepting = now >= accept_again_at_;
  if (!accepting) next = accept_again_at_;
  for (const UniqueFd& listener : listeners_) fds.push_back({accepting ? listener.get() : -1, POLLIN, 0});
  for (const Client& client : clients) {
    fds.push_back({client.state == State::answering ? -1 : client.wire.fd(), client.wire.events(), 0});
    next = std::min(next, client.deadline);
  }
  const auto wait = std::chrono::ceil<Millis>(next - now);
  if (::poll(fds.data(), fds.size(), static_cast<int>(std::max(Millis{0}, wait).count())) < 0) {
    if (errno != EINTR) std::this_thread::sleep_for(kAcceptPause);  // no memory in the kernel
    return;
  }
  if (fds[0].revents != 0) {
    uint64_t rung = 0;
    [[maybe_unused]] const ssize_t size = ::read(wake_.get(), &rung, sizeof rung);
    take_replies(clients);
  }
  const std::size_t first = 1 + listeners_.size();
  for (std::size_t i = 0; i < clients.size(); ++i) {
    Client& client = clients[i];
    if (fds[first + i].revents != 0) client.state == State::writing ? write_to(client) : read_from(client);
    if (clock_.mono() >= client.deadline) client.state = State::over;
  }
  std::erase_if(clients, [](const Client& client) { return client.state == State::over; });
  for (std::size_t i = 0; i < listeners_.size(); ++i)
    if ((fds[1 + i].revents & POLLIN) != 0) accept_some(listeners_[i].get(), clients);
}

/// A few at a time, so that those who came are read before the next come.
void PageServer::accept_some(int listener, std::vector<Client>& clients) {
  for (int i = 0; i < kAcceptedInOneTurn; ++i) {
    if (clients.size() >= options_.most_clients) {
      const MonoTime ripe = clients.front().came_at + kLeastStay;
      if (clock_.mono() < ripe) {  // the next waits in the kernel's queue meanwhile
        accept_again_at_ = ripe;
        return;
      }
    }
    UniqueFd fd(::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd.valid()) {
      // No descriptors, no memory: the connection stays in the queue, and poll() would say so at once, for ever.
      if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) accept_again_at_ = clock_.mono() + kAcceptPause;
      return;
    }
    if (clients.size() >= options_.most_clients && !make_room(clients)) continue;  // hung up on
    const int yes = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    const Identity identity = identity_.copy();
    Client client(next_client_++, std::move(fd), identity.get());
    client.came_at = clock_.mono();
    client.deadline = client.came_at + options_.read_within;
    clients.push_back(std::move(client));
    // Whoever asked at once is not hung up on for the next to come.
    read_from(clients.back());
  }
}

/// Hangs up on who has been here for longest without having said what it wants, or with its reply in hand; else on who
/// has been taking its reply for longest.
bool PageServer::make_room(std::vector<Client>& clients) const {
  using State = Client::State;
  const auto first = [&](auto... states) {  // in the order they came
    return std::find_if(clients.begin(), clients.end(),
                        [=](const Client& client) { return ((client.state == states) || ...); });
  };
  auto oldest = first(State::reading, State::leaving, State::over);
  if (oldest == clients.end()) oldest = first(State::writing);
  if (oldest == clients.end()) return false;
  clients.erase(oldest);
  return true;
}

void PageServer::read_from(Client& client) {
  using State = Client::State;
  char buffer[4096];
  for (;;) {
    const ssize_t size = client.wire.receive(buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) return;
    if (size <= 0) {
      client.state = State::over;
      return;
    }
    // What comes after the head is of no interest. It is taken all the same: closing a socket with something unread in
    // it would take the reply away from the client.
    if (client.state != State::reading) return;
    const std::size_t looked_at = client.head.size() < 3 ? 0 : client.head.size() - 3;
    client.head.append(buffer, static_cast<std::size_t>(size));
    const std::size_t end = client.head.find("\r\n\r\n", looked_at);
    if (end != std::string::npos && end + 4 <= options_.longest_head) {
      client.head.resize(end + 4);
      client.state = State::answering;
      client.deadline = clock_.mono() + kAnswerWithin;
      heads_.lock()->push_back({client.id, std::move(client.head)});
      for (const auto& bell : bells_) bell->ring();  // whoever is free
      return;
    }
    if (end != std::string::npos || client.head.size() > options_.longest_head) {
      client.head = {};
      client.reply_with(kTooLong, clock_.mono() + options_.write_within);
      return;
    }
  }
}

void PageServer::take_replies(std::vector<Client>& clients) {
  std::deque<Head> replies;
  replies_.lock()->swap(replies);
  for (Head& reply : replies) {
    const auto client =
        std::find_if(clients.begin(), clients.end(), [&](const Client& c) { return c.id == reply.client; });
    if (client == clients.end()) continue;
    client->reply_with(std::move(reply.text), clock_.mono() + options_.write_within);
    // At once: until the next turn it would be one of those who may have to make room, with its answer unsent.
    if (client->state == Client::State::writing) write_to(*client);
    bound_replies(clients, reply.client);
  }
}

/// Hangs up on who has been taking its reply for longest, until the replies are within their bound.
void PageServer::bound_replies(std::vector<Client>& clients, uint64_t newest) const {
  std::size_t held = 0;
  for (const Client& client : clients) held += client.reply.size();
  for (Client& client : clients) {  // in the order they came
    if (held <= options_.most_reply_bytes) return;
    if (client.reply.empty() || client.id == newest) continue;
    held -= client.reply.size();
    client.reply = {};
    client.state = Client::State::over;
  }
}

void PageServer::write_to(Client& client) const {
  while (client.written < client.reply.size()) {
    const ssize_t size = client.wire.send(client.reply.data() + client.written, client.reply.size() - client.written);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) {
      if (errno != EAGAIN) client.state = Client::State::over;
      return;
    }
    if (size == 0) {  // TLS: the other side is gone
      client.state = Client::State::over;
      return;
    }
    client.written += static_cast<std::size_t>(size);
    client.deadline = std::min(clock_.mono() + options_.write_within, client.came_at + options_.stay_within);
  }
  client.reply = {};
  client.wire.finish();
  client.wire.expect(POLLIN);
  client.state = Client::State::leaving;  // until it hangs up, or its time is over
}

void PageServer::work(const std::stop_token& stop, Bell& bell) {
  while (!stop.stop_requested()) {
    std::optional<Head> next;
    if (Locked heads(heads_); !heads->empty()) {
      next = std::move(heads->front());
      heads->pop_front();
    }
    if (!next) {
      bell.wait_for(stop, kIdleTurn);
      continue;
    }
    const Head& head = *next;
    std::string reply;
    try {
      reply = answer_(head.text);
    } catch (const std::exception& error) {
      log(LogLevel::warning, "http.failed", fmt::format("a request got no answer: {}", error.what()));
    } catch (...) {
      log(LogLevel::warning, "http.failed", "a request got no answer");
    }
    try {
      replies_.lock()->push_back({head.client, std::move(reply)});
    } catch (const std::exception&) {  // no memory: its client waits in vain, and gives up
    }
    wake();
  }
}

}  // namespace codedriftd
