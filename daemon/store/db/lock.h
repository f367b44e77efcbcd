#pragma once
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "store/db/database.h"

namespace codedriftd {

/// The right to be the one writer of a state folder: an flock on codedriftd.lock, with the holder's pid as its text.
/// Held until this object dies, or the process.
///
/// The file is for its owner alone (mode 0600): whoever can open it can hold it, and so keep the daemon from starting.
/// A second sign is a lock on the database itself (mark()), which nobody can hold who may not write it: it stands where
/// the lock file was removed or replaced.
class StateLock {
 public:
  /// Fails if somebody else holds it for as long as `patience`; the error names the holder's pid. A command may hold it
  /// for a moment, and asking for the holder does. An older file that others could open is replaced.
  static Result<StateLock> take(const std::string& path, Millis patience = Millis{1'000});
  /// The pid of who holds it, as its text says ("unknown" if it says none); nullopt: nobody does, or there is no such
  /// file. Makes none. Fails if the file cannot be opened, which only its owner and root can.
  static Result<std::optional<std::string>> holder(const std::string& path);

  /// Marks the database as written to by this holder, until this object dies: before SQLite opens it, and this object
  /// outlives SQLite's connections. Fails if somebody else who may write the file has marked it. A file that is not
  /// there is not marked; call again once it is. Once it is marked, further calls do nothing.
  Checked mark(const std::string& database);
  /// The write connection of the one who holds this: marks the database before it is opened, and again, as opening may
  /// have made it. Throws StoreError, and std::runtime_error if somebody else has marked it.
  Database open_writer(const std::string& database);
  /// False if the file was removed or replaced since: somebody else may hold the one that stands there now.
  bool in_place() const;

 private:
  StateLock(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  UniqueFd fd_, mark_;
  bool marked_ = false;
  std::string path_;
};

}  // namespace codedriftd
