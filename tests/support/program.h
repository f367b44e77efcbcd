#pragma once
/// What the small programs of the tests and the demo share.
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace codedriftd::test {

struct WrongUsage : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A command line of "--name value", "--name=value" and, for the names in `switches`, "--name" alone.
class Flags {
 public:
  /// Throws WrongUsage for a name that is in neither set, and for a missing value.
  Flags(int argc, char** argv, const std::set<std::string>& values, const std::set<std::string>& switches);

  bool has(const std::string& name) const { return values_.contains(name); }
  /// The last value given.
  std::string text(const std::string& name, const std::string& otherwise = "") const;
  /// Throws WrongUsage if it is not a number from 0 to `max`.
  uint64_t number(const std::string& name, uint64_t otherwise, uint64_t max) const;
  /// Every value given, in order.
  std::vector<std::string> all(const std::string& name) const;

 private:
  std::map<std::string, std::vector<std::string>> values_;
};

/// How long a program lives: until SIGTERM or SIGINT, --max-seconds, or, with --die-with-parent, its parent's end.
class ProgramLife {
 public:
  inline static const std::set<std::string> kValues{"max-seconds", "port-file"};
  inline static const std::set<std::string> kSwitches{"die-with-parent", "help"};

  /// Call before any thread is started: it blocks the signals that wait() takes.
  explicit ProgramLife(const Flags& flags);
  /// Writes the port file, if one is wanted: all of it appears at once. Throws std::runtime_error if it cannot.
  void announce(const std::vector<uint16_t>& ports) const;
  /// Returns when the program is to end.
  void wait() const;

 private:
  std::string port_file_;
  uint64_t max_seconds_;
};

/// Runs `program`; 0, or 64 for wrong usage and 1 for any other exception, with its text on stderr.
template <typename Program>
int guarded_main(const char* name, Program program);

void print_failure(const char* name, const std::exception& error);

template <typename Program>
int guarded_main(const char* name, Program program) {
  try {
    program();
    return 0;
  } catch (const WrongUsage& error) {
    print_failure(name, error);
    return 64;
  } catch (const std::exception& error) {
    print_failure(name, error);
    return 1;
  }
}

/// The whole file. Throws std::runtime_error if it cannot be read.
std::string read_file(const std::string& path);

}  // namespace codedriftd::test
