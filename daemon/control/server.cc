#include "control/server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"

namespace codedriftd {
namespace {

constexpr char kName[] = "control.sock";
constexpr Millis kAcceptPause{1'000}, kMemoryPause{100};
constexpr Millis kIdleTurn{60'000};
/// What of the time that a client waits is left for commit and reply.
constexpr Millis kForTheReply{5'000};

Error system_error(const std::string& what, int error) {
  return Error{fmt::format("{}: {}", what, std::strerror(error))};
}

Result<UniqueFd> open_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  if (::mkdir(path.c_str(), 0750) != 0 && errno != EEXIST) {
    return Error{fmt::format("{}: cannot be made: {}; create it for the daemon's user, or set runtime_dir", path,
                             std::strerror(errno))};
  }
  UniqueFd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.valid()) return system_error(path + ": cannot be opened as a folder", errno);
  struct stat info {};
  if (::fstat(folder.get(), &info) != 0) return system_error(path, errno);
  if ((info.st_mode & S_IWOTH) != 0)
    return Error{
        fmt::format("{}: everybody can write to it, so anybody could answer for the daemon; chmod o-w it", path)};
  return folder;
}

/// True if a daemon answers at `address`.
bool answers(const sockaddr_un& address) {
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  return fd.valid() &&
         (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 || errno == EAGAIN);
}

/// Takes away the socket of a daemon that ended.
Checked clear_place(const UniqueFd& folder, const std::string& path, const sockaddr_un& address) {
  struct stat info {};
  if (::fstatat(folder.get(), kName, &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return Done{};
    return system_error(path, errno);
  }
  if (!S_ISSOCK(info.st_mode)) return Error{fmt::format("{}: exists and is not a socket; remove it", path)};
  if (answers(address))
    return Error{fmt::format("{}: another codedriftd answers there; set another runtime_dir", path)};
  if (::unlinkat(folder.get(), kName, 0) != 0) return system_error(path + ": cannot be removed", errno);
  return Done{};
}

/// The groups of whoever is at the other end, as they were when it connected.
std::set<gid_t> groups_of(const UniqueFd& fd, gid_t primary) {
  std::set<gid_t> all{primary};
  std::vector<gid_t> groups(64);
  for (;;) {
    auto size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) == 0) {
      groups.resize(size / sizeof(gid_t));
      all.insert(groups.begin(), groups.end());
      return all;
    }
    // What is too short is told how long it has to be. A kernel without this knows the primary group only.
    if (errno != ERANGE || size / sizeof(gid_t) <= groups.size()) return all;
    groups.resize(size / sizeof(gid_t));
  }
}

}  // namespace

JsonBox control_error(std::string_view code, std::string_view message) {
  return Json{{"error", code}, {"message", message}};
}

struct ControlServer::Client {
  enum class State { reading, waiting, answering, writing, over };
  uint64_t id = 0;
  UniqueFd fd;
  Caller caller;
  bool allowed = false;
  bool privileged = false;  ///< root, or the daemon's own user
  State state = State::reading;
  MonoTime came_at{}, deadline{};
  std::string request;
  std::string reply;
  std::size_t written = 0;
};

Result<ControlServer::Bound> ControlServer::bind(const std::string& folder_path) {
  const std::string path = folder_path + "/" + kName;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Error{fmt::format("{}: is {} bytes long, a socket's name has {} at most; set a shorter runtime_dir", path,
                             path.size(), sizeof address.sun_path - 1)};
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  auto folder = open_folder(folder_path);
  if (!folder) return folder.error();
  if (auto clear = clear_place(*folder, path, address); !clear) return clear.error();
  UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!listener.valid()) return system_error(path, errno);
  struct stat info {};
  // Nobody connects before listen(), so the mode is right before anybody can.
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::fchmodat(folder->get(), kName, 0660, 0) != 0 || ::listen(listener.get(), 64) != 0 ||
      ::fstatat(folder->get(), kName, &info, AT_SYMLINK_NOFOLLOW) != 0)
    return system_error(path + ": cannot listen there", errno);
  return Bound{std::move(*folder), std::move(listener), {info.st_dev, info.st_ino}};
}

