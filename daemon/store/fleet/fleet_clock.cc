#include "store/fleet/fleet_clock.h"

namespace codedriftd {
namespace {

/// An answer that was longer on its way looks like a clock that went back: by so little it did not.
constexpr Millis kJitter{100};

Millis since_start(MonoTime time) { return std::chrono::floor<Millis>(time.time_since_epoch()); }

}  // namespace

WallTime FleetClock::wall() const {
  const std::optional<Millis> ahead = ahead_.copy();
  return ahead ? WallTime{since_start(host_.mono()) + *ahead} : host_.wall();
}

void FleetClock::told(WallTime database, MonoTime at) {
  const Millis now = database.time_since_epoch() - since_start(at);
  Locked ahead(ahead_);
  if (!*ahead || now > **ahead || now < **ahead - kJitter) *ahead = now;
}

Millis FleetClock::host_offset() const { return host_.wall() - wall(); }

}  // namespace codedriftd
