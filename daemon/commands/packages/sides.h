#pragma once
/// What the two sides of a diff are. Private to commands/.
#include <memory>
#include <optional>
#include <string>

#include "actions/arguments.h"
#include "base/clock.h"
#include "base/result.h"
#include "commands/files/package_content.h"
#include "commands/packages/find.h"
#include "settings/settings.h"
#include "store/packages/packages.h"

namespace codedriftd {

/// A side that is no code.
struct RecordedValue {
  Sha256 sha256{};
  std::string text;  ///< empty: not on record
};

struct Side {
  SideName name;
  Manifest files;
  std::optional<PackageRow> package{};   ///< of what is on record
  UniqueFd zip{};                        ///< of a package at a path
  std::optional<RecordedValue> value{};  ///< of what is no code; then there are no files
};
/// "accepted 0123456789ab", "build/charge.zip", for people.
std::string words_of(const Side& side);

/// What is to be compared.
struct SideNames {
  std::string target;  ///< empty only where both sides are paths
  SideName from, to;
};
struct RecordedSides {
  std::string address;                 ///< of the target
  std::optional<PackageRow> from, to;  ///< not set for a path
  Manifest from_files, to_files;
  /// Of layers, an alias or an image, which have no files: what each hash stands for (model/value.h).
  std::optional<RecordedValue> from_value, to_value;
  bool same_hash = false;  ///< both sides are one hash: nothing was looked up, and nothing differs
  std::string who;         ///< what the audit log tells of the change that made `to` live, or empty
};
/// The sides that are on record. "nothing": there is no such target or hash, or nothing is known of what is inside, and
/// why and what would help.
Result<RecordedSides, NothingDone> read_sides(Database& db, const Settings& settings, const SideNames& names,
                                              WallTime now);

/// A side that is a path. The error is for people: it cannot be read, or is ambiguous. REQUIRES: `name` is a path.
Result<Side> side_at_path(const SideName& name, const PackageLimits& limits, const Examine& examine);

}  // namespace codedriftd