Result<std::unique_ptr<ControlServer>> ControlServer::open(Options options, Answer answer, Denied denied) {
  auto bound = bind(options.folder);
  if (!bound) return bound.error();
  UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) return system_error(options.folder, errno);
  return std::unique_ptr<ControlServer>(
      new ControlServer(std::move(options), std::move(answer), std::move(denied), std::move(*bound), std::move(wake)));
}

ControlServer::ControlServer(Options options, Answer answer, Denied denied, Bound bound, UniqueFd wake)
    : options_(std::move(options)),
      answer_(std::move(answer)),
      denied_(std::move(denied)),
      bound_(std::move(bound)),
      wake_(std::move(wake)),
      look_again_at_(clock_.mono() + options_.look_after_every) {
  for (std::size_t i = 0; i < options_.workers; ++i) bells_.push_back(std::make_unique<Bell>());
  for (const auto& bell : bells_)
    workers_.emplace_back([this, &bell = *bell](const std::stop_token& stop) { work(stop, bell); });
  thread_ = std::jthread([this](std::stop_token stop) { loop(stop); });
}

ControlServer::~ControlServer() {
  for (std::jthread& worker : workers_) worker.request_stop();
  thread_.request_stop();
  wake();
  thread_.join();
  workers_.clear();
  ::unlinkat(bound_.folder.get(), kName, 0);
}

void ControlServer::wake() const {
  const uint64_t one = 1;
  // It can only fail when the counter is full, and then the thread is awake.
  [[maybe_unused]] const ssize_t rung = ::write(wake_.get(), &one, sizeof one);
}

void ControlServer::loop(std::stop_token stop) {
  serving_.assume();
  std::vector<Client> clients;
  while (!stop.stop_requested()) {
    try {
      turn(clients);
    } catch (const std::exception& error) {  // no memory: everybody hangs up, and there is some again
      clients.clear();
      log(LogLevel::warning, "control.failed", fmt::format("all clients were hung up on: {}", error.what()));
    }
  }
}

void ControlServer::turn(std::vector<Client>& clients) {
  using State = Client::State;
  const MonoTime now = clock_.mono();
  if (now >= look_again_at_) look_after();
  const bool accepting = now >= accept_again_at_;
  std::vector<pollfd> fds{{wake_.get(), POLLIN, 0}, {accepting ? bound_.listener.get() : -1, POLLIN, 0}};
  MonoTime next = look_again_at_;
  if (!accepting) next = std::min(next, accept_again_at_);
  for (const Client& client : clients) {
    const bool ours = client.state == State::waiting || client.state == State::answering;
    fds.push_back(
        {ours ? -1 : client.fd.get(), static_cast<short>(client.state == State::reading ? POLLIN : POLLOUT), 0});
    if (!ours) next = std::min(next, client.deadline);
  }
  const auto wait = std::chrono::ceil<Millis>(next - now);
  if (::poll(fds.data(), fds.size(), static_cast<int>(std::max(Millis{0}, wait).count())) < 0 && errno != EINTR) {
    std::this_thread::sleep_for(kAcceptPause);  // no memory in the kernel
    return;
  }
  if (fds[0].revents != 0) {
    uint64_t rung = 0;
    [[maybe_unused]] const ssize_t size = ::read(wake_.get(), &rung, sizeof rung);
  }
  for (std::size_t i = 0; i < clients.size(); ++i) {
    Client& client = clients[i];
    if (fds[i + 2].revents != 0) client.state == State::reading ? read_from(client) : write_to(client);
    const bool timed = client.state == State::reading || client.state == State::writing;
    if (!timed || clock_.mono() < client.deadline) continue;
    if (client.state == State::reading) {
      client.reply = json_line(*control_error("timeout", "the request did not end in time")) + "\n";
      write_to(client);
    }
    client.state = State::over;
  }
  take_replies(clients);
  hand_out(clients);
  std::erase_if(clients, [](const Client& client) { return client.state == State::over; });
  if ((fds[1].revents & POLLIN) != 0) accept_all(clients);
}

