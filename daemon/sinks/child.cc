#include "sinks/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/spawn.h"
#include "base/text.h"

namespace codedriftd {
namespace {

constexpr std::size_t kOutputLine = 1024;
constexpr const char* kPassedOn[] = {
    "http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
};

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

UniqueFd owned(int fd, const char* what) {
  if (fd < 0) fail(what);
  return UniqueFd(fd);
}

/// How long the end of a process may go unnoticed where the kernel, or a container's filter of system calls, has no
/// pidfd_open.
constexpr Millis kLookForItsEnd{50};

void set_nonblocking(const UniqueFd& fd) {
  if (::fcntl(fd.get(), F_SETFL, O_NONBLOCK) != 0) fail("fcntl");
}

std::vector<std::string> child_environment() {
  std::vector<std::string> variables = sanitizer_variables();
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

    Spawn spawn;
    spawn.give(output, STDOUT_FILENO);
    spawn.give(output, STDERR_FILENO);
    spawn.give(theirs, kHostSocket);
    spawn.give(child->cancel_, kHostCancel);
    child->pid_ = spawn.start(sinkhost, {sinkhost, std::string(kServeArgument), plugin, std::to_string(::getpid())},
                              child_environment());
    child->pidfd_ = pidfd_of(child->pid_);
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

bool SinkChild::alive() const { return pid_ > 0 && still_runs(pid_); }

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
  const int status = kill_and_reap(std::exchange(pid_, -1));
  // What it wrote before it ended stands in the pipe, 64 KiB at most. No further: a process that left the group may go
  // on writing.
  for (int i = 0; i < 17 && output_.valid(); ++i) read_output();
  if (!partial_line_.empty()) forward(static_cast<int>(LogLevel::warning), partial_line_);
  report_dropped();
  const bool by_signal = status != -1 && WIFSIGNALED(status);
  return {end_in_words(status),
          by_signal && !is_own_fault(WTERMSIG(status)) && (ended_before || WTERMSIG(status) != SIGKILL)};
}

}  // namespace codedriftd
