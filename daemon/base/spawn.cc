#include "base/spawn.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace codedriftd {
namespace {

/// Above the numbers the child's own descriptors get, so that giving it one cannot overwrite another.
constexpr int kOwnDescriptors = 10;

void check(int error) {
  if (error != 0) throw std::system_error(error, std::generic_category(), "posix_spawn");
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (const std::string& text : texts) list.push_back(const_cast<char*>(text.c_str()));
  list.push_back(nullptr);
  return list;
}

}  // namespace

Spawn::Spawn() {
  check(::posix_spawn_file_actions_init(&actions_));
  check(::posix_spawnattr_init(&attributes_));
}

Spawn::~Spawn() {
  ::posix_spawn_file_actions_destroy(&actions_);
  ::posix_spawnattr_destroy(&attributes_);
}

void Spawn::give(int fd, int as) {
  // The copies have high numbers, because dup2 makes the child's one after the other: with a source numbered 3 or 4 the
  // second dup2 could overwrite it.
  UniqueFd& raised = raised_.emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, kOwnDescriptors));
  if (!raised.valid()) throw std::system_error(errno, std::generic_category(), "fcntl");
  check(::posix_spawn_file_actions_adddup2(&actions_, raised.get(), as));
  highest_ = std::max(highest_, as);
  if (as < 3) given_[as] = true;
}

pid_t Spawn::start(const std::string& program, const std::vector<std::string>& arguments,
                   const std::vector<std::string>& variables) {
  for (int fd = 0; fd < 3; ++fd) {
    const int direction = fd == STDIN_FILENO ? O_RDONLY : O_WRONLY;
    if (!given_[fd]) check(::posix_spawn_file_actions_addopen(&actions_, fd, "/dev/null", direction, 0));
  }
  check(::posix_spawn_file_actions_addclosefrom_np(&actions_, highest_ + 1));
  sigset_t none, all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  check(::posix_spawnattr_setsigmask(&attributes_, &none));
  check(::posix_spawnattr_setsigdefault(&attributes_, &all));
  check(::posix_spawnattr_setflags(
      &attributes_, static_cast<short>(POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)));
  pid_t pid = -1;
  check(::posix_spawn(&pid, program.c_str(), &actions_, &attributes_, pointers(arguments).data(),
                      pointers(variables).data()));
  return pid;
}

UniqueFd pidfd_of(pid_t pid) {
  // By its number: glibc 2.36 declares pidfd_open without C linkage. Close-on-exec by itself.
  UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!fd.valid() && (errno == EMFILE || errno == ENFILE))
    throw std::system_error(errno, std::generic_category(), "pidfd_open");
  return fd;
}

bool still_runs(pid_t pid) {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
}

int kill_and_reap(pid_t pid) {
  // The whole process group, so that what the program started goes with it. Before waitpid: until the leader is reaped
  // the kernel gives its number to nobody else, so this cannot hit a stranger.
  ::kill(-pid, SIGKILL);
  int status = 0;
  pid_t reaped = -1;
  do {
    reaped = ::waitpid(pid, &status, 0);
  } while (reaped < 0 && errno == EINTR);
  return reaped < 0 ? -1 : status;
}

std::string end_in_words(int wait_status) {
  if (wait_status == -1) return "ended";
  if (WIFEXITED(wait_status)) return fmt::format("ended with status {}", WEXITSTATUS(wait_status));
  const int signal = WTERMSIG(wait_status);
  const char* const words = ::sigdescr_np(signal);
  return fmt::format("was killed by signal {} ({})", signal, words == nullptr ? "?" : words);
}

std::string find_own_program(std::string_view name) {
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  for (const auto& place : {folder / name, folder / "../libexec/codedriftd" / name}) {
    if (!error && std::filesystem::exists(place, error)) return place.lexically_normal().string();
  }
  return fmt::format("/usr/libexec/codedriftd/{}", name);
}

std::vector<std::string> sanitizer_variables() {
  std::vector<std::string> variables;
#ifdef CODEDRIFTD_SANITIZED
  for (const char* name : {"ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"}) {
    if (const char* value = std::getenv(name)) variables.push_back(fmt::format("{}={}", name, value));
  }
#endif
  return variables;
}

}  // namespace codedriftd
