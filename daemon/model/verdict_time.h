#pragma once
/// How the verdict treats stored times. Private to model/.
#include <chrono>

#include "model/target_state.h"

namespace codedriftd {

/// A stored time more than a day ahead of `now` comes from a clock that was wrong: it counts as now.
inline WallTime as_stored(WallTime time, WallTime now) { return time - now > std::chrono::hours(24) ? now : time; }

/// The time that an input at `now` is written with: times of one target never go back.
WallTime not_before(const TargetState& state, WallTime now);

}  // namespace codedriftd
