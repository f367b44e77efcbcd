#include "commands/files/package_content.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "package/folder.h"

namespace codedriftd {

Result<PathExamined> examine_path(const std::string& path, const PackageLimits& limits, const Examine& examine) {
  const auto failed = [&](const std::string& why) { return Error{fmt::format("{}: {}", path, why)}; };
  PathExamined examined;
  // Without waiting for whoever would write to a pipe, which is refused below.
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  struct stat status {};
  if (!fd.valid() || ::fstat(fd.get(), &status) != 0)
    return failed(fmt::format("cannot be read: {}", std::generic_category().message(errno)));
  if (S_ISDIR(status.st_mode)) {
    auto files = read_folder(path, limits);
    if (!files) return files.error();
    for (const PackageFile& file : *files) examined.found.unpacked_bytes += file.size;
    examined.found.files = std::move(files).value();
    return examined;
  }
  if (!S_ISREG(status.st_mode)) return failed("is neither a zip file nor a folder");
  auto found = examine(fd.get());
  if (!found) return failed(found.error().message);
  examined.found = std::move(found).value();
  examined.zip = std::move(fd);
  return examined;
}

Result<ContentDigest> content_at(const std::string& path, const PackageLimits& limits, const Examine& examine,
                                 const std::vector<std::string>& ignore) {
  const auto examined = examine_path(path, limits, examine);
  if (!examined) return examined.error();
  const Examination& found = examined->found;
  if (!found.ambiguous.empty())
    return Error{fmt::format("{}: is ambiguous, and has no content digest: {}", path, found.ambiguous)};
  try {
    if (const auto known = known_content(found.files, {}, ignore)) return known->digest;
    return Error{fmt::format("{}: holds no file{}: nothing could be told from it", path,
                             found.files.empty() ? "" : " that is not ignored")};
  } catch (const std::invalid_argument& error) {
    return Error{fmt::format("{}: {}", path, error.what())};
  }
}

}  // namespace codedriftd
