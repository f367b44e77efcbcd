#include "package/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include "base/text.h"
#include "base/unique_fd.h"

namespace codedriftd {
namespace {

std::string shown_path(const std::string& path) { return harmless(clean_utf8(path, 1000)); }

Error unreadable(const std::string& path, int error) {
  return Error{fmt::format("{}: cannot be read: {}", shown_path(path), std::generic_category().message(error))};
}

/// What identifies the state of a file: two of them that are equal are taken for the same content.
bool same_state(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size &&
         a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec &&
         a.st_ctim.tv_sec == b.st_ctim.tv_sec && a.st_ctim.tv_nsec == b.st_ctim.tv_nsec;
}

class FolderReader {
 public:
  FolderReader(const std::string& path, const PackageLimits& limits) : path_(path), limits_(limits) {}

  Result<Manifest> read() {
    root_.reset(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!root_.valid()) {
      if (errno == ENOTDIR) return Error{fmt::format("{}: is no folder", shown_path(path_))};
      return unreadable(path_, errno);
    }
    folders_.emplace_back();
    while (!folders_.empty()) {
      const std::string folder = std::move(folders_.back());
      folders_.pop_back();
      if (auto listed = list(folder); !listed) return listed.error();
    }
    std::sort(files_.begin(), files_.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return std::move(files_);
  }

 private:
  std::string full(const std::string& name) const {
    return name.empty() ? path_ : fmt::format("{}{}{}", path_, path_.ends_with('/') ? "" : "/", name);
  }

  /// The entries of one folder, "" for the outermost. Those that are folders wait in folders_.
  Checked list(const std::string& folder) {
    // No link is followed here: entry() found a folder, and what stands there now has to be one still.
    const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (folder.empty() ? 0 : O_NOFOLLOW);
    UniqueFd fd(::openat(root_.get(), folder.empty() ? "." : folder.c_str(), flags));
    if (!fd.valid()) return unreadable(full(folder), errno);
    const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(fd.get()), ::closedir);
    if (!entries) return unreadable(full(folder), errno);
    fd.release();
    for (;;) {
      errno = 0;
      const dirent* const found = ::readdir(entries.get());
      if (found == nullptr) {
        if (errno != 0) return unreadable(full(folder), errno);
        return Done{};
      }
      const std::string_view name = found->d_name;
      if (name == "." || name == "..") continue;
      if (auto taken = entry(folder.empty() ? std::string(name) : fmt::format("{}/{}", folder, name)); !taken)
        return taken;
    }
  }

  Checked entry(const std::string& name) {
    if (name.find('\n') != std::string::npos)
      return Error{fmt::format("{}: a file whose name has a line break has no content digest", shown_path(full(name)))};
    struct stat found {};
    if (::fstatat(root_.get(), name.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) return unreadable(full(name), errno);
    if (S_ISDIR(found.st_mode)) {
      if (++folders_seen_ > limits_.files)
        return Error{fmt::format("{}: has more than {} folders", shown_path(path_), limits_.files)};
      folders_.push_back(name);
      return Done{};
    }
    if (S_ISLNK(found.st_mode)) {
      if (::fstatat(root_.get(), name.c_str(), &found, 0) != 0) {
        const int error = errno;
        return Error{fmt::format("{}: is a symbolic link that leads nowhere: {}", shown_path(full(name)),
                                 std::generic_category().message(error))};
      }
      if (S_ISDIR(found.st_mode))
        return Error{fmt::format(
            "{}: is a symbolic link to a folder, which packers pack differently; put the folder there, or take it away",
            shown_path(full(name)))};
    }
    if (!S_ISREG(found.st_mode))
      return Error{fmt::format("{}: is neither a file nor a folder", shown_path(full(name)))};
    return file(name);
  }

  Checked file(const std::string& name) {
    if (files_.size() >= limits_.files)
      return Error{fmt::format("{}: has more than {} files", shown_path(path_), limits_.files)};
    // Without waiting: a pipe may have taken the place of the file that entry() saw.
    const UniqueFd fd(::openat(root_.get(), name.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (!fd.valid()) return unreadable(full(name), errno);
    struct stat before {};
    struct stat after {};
    if (::fstat(fd.get(), &before) != 0) return unreadable(full(name), errno);
    if (!S_ISREG(before.st_mode)) return changed(name);
    Sha256Stream stream;
    uint64_t size = 0;
    for (;;) {
      const ssize_t got = ::read(fd.get(), buffer_.data(), buffer_.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return unreadable(full(name), errno);
      if (got == 0) break;
      size += static_cast<uint64_t>(got);
      if (size > limits_.unpacked - total_)
        return Error{fmt::format("{}: has more than {} bytes of files", shown_path(path_), limits_.unpacked)};
      stream.add({buffer_.data(), static_cast<std::size_t>(got)});
    }
    if (::fstat(fd.get(), &after) != 0) return unreadable(full(name), errno);
    if (!same_state(before, after) || size != static_cast<uint64_t>(after.st_size)) return changed(name);
    total_ += size;
    files_.push_back({name, after.st_mode & 07777U, size, stream.digest()});
    return Done{};
  }

  Error changed(const std::string& name) const {
    return Error{
        fmt::format("{}: changed while it was read; try again when nobody writes to it", shown_path(full(name)))};
  }

  const std::string path_;
  const PackageLimits limits_;
  UniqueFd root_;
  std::vector<std::string> folders_;  ///< still to be listed
  uint64_t folders_seen_ = 0;
  uint64_t total_ = 0;  ///< bytes of files_
  Manifest files_;
  std::array<char, 64 * 1024> buffer_;  // NOLINT: read() fills it
};

}  // namespace

Result<Manifest> read_folder(const std::string& path, const PackageLimits& limits) {
  return FolderReader(path, limits).read();
}

}  // namespace codedriftd
