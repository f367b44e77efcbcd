#pragma once
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "model/content.h"
#include "package/examiner.h"

namespace codedriftd {

/// What stands at `path`: a folder is read by read_folder(), a regular file by `examine`; nothing else is opened for
/// longer than a look. Folders are never ambiguous and have no findings. The error names the path and why it cannot be
/// read.
struct PathExamined {
  Examination found;
  UniqueFd zip;  ///< the package, open; not valid for a folder
};
Result<PathExamined> examine_path(const std::string& path, const PackageLimits& limits, const Examine& examine);

/// The digest over the files that no glob of `ignore` matches. The error names the path: it cannot be read, readers
/// could see different things in it, or a name has a line break.
Result<ContentDigest> content_at(const std::string& path, const PackageLimits& limits, const Examine& examine,
                                 const std::vector<std::string>& ignore);

}  // namespace codedriftd
