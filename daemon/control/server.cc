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

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"

namespace codedriftd {
namespace {

constexpr char kName[] = "control.sock";
constexpr Millis kAcceptPause{1'000};

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

/// What came over the socket, as far as it can be read.
struct Understood {
  JsonBox request = empty_object();
  std::string verb, claimed;
  std::string error, trouble;  ///< why it cannot be read
};
Understood understand(std::string_view line) {
  Understood understood;
  const auto not_understood = [&](const char* error, std::string trouble) {
    understood.error = error;
    understood.trouble = std::move(trouble);
    return understood;
  };
  if (line.size() > kLongestControlRequest)
    return not_understood("too_long", fmt::format("a request has {} bytes at most", kLongestControlRequest));
  const std::size_t end = line.find('\n');
  if (end == std::string_view::npos) return not_understood("malformed", "the request ended before its line did");
  if (end + 1 != line.size()) return not_understood("malformed", "one request on one line, and nothing after it");
  Json request = parse_json(line.substr(0, end));
  if (!request.is_object()) return not_understood("malformed", "the request is not a JSON object");
  const auto text = [&](const char* name) {
    const auto member = request.find(name);
    return member != request.end() && member->is_string() ? clean_claim(member->get_ref<const std::string&>()) : "";
  };
  understood.verb = text("verb");
  understood.claimed = text("claimed");
  understood.request = std::move(request);
  if (understood.verb.empty()) return not_understood("malformed", "the request has no \"verb\"");
  return understood;
}

}  // namespace

JsonBox control_error(std::string_view code, std::string_view message) {
  return Json{{"error", code}, {"message", message}};
}

struct ControlServer::Client {
  UniqueFd fd;
  Caller caller;
  bool allowed = false;
  MonoTime deadline;
  std::string request;
  std::string reply;  ///< not empty: being written
  std::size_t written = 0;
  bool over = false;
};

Result<std::unique_ptr<ControlServer>> ControlServer::open(Options options, Answer answer, Denied denied) {
  const std::string path = options.folder + "/" + kName;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Error{fmt::format("{}: is {} bytes long, a socket's name has {} at most; set a shorter runtime_dir", path,
                             path.size(), sizeof address.sun_path - 1)};
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  auto folder = open_folder(options.folder);
  if (!folder) return folder.error();
  if (auto clear = clear_place(*folder, path, address); !clear) return clear.error();
  UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!listener.valid() || !wake.valid()) return system_error(path, errno);
  // Nobody connects before listen(), so the mode is right before anybody can.
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::fchmodat(folder->get(), kName, 0660, 0) != 0 || ::listen(listener.get(), 16) != 0)
    return system_error(path + ": cannot listen there", errno);
  return std::unique_ptr<ControlServer>(new ControlServer(std::move(options), std::move(answer), std::move(denied),
                                                          std::move(*folder), std::move(listener), std::move(wake)));
}

ControlServer::ControlServer(Options options, Answer answer, Denied denied, UniqueFd folder, UniqueFd listener,
                             UniqueFd wake)
    : options_(std::move(options)),
      answer_(std::move(answer)),
      denied_(std::move(denied)),
      folder_(std::move(folder)),
      listener_(std::move(listener)),
      wake_(std::move(wake)),
      thread_([this](std::stop_token stop) { loop(stop); }) {}

ControlServer::~ControlServer() {
  thread_.request_stop();
  const uint64_t one = 1;
  // It can only fail when the counter is full, and then the thread is awake.
  [[maybe_unused]] const ssize_t rung = ::write(wake_.get(), &one, sizeof one);
  thread_.join();
  ::unlinkat(folder_.get(), kName, 0);
}

