#pragma once
/// What changed between two packages or folders, for people and for `patch`. Pure but for the contents it asks for.
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "model/changes.h"
#include "model/content.h"

namespace codedriftd {

/// One side of a diff.
struct DiffSide {
  const Manifest& files;
  /// The content of one of `files`; nullopt where it is not at hand. Called once for each file that is looked into.
  /// What it throws passes. Empty: no content is at hand.
  std::function<std::optional<std::string>(const PackageFile&)> content{};
};

enum class DiffForm {
  name_status,  ///< "M\tindex.py" a line: A added, D removed, M other content, m the same content with another mode
  stat,         ///< " index.py | 4 ++--", as git's --stat, and their sum
  patch,  ///< unified diffs that patch(1) and git apply take; what is no text, or not at hand, as sizes and hashes
};

struct DiffOptions {
  DiffForm form = DiffForm::patch;
  /// Names and contents as harmless() has them. False: the bytes as they are, which `patch` needs, and a terminal is
  /// not to get.
  bool safe = true;
  std::size_t width = 80;  ///< of stat, in columns
  /// Larger files are shown as sizes and hashes, and are not asked for.
  uint64_t most_bytes = uint64_t{4} << 20;
  /// Behind so many bytes of output the files that are left are only counted, in the last line.
  uint64_t most_output = uint64_t{64} << 20;
};

/// Hands `write` what changed from `before` to `after`, piece by piece: own files first, each with its mode where that
/// changed. A lock file that can be read (package/lock_files.h) is its version changes, in stat below its line; in a
/// patch that is not `safe` its diff too, so that the patch makes the one side of the other. What a patch cannot hold,
/// such as a picture, stands in it as a line that begins with "# ". Content that is not what its manifest says is taken
/// for not at hand. Nothing is written if nothing changed.
void render_diff(const DiffSide& before, const DiffSide& after, const DiffOptions& options,
                 const std::function<void(std::string_view)>& write);

}  // namespace codedriftd
