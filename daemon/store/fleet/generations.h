#pragma once
/// Which configuration counts in a fleet (table fleet_config). Each that was ever seen is a generation by the digest of
/// what it says (settings/digest.h); the newest counts. One that was replaced does not come back by itself: a host that
/// was started with last week's file must not undo what was changed since.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "store/db/database.h"

namespace codedriftd {

struct Generation {
  int64_t number = 0;  ///< from 1
  std::string digest;
  WallTime adopted_at{};
  std::string adopted_by;  ///< the host that came with it, or the actor who said so
};

namespace generations {

/// The one that counts; nullopt: there was none yet.
std::optional<Generation> current(Database& db);

enum class Standing { current, never_seen, replaced };
Standing standing_of(Database& db, std::string_view digest);

/// Makes this the generation that counts, as the next one. In a transaction. Throws StoreError (constraint) where
/// somebody else is doing the same.
Generation adopt(Database& db, std::string_view digest, std::string_view by, WallTime now);

}  // namespace generations
}  // namespace codedriftd
