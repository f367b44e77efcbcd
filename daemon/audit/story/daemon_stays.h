#pragma once
#include <vector>

#include "audit/story/coverage.h"
#include "store/db/database.h"

namespace codedriftd {

/// When the daemon ran, by time; what ended before `since` left out. Throws StoreError.
std::vector<Sightings::Stay> daemon_stays(Database& db, WallTime since, WallTime now);

}  // namespace codedriftd
