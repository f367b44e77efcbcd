#include "store/packages/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <iterator>
#include <memory>

#include "base/log.h"
#include "store/packages/packages.h"

namespace codedriftd {
namespace {

constexpr std::string_view kSuffix = ".zip";
constexpr std::string_view kUnfinished = ".unfinished";

std::string file_name(const Sha256& code) { return code.hex() + std::string(kSuffix); }
std::optional<Sha256> code_of(std::string_view name) {
  if (name.size() != 64 + kSuffix.size() || !name.ends_with(kSuffix)) return std::nullopt;
  const auto code = Sha256::from_hex(name.substr(0, 64));
  return code && file_name(*code) == name ? code : std::nullopt;  // upper-case digits are not ours
}

Error trouble(const std::string& path, std::string_view what, int error) {
  return {fmt::format("{}: cannot be {}: {}", path, what, std::strerror(error))};
}

/// What `fd` is may hold keys: its owner and mode.
Checked check_own(const UniqueFd& fd, const std::string& path, mode_t right) {
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return trouble(path, "looked at", errno);
  if (info.st_uid != ::geteuid())
    return Error{fmt::format("{}: belongs to uid {}, and this process is uid {}; chown {} {}", path, info.st_uid,
                             ::geteuid(), ::geteuid(), path)};
  if ((info.st_mode & 077) != 0)
    return Error{fmt::format("{}: is open to others (mode {:04o}), and packages may hold keys; chmod {:o} {}", path,
                             info.st_mode & 07777, right, path)};
  return Done{};
}

bool is_regular(const UniqueFd& fd) {
  struct stat info {};
  return ::fstat(fd.get(), &info) == 0 && S_ISREG(info.st_mode);
}

/// Reads all of `from`, from its beginning and without its position. False, with errno, if reading fails or `take` says
/// no.
bool read_all(const UniqueFd& from, const std::function<bool(std::string_view)>& take) {
  constexpr std::size_t kPiece = 256 * 1024;
  const auto piece = std::make_unique<char[]>(kPiece);
  for (off_t at = 0;;) {
    const ssize_t size = ::pread(from.get(), piece.get(), kPiece, at);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return false;
    if (size == 0) return true;
    if (!take({piece.get(), static_cast<std::size_t>(size)})) return false;
    at += size;
  }
}

bool write_all(const UniqueFd& to, std::string_view data) {
  while (!data.empty()) {
    const ssize_t size = ::write(to.get(), data.data(), data.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return false;
    data.remove_prefix(static_cast<std::size_t>(size));
  }
  return true;
}

/// Gives a file without a name one. False where that cannot be: it has one already, is on another file system, or there
/// is no /proc.
bool give_name(const UniqueFd& from, const UniqueFd& folder, const std::string& name) {
  struct stat info {};
  if (::fstat(from.get(), &info) != 0 || !S_ISREG(info.st_mode) || info.st_nlink != 0 || info.st_uid != ::geteuid() ||
      ::fchmod(from.get(), 0600) != 0)
    return false;
  const std::string self = fmt::format("/proc/self/fd/{}", from.get());
  if (::linkat(AT_FDCWD, self.c_str(), folder.get(), name.c_str(), AT_SYMLINK_FOLLOW) != 0) return false;
  // It could not be flushed through a descriptor that only reads, on some file systems.
  const UniqueFd named(::openat(folder.get(), name.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  return named.valid() && ::fsync(named.get()) == 0;
}

bool copy_as(const UniqueFd& from, const UniqueFd& folder, const std::string& name) {
  const UniqueFd to(::openat(folder.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!to.valid() || ::fchmod(to.get(), 0600) != 0) return false;
  return read_all(from, [&](std::string_view piece) { return write_all(to, piece); }) && ::fsync(to.get()) == 0;
}

using Folder = std::unique_ptr<DIR, int (*)(DIR*)>;

/// Calls `take` with every name in the folder. False, with errno, if it cannot be read.
bool each_name(const UniqueFd& folder, const std::function<void(std::string_view)>& take) {
  UniqueFd again(::openat(folder.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!again.valid()) return false;
  const Folder opened(::fdopendir(again.get()), ::closedir);
  if (!opened) return false;
  again.release();
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(opened.get());
    if (entry == nullptr) return errno == 0;
    take(entry->d_name);
  }
}

}  // namespace

std::string PackageFolder::path_of(const Sha256& code) const { return path_ + "/" + file_name(code); }

Result<PackageFolder> PackageFolder::open(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.valid()) {
    if (errno == ENOTDIR || errno == ELOOP)
      return Error{fmt::format("{}: is no folder (or a link to one); move it away", path)};
    return trouble(path, "opened", errno);
  }
  if (Checked own = check_own(fd, path, 0700); !own) return own.error();
  return PackageFolder(std::move(fd), path);
}

Result<PackageFolder> PackageFolder::make(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0) {
    if (errno != EEXIST) return trouble(path, "made", errno);
    return open(path);
  }
  auto made = open(path);
  const UniqueFd parent(made ? ::openat(made->fd_.get(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1);
  if (made && (!parent.valid() || ::fsync(parent.get()) != 0)) return trouble(path, "flushed", errno);
  return made;
}

Checked PackageFolder::keep(const Sha256& code, const UniqueFd& from) const {
  const std::string name = file_name(code);
  const std::string unfinished = code.hex() + std::string(kUnfinished);
  const auto failed = [&](int error) {
    ::unlinkat(fd_.get(), unfinished.c_str(), 0);
    return trouble(path_of(code), "written", error);
  };
  ::unlinkat(fd_.get(), unfinished.c_str(), 0);
  if (!give_name(from, fd_, unfinished)) {
    ::unlinkat(fd_.get(), unfinished.c_str(), 0);
    if (!copy_as(from, fd_, unfinished)) return failed(errno);
  }
  if (::renameat(fd_.get(), unfinished.c_str(), fd_.get(), name.c_str()) != 0) return failed(errno);
  if (::fsync(fd_.get()) != 0) return trouble(path_, "flushed", errno);
  return Done{};
}

Result<UniqueFd> PackageFolder::open_package(const Sha256& code, Verify verify) const {
  const std::string path = path_of(code);
  UniqueFd fd(::openat(fd_.get(), file_name(code).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
  if (!fd.valid() && errno == ENOENT) return Error{fmt::format("{}: is not there: it is not kept", path)};
  if ((!fd.valid() && errno == ELOOP) || (fd.valid() && !is_regular(fd)))
    return Error{fmt::format("{}: is no regular file; remove it", path)};
  if (!fd.valid()) return trouble(path, "opened", errno);
  if (Checked own = check_own(fd, path, 0600); !own) return own.error();
  if (verify == Verify::no) return fd;
  Sha256Stream stream;
  const bool read = read_all(fd, [&](std::string_view piece) {
    stream.add(piece);
    return true;
  });
  if (!read) return trouble(path, "read", errno);
  if (stream.digest() != code)
    return Error{fmt::format("{}: its bytes are not those of its hash: it was changed or damaged; remove it", path)};
  return fd;
}

Checked PackageFolder::remove(const Sha256& code) const {
  if (::unlinkat(fd_.get(), file_name(code).c_str(), 0) != 0 && errno != ENOENT)
    return trouble(path_of(code), "removed", errno);
  return Done{};
}

Result<std::vector<Sha256>> PackageFolder::list() const {
  std::vector<Sha256> codes;
  const bool read = each_name(fd_, [&](std::string_view name) {
    if (const auto code = code_of(name)) codes.push_back(*code);
  });
  if (!read) return trouble(path_, "read", errno);
  std::ranges::sort(codes);
  return codes;
}

Result<uint64_t> PackageFolder::bytes() const {
  const auto codes = list();
  if (!codes) return codes.error();
  uint64_t sum = 0;
  for (const Sha256& code : *codes) {
    struct stat info {};
    if (::fstatat(fd_.get(), file_name(code).c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0)
      sum += static_cast<uint64_t>(info.st_size);
  }
  return sum;
}

Checked PackageFolder::remove_unfinished() const {
  std::vector<std::string> names;
  const bool read = each_name(fd_, [&](std::string_view name) {
    if (name.size() == 64 + kUnfinished.size() && name.ends_with(kUnfinished)) names.emplace_back(name);
  });
  if (!read) return trouble(path_, "read", errno);
  for (const std::string& name : names) {
    if (::unlinkat(fd_.get(), name.c_str(), 0) != 0 && errno != ENOENT)
      return trouble(path_ + "/" + name, "removed", errno);
  }
  return Done{};
}

namespace packages {

Strays strays(std::span<const Sha256> known, std::span<const Sha256> files) {
  Strays found;
  std::ranges::set_difference(files, known, std::back_inserter(found.files));
  std::ranges::set_difference(known, files, std::back_inserter(found.rows));
  return found;
}

void let_go(Tx& tx, std::shared_ptr<const PackageFolder> folder, std::vector<Sha256> codes) {
  for (const Sha256& code : codes) drop_contents(tx.db, code);
  tx.after_commit([folder = std::move(folder), codes = std::move(codes)] {
    for (const Sha256& code : codes) {
      if (const auto gone = folder->remove(code); !gone) log(LogLevel::warning, "package.keep", gone.error().message);
    }
  });
}

Result<Strays> mend(Database& db, const PackageFolder& folder) {
  if (Checked removed = folder.remove_unfinished(); !removed) return removed.error();
  const auto files = folder.list();
  if (!files) return files.error();
  Strays found = strays(kept(db), *files);
  for (const Sha256& code : found.files) {
    if (Checked removed = folder.remove(code); !removed) return removed.error();
  }
  for (const Sha256& code : found.rows) drop_contents(db, code);
  return found;
}

}  // namespace packages
}  // namespace codedriftd
