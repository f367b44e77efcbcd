#pragma once
#include <optional>

#include "base/clock.h"
#include "base/unique_fd.h"

namespace codedriftd {

/// SIGTERM, SIGINT and SIGHUP as values. Make it before any thread: it blocks them in the calling thread, and new
/// threads inherit that. Also ignores SIGPIPE. Throws std::system_error.
class Signals {
 public:
  Signals();
  /// The next signal's number, or nullopt after `at_most`.
  std::optional<int> wait(Millis at_most);

 private:
  UniqueFd fd_;
};

}  // namespace codedriftd
