#pragma once
/// What two states of a lock file say of versions: "lodash 4.17.20 -> 4.17.21" instead of hundreds of lines. Pure; the
/// texts are foreign.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace codedriftd {

/// One package of a lock file, where the two texts differ.
struct VersionChange {
  std::string name;
  std::string before, after;  ///< versions, ", " between several; empty: not there
  /// True where `before` and `after` are the same version and what it is made of is not: where it is loaded from, or
  /// its checksum. That is how a package is exchanged without a new version.
  bool other_origin = false;

  friend bool operator==(const VersionChange&, const VersionChange&) = default;
};

/// What lock_changes() can read, by the last part of the name: package-lock.json and npm-shrinkwrap.json (of any
/// lockfileVersion), requirements.txt and requirements-*.txt, go.sum, yarn.lock, poetry.lock, uv.lock, Cargo.lock.
bool is_lock_file(std::string_view name);

/// The packages that differ, sorted by name. nullopt where it cannot be told so, and the file is to be shown as any
/// other: is_lock_file() is false; a text is larger than 4 MiB or not what its name says; more than 100,000 packages;
/// nothing that is a version, an origin or a checksum differs, though the texts do.
std::optional<std::vector<VersionChange>> lock_changes(std::string_view name, std::string_view before,
                                                       std::string_view after);

/// "lodash 4.17.20 -> 4.17.21", "left-pad 1.3.0 added", "left-pad 1.3.0 removed", "lodash 4.17.21: the same version
/// from another origin, or with another checksum". Harmless, one line.
std::string to_string(const VersionChange& change);

}  // namespace codedriftd
