#include "support/process.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <thread>

extern char** environ;

namespace codedriftd::test {
namespace {

constexpr Millis kPoll{5};

std::runtime_error failure(const std::string& what, int error) {
  return std::runtime_error(what + ": " + std::strerror(error));
}

UniqueFd open_output(const std::string& file) {
  UniqueFd fd(file.empty() ? ::memfd_create("output", MFD_CLOEXEC)
                           : ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644));
  if (!fd.valid()) throw failure("cannot open " + file, errno);
  return fd;
}

std::vector<std::string> environment(const ChildOptions& options) {
  std::map<std::string, std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view pair = *entry;
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string name(pair.substr(0, equals));
    const bool kept = name == "PATH" || name == "HOME" || name == "TMPDIR" || name.ends_with("SAN_OPTIONS");
    if (!options.clear_env || kept) out[name] = pair.substr(equals + 1);
  }
  for (const std::string& name : options.unset) out.erase(name);
  for (const auto& [name, value] : options.env) out[name] = value;
  std::vector<std::string> list;
  for (const auto& [name, value] : out) list.push_back(name + "=" + value);
  return list;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (std::string& string : strings) out.push_back(string.data());
  out.push_back(nullptr);
  return out;
}

/// Everything the new process needs, made before fork(): between fork and exec only async-signal-safe calls are
/// allowed.
struct Plan {
  std::vector<char*> argv, envp;
  const char* folder;
  int in, out, err, report;
  pid_t parent;
  std::optional<std::pair<uid_t, gid_t>> as;
};

[[noreturn]] void become(const Plan& plan) {
  const auto fail = [&] {
    const int error = errno;
    [[maybe_unused]] const ssize_t written = ::write(plan.report, &error, sizeof error);
    ::_exit(127);
  };
  struct sigaction fresh {};
  fresh.sa_handler = SIG_DFL;
  for (int number = 1; number < 32; ++number) ::sigaction(number, &fresh, nullptr);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (::dup2(plan.in, 0) < 0 || ::dup2(plan.out, 1) < 0 || ::dup2(plan.err, 2) < 0) fail();
  if (*plan.folder != '\0' && ::chdir(plan.folder) != 0) fail();
  if (plan.as && (::setgroups(0, nullptr) != 0 || ::setgid(plan.as->second) != 0 || ::setuid(plan.as->first) != 0))
    fail();
  // After setuid, which takes it away again.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) fail();
  if (::getppid() != plan.parent) ::_exit(127);
  ::execvpe(plan.argv[0], plan.argv.data(), plan.envp.data());
  fail();
  ::_exit(127);
}

}  // namespace

Child::Child(ChildOptions options) : out_(open_output(options.stdout_file)), err_(open_output(options.stderr_file)) {
  UniqueFd in(::memfd_create("input", MFD_CLOEXEC));
  if (::write(in.get(), options.stdin_text.data(), options.stdin_text.size()) < 0 ||
      ::lseek(in.get(), 0, SEEK_SET) != 0)
    throw failure("cannot give stdin", errno);
  // The child shares our offset of a memfd: it appends at its own end, and we read with pread.
  int report[2];
  if (::pipe2(report, O_CLOEXEC) != 0) throw failure("cannot make a pipe", errno);
  UniqueFd report_read(report[0]);
  UniqueFd report_write(report[1]);

  std::vector<std::string> env = environment(options);
  const Plan plan{pointers(options.argv),
                  pointers(env),
                  options.folder.c_str(),
                  in.get(),
                  out_.get(),
                  err_.get(),
                  report_write.get(),
                  ::getpid(),
                  options.as};
  const std::string name = options.argv.at(0);
  pid_ = ::fork();
  if (pid_ == 0) become(plan);
  if (pid_ < 0) throw failure("cannot fork", errno);
  report_write.reset();
  int error = 0;
  if (::read(report_read.get(), &error, sizeof error) == static_cast<ssize_t>(sizeof error)) {
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
    throw failure("cannot start " + name, error);
  }
}

Child::~Child() {
  if (pid_ < 0 || !running()) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

bool Child::running() { return !wait(Millis{0}); }

void Child::signal(int number) {
  if (!ended_) ::kill(pid_, number);
}

std::optional<ExitStatus> Child::wait(Millis at_most) {
  wait_until(
      [this] {
        int status = 0;
        if (ended_ || ::waitpid(pid_, &status, WNOHANG) == 0) return ended_.has_value();
        ended_ = WIFEXITED(status) ? ExitStatus{WEXITSTATUS(status), 0} : ExitStatus{-1, WTERMSIG(status)};
        return true;
      },
      at_most);
  return ended_;
}

ExitStatus Child::terminate(Millis at_most) {
  signal(SIGTERM);
  if (const auto status = wait(at_most)) return *status;
  signal(SIGKILL);
  return wait(Millis{60000}).value_or(ExitStatus{});
}

std::string Child::captured(const UniqueFd& file) const {
  std::string out;
  std::array<char, 65536> block{};
  for (;;) {
    const ssize_t got = ::pread(file.get(), block.data(), block.size(), static_cast<off_t>(out.size()));
    if (got <= 0) return out;
    out.append(block.data(), static_cast<std::size_t>(got));
  }
}

std::string Child::out() { return captured(out_); }
std::string Child::err() { return captured(err_); }

bool Child::wait_for_output(const std::string& text, Millis at_most) {
  const auto there = [&] { return out().find(text) != std::string::npos || err().find(text) != std::string::npos; };
  // Once more after the end: it may have written just before.
  wait_until([&] { return there() || !running(); }, at_most);
  return there();
}

RunResult run(ChildOptions options, Millis at_most) {
  Child child(std::move(options));
  RunResult result;
  result.status = child.wait(at_most);
  if (!result.status) child.signal(SIGKILL), child.wait(Millis{60000});
  result.out = child.out();
  result.err = child.err();
  return result;
}

bool wait_until(const std::function<bool()>& predicate, Millis at_most) {
  const SystemClock clock;
  const MonoTime deadline = clock.mono() + at_most;
  for (;;) {
    if (predicate()) return true;
    if (clock.mono() >= deadline) return false;
    std::this_thread::sleep_for(kPoll);
  }
}

}  // namespace codedriftd::test
