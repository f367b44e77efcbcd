#pragma once
#include <utility>

#include "base/clock.h"

namespace codedriftd {

/// Lets twenty log lines a second through and counts the others. Not thread-safe.
class LogLimit {
 public:
  static constexpr unsigned kLinesPerSecond = 20;

  bool allow(MonoTime now) {
    if (now - window_ >= std::chrono::seconds(1)) {
      window_ = now;
      lines_ = 0;
    }
    if (lines_ >= kLinesPerSecond) {
      ++dropped_;
      return false;
    }
    ++lines_;
    return true;
  }
  void add_dropped(unsigned lines) { dropped_ += lines; }
  /// How many lines were dropped since this was last asked.
  unsigned take_dropped() { return std::exchange(dropped_, 0U); }

 private:
  MonoTime window_{};
  unsigned lines_ = 0;
  unsigned dropped_ = 0;
};

}  // namespace codedriftd
