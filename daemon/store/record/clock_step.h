#pragma once
#include "base/clock.h"
#include "store/db/database.h"

namespace codedriftd::clock_step {

/// The clock was ahead and is set back by `by`: what the record holds of times ahead of `now` moves back by as much,
/// but not before the newest time that is not ahead, which was written earlier, and to `now` at the latest: what comes
/// first in the record stays first. Events stay as they were written. Times before `now` stay: they were right, or
/// nobody can tell. False, and nothing is moved, if the cloud answered for more than a quarter of an hour in what is
/// now the future: it refuses signatures of a clock that is minutes off, so it is the present clock that is wrong.
/// REQUIRES: by <= 0.
bool bring_back(Database& db, WallTime now, Millis by);

/// How far the latest sign of life of any stay lies ahead of `now`, which is then certain to be a mistake of one of the
/// two clocks; 0: it does not, or by a minute at most, which clocks are corrected by all the time.
Millis ahead(Database& db, WallTime now);

}  // namespace codedriftd::clock_step
