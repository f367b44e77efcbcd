#pragma once
#include <utility>
#include <vector>

#include "store/db/database.h"

namespace codedriftd {

/// When events happened, as far as the log tells. An event written while the clock was ahead has a time that is too
/// late, and the log never changes it; but it was written before the `clock.stepped` that brought the record back,
/// whose time is right.
class EventTimes {
 public:
  /// Throws StoreError.
  explicit EventTimes(Database& db);
  /// The latest moment at which event `seq`, whose stored time is `stored`, can have been written.
  WallTime of(int64_t seq, WallTime stored) const;
  /// No event has a time that is known to be too late: all are as stored.
  bool all_true() const { return bounds_.empty(); }

 private:
  std::vector<std::pair<int64_t, WallTime>> bounds_;  ///< by seq: nothing before it is later than that
};

}  // namespace codedriftd
