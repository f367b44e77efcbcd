#pragma once
/// What the record holds of the inside of packages, as a verdict needs it.
#include <optional>

#include "base/sha256.h"
#include "model/observation.h"
#include "model/target_state.h"
#include "store/db/database.h"

namespace codedriftd {

/// Of the package of `code`, for a target in `state`: with what that leaves out left out, and against what it accepts.
/// State `unknown` if nobody looked. Throws StoreError; std::runtime_error for a damaged row.
Inside inside_of(Database& db, const Sha256& code, const TargetState& state);

/// The digest of the content; nullopt if it was not examined. Where nothing is left out, no manifest is read for it.
std::optional<ContentDigest> digest_on_record(Database& db, const std::optional<Sha256>& code,
                                              const std::vector<std::string>& ignore);
/// The same with modes; nullopt if it was not examined.
std::optional<KnownContent> content_on_record(Database& db, const std::optional<Sha256>& code,
                                              const std::vector<std::string>& ignore);

}  // namespace codedriftd
