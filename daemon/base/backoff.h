#pragma once
#include "base/clock.h"

namespace codedriftd {

/// How long to wait between tries: exponential with full jitter above a floor.
struct Backoff {
  Millis floor;    ///< never less than this
  Millis base;     ///< the first ceiling; doubles with each failed try
  Millis ceiling;  ///< never more than this, unless `at_least` asks for it
};

/// The wait before try number `failures + 1`, pure. `failures` is 1 after the first failed try. `random` is in [0, 1).
/// `at_least` is a hard minimum from the other side (Retry-After): the result is never below it.
Millis backoff_delay(const Backoff& backoff, unsigned failures, double random, Millis at_least = Millis{0});

/// A random number in [0, 1) from a generator of this thread's own, seeded by the system.
double random_unit();

}  // namespace codedriftd
