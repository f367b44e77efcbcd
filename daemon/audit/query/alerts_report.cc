#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "audit/format/values.h"
#include "audit/query/reports.h"
#include "store/ledger/suspensions.h"
#include "store/outbox/outbox.h"
#include "store/outbox/waiting.h"

namespace codedriftd {
namespace {

constexpr std::string_view kAlertFields[] = {
    "id",         "alert",           "kind",         "target",      "event_ids",  "state",      "attempts",
    "created_at", "next_attempt_at", "delivered_at", "last_status", "last_error", "attempt_log"};
constexpr std::span<const std::string_view> kContractFields(kAlertFields, std::size(kAlertFields) - 1);
constexpr Column kAlertColumns[] = {{"id", "ID", 0, 2},
                                    {"alert", "ALERT", 40},
                                    {"kind", "KIND", 40},
                                    {"target", "TARGET", 0},
                                    {"state", "STATE", 0},
                                    {"attempts", "ATTEMPTS", 0, 3},
                                    {"created_at", "CREATED", 0, 1},
                                    {"next_attempt_at", "NEXT ATTEMPT", 0},
                                    {"delivered_at", "DELIVERED", 0},
                                    {"last_status", "LAST STATUS", 0, 4},
                                    {"last_error", "LAST ERROR", 60},
                                    {"attempt_log", "", 0}};
constexpr std::span<const Column> kContractColumns(kAlertColumns, std::size(kAlertColumns) - 1);

/// How each destination stands; asked for once.
class Destinations {
 public:
  explicit Destinations(Database& db) : db_(db) {}
  const DestinationState& operator[](const std::string& name) {
    const auto found = known_.find(name);
    return found != known_.end() ? found->second : known_.emplace(name, outbox::destination(db_, name)).first->second;
  }

