#pragma once
#include <memory>
#include <string>

#include "base/clock.h"

namespace codedriftd::test {

/// A longer way to a server on a Unix socket: what is sent either way arrives half of `round_trip` later. Ends with
/// this object.
class DelayLine {
 public:
  /// From the socket `from`, which is made, to the one at `to`. Throws std::system_error.
  DelayLine(const std::string& from, const std::string& to, std::chrono::microseconds round_trip);
  DelayLine(const DelayLine&) = delete;
  ~DelayLine();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace codedriftd::test
