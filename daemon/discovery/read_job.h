#pragma once
#include <optional>

#include "scf/read_api.h"

namespace codedriftd {

/// A piece of reading that takes several calls, one after the other: all functions of a region, the newest changes of a
/// namespace, the audit log of an hour. It knows no clock, no network, no pace and no retries: ReadRunner carries it.
class ReadJob {
 public:
  virtual ~ReadJob() = default;
  /// The next call; nullopt: it is over. Asked once before the first call and once after each answer.
  virtual std::optional<ReadCall> next() = 0;
  /// The answer to that call, after its retries.
  virtual void take(ReadAnswer answer, WallTime at) = 0;
};

}  // namespace codedriftd
