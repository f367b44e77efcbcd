#include "store/db/snapshot.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <thread>

#include "base/unique_fd.h"
#include "store/db/sqlite.h"

namespace codedriftd {
namespace {

constexpr std::size_t kWalHeader = 32;
/// The times of files have the kernel's tick, 10 ms at most: a second write within one would not show. Some file
/// systems keep whole seconds only.
constexpr Millis kTick{50}, kWholeSeconds{1'100};
constexpr Millis kBetweenSnapshotTries{50};

[[noreturn]] void too_busy(const std::string& path) {
  throw StoreError(StoreError::Kind::busy, path + ": is written to faster than it can be read; ask again later");
}

}  // namespace

Snapshot::Stamp Snapshot::stamp_of(const std::string& path) {
  Stamp stamp;
  struct stat info {};
  // By name: to close another descriptor of the database would drop the locks that this process has on it.
  if (::stat(path.c_str(), &info) == 0)
    stamp.database = {static_cast<int64_t>(info.st_dev), static_cast<int64_t>(info.st_ino), info.st_size,
                      info.st_ctim.tv_sec, info.st_ctim.tv_nsec};
  const UniqueFd wal(::open((path + "-wal").c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  char header[kWalHeader];
  if (wal.valid() && ::fstat(wal.get(), &info) == 0) {
    const ssize_t size = ::pread(wal.get(), header, sizeof header, 0);
    stamp.wal =
        fmt::format("{}:", info.st_ino) + std::string(header, static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  }
  return stamp;
}

Snapshot::Stamp Snapshot::settled_stamp_of(const std::string& path, MonoTime until) {
  for (;;) {
    Stamp stamp = stamp_of(path);
    const WallTime written = from_ms(stamp.database[3] * 1'000 + stamp.database[4] / 1'000'000);
    const Millis age = std::chrono::abs(std::chrono::duration_cast<Millis>(SystemClock{}.wall() - written));
    if (age > (stamp.database[4] == 0 ? kWholeSeconds : kTick)) return stamp;
    if (SystemClock{}.mono() >= until) too_busy(path);
    std::this_thread::sleep_for(kTick);
  }
}

Snapshot::Snapshot(const std::string& path, int cache_kib) : path_(path) {
  for (SnapshotTries tries(path);; tries.again()) {
    stamp_ = settled_stamp_of(path, tries.until());
    try {
      db_.emplace(sqlite::open_unlocked(path, cache_kib));
      sqlite::pragma(*db_, "schema_version");  // the WAL's index is made now
    } catch (const StoreError&) {
      if (undisturbed()) throw;
      continue;
    }
    if (undisturbed()) return;
  }
}

void SnapshotTries::again() {
  if (tries_++ >= kAtLeast && SystemClock{}.mono() >= give_up_) too_busy(path_);
  std::this_thread::sleep_for(kBetweenSnapshotTries);
}

}  // namespace codedriftd
