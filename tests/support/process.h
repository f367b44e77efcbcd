#pragma once
#include <sys/types.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/unique_fd.h"

namespace codedriftd::test {

struct ChildOptions {
  std::vector<std::string> argv{};              ///< argv[0] is looked up in $PATH unless it holds a '/'
  std::map<std::string, std::string> env{};     ///< added to (or replacing) what is inherited
  std::vector<std::string> unset{};             ///< taken out of what is inherited
  bool clear_env = false;                       ///< inherit nothing but PATH, HOME, TMPDIR and the sanitizers' options
  std::optional<std::pair<uid_t, gid_t>> as{};  ///< run as this user (needs root); supplementary groups are dropped
  std::string folder{};                         ///< working directory; empty: the same
  std::string stdout_file{};                    ///< empty: captured for out()
  std::string stderr_file{};                    ///< empty: captured for err()
  std::string stdin_text{};                     ///< given on stdin, which ends after it (at most 64 kB)
};

struct ExitStatus {
  int code = -1;   ///< -1 if a signal ended it
  int signal = 0;  ///< 0 if none did
  friend bool operator==(const ExitStatus&, const ExitStatus&) = default;
};

/// A started program. Killed (SIGKILL) and waited for in the destructor if it still runs; it also dies with this
/// process. One thread owns an object.
class Child {
 public:
  /// Throws std::runtime_error if the program cannot be started.
  explicit Child(ChildOptions options);
  ~Child();
  Child(Child&&) = delete;

  pid_t pid() const { return pid_; }
  bool running();
  void signal(int number);
  /// How it ended; nullopt if it still runs after `at_most`.
  std::optional<ExitStatus> wait(Millis at_most);
  /// SIGTERM, and SIGKILL if that does not help within `at_most`. How it ended.
  ExitStatus terminate(Millis at_most = Millis{5000});

  /// What it has written so far (everything, once it ended).
  std::string out();
  std::string err();
  /// True as soon as stdout or stderr holds `text`; false after `at_most`, or when it ended without.
  bool wait_for_output(const std::string& text, Millis at_most);

 private:
  std::string captured(const UniqueFd& file) const;

  pid_t pid_ = -1;
  UniqueFd out_;  ///< unlinked temporary files: no pipe that can fill
  UniqueFd err_;
  std::optional<ExitStatus> ended_;
};

struct RunResult {
  std::optional<ExitStatus> status;  ///< nullopt: it did not end in time and was killed
  std::string out;
  std::string err;
};
/// The exit code; -1 if a signal ended it, or it was killed.
inline int code_of(const RunResult& result) { return result.status.value_or(ExitStatus{}).code; }
/// Runs a program to its end.
RunResult run(ChildOptions options, Millis at_most = Millis{30000});

/// Asks `predicate` every few milliseconds; true as soon as it is, false after `at_most`. For what happens in another
/// process.
bool wait_until(const std::function<bool()>& predicate, Millis at_most);

}  // namespace codedriftd::test
