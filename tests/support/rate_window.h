#pragma once
#include <algorithm>
#include <cstddef>
#include <deque>

#include "base/clock.h"

namespace codedriftd::test {

/// Arrivals within the last second: a strict sliding window. An arrival leaves it exactly one second later.
class RateWindow {
 public:
  /// How many arrived in the second that ends at `now`.
  std::size_t count(MonoTime now) {
    while (!arrivals_.empty() && arrivals_.front() <= now - std::chrono::seconds(1)) arrivals_.pop_front();
    return arrivals_.size();
  }
  /// REQUIRES: times do not go back.
  void add(MonoTime now) {
    arrivals_.push_back(now);
    busiest_ = std::max(busiest_, count(now));
  }
  /// The most that were ever in the window at once: in any second whatever, since any second with n arrivals in it ends
  /// no earlier than the last of them.
  std::size_t busiest() const { return busiest_; }
  void forget_busiest() { busiest_ = 0; }

 private:
  std::deque<MonoTime> arrivals_;
  std::size_t busiest_ = 0;
};

}  // namespace codedriftd::test
