#pragma once
/// The audit reports: rows out of the store, one function each. They only read, and throw SqliteError for a database
/// that cannot be read and std::runtime_error for a row that cannot be.
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "select/selection.h"
#include "store/db/sqlite.h"

namespace codedriftd {

/// One row: a value for each of the report's fields, in their order.
struct Row {
  std::vector<OrderedJson> values;
  std::string problem;  ///< not empty: what is stored of this row contradicts itself, and how
};
using Emit = std::function<void(Row)>;

/// One column of the table (for people): a field, its heading, and the widest it may be (0: never cut).
struct Column {
  std::string_view field, heading;
  std::size_t widest;
};

/// What comes after the rows.
struct ReportEnd {
  OrderedJson summary = OrderedJson::object();
  int64_t rows = 0;                  ///< emitted
  int64_t problems = 0;              ///< rows among them with a problem
  std::vector<std::string> remarks;  ///< for people: notes and claims, and last a summary in one line
  std::optional<WallTime> as_of{};   ///< status: the past moment that the rows are of
  int detailed_exit = 0;             ///< status: 2, 3 or 0, as --detailed-exitcode says
};

struct Report {
  std::string_view name;  ///< "status"; the schema is codedriftd.NAME.v1
  std::span<const std::string_view> fields;
  std::span<const Column> columns;
  ReportEnd (*run)(Database& db, const Selection& selection, WallTime now, const Emit& emit);
};

/// The status of each target, the present one or with `at` that of then; what needs attention first. `since` and
/// `until` select by when it began. With `at` a value that the record no longer tells for that moment is null.
extern const Report kStatusReport;
/// The runs that overlap since..until, by target and time. With a limit, the newest.
extern const Report kHistoryReport;
/// The event log, oldest first. With a limit, the newest. Each stored body is checked against its columns and its leaf
/// hash: a row that disagrees is emitted with its problem.
extern const Report kEventsReport;
/// Alerts by when they were made, oldest first. With a limit, the newest.
extern const Report kAlertsReport;
/// The same with one more field, `attempt_log`: a list of {n, at, took_s, result, status, words}.
extern const Report kAlertAttemptsReport;
/// How much of the time each target was configured it was seen; the last 30 days unless asked otherwise.
extern const Report kCoverageReport;

constexpr Millis kCoverageWindow = std::chrono::hours(24 * 30);

}  // namespace codedriftd
