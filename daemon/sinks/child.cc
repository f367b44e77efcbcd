#include "sinks/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <vector>

#include "base/log.h"
#include "base/text.h"

namespace codedriftd {
namespace {

constexpr std::size_t kOutputLine = 1024;
/// Above the numbers the child's own descriptors get, so that giving it one cannot overwrite another.
constexpr int kOwnDescriptors = 10;

constexpr const char* kPassedOn[] = {
    "http_proxy",   "https_proxy",  "all_proxy",    "no_proxy",
    "HTTP_PROXY",   "HTTPS_PROXY",  "ALL_PROXY",    "NO_PROXY",
#ifdef CODEDRIFTD_SANITIZED
    "ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS",
#endif
};

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

UniqueFd owned(int fd, const char* what) {
  if (fd < 0) fail(what);
  return UniqueFd(fd);
}

UniqueFd raised(const UniqueFd& fd) { return owned(::fcntl(fd.get(), F_DUPFD_CLOEXEC, kOwnDescriptors), "fcntl"); }

/// How long the end of a process may go unnoticed where the kernel, or a container's filter of system calls, has no
/// pidfd_open.
constexpr Millis kLookForItsEnd{50};

/// By its number: glibc 2.36 declares pidfd_open without C linkage. Close-on-exec by itself. -1: there is no such call.
int pidfd_of(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

void set_nonblocking(const UniqueFd& fd) {
  if (::fcntl(fd.get(), F_SETFL, O_NONBLOCK) != 0) fail("fcntl");
}

class SpawnSetup {
 public:
  SpawnSetup() {
    check(::posix_spawn_file_actions_init(&actions_));
    check(::posix_spawnattr_init(&attributes_));
  }
  ~SpawnSetup() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;

  void give(int fd, int as) { check(::posix_spawn_file_actions_adddup2(&actions_, fd, as)); }
  pid_t spawn(const std::string& program, const std::vector<std::string>& arguments,
              const std::vector<std::string>& variables) {
    check(::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0));
    check(::posix_spawn_file_actions_addclosefrom_np(&actions_, kHostCancel + 1));
    sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    check(::posix_spawnattr_setsigmask(&attributes_, &none));
    check(::posix_spawnattr_setsigdefault(&attributes_, &all));
    check(::posix_spawnattr_setflags(
        &attributes_, static_cast<short>(POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)));
    const auto pointers = [](const std::vector<std::string>& texts) {
      std::vector<char*> list;
      for (const std::string& text : texts) list.push_back(const_cast<char*>(text.c_str()));
      list.push_back(nullptr);
      return list;
    };
    pid_t pid = -1;
    check(::posix_spawn(&pid, program.c_str(), &actions_, &attributes_, pointers(arguments).data(),
                        pointers(variables).data()));
    return pid;
  }

 private:
  static void check(int error) {
    if (error != 0) throw std::system_error(error, std::generic_category(), "posix_spawn");
  }
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

std::vector<std::string> child_environment() {
  std::vector<std::string> variables;
  for (const char* name : kPassedOn) {
    if (const char* value = std::getenv(name)) variables.push_back(fmt::format("{}={}", name, value));
  }
  return variables;
}

int poll_timeout(MonoTime until) {
  const auto left = std::chrono::ceil<Millis>(until - SystemClock{}.mono());
  return static_cast<int>(std::clamp<int64_t>(left.count(), 0, 3'600'000));
}

/// Signals that a process brings upon itself; any other one was sent by somebody.
bool is_own_fault(int signal) {
  constexpr int kFaults[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSYS, SIGTRAP, SIGPIPE, SIGXCPU, SIGXFSZ};
  return std::find(std::begin(kFaults), std::end(kFaults), signal) != std::end(kFaults);
}

LogLevel log_level(int level) {
  if (level <= 3) return LogLevel::error;
  if (level <= 4) return LogLevel::warning;
  return level >= 7 ? LogLevel::debug : LogLevel::info;
}

}  // namespace

Result<std::unique_ptr<SinkChild>> SinkChild::spawn(const std::string& sinkhost, const std::string& plugin,
                                                    const std::string& name) {
  try {
    std::unique_ptr<SinkChild> child(new SinkChild);
    child->name_ = name;
    child->buffer_.resize(kMaxFrame + 1);  // one more than allowed, so that a longer one is seen
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) fail("socketpair");
    child->socket_.reset(pair[0]);
    const UniqueFd theirs(pair[1]);
    set_nonblocking(child->socket_);
    if (::pipe2(pair, O_CLOEXEC | O_NONBLOCK) != 0) fail("pipe2");
    child->output_.reset(pair[0]);
    const UniqueFd output(pair[1]);
    child->cancel_ = owned(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");

    // The copies have high numbers, because dup2 makes the child's one after the other: with a source numbered 3 or 4
    // the second dup2 would overwrite it.
    SpawnSetup setup;
    const UniqueFd socket_up = raised(theirs), output_up = raised(output), cancel_up = raised(child->cancel_);
    setup.give(output_up.get(), STDOUT_FILENO);
    setup.give(output_up.get(), STDERR_FILENO);
    setup.give(socket_up.get(), kHostSocket);
    setup.give(cancel_up.get(), kHostCancel);
    child->pid_ = setup.spawn(sinkhost, {sinkhost, std::string(kServeArgument), plugin, std::to_string(::getpid())},
                              child_environment());
    child->pidfd_.reset(pidfd_of(child->pid_));
    if (!child->pidfd_.valid() && (errno == EMFILE || errno == ENFILE)) fail("pidfd_open");
    return child;
  } catch (const std::system_error& error) {
    return Error{fmt::format("{} could not be started: {}", sinkhost, error.what())};
  }
}

SinkChild::~SinkChild() {
  if (pid_ > 0) kill();
}

bool SinkChild::send(const Frame<Request>& frame, MonoTime until) {
  const std::string bytes = encode(frame);
  if (bytes.empty()) return false;
  for (;;) {
    if (::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) >= 0) return true;
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return false;
    pollfd wanted{socket_.get(), POLLOUT, 0};
    if (::poll(&wanted, 1, poll_timeout(until)) == 0) return false;
  }
}

SinkChild::Event SinkChild::wait(MonoTime until, int wake_fd) {
  for (;;) {
    // Before poll(): what it said before it ended is in the socket then.
    const bool gone = !pidfd_.valid() && !alive();
    // A negative descriptor is ignored by poll.
    pollfd fds[] = {
        {socket_.get(), POLLIN, 0}, {output_.get(), POLLIN, 0}, {pidfd_.get(), POLLIN, 0}, {wake_fd, POLLIN, 0}};
    if (::poll(fds, std::size(fds), gone ? 0 : poll_timeout(next_look(until))) < 0) {
      if (errno == EINTR) continue;
      fail("poll");
    }
    if (fds[1].revents != 0) read_output();
    if (fds[0].revents != 0) {
      if (const auto event = receive()) return *event;
    } else if (fds[2].revents != 0 || gone) {
      // Only when the socket is empty: a reply that was sent before the end still counts. The end is the process's, not
      // the socket's, which a process that the plugin started may hold open.
      return Event::ended;
    }
    if (fds[3].revents != 0) return Event::woken;
    if (SystemClock{}.mono() >= until) return Event::timeout;
  }
}

/// Takes one frame off the socket; nullopt if there was none, or it was a log line.
std::optional<SinkChild::Event> SinkChild::receive() {
  const ssize_t got = ::recv(socket_.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
  if (got <= 0) return Event::ended;
  auto frame = parse_reply(std::string_view(buffer_.data(), static_cast<std::size_t>(got)));
  if (!frame) {
    what_ = frame.error().message;
    return Event::broken;
  }
  if (const auto* line = std::get_if<LogReply>(&frame->body)) {
    limit_.add_dropped(line->dropped);
    forward(line->level, line->text);
    return std::nullopt;
  }
  reply_ = std::move(*frame);
  return Event::reply;
}

/// What the child wrote to stdout and stderr, line by line.
void SinkChild::read_output() {
  char bytes[4096];
  const ssize_t got = ::read(output_.get(), bytes, sizeof bytes);
  if (got < 0) return;
  if (got == 0) {  // closed on the other side: poll would report it for ever
    output_.reset();
    return;
  }
  for (const char c : std::string_view(bytes, static_cast<std::size_t>(got))) {
    if (c != '\n') partial_line_ += c;
    if ((c == '\n' && !partial_line_.empty()) || partial_line_.size() >= kOutputLine) {
      forward(static_cast<int>(LogLevel::warning), partial_line_);
      partial_line_.clear();
    }
  }
}

void SinkChild::forward(int level, std::string_view text) {
  const LogLevel mapped = log_level(level);
  if (!log_enabled(mapped)) return;
  if (!limit_.allow(SystemClock{}.mono())) return;
  report_dropped();
  log(mapped, "plugin.log", clean_utf8(masked(text)), {{"alert", name_}});
}

void SinkChild::report_dropped() {
  if (const unsigned dropped = limit_.take_dropped(); dropped != 0) {
    log(LogLevel::warning, "plugin.log_dropped",
        fmt::format("{} log lines of the plugin were dropped; {} a second are kept", dropped,
                    LogLimit::kLinesPerSecond),
        {{"alert", name_}});
  }
}

void SinkChild::ask_to_cancel() { ::eventfd_write(cancel_.get(), 1); }

void SinkChild::withdraw_cancel() {
  eventfd_t count = 0;
  ::eventfd_read(cancel_.get(), &count);
}

bool SinkChild::alive() const {
  if (pid_ <= 0) return false;
  // It is looked at and not reaped: kill() does that.
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
}

bool SinkChild::wait_for_end(MonoTime until) const {
  for (;;) {
    if (!alive()) return true;
    if (SystemClock{}.mono() >= until) return false;
    pollfd ended{pidfd_.get(), POLLIN, 0};
    if (::poll(&ended, 1, poll_timeout(next_look(until))) < 0 && errno != EINTR) fail("poll");
  }
}

MonoTime SinkChild::next_look(MonoTime until) const {
  return pidfd_.valid() ? until : std::min(until, SystemClock{}.mono() + kLookForItsEnd);
}

std::string SinkChild::masked(std::string_view text) const {
  std::string result(text);
  for (const std::string& secret : secrets_) {
    for (std::size_t at = 0; (at = result.find(secret, at)) != std::string::npos; at += 3) {
      result.replace(at, secret.size(), "***");
    }
  }
  return result;
}

SinkChild::End SinkChild::kill() {
  // SIGKILL is ours, unless it is dead already.
  const bool ended_before = !alive();
  // The whole process group, so that what the plugin started goes with it. Before waitpid: until the leader is reaped
  // the kernel gives its number to nobody else, so this cannot hit a stranger.
  ::kill(-pid_, SIGKILL);
  int status = 0;
  pid_t reaped = -1;
  do {
    reaped = ::waitpid(pid_, &status, 0);
  } while (reaped < 0 && errno == EINTR);
  pid_ = -1;
  // What it wrote before it ended stands in the pipe, 64 KiB at most. No further: a process that left the group may go
  // on writing.
  for (int i = 0; i < 17 && output_.valid(); ++i) read_output();
  if (!partial_line_.empty()) forward(static_cast<int>(LogLevel::warning), partial_line_);
  report_dropped();
  if (reaped < 0) return {"ended"};
  if (WIFEXITED(status)) return {fmt::format("ended with status {}", WEXITSTATUS(status))};
  const int signal = WTERMSIG(status);
  return {fmt::format("was killed by signal {} ({})", signal,
                      ::sigdescr_np(signal) == nullptr ? "?" : ::sigdescr_np(signal)),
          !is_own_fault(signal) && (ended_before || signal != SIGKILL)};
}

}  // namespace codedriftd
