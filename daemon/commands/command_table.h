#pragma once
/// The commands of the program `codedriftd`: what each is called, and how it is called. Private to commands/.
#include <iosfwd>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "settings/place.h"

namespace codedriftd {

/// What a command is given. The streams outlive it.
struct CommandContext {
  std::string config = "/etc/codedriftd/codedriftd.toml";
  LogLevel log_level = LogLevel::info;
  std::vector<std::string> args;  ///< after the command
  std::ostream& out;
  std::ostream& err;
};

struct Command {
  std::string_view name;
  std::string_view does;  ///< its line in the help
  /// The exit code. Throws UsageError, ConfigError, and std::exception for what failed.
  int (*run)(const CommandContext&);
};

/// Thrown where the configuration is wrong: its mistakes are printed, exit code 78.
struct ConfigError {
  std::vector<Mistake> mistakes;
};

/// All there are, in the order of the help.
std::span<const Command> commands();

/// The line of `codedriftd version` and `--version`.
void print_version(std::ostream& out);

}  // namespace codedriftd
