#pragma once
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace codedriftd {

/// The right to be the one writer of a state folder: an flock on codedriftd.lock, with the holder's pid as its text.
/// Held until this object dies, or the process.
class StateLock {
 public:
  /// Fails if somebody else holds it for as long as `patience`; the error names the holder's pid. A command may hold it
  /// for a moment, and asking for the holder does.
  static Result<StateLock> take(const std::string& path, Millis patience = Millis{1'000});
  /// The pid of who holds it, as its text says ("unknown" if it says none); nullopt: nobody does, or there is no such
  /// file. Makes none. Fails if the file cannot be read.
  static Result<std::optional<std::string>> holder(const std::string& path);

 private:
  explicit StateLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace codedriftd
