#include "store/db/lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "base/text.h"

namespace codedriftd {
namespace {

constexpr Millis kBetweenTries{20};

std::string pid_in(const UniqueFd& fd) {
  char text[32] = {};
  const ssize_t size = ::pread(fd.get(), text, sizeof text - 1, 0);
  std::string holder(text, static_cast<std::size_t>(size > 0 ? size : 0));
  while (!holder.empty() && holder.back() == '\n') holder.pop_back();
  return holder.empty() ? "unknown" : harmless(holder);
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
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (!fd.valid()) return Error{fmt::format("{}: cannot be opened: {}", path, std::strerror(errno))};
  // flock() has no time limit.
  const MonoTime until = SystemClock{}.mono() + patience;
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return Error{fmt::format("{}: cannot be locked: {}", path, std::strerror(errno))};
    if (SystemClock{}.mono() < until) {
      std::this_thread::sleep_for(kBetweenTries);
      continue;
    }
    return Error{
        fmt::format("{}: another codedriftd holds this state folder (pid {}); stop it first, or set another state_dir",
                    path, pid_in(fd))};
  }
  const std::string pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(fd.get(), 0) != 0 ||
      ::pwrite(fd.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return Error{fmt::format("{}: cannot be written: {}", path, std::strerror(errno))};
  }
  return StateLock(std::move(fd));
}

}  // namespace codedriftd
