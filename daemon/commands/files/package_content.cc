#include "commands/files/package_content.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>

#include "base/unique_fd.h"
#include "package/folder.h"

namespace codedriftd {

Result<Examination> examine_path(const std::string& path, const Examine& examine) {
  const auto failed = [&](const std::string& why) { return Error{fmt::format("{}: {}", path, why)}; };
  // Without waiting for whoever would write to a pipe, which is refused below.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  struct stat status {};
  if (!fd.valid() || ::fstat(fd.get(), &status) != 0)
    return failed(fmt::format("cannot be read: {}", std::generic_category().message(errno)));
  if (S_ISDIR(status.st_mode)) {
    auto files = read_folder(path, PackageLimits{});
    if (!files) return files.error();
    Examination folder;
    for (const PackageFile& file : *files) folder.unpacked_bytes += file.size;
    folder.files = std::move(files).value();
    return folder;
  }
  if (!S_ISREG(status.st_mode)) return failed("is neither a zip file nor a folder");
  auto found = examine(fd.get());
  if (!found) return failed(found.error().message);
  return found;
}

Result<ContentDigest> content_at(const std::string& path, const Examine& examine,
                                 const std::vector<std::string>& ignore) {
  auto found = examine_path(path, examine);
  if (!found) return found.error();
  if (!found->ambiguous.empty())
    return Error{fmt::format("{}: is ambiguous, and has no content digest: {}", path, found->ambiguous)};
  try {
    return content_of(found->files, ignore);
  } catch (const std::invalid_argument& error) {
    return Error{fmt::format("{}: {}", path, error.what())};
  }
}

}  // namespace codedriftd
