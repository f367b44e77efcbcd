#pragma once
#include "base/clock.h"

namespace codedriftd {

/// Keeps a destination within three quarters of the limit its receiver publishes: a token bucket by the monotonic
/// clock. Not thread-safe.
class Throttle {
 public:
  /// No limit until set_limit().
  Throttle() = default;
  /// `per_minute` 0: no limit. `burst` 0 counts as 1.
  void set_limit(unsigned per_minute, unsigned burst, MonoTime now);
  /// How many messages may go now; the greatest unsigned number without a limit.
  unsigned available(MonoTime now);
  /// One message goes.
  void take(MonoTime now);
  /// How long until one may go; 0: now.
  Millis wait(MonoTime now);

 private:
  void refill(MonoTime now);

  double per_second_ = 0, burst_ = 0, tokens_ = 0;
  MonoTime refilled_at_{};
};

}  // namespace codedriftd
