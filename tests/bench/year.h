#pragma once
/// A long record, made through the store's own code.
#include <string>

#include "base/clock.h"
#include "store/db/database.h"

namespace codedriftd::test {

/// What happened to functions f0 … polled every five minutes.
struct Year {
  unsigned functions = 10'000;
  unsigned days = 365;
  WallTime until{};  ///< its last moment

  static constexpr Millis kInterval{300'000};
};

/// What came of it.
struct YearWritten {
  int64_t polls = 0, runs = 0, events = 0, alerts = 0, deployments = 0, drifts = 0;
  int64_t bytes = 0;  ///< of the database file, its write-ahead log put into it; on a server, of the tables
};

/// Writes the record of `year` into a new file at `path`.
///
/// Each function is deployed four times in 365 days: of fifty deployments all but one are announced by a pipeline, that
/// one is not and is approved three hours later, its alerts delivered. In 90 days the daemon is away once for hours,
/// for all functions; each function fails to answer once in 60 days; one function of ten is refused for six hours,
/// once. What changes anything goes through Ledger::apply(); the unchanged polls in between through
/// history::record_steady().
YearWritten write_year(const std::string& path, const Year& year);
/// The same into an empty database, whatever its engine.
YearWritten write_year(Database db, const Year& year);

/// The other design, for comparison: table `poll` with one row for each poll of `functions` functions over `days` days
/// up to `until`, in the order in which they would come. How many rows.
int64_t write_naive(const std::string& path, unsigned functions, unsigned days, WallTime until);

}  // namespace codedriftd::test