/// Whoever cleans runtime_dir takes the socket away with it, and nobody could connect any more.
void ControlServer::look_after() {
  look_again_at_ = clock_.mono() + options_.look_after_every;
  const std::string path = options_.folder + "/" + kName;
  struct stat info {};
  if (::lstat(path.c_str(), &info) == 0 && std::pair(info.st_dev, info.st_ino) == bound_.file) return;
  auto bound = bind(options_.folder);
  if (!bound) {
    if (std::exchange(unbound_, bound.error().message) != bound.error().message)
      log(LogLevel::warning, "control.unavailable",
          fmt::format("the control socket is gone and cannot be bound anew: {}; it is tried every {} seconds", unbound_,
                      std::chrono::ceil<std::chrono::seconds>(options_.look_after_every).count()));
    return;
  }
  unbound_.clear();
  bound_ = std::move(*bound);
  log(LogLevel::warning, "control.rebound", path + ": was removed; it is bound anew");
}

void ControlServer::accept_all(std::vector<Client>& clients) {
  constexpr int kInOneTurn = 16;
  for (int i = 0; i < kInOneTurn; ++i) {
    Client client;
    client.fd = UniqueFd(::accept4(bound_.listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!client.fd.valid()) {
      // No descriptors, no memory: the connection stays in the queue, and poll() would say so at once, for ever.
      if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) accept_again_at_ = clock_.mono() + kAcceptPause;
      return;
    }
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(client.fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) continue;
    client.id = next_client_++;
    client.caller.uid = peer.uid;
    client.caller.groups = groups_of(client.fd, peer.gid);
    client.allowed = options_.may_ask(client.caller);
    client.privileged = peer.uid == 0 || peer.uid == ::geteuid();
    client.came_at = clock_.mono();
    client.deadline = client.came_at + (client.allowed ? options_.read_within : options_.stranger_read_within);
    if (has_place(client, clients)) {
      clients.push_back(std::move(client));
    } else if (client.allowed) {
      client.reply = json_line(*control_error("busy", "too many requests are under way; ask again in a moment")) + "\n";
      write_to(client);
    }
  }
}

/// Whether there is a place for `client`, made for it if need be.
bool ControlServer::has_place(const Client& client, std::vector<Client>& clients) const {
  const auto count = [&](auto&& which) {
    return static_cast<std::size_t>(std::count_if(clients.begin(), clients.end(), which));
  };
  if (!client.allowed && count([](const Client& c) { return !c.allowed; }) >= options_.most_strangers) return false;
  if (client.privileged) {
    if (clients.size() < 2 * options_.most_clients) return true;
    const auto silent =
        std::find_if(clients.begin(), clients.end(), [](const Client& c) { return c.state == Client::State::reading; });
    if (silent == clients.end()) return false;
    clients.erase(silent);
    return true;
  }
  return count([](const Client& c) { return !c.privileged; }) < options_.most_clients &&
         count([&](const Client& c) { return c.caller.uid == client.caller.uid; }) < options_.most_of_one_user;
}

void ControlServer::read_from(Client& client) const {
  using State = Client::State;
  char buffer[16 * 1024];
  for (;;) {
    const ssize_t size = ::recv(client.fd.get(), buffer, sizeof buffer, 0);
    if (size < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) client.state = State::over;
      return;
    }
    const std::string_view read(buffer, static_cast<std::size_t>(size));
    client.request += read;
    const bool ended = read.empty();
    if (ended && client.request.empty()) {
      client.state = State::over;  // it only looked whether somebody is here
      return;
    }
    const bool line = read.find('\n') != std::string_view::npos;
    const std::size_t longest = client.allowed ? kLongestControlRequest : options_.strangers_are_read();
    if (ended || line || client.request.size() > longest) {
      client.state = State::waiting;
      return;
    }
  }
}

