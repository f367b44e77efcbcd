#include "exec/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <optional>
#include <system_error>
#include <utility>

#include "base/text.h"
#include "base/unique_fd.h"

namespace codedriftd::exec {
namespace {

constexpr std::size_t kFirstLine = 512;
/// How long killing a command and all it started may take. Less than the daemon gives a plugin that was cancelled.
constexpr Millis kKillGrace{1'000};

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

UniqueFd owned(int fd, const char* what) {
  if (fd < 0) fail(what);
  return UniqueFd(fd);
}

struct Pipe {
  UniqueFd read, write;
  Pipe() {
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) != 0) fail("pipe2");
    read.reset(fds[0]);
    write.reset(fds[1]);
  }
};

/// The text as a file: nothing has to be written while the command runs, and nothing breaks if it does not read.
UniqueFd file_of(std::string_view text) {
  UniqueFd file = owned(::memfd_create("alert", MFD_CLOEXEC), "memfd_create");
  while (!text.empty()) {
    const ssize_t put = ::write(file.get(), text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) fail("write");
    text.remove_prefix(static_cast<std::size_t>(put));
  }
  if (::lseek(file.get(), 0, SEEK_SET) != 0) fail("lseek");
  return file;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (const std::string& text : texts) list.push_back(const_cast<char*>(text.c_str()));
  list.push_back(nullptr);
  return list;
}

/// Everything the two processes below need, made before they exist.
struct Plan {
  std::vector<char*> argv, environment;
  int input, output, failure;
  pid_t parent;
};

/// The command itself. Only returns by ending: the system's error goes into the pipe `failure` if it cannot be started.
[[noreturn]] void become_command(const Plan& plan) {
  // A group of its own: a script that ends with `kill 0` does not mean the guard.
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  if (::dup2(plan.input, STDIN_FILENO) >= 0 && ::dup2(plan.output, STDOUT_FILENO) >= 0 &&
      ::dup2(plan.output, STDERR_FILENO) >= 0 && ::chdir("/") == 0) {
    ::execve(plan.argv[0], plan.argv.data(), plan.environment.data());
  }
  const int error = errno;
  static_cast<void>(!::write(plan.failure, &error, sizeof error));
  ::_exit(127);
}

/// Kills the children that this process has now.
void kill_children() {
  const UniqueFd list(::open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC));
  char bytes[4096];
  pid_t pid = 0;
  for (ssize_t got = 0; (got = ::read(list.get(), bytes, sizeof bytes)) > 0;) {
    for (ssize_t i = 0; i < got; ++i) {
      if (bytes[i] != ' ') {
        pid = pid * 10 + (bytes[i] - '0');
      } else {
        if (pid > 0) ::kill(pid, SIGKILL);
        pid = 0;
      }
    }
  }
}

/// Kills the children and what they leave to this process, until there is nothing more. What does not die (it waits for
/// a disk that is gone) is left behind with its SIGKILL.
void end_all(const sigset_t& all) {
  const MonoTime until = SystemClock{}.mono() + kKillGrace;
  while (SystemClock{}.mono() < until) {
    kill_children();
    pid_t ended = 0;
    while ((ended = ::waitpid(-1, nullptr, WNOHANG)) > 0) {
    }
    if (ended < 0) return;
    // The next death wakes it. The list may lack one that came while it was read: hence the limit.
    const timespec soon{0, 10'000'000};
    ::sigtimedwait(&all, nullptr, &soon);
  }
}

/// Ends this process as another one ended.
[[noreturn]] void end_like(int status, const sigset_t& all) {
  if (WIFEXITED(status)) ::_exit(WEXITSTATUS(status));
  ::signal(WTERMSIG(status), SIG_DFL);
  ::raise(WTERMSIG(status));
  ::sigprocmask(SIG_UNBLOCK, &all, nullptr);
  ::_exit(127);
}

/// The parent of the command, and of every process below it whose own parent has ended: none can leave it, not by a new
/// group or session either. Waits for the command's end, ends what is left, and then ends as the command did. SIGTERM
/// ends the command too; the kernel sends it here when the plugin's process dies.
[[noreturn]] void become_guard(const Plan& plan) {
  // Who kills the plugin's process kills its group, and this one is still needed.
  ::setpgid(0, 0);
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != plan.parent) ::_exit(127);
  const bool keeps = ::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0;
  const pid_t command = keeps ? ::fork() : -1;
  if (command < 0) {
    const int error = errno;
    static_cast<void>(!::write(plan.failure, &error, sizeof error));
    ::_exit(127);
  }
  if (command == 0) become_command(plan);
  ::close_range(0, ~0U, 0);
  for (;;) {
    int status = 0;
    for (pid_t ended = 0; (ended = ::waitpid(-1, &status, WNOHANG)) > 0;) {
      if (ended != command) continue;
      end_all(all);
      end_like(status, all);
    }
    int signal = 0;
    ::sigwait(&all, &signal);
    if (signal != SIGTERM) continue;
    end_all(all);
    ::_exit(127);
  }
}

