#pragma once
#include "base/clock.h"
#include "base/mutex.h"

namespace codedriftd::test {

/// A clock that stands still until a test moves it. Thread-safe.
class ManualClock final : public Clock {
 public:
  /// 2026-11-24T00:00:00Z, and a monotonic time far from zero.
  ManualClock() : ManualClock(WallTime{Millis{1795478400000}}) {}
  explicit ManualClock(WallTime wall) : wall_(wall), mono_(std::chrono::hours(1000)) {}

  WallTime wall() const override {
    MutexLock guard(mutex_);
    return wall_;
  }
  MonoTime mono() const override {
    MutexLock guard(mutex_);
    return mono_;
  }

  /// Time passes: both clocks move.
  void advance(Millis by) {
    MutexLock guard(mutex_);
    wall_ += by;
    mono_ += by;
  }
  /// The wall clock alone jumps (either way), as when it is set by hand or by NTP.
  void step_wall(Millis by) {
    MutexLock guard(mutex_);
    wall_ += by;
  }
  void set_wall(WallTime wall) {
    MutexLock guard(mutex_);
    wall_ = wall;
  }
  /// The monotonic clock alone moves on. Negative is a bug of the test: monotonic time never goes back.
  void step_mono(Millis by) {
    MutexLock guard(mutex_);
    mono_ += by;
  }

 private:
  mutable Mutex mutex_;
  WallTime wall_ GUARDED_BY(mutex_);
  MonoTime mono_ GUARDED_BY(mutex_);
};

}  // namespace codedriftd::test
