#pragma once
/// How a program of our own is started and its end is told. SinkChild and the examiner's job use it.
#include <spawn.h>
#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"

namespace codedriftd {

/// One start of a program, safe in a process of many threads. It leads a session and process group of its own, has no
/// signal blocked or ignored, and inherits what give() named and nothing else; /dev/null takes the place of those of
/// descriptors 0, 1 and 2 that were not given. What fails throws std::system_error.
class Spawn {
 public:
  Spawn();
  ~Spawn();
  Spawn(const Spawn&) = delete;
  Spawn& operator=(const Spawn&) = delete;

  /// Makes `fd` the child's descriptor `as` (below 10). It is copied; ours may be closed at once.
  void give(const UniqueFd& fd, int as) { give(fd.get(), as); }
  void give(int fd, int as);
  /// `arguments` with the program's own name, `variables` as "NAME=value". The caller reaps.
  pid_t start(const std::string& program, const std::vector<std::string>& arguments,
              const std::vector<std::string>& variables);

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
  std::vector<UniqueFd> raised_;
  int highest_ = 2;
  bool given_[3] = {};
};

/// Readable once the process has ended. Not valid where the kernel, or a container's filter of system calls, has no
/// pidfd_open; throws std::system_error where there are no descriptors left.
UniqueFd pidfd_of(pid_t pid);

/// False once `pid`, a child of ours, has ended. It is not reaped.
bool still_runs(pid_t pid);
/// Kills the process group that `pid` leads, and reaps it: the status of waitpid; -1 if somebody else has reaped it.
int kill_and_reap(pid_t pid);
/// For people: "was killed by signal 11 (Segmentation fault)", "ended with status 3"; of -1: "ended".
std::string end_in_words(int wait_status);

/// A program that is installed beside this one: in its folder, or in ../libexec/codedriftd, or /usr/libexec/codedriftd.
std::string find_own_program(std::string_view name);

/// The sanitizers' options that are set here, as "NAME=value"; none in other builds.
std::vector<std::string> sanitizer_variables();

}  // namespace codedriftd