/// Gives the workers what may be answered now: in the order it came, but for who has enough under way already.
void ControlServer::hand_out(std::vector<Client>& clients) {
  using State = Client::State;
  std::size_t all = 0, others = 0;
  std::map<uid_t, std::size_t> by_user;
  const auto begin = [&](const Client& client) {
    ++all;
    if (!client.privileged) ++others, ++by_user[client.caller.uid];
  };
  for (const Client& client : clients)
    if (client.state == State::answering) begin(client);
  for (Client& client : clients) {
    if (client.state != State::waiting || all >= options_.workers) continue;
    if (!client.privileged && (others + 1 >= options_.workers || by_user[client.caller.uid] >= options_.most_answered))
      continue;
    begin(client);
    client.state = State::answering;
    jobs_.lock()->push_back({client.id, client.caller, client.allowed, client.came_at, std::move(client.request)});
    for (const auto& bell : bells_) bell->ring();  // whoever is free
  }
}

void ControlServer::take_replies(std::vector<Client>& clients) {
  std::deque<Job> replies;
  replies_.lock()->swap(replies);
  for (Job& reply : replies) {
    const auto client =
        std::find_if(clients.begin(), clients.end(), [&](const Client& c) { return c.id == reply.client; });
    if (client == clients.end()) continue;
    client->reply = std::move(reply.text);
    client->state = Client::State::writing;
    client->deadline = clock_.mono() + options_.write_within;
    write_to(*client);
  }
}

void ControlServer::write_to(Client& client) const {
  while (client.written < client.reply.size()) {
    const ssize_t size = ::send(client.fd.get(), client.reply.data() + client.written,
                                client.reply.size() - client.written, MSG_NOSIGNAL);
    if (size < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) client.state = Client::State::over;
      return;
    }
    client.written += static_cast<std::size_t>(size);
  }
  client.state = Client::State::over;
}

// ---- the workers --------------------------------------------------------------------------------------------------

void ControlServer::work(const std::stop_token& stop, Bell& bell) {
  while (!stop.stop_requested()) {
    std::optional<Job> job;
    if (Locked jobs(jobs_); !jobs->empty()) {
      job = std::move(jobs->front());
      jobs->pop_front();
    }
    if (!job) {
      bell.wait_for(stop, kIdleTurn);
      continue;
    }
    try {
      job->text = reply_to(*job);
    } catch (const std::exception&) {  // no memory for words about it either: its client is hung up on
      job->text.clear();
    }
    // Its client waits without an end, so there has to be one.
    for (bool given = false; !given && !stop.stop_requested();) {
      try {
        replies_.lock()->push_back(std::move(*job));
        given = true;
      } catch (const std::exception&) {
        bell.wait_for(stop, kMemoryPause);
      }
    }
    wake();
  }
}

std::string ControlServer::reply_to(Job& job) const {
  try {
    std::string reply = json_line(*answer_to(job)) + "\n";
    if (reply.size() > kLongestControlReply) throw std::runtime_error("the reply is too long");
    return reply;
  } catch (const std::exception& error) {
    log(LogLevel::error, "control.failed", fmt::format("a request of {}: {}", job.caller.actor, error.what()));
    return json_line(*control_error("failed", error.what())) + "\n";
  }
}

JsonBox ControlServer::answer_to(Job& job) const {
  job.caller.actor = actor_of(job.caller.uid, options_.host);
  const ControlRequest read =
      read_control_request(std::exchange(job.text, {}), job.allowed ? kMostControlValues : kMostStrangersValues);
  job.caller.claimed = read.claimed;
  const auto open = [&] {
    return read.error.empty() && options_.open_to_all && options_.open_to_all(read.verb, read.request);
  };
  if (!job.allowed && !open()) return control_error("denied", denied_(job.caller, read.verb, read.request));
  if (!read.error.empty()) return control_error(read.error, read.trouble);
  // A little less than its client waits: the commit and the reply take their time too.
  const Millis left =
      read.within - std::min(kForTheReply, read.within / 4) - std::chrono::ceil<Millis>(clock_.mono() - job.came_at);
  return answer_(job.caller, read.verb, read.request, left);
}

}  // namespace codedriftd
