#pragma once
#include <iosfwd>
#include <stdexcept>
#include <string>
#include <string_view>

namespace codedriftd {

/// The exit codes of the contract beside 0, 1, 2 and 3 (sysexits.h has the numbers).
inline constexpr int kExitUsage = 64;
inline constexpr int kExitConfig = 78;

/// The command line is wrong: what() says how, and what would be right. Ends in exit code 64.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Tells people `what` of a command: a line "codedriftd COMMAND: …", made harmless. Returns `code`.
int say(std::ostream& err, std::string_view command, int code, std::string_view what);

}  // namespace codedriftd
