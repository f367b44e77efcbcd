#include "sinks/throttle.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace codedriftd {
namespace {

/// A receiver counts in windows of its own, and others may post to the same place: a quarter of its limit stays free.
constexpr double kUsedShare = 0.75;

}  // namespace

void Throttle::set_limit(unsigned per_minute, unsigned burst, MonoTime now) {
  const double per_second = kUsedShare * per_minute / 60;
  const double most = std::max(1U, burst);
  if (per_second == per_second_ && most == burst_)
    return;  // a plugin that was restarted: the receiver still counts what it got before
  per_second_ = per_second;
  burst_ = tokens_ = most;
  refilled_at_ = now;
}

unsigned Throttle::available(MonoTime now) {
  if (per_second_ <= 0) return std::numeric_limits<unsigned>::max();
  refill(now);
  return static_cast<unsigned>(tokens_);
}

void Throttle::take(MonoTime now) {
  refill(now);
  tokens_ = std::max(0.0, tokens_ - 1);
}

Millis Throttle::wait(MonoTime now) {
  if (available(now) >= 1) return Millis{0};
  return Millis{static_cast<int64_t>(std::ceil((1 - tokens_) / per_second_ * 1000))};
}

void Throttle::refill(MonoTime now) {
  const std::chrono::duration<double> passed = now - refilled_at_;
  tokens_ = std::min(burst_, tokens_ + passed.count() * per_second_);
  refilled_at_ = now;
}

}  // namespace codedriftd