/// The guard, which is told to end in the end, and reaped.
class Guard {
 public:
  explicit Guard(pid_t pid) : pid_(pid), ended_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;
  ~Guard() { end(); }
  /// Readable when it has ended.
  int fd() const { return ended_.get(); }
  /// How it ended: as the command, if it did so by itself.
  int end() {
    if (pid_ <= 0) return 0;
    ::kill(pid_, SIGTERM);
    pollfd ended{ended_.get(), POLLIN, 0};
    constexpr Millis kAtMost = kKillGrace + kKillGrace / 4;
    if (!ended_.valid() || ::poll(&ended, 1, static_cast<int>(kAtMost.count())) != 1) ::kill(pid_, SIGKILL);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status;
  }

 private:
  pid_t pid_;
  UniqueFd ended_;
};

/// The first line that is not empty; the rest is read, and forgotten.
class Output {
 public:
  explicit Output(UniqueFd fd) : fd_(std::move(fd)) { ::fcntl(fd_.get(), F_SETFL, O_NONBLOCK); }
  int fd() const { return fd_.get(); }
  void read_on() {
    char bytes[4096];
    const ssize_t got = ::read(fd_.get(), bytes, sizeof bytes);
    if (got == 0) fd_.reset();
    for (ssize_t i = 0; i < got && !complete_; ++i) {
      if (bytes[i] != '\n') {
        line_ += bytes[i];
      } else if (!line_.empty()) {
        complete_ = true;
      }
      complete_ |= line_.size() >= kFirstLine;
    }
  }
  std::string line() const { return clean_utf8(utf8_prefix(line_, kFirstLine)); }

 private:
  UniqueFd fd_;
  std::string line_;
  bool complete_ = false;
};

int timeout_of(MonoTime until) {
  const auto left = std::chrono::ceil<Millis>(until - SystemClock{}.mono());
  return static_cast<int>(std::clamp<int64_t>(left.count(), 0, 3'600'000));
}

/// Waits for the guard's end; nullopt when it came, else why the command has to be killed.
std::optional<Ending::How> wait_for(int guard, Output& output, MonoTime until, int cancel_fd) {
  for (;;) {
    pollfd fds[] = {{guard, POLLIN, 0}, {output.fd(), POLLIN, 0}, {cancel_fd, POLLIN, 0}};
    if (::poll(fds, std::size(fds), timeout_of(until)) < 0 && errno != EINTR) fail("poll");
    if (fds[1].revents != 0) output.read_on();
    if (fds[0].revents != 0) return std::nullopt;
    if (SystemClock{}.mono() >= until) return Ending::How::deadline;
    if (fds[2].revents != 0) return Ending::How::cancelled;
  }
}

}  // namespace

Ending run(const Command& command, MonoTime until, int cancel_fd) {
  const UniqueFd input = file_of(command.input);
  Pipe output, failure;
  const Plan plan{pointers(command.argv), pointers(command.environment), input.get(),
                  output.write.get(),     failure.write.get(),           ::getpid()};
  // Not posix_spawn: it can ask for no signal at the parent's death, and the guard has no program of its own.
  const pid_t pid = ::fork();
  if (pid < 0) fail("fork");
  if (pid == 0) become_guard(plan);
  Guard guard(pid);
  if (guard.fd() < 0) fail("pidfd_open");
  output.write.reset();
  failure.write.reset();
  Output written(std::move(output.read));
  const auto killed = wait_for(guard.fd(), written, until, cancel_fd);
  const int status = guard.end();
  for (int i = 0; i < 17 && written.fd() >= 0; ++i) written.read_on();  // what the pipe can hold, and no more
  Ending ending;
  ending.first_line = written.line();
  int error = 0;
  if (::read(failure.read.get(), &error, sizeof error) == sizeof error) {
    ending.how = Ending::How::not_started;
    ending.code = error;
  } else if (killed) {
    ending.how = *killed;
  } else if (WIFEXITED(status)) {
    ending.code = WEXITSTATUS(status);
  } else {
    ending.how = Ending::How::signalled;
    ending.code = WTERMSIG(status);
  }
  return ending;
}

}  // namespace codedriftd::exec
