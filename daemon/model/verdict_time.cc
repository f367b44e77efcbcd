#include "model/verdict_time.h"

#include <algorithm>

namespace codedriftd {

WallTime not_before(const TargetState& state, WallTime now) {
  WallTime latest = now;
  const auto consider = [&](const std::optional<WallTime>& time) {
    if (time) latest = std::max(latest, as_stored(*time, now));
  };
  consider(state.live_since);
  consider(state.accepted_at);
  consider(state.drift_since);
  consider(state.last_polled_at);
  consider(state.last_success_at);
  consider(state.status_since);
  for (const Announcement& announcement : state.announced) consider(announcement.announced_at);
  return latest;
}

}  // namespace codedriftd
