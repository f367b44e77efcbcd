#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>

#include "base/clock.h"

namespace codedriftd::test {

/// The simulated cloud's clock: this machine's, and an offset that tests set. Thread-safe.
class CloudClock {
 public:
  WallTime wall() const { return clock_.wall() + std::chrono::seconds(offset_.load()); }
  MonoTime mono() const { return clock_.mono(); }  ///< the offset does not move it
  /// Whole seconds since 1970: what the cloud's own times are made of.
  int64_t seconds() const { return std::chrono::floor<std::chrono::seconds>(wall()).time_since_epoch().count(); }
  void set_offset(std::chrono::seconds offset) { offset_ = offset.count(); }

 private:
  SystemClock clock_;
  std::atomic<int64_t> offset_{0};
};

}  // namespace codedriftd::test
