#pragma once
/// Which target, hash or file the words of a command mean. Private to commands/.
#include <string>
#include <string_view>

#include "actions/arguments.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/sha256.h"
#include "store/db/database.h"
#include "store/record/targets.h"

namespace codedriftd {

/// One side of `diff`, as a word names it.
struct SideName {
  enum class Kind {
    accepted,
    previous,  ///< what was live before what is live
    live,
    hash,  ///< 64 hex digits, or the first 8 or more
    path,  ///< a package or a folder: everything else, so ./accepted too
  };
  Kind kind = Kind::path;
  std::string text;  ///< as it was typed
};
inline constexpr std::size_t kLeastHashDigits = 8;
/// True for what SideName takes for a hash: hex digits alone, of either case, 8 to 64 of them.
bool looks_like_hash(std::string_view word);
SideName side_name(std::string_view word);

/// The target that exactly one address, FUNCTION or FUNCTION:QUALIFIER names, watched or, by its address, watched once.
/// "usage": several have the name, or it is a pattern; "nothing": nobody has it, with the nearest there is.
Result<TargetRow, NothingDone> target_named(Database& db, const std::string& name, WallTime now);

/// The hash that `side` means at `target`; 64 digits are that hash, whoever had it. "usage": several hashes of the
/// target begin so; "nothing": there is none, and why. REQUIRES: `side` is no path.
Result<Sha256, NothingDone> hash_named(Database& db, const TargetRow& target, const SideName& side);

}  // namespace codedriftd
