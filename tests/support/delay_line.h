#pragma once
#include <memory>
#include <string>

#include "base/clock.h"

namespace codedriftd::test {

/// A longer way to a server on a Unix socket: what is sent either way arrives half of `round_trip` later. It can be
/// cut. Ends with this object.
class DelayLine {
 public:
  /// From the socket `from`, which is made, to the one at `to`. Throws std::system_error.
  DelayLine(const std::string& from, const std::string& to, std::chrono::microseconds round_trip);
  DelayLine(const DelayLine&) = delete;
  ~DelayLine();

  /// From now on nothing arrives, while every connection stays open and new ones are taken; until mend(), which hands
  /// on what was sent meanwhile. Thread-safe.
  void cut();
  void mend();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace codedriftd::test
