#include "store/db/lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <thread>

#include "base/text.h"
#include "store/db/sqlite.h"

namespace codedriftd {
namespace {

constexpr Millis kBetweenLockTries{20};

std::string pid_in(const UniqueFd& fd) {
  char text[32] = {};
  const ssize_t size = ::pread(fd.get(), text, sizeof text - 1, 0);
  std::string holder(text, static_cast<std::size_t>(size > 0 ? size : 0));
  while (!holder.empty() && holder.back() == '\n') holder.pop_back();
  return holder.empty() ? "unknown" : harmless(holder);
}

/// Far behind everything that SQLite locks or writes.
constexpr off_t kMarkedByte = off_t{1} << 60;

bool open_to_others(const UniqueFd& fd) {
  struct stat info {};
  return ::fstat(fd.get(), &info) == 0 && (info.st_mode & 077) != 0;
}

bool stands_at(const UniqueFd& fd, const std::string& path) {
  struct stat mine {
  }, there{};
  return ::fstat(fd.get(), &mine) == 0 && ::lstat(path.c_str(), &there) == 0 && mine.st_dev == there.st_dev &&
         mine.st_ino == there.st_ino;
}

}  // namespace

Result<std::optional<std::string>> StateLock::holder(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.valid()) {
    if (errno == ENOENT) return std::optional<std::string>();
    return Error{fmt::format("{}: cannot be opened: {}", path, std::strerror(errno))};
  }
  // Shared, and let go of at once.
  if (::flock(fd.get(), LOCK_SH | LOCK_NB) == 0) return std::optional<std::string>();
  if (errno != EWOULDBLOCK) return Error{fmt::format("{}: cannot be locked: {}", path, std::strerror(errno))};
  return std::optional(pid_in(fd));
}

Result<StateLock> StateLock::take(const std::string& path, Millis patience) {
  const auto failed = [&](const char* what) {
    return Error{fmt::format("{}: cannot be {}: {}", path, what, std::strerror(errno))};
  };
  // flock() has no time limit.
  const MonoTime until = SystemClock{}.mono() + patience;
  for (;;) {
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd.valid()) return failed("opened");
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return failed("locked");
      if (SystemClock{}.mono() < until) {
        std::this_thread::sleep_for(kBetweenLockTries);
        continue;
      }
      return Error{fmt::format(
          "{}: another codedriftd holds this state folder (pid {}); stop it first, or set another state_dir{}", path,
          pid_in(fd),
          open_to_others(fd) ? ". If no such process runs, somebody else holds the file (fuser says who)" : "")};
    }
    // It may have been replaced since it was opened: then the lock is one on nothing.
    if (!stands_at(fd, path)) continue;
    if (open_to_others(fd)) {
      // Somebody may have it open, and could hold it the next time. Both are locked while the new one takes its place.
      const std::string fresh = path + ".new";
      ::unlink(fresh.c_str());
      UniqueFd replacement(::open(fresh.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
      if (!replacement.valid() || ::fchmod(replacement.get(), 0600) != 0 ||
          ::flock(replacement.get(), LOCK_EX | LOCK_NB) != 0 || ::rename(fresh.c_str(), path.c_str()) != 0)
        return failed("replaced");
      fd = std::move(replacement);
    }
    // Who holds it says the lock; the pid is for people, and a full disk has no room for it.
    const std::string pid = fmt::format("{}\n", ::getpid());
    [[maybe_unused]] const bool said =
        ::ftruncate(fd.get(), 0) == 0 && ::pwrite(fd.get(), pid.data(), pid.size(), 0) > 0;
    return StateLock(std::move(fd), path);
  }
}

Checked StateLock::mark(const std::string& database) {
  // Another descriptor's lock would be refused by that of the first, and to close it would drop SQLite's.
  if (marked_) return Done{};
  UniqueFd fd(::open(database.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd.valid()) return Done{};  // SQLite says what is wrong with it
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = kMarkedByte;
  lock.l_len = 1;
  marked_ = ::fcntl(fd.get(), F_OFD_SETLK, &lock) == 0;
  if (marked_) {
    mark_ = std::move(fd);
    return Done{};
  }
  lock.l_pid = 0;
  // Who only reads can hold a read lock: that keeps this sign away, and nothing else.
  if (::fcntl(fd.get(), F_OFD_GETLK, &lock) != 0 || lock.l_type != F_WRLCK) {
    mark_ = std::move(fd);  // to close it now would drop the locks of SQLite's connections
    marked_ = true;
    return Done{};
  }
  mark_ = std::move(fd);
  return Error{
      fmt::format("{}: another codedriftd writes to it, though its lock file was removed or replaced (fuser {} "
                  "says who); stop it first",
                  database, database)};
}

Database StateLock::open_writer(const std::string& database) {
  const auto mark_or_throw = [&] {
    if (auto marked = mark(database); !marked) throw std::runtime_error(marked.error().message);
  };
  mark_or_throw();
  Database db = sqlite::open_writer(database);
  mark_or_throw();
  return db;
}

bool StateLock::in_place() const { return stands_at(fd_, path_); }

}  // namespace codedriftd