void ControlServer::loop(std::stop_token stop) {
  std::vector<Client> clients;
  while (!stop.stop_requested()) {
    const MonoTime now = clock_.mono();
    const bool room = clients.size() < options_.most_clients && now >= accept_again_at_;
    std::vector<pollfd> fds{{wake_.get(), POLLIN, 0}, {room ? listener_.get() : -1, POLLIN, 0}};
    MonoTime next = now + std::chrono::hours(1);
    if (accept_again_at_ > now) next = accept_again_at_;
    for (const Client& client : clients) {
      fds.push_back({client.fd.get(), static_cast<short>(client.reply.empty() ? POLLIN : POLLOUT), 0});
      next = std::min(next, client.deadline);
    }
    const auto wait = std::chrono::ceil<Millis>(next - now);
    if (::poll(fds.data(), fds.size(), static_cast<int>(std::max(Millis{0}, wait).count())) < 0 && errno != EINTR) {
      log(LogLevel::error, "control.failed", fmt::format("the control socket ends: {}", std::strerror(errno)));
      return;
    }
    for (std::size_t i = 0; i < clients.size(); ++i) {
      Client& client = clients[i];
      if (fds[i + 2].revents != 0) client.reply.empty() ? read_from(client) : write_to(client);
      if (client.over || clock_.mono() < client.deadline) continue;
      if (client.reply.empty()) {
        client.reply = json_line(*control_error("timeout", "the request did not end in time")) + "\n";
        write_to(client);
      }
      client.over = true;
    }
    std::erase_if(clients, [](const Client& client) { return client.over; });
    if ((fds[1].revents & POLLIN) != 0) accept_all(clients);
  }
}

void ControlServer::accept_all(std::vector<Client>& clients) {
  while (clients.size() < options_.most_clients) {
    Client client;
    client.fd = UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!client.fd.valid()) {
      // No descriptors, no memory: the connection stays in the queue, and poll() would say so at once, for ever.
      if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) accept_again_at_ = clock_.mono() + kAcceptPause;
      return;
    }
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(client.fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) continue;
    client.caller.uid = peer.uid;
    client.caller.groups = groups_of(client.fd, peer.gid);
    client.allowed = options_.may_ask(client.caller);
    if (!client.allowed) {
      const auto strangers = std::count_if(clients.begin(), clients.end(), [](const Client& c) { return !c.allowed; });
      if (static_cast<std::size_t>(strangers) >= options_.most_strangers) continue;
    }
    client.deadline = clock_.mono() + (client.allowed ? options_.read_within : options_.stranger_read_within);
    clients.push_back(std::move(client));
  }
}

void ControlServer::read_from(Client& client) {
  char buffer[16 * 1024];
  for (;;) {
    const ssize_t size = ::recv(client.fd.get(), buffer, sizeof buffer, 0);
    if (size < 0) {
      if (errno == EINTR) continue;
      client.over = errno != EAGAIN;
      return;
    }
    const std::string_view read(buffer, static_cast<std::size_t>(size));
    client.request += read;
    const bool ended = read.empty();
    if (ended && client.request.empty()) {
      client.over = true;  // it only looked whether somebody is here
      return;
    }
    const bool line = read.find('\n') != std::string_view::npos;
    const std::size_t longest = client.allowed ? kLongestControlRequest : kLongestStrangersRequest;
    if (ended || line || client.request.size() > longest) {
      finish_request(client);
      return;
    }
  }
}

void ControlServer::finish_request(Client& client) {
  std::string reply;
  try {
    reply = json_line(*reply_to(client)) + "\n";
    if (reply.size() > kLongestControlReply) throw std::runtime_error("the reply is too long");
  } catch (const std::exception& error) {
    log(LogLevel::error, "control.failed", fmt::format("a request of {}: {}", client.caller.actor, error.what()));
    reply = json_line(*control_error("failed", error.what())) + "\n";
  }
  client.reply = std::move(reply);
  client.deadline = clock_.mono() + options_.write_within;
  write_to(client);
}

JsonBox ControlServer::reply_to(Client& client) {
  client.caller.actor = actor_of(client.caller.uid);
  const Understood understood = understand(client.request);
  client.caller.claimed = understood.claimed;
  if (!client.allowed) return control_error("denied", denied_(client.caller, understood.verb, understood.request));
  if (!understood.error.empty()) return control_error(understood.error, understood.trouble);
  return answer_(client.caller, understood.verb, understood.request);
}

void ControlServer::write_to(Client& client) const {
  while (client.written < client.reply.size()) {
    const ssize_t size = ::send(client.fd.get(), client.reply.data() + client.written,
                                client.reply.size() - client.written, MSG_NOSIGNAL);
    if (size < 0) {
      if (errno == EINTR) continue;
      client.over = errno != EAGAIN;
      return;
    }
    client.written += static_cast<std::size_t>(size);
  }
  client.over = true;
}

}  // namespace codedriftd