 private:
  Database& db_;
  std::map<std::string, DestinationState> known_;
};

/// The columns of the statement in report(), in its order.
enum AlertColumn : int {
  kLeading,
  kId,
  kDestination,
  kKind,
  kTarget,
  kTargetId,
  kBody,
  kState,
  kAttempts,
  kCreatedAt,
  kNextAttemptAt,
  kDeliveredAt,
  kLastStatus,
  kLastError,
  kFlapping,
  kSuspendedUntil
};

/// None of a damaged row: the report goes on.
OrderedJson event_ids_of(std::string_view body) {
  const OrderedJson alert = OrderedJson::parse(body, nullptr, false);
  const auto ids = alert.is_object() ? alert.find("event_ids") : alert.end();
  return ids != alert.end() && ids->is_array() ? *ids : OrderedJson::array();
}

struct AlertRow {
  std::string state;  ///< as it is shown: also held
  Row row;
};

AlertRow alert_row(const Query& q, Destinations& destinations, WallTime now) {
  std::string state = q.string(kState);
  OrderedJson next_attempt;
  if (state == "pending") {
    const DestinationState& destination = destinations[q.string(kDestination)];
    const bool waits = destination.kind != DestinationState::Kind::ok;
    const bool flapping =
        q.boolean(kFlapping) && q.time(kNextAttemptAt) > now;  // when holding begins, it is told at once
    const auto suspended_until = q.optional_time(kSuspendedUntil);
    if (destination.kind == DestinationState::Kind::held || flapping || suspended_until) state = "held";
    WallTime next = std::max(q.time(kNextAttemptAt), suspended_until.value_or(q.time(kNextAttemptAt)));
    if (waits) next = std::max(next, destination.until);
    next_attempt = rfc3339(next);
  }
  return {state,
          {{q.string(kId), q.string(kDestination), q.string(kKind), value_of(q.optional_string(kTarget)),
            event_ids_of(q.text(kBody)), state, q.integer(kAttempts), rfc3339(q.time(kCreatedAt)),
            std::move(next_attempt), value_of(q.optional_time(kDeliveredAt)), value_of(q.optional_integer(kLastStatus)),
            value_of(q.optional_string(kLastError))},
           {}}};
}

OrderedJson attempts_of(Database& db, int64_t outbox_row) {
  enum Column : int { kN, kAt, kTook, kResult, kStatus, kWords };
  OrderedJson attempts = OrderedJson::array();
  auto q =
      db.query("SELECT n, at_ms, took_ms, result, status, words FROM attempt WHERE outbox = ? ORDER BY n", outbox_row);
  while (q.step()) {
    attempts.push_back({{"n", q.integer(kN)},
                        {"at", rfc3339(q.time(kAt))},
                        {"took_s", q.null(kTook) ? OrderedJson() : seconds(q.millis(kTook))},
                        {"result", q.string(kResult)},
                        {"status", value_of(q.optional_integer(kStatus))},
                        {"words", q.string(kWords)}});
  }
  return attempts;
}

std::string summary_line(const std::map<std::string, int64_t>& states) {
  std::string line;
  for (const std::string_view state : {"held", "dead", "pending", "delivered", "dropped"}) {
    const auto found = states.find(std::string(state));
    if (found != states.end()) line += fmt::format("{}{} {}", line.empty() ? "" : ", ", found->second, state);
  }
  return line.empty() ? "no alerts" : line;
}

/// Which destinations take nothing at present, also those that no alert waits for yet.
void say_who_is_held(Database& db, ReportEnd& end) {
  auto q = db.query("SELECT name, until_ms, reason FROM destination WHERE state = 'held' ORDER BY name");
  while (q.step()) {
    end.remarks.push_back(fmt::format("Destination {} is down: {}. It is tried again at {}, or after a reload.",
                                      q.text(0), q.text(2), rfc3339(q.time(1))));
  }
}

ReportEnd report(Database& db, const Selection& selection, WallTime now, const Emit& emit, bool with_attempts) {
  const TargetFilter filter(db, selection, now);
  Destinations destinations(db);
  ReportEnd end;
  std::map<std::string, int64_t> states;
  int64_t passed = 0;
  const auto finish = [&](int64_t outbox_row, AlertRow alert) {
    ++states[alert.state];
    if (with_attempts) alert.row.values.push_back(attempts_of(db, outbox_row));
    emit(std::move(alert.row));
    ++end.rows;
  };
  std::vector<std::pair<int64_t, AlertRow>> newest;
  // One row for each event and destination, in the order in which they were made. What several were composed into is
  // named by its id and all its events; each of them is a row all the same.
  static const std::string kRows = fmt::format(
      "SELECT coalesce(o.message, o.id), coalesce(l.message_id, o.alert_id), o.destination, o.kind, o.target, "
      "o.target_id, coalesce(l.message_body, o.body), o.state, o.attempts, o.created_at_ms, o.next_attempt_at_ms, "
      "o.delivered_at_ms, o.last_status, o.last_error, o.flapping = 1 AND o.message IS NULL, CASE WHEN {} THEN (SELECT "
      "s.until_ms FROM suspension s WHERE s.target = o.target_id) END FROM outbox o LEFT JOIN outbox l ON l.id = "
      "o.message ",
      outbox::held_row("o"));
  static const Sql kOldest = Sql::forever(kRows + "ORDER BY o.id");
  static const Sql kNewest = Sql::forever(kRows + "ORDER BY o.id DESC");
  static const Sql kOldestOfOne = Sql::forever(kRows + "WHERE o.target_id = ? ORDER BY o.id");
  static const Sql kNewestOfOne = Sql::forever(kRows + "WHERE o.target_id = ? ORDER BY o.id DESC");
  const auto only = filter.only();
  auto q = only ? db.stream(selection.limit ? kNewestOfOne : kOldestOfOne, *only)
                : db.stream(selection.limit ? kNewest : kOldest);
  while (q.step()) {
    if (!selection.in_window(q.time(kCreatedAt)) || !any_matches(selection.kinds, q.text(kKind)) ||
        !any_matches(selection.destinations, q.text(kDestination)) || !filter.matches(q.optional_integer(kTargetId)))
      continue;
    AlertRow alert = alert_row(q, destinations, now);
    if (!any_matches(selection.states, alert.state)) continue;
    if (!selection.limit) {
      finish(q.integer(kLeading), std::move(alert));
      continue;
    }
    if (passed++ < selection.skip) continue;
    newest.emplace_back(q.integer(kLeading), std::move(alert));
    if (static_cast<int64_t>(newest.size()) == *selection.limit) break;
  }
  for (auto each = newest.rbegin(); each != newest.rend(); ++each) finish(each->first, std::move(each->second));
  end.summary["selected"] = end.rows;
  say_who_is_held(db, end);
  end.remarks.push_back(summary_line(states));
  return end;
}

ReportEnd run_alerts(Database& db, const Selection& selection, WallTime now, const Emit& emit) {
  return report(db, selection, now, emit, false);
}
ReportEnd run_with_attempts(Database& db, const Selection& selection, WallTime now, const Emit& emit) {
  return report(db, selection, now, emit, true);
}

}  // namespace

const Report kAlertsReport{"alerts", kContractFields, kContractColumns, run_alerts};
const Report kAlertAttemptsReport{"alerts", kAlertFields, kAlertColumns, run_with_attempts};

}  // namespace codedriftd
