#pragma once
#include <vector>

#include "audit/story/coverage.h"
#include "store/db/sqlite.h"

namespace codedriftd {

/// When the daemon ran, by time; what ended before `since` left out. Throws SqliteError.
std::vector<Sightings::Stay> daemon_stays(Database& db, WallTime since, WallTime now);

}  // namespace codedriftd
