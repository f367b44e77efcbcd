#pragma once
/// Reading the record without being able to get in its writer's way.
///
/// SQLite's readers and its writer meet in the file -shm: they lock bytes of it, and whoever may read the file may lock
/// them, for as long as they like; so one reader could keep every commit from happening, and an open transaction keeps
/// the WAL from being moved into the database, so that it grows without end. Members of the reading group are to read,
/// not to stop the daemon. So -shm is the owner's alone, and everybody else reads database and WAL as they lie there,
/// without a lock, with an index of the WAL in memory of their own; root and the owner too, so that there is one way.
/// What the daemon appends to the WAL meanwhile does not disturb that. What does is a checkpoint, which writes into the
/// database, and a WAL begun anew, which writes over frames: both can be seen afterwards, in the times of the file
/// and in the WAL's header. Then what was read is thrown away, and read again. The writer keeps seconds between
/// them, so that is rare.
///
/// What is read may be a commit whose flush is still under way: after a power cut in that moment the record may end
/// before it, and then its daemon sees the same again and records it anew.
///
/// The ways not taken: a copy made by the daemon on request costs a copy of the whole record for each question; answers
/// through the control socket have the daemon make everybody's reports; exclusive locking shuts out the daemon's own
/// reader, and neither of the two reads while no daemon runs.
#include <array>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "base/clock.h"
#include "store/db/sqlite.h"

namespace codedriftd {

/// The record as it is at one moment. It stays that moment until this object ends. Takes no lock, makes no file, needs
/// read permission for the database and its -wal, and nothing else. Works while a daemon writes, and without one.
class Snapshot {
 public:
  /// Throws StoreError as sqlite::open_reader does, and also for what a disturbance made unreadable.
  explicit Snapshot(const std::string& path, int cache_kib = sqlite::kReportCacheKib);

  Database& db() { return *db_; }
  /// True if nothing has been written over since it was opened: what was read so far is whole. What was read before
  /// this says so is worth nothing, and nobody may see it.
  bool undisturbed() const { return taken_ || stamp_of(path_) == stamp_; }
  /// All was read that is wanted: undisturbed(), and if so it stays so, whatever is written over from now on.
  bool take() { return taken_ = undisturbed(); }

 private:
  struct Stamp {
    std::array<int64_t, 5> database{};  ///< device, inode, size, and when it was last written to, s and ns
    std::string wal;                    ///< inode and header
    bool operator==(const Stamp&) const = default;
  };
  static Stamp stamp_of(const std::string& path);
  /// Throws StoreError (busy) where the database is written to at every tick until then.
  static Stamp settled_stamp_of(const std::string& path, MonoTime until);

  std::string path_;
  Stamp stamp_;
  bool taken_ = false;
  std::optional<Database> db_;
};

/// How often something is tried again, and until when. Private to with_snapshot.
class SnapshotTries {
 public:
  explicit SnapshotTries(std::string path) : path_(std::move(path)), give_up_(SystemClock{}.mono() + Millis{20'000}) {}
  /// Waits a little. Throws StoreError (busy) when it was long enough, and often: one try with a large record
  /// may take longer than that.
  void again();
  MonoTime until() const { return give_up_; }

 private:
  static constexpr unsigned kAtLeast = 3;
  std::string path_;
  MonoTime give_up_;
  unsigned tries_ = 1;
};

/// Calls `work(Snapshot&)` until it was undisturbed, and returns what it returned then. Until that, what it does must
/// have no effect outside. Passes on what it throws, unless a disturbance may be why.
template <typename Work>
std::invoke_result_t<Work, Snapshot&> with_snapshot(const std::string& path, int cache_kib, Work work) {
  for (SnapshotTries tries(path);; tries.again()) {
    Snapshot snapshot(path, cache_kib);
    try {
      auto result = work(snapshot);
      if (snapshot.undisturbed()) return result;
    } catch (const std::exception&) {
      if (snapshot.undisturbed()) throw;
    }
  }
}

}  // namespace codedriftd
