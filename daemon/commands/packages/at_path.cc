#include "commands/packages/at_path.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
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

}  // namespace codedriftd
