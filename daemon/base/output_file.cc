#include "base/output_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <system_error>

#include "base/unique_fd.h"

namespace codedriftd {
namespace {

Error failed(const std::string& path, int error) {
  return Error{fmt::format("{}: cannot be written: {}", path, std::generic_category().message(error))};
}

/// 0, or errno.
int write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t n = ::write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  return 0;
}

/// The new name is durable once its folder is. Some file systems cannot flush a folder: the file is there all the same.
Checked flush_folder_of(const std::string& file, const std::string& path) {
  const std::size_t slash = file.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : file.substr(0, slash);
  const UniqueFd opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened.valid() && ::fsync(opened.get()) != 0 && errno != EINVAL && errno != ENOTSUP) return failed(path, errno);
  return Done{};
}

}  // namespace

Checked write_file(const std::string& path, std::string_view content) {
  std::string to = path;
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0) {
    if (!S_ISREG(info.st_mode)) {
      const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
      if (!fd.valid()) return failed(path, errno);
      const int error = write_all(fd.get(), content);
      if (error != 0) return failed(path, error);
      return Done{};
    }
    const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
    if (real) to = real.get();
  }
  const std::string part = fmt::format("{}.{}.part", to, ::getpid());
  UniqueFd fd(::open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (!fd.valid()) return failed(path, errno);
  int error = write_all(fd.get(), content);
  if (error == 0 && ::fsync(fd.get()) != 0) error = errno;
  if (error == 0 && ::rename(part.c_str(), to.c_str()) != 0) error = errno;
  if (error == 0) return flush_folder_of(to, path);
  ::unlink(part.c_str());
  return failed(path, error);
}

Checked write_config_file(const std::string& path, std::string_view content, bool replace) {
  const std::string part = fmt::format("{}.{}.part", path, ::getpid());
  UniqueFd fd(::open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!fd.valid()) return failed(path, errno);
  int error = write_all(fd.get(), content);
  if (error == 0 && ::fsync(fd.get()) != 0) error = errno;
  // A new name for the file, unlike renaming it, takes nobody else's place.
  if (error == 0 && (replace ? ::rename(part.c_str(), path.c_str()) : ::link(part.c_str(), path.c_str())) != 0)
    error = errno;
  if (error != 0 || !replace) ::unlink(part.c_str());
  if (error == EEXIST)
    return Error{fmt::format("{}: is there already; name another file, or take --force to replace it", path)};
  return error == 0 ? flush_folder_of(path, path) : failed(path, error);
}

Checked write_public_file(const std::string& path, std::string_view content) {
  const std::string part = fmt::format("{}.{}.part", path, ::getpid());
  UniqueFd fd(::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!fd.valid()) return failed(path, errno);
  int error = write_all(fd.get(), content);
  if (error == 0 && ::fchmod(fd.get(), 0644) != 0) error = errno;
  if (error == 0 && ::rename(part.c_str(), path.c_str()) != 0) error = errno;
  if (error == 0) return Done{};
  ::unlink(part.c_str());
  return failed(path, error);
}

}  // namespace codedriftd
