#include "service/timetable.h"

#include <algorithm>

namespace codedriftd {
namespace {

constexpr Millis kProgressWithin{30'000};
constexpr Millis kBetweenAlive{20'000};
constexpr Millis kBetweenStatus{60'000};
constexpr Millis kBetweenSummaries{3'600'000};

bool come(MonoTime& due, MonoTime now, Millis interval) {
  if (now < due) return false;
  due = now + interval;
  return true;
}

}  // namespace

bool makes_progress(MonoTime last_turn, MonoTime now) { return now - last_turn < kProgressWithin; }

Timetable::Timetable(MonoTime start)
    : watchdog_(start), alive_(start), status_(start), summary_(start + kBetweenSummaries) {}

Timetable::Due Timetable::due(MonoTime now, std::optional<Millis> watchdog, bool progress) {
  return {watchdog && come(watchdog_, now, *watchdog) && progress, come(alive_, now, kBetweenAlive),
          come(status_, now, kBetweenStatus), come(summary_, now, kBetweenSummaries)};
}

MonoTime Timetable::next(bool watchdog) const {
  return std::min({alive_, status_, summary_, watchdog ? watchdog_ : MonoTime::max()});
}

}  // namespace codedriftd
