#include "base/backoff.h"

#include <algorithm>
#include <random>

namespace codedriftd {

Millis backoff_delay(const Backoff& backoff, unsigned failures, double random, Millis at_least) {
  const unsigned doublings = failures > 0 ? std::min(failures - 1, 40U) : 0U;
  const double ceiling = std::min(static_cast<double>(backoff.ceiling.count()),
                                  static_cast<double>(backoff.base.count()) * static_cast<double>(1ULL << doublings));
  const double floor = static_cast<double>(std::max(backoff.floor, at_least).count());
  // The jitter is added to the floor instead of being cut off at it: else all whose draw was below would come back at
  // the same moment, which is what jitter is to prevent.
  const double span = std::max(0.0, ceiling - static_cast<double>(backoff.floor.count()));
  return Millis{static_cast<int64_t>(floor + random * span)};
}

double random_unit() {
  thread_local std::mt19937_64 generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0.0, 1.0)(generator);
}

}  // namespace codedriftd
