#include "store/fleet/fleet_clock.h"

namespace codedriftd {
namespace {

/// Two clocks never run quite alike: by so little this one does not go back.
constexpr Millis kJitter{100};

Millis since_start(MonoTime time) { return std::chrono::floor<Millis>(time.time_since_epoch()); }

}  // namespace

WallTime FleetClock::wall() const {
  const std::optional<Millis> ahead = ahead_.copy();
  return ahead ? WallTime{since_start(host_.mono()) + *ahead} : host_.wall();
}

void FleetClock::told(WallTime database, MonoTime sent, MonoTime received) {
  const Millis at_least = database.time_since_epoch() - since_start(received);
  const Millis at_most = database.time_since_epoch() - since_start(sent);
  Locked ahead(ahead_);
  if (!*ahead || **ahead < at_least) {
    *ahead = at_least;
  } else if (**ahead > at_most + kJitter) {
    *ahead = at_most;
  }
}

Millis FleetClock::host_offset() const { return host_.wall() - wall(); }

}  // namespace codedriftd
