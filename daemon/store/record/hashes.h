#pragma once
/// Which hashes a target had. They only read, and throw StoreError.
#include <optional>
#include <string_view>
#include <vector>

#include "base/sha256.h"
#include "store/db/database.h"
#include "store/record/targets.h"

namespace codedriftd::hashes {

/// What was live last of what is not `live`; nullopt: nothing else was ever seen.
std::optional<Sha256> live_before(Database& db, TargetId id, const Sha256& live);
/// Those that were live, accepted or announced at this target and whose hex digits begin so, in their order. `prefix`
/// may be upper case.
std::vector<Sha256> beginning_with(Database& db, const TargetRow& row, std::string_view prefix);

}  // namespace codedriftd::hashes
