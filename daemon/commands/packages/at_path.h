#pragma once
/// A package or a folder that stands somewhere, as a command names it. Private to commands/.
#include <functional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "package/examination.h"

namespace codedriftd {

/// Examines the package that is open as `package_fd`, from its first byte on. The error says why that failed; a package
/// that can be read in more than one way is no error.
using Examine = std::function<Result<Examination>(int package_fd)>;

struct PathExamined {
  Examination found;
  UniqueFd zip;  ///< the package, open; not valid for a folder
};
/// What stands at `path`: a folder is read, a file is what `examine` says. The error names the path.
Result<PathExamined> examine_path(const std::string& path, const PackageLimits& limits, const Examine& examine);

}  // namespace codedriftd
