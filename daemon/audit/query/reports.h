#pragma once
/// The audit reports: rows out of the store, one function each. They only read, and throw StoreError for a database
/// that cannot be read and std::runtime_error for a row that cannot be.
#include "audit/format/report.h"
#include "store/db/database.h"

namespace codedriftd {

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
/// How much of the time each target was configured it was seen; the last 30 days unless asked otherwise. `summary` has
/// for each account and region how much of what is there is watched.
extern const Report kCoverageReport;
/// What listings found, by address, with what is gone; with `at` as it stood then. `summary` has how much of it is
/// watched.
extern const Report kInventoryReport;
/// What was announced or approved with an attestation, oldest first, each with the whole attestation: a row whose
/// attestation is missing or was changed is emitted with its problem. With a limit, the newest.
extern const Report kAttestationsReport;
/// What is known of packages, those that mattered last first; only those of the selected targets (live, accepted or
/// announced there), where some are asked for. `since` and `until` select by when it was found. With a limit, the
/// first.
extern const Report kPackagesReport;

constexpr Millis kCoverageWindow = std::chrono::hours(24 * 30);

}  // namespace codedriftd
