#include "store/outbox/outbox.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <stdexcept>

#include "base/text.h"
#include "model/kinds.h"
#include "model/message.h"
#include "store/log/event_log.h"
#include "store/outbox/compose.h"
#include "store/outbox/due.h"
#include "store/outbox/waiting.h"

namespace codedriftd {

namespace {
constexpr std::string_view kStates[] = {"ok", "backing_off", "held"};
}

std::string_view to_string(DestinationState::Kind kind) { return kStates[static_cast<std::size_t>(kind)]; }

namespace outbox {
namespace {

/// What anybody who may use the control socket can cause at will, and as often as they like.
constexpr std::array<std::string_view, 9> kOnRequest{kTestKind,         "watch.suspended",   "watch.resumed",
                                                     "deploy.expected", "deploy.superseded", "baseline.set",
                                                     "control.denied",  "alert.replayed",    "alert.dropped"};

/// A row; those of the same target that it will wait for come as early as it does.
void insert(Database& db, std::string_view destination, std::string_view id, std::optional<int64_t> event_seq,
            std::string_view kind, const std::optional<std::string>& target, std::optional<int64_t> target_id,
            std::string_view body, Millis give_up_after, WallTime now) {
  const bool on_request = std::find(kOnRequest.begin(), kOnRequest.end(), kind) != kOnRequest.end();
  static const Sql kInsert = Sql::forever(fmt::format(
      "INSERT INTO outbox (alert_id, destination, event_seq, kind, target, target_id, on_request, body, state, "
      "attempts, created_at_ms, next_attempt_at_ms, give_up_at_ms) VALUES (?1, ?2, ?3, ?4, ?5, coalesce(?10, {}), ?6, "
      "?7, 'pending', 0, ?8, ?8, ?9) ON CONFLICT (destination, event_seq) DO NOTHING",
      event_log::row_of_address("?5")));
  db.run(kInsert, id, destination, event_seq, kind, target, on_request ? 1 : 0, Blob{body}, now, now + give_up_after,
         target_id);
  if (on_request || !target) return;
  static const Sql kNoLonger = Sql::forever(fmt::format(
      "UPDATE outbox SET on_request = 0 WHERE destination = ?1 AND target_id = coalesce(?3, {}) AND state = "
      "'pending' AND on_request = 1",
      event_log::row_of_address("?2")));
  db.run(kNoLonger, destination, target, target_id);
}

void end_attempt(Database& db, const PendingAlert& alert, const AttemptOutcome& outcome) {
  const std::string words = clean_utf8(outcome.words);
  db.run("UPDATE attempt SET took_ms = ?, result = ?, status = nullif(?, 0), words = ? WHERE outbox = ? AND n = ?",
         outcome.took, outcome.result, outcome.status, words, alert.id, alert.attempt);
  std::optional<std::string_view> error;
  if (outcome.result != "delivered") error = words;
  db.run("UPDATE outbox SET last_status = nullif(?, 0), last_error = ? WHERE message = ?", outcome.status, error,
         alert.id);
}

/// After a sleep, or a stop, nothing is given up before it was tried again: not within this time.
constexpr Millis kTriedFor{3'600'000};
void not_given_up_yet(Database& db, WallTime now) {
  db.run("UPDATE outbox SET give_up_at_ms = ?1 WHERE state = 'pending' AND give_up_at_ms < ?1", now + kTriedFor);
}

/// The message that row `id` carries.
PendingAlert load_message(Database& db, int64_t id) {
  enum Column : int { kId, kMessageId, kKind, kTarget, kBody, kAttempts, kCreatedAt, kGiveUpAt, kTargetId };
  auto q = db.query(
      "SELECT id, coalesce(message_id, alert_id), coalesce(message_kind, kind), CASE WHEN message_kind IN ('digest', "
      "'delivery.digest') THEN NULL ELSE target END, coalesce(message_body, body), attempts, created_at_ms, "
      "give_up_at_ms, CASE WHEN message_kind IN ('digest', 'delivery.digest') THEN NULL ELSE target_id END FROM outbox "
      "WHERE id = ?",
      id);
  q.step();
  return {q.integer(kId),
          q.string(kMessageId),
          q.string(kKind),
          q.optional_string(kTarget),
          q.string(kBody),
          static_cast<unsigned>(q.integer(kAttempts)),
          q.time(kCreatedAt),
          q.time(kGiveUpAt),
          q.optional_integer(kTargetId)};
}

/// Gives up the messages that the rows of `from` ("outbox WHERE …") carry.
std::vector<Expired> dead_letter(Database& db, const std::string& from, const std::vector<std::string>& args,
                                 std::string_view reason) {
  enum Column : int { kId, kMessageId, kDestination, kKind, kTarget, kTargetId };
  std::vector<Expired> gone;
  std::vector<int64_t> ids;
  {
    auto rows = db.query_once_list(
        "SELECT id, coalesce(message_id, alert_id), destination, coalesce(message_kind, kind), target, target_id "
        "FROM " +
            from,
        args);
    while (rows.step()) {
      ids.push_back(rows.integer(kId));
      gone.push_back({rows.string(kMessageId), rows.string(kDestination), rows.string(kKind),
                      rows.optional_string(kTarget), std::string(reason), rows.optional_integer(kTargetId)});
    }
  }
  for (const int64_t id : ids) {
    db.run(
        "UPDATE outbox SET state = 'dead', last_error = coalesce(last_error, ?1) WHERE (id = ?2 OR message = ?2) AND "
        "state = 'pending'",
        reason, id);
  }
  return gone;
}

}  // namespace

void enqueue(Database& db, std::string_view destination, const LoggedEvent& event, std::string_view body,
             Millis give_up_after, WallTime now) {
  insert(db, destination, event.id, event.seq, event.event.kind, event.event.target, event.event.target_id, body,
         give_up_after, now);
}

void enqueue_notice(Database& db, std::string_view destination, std::string_view id, std::string_view kind,
                    const std::optional<std::string>& target, std::string_view body, Millis give_up_after,
                    WallTime now) {
  insert(db, destination, id, std::nullopt, kind, target, std::nullopt, body, give_up_after, now);
}

bool has_event(Database& db, std::string_view destination, std::string_view event_id) {
  static const Sql kSql =
      Sql::forever("SELECT 1 FROM outbox WHERE destination = ? AND event_seq = (SELECT seq FROM event WHERE id = ?)");
  return db.query(kSql, destination, event_id).step();
}

DestinationState destination(Database& db, std::string_view name) {
  DestinationState state;
  enum Column : int { kState, kUntil, kFailures, kReason };
  auto q = db.query("SELECT state, until_ms, failures, reason FROM destination WHERE name = ?", name);
  if (!q.step()) return state;
  const auto found = std::find(std::begin(kStates), std::end(kStates), q.text(kState));
  if (found == std::end(kStates)) {
    throw std::runtime_error(fmt::format("the stored state of destination {} is damaged: '{}'; restore a backup", name,
                                         harmless(q.text(kState))));
  }
  state.kind = static_cast<DestinationState::Kind>(found - std::begin(kStates));
  state.until = q.time(kUntil);
  state.failures = static_cast<unsigned>(q.integer(kFailures));
  state.reason = q.string(kReason);
  return state;
}

void set_destination(Database& db, std::string_view name, const DestinationState& state) {
  db.run(
      "INSERT INTO destination (name, state, until_ms, failures, reason) VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO "
      "UPDATE SET state = excluded.state, until_ms = excluded.until_ms, failures = excluded.failures, reason = "
      "excluded.reason",
      name, to_string(state.kind), state.until, state.failures, clean_utf8(state.reason));
}

std::optional<PendingAlert> begin_attempt(Database& db, std::string_view destination_name, WallTime now,
                                          unsigned capacity) {
  const DestinationState state = destination(db, destination_name);
  if (state.kind != DestinationState::Kind::ok && state.until > now) return std::nullopt;
  static const Sql kDue = due_rows("");
  std::optional<Due> due;
  for (int on_request = 0; on_request < kClasses && !due; ++on_request) {
    each_first(db, kDue, destination_name, on_request, now, [&](Due&& first) {
      due = std::move(first);
      return false;
    });
  }
  if (!due) return std::nullopt;
  const int64_t row =
      due->composed ? due->row : compose(db, destination_name, due->row, now, state.failures > 0, capacity);
  PendingAlert alert = load_message(db, row);
  ++alert.attempt;
  record_start(db, alert, now);
  return alert;
}

void record_start(Database& db, const PendingAlert& alert, WallTime now) {
  db.run("UPDATE outbox SET attempts = ? WHERE message = ?", alert.attempt, alert.id);
  db.run(
      "INSERT INTO attempt (outbox, n, at_ms, took_ms, result, status, words) VALUES (?, ?, ?, NULL, 'started', NULL, "
      "'') ON CONFLICT (outbox, n) DO UPDATE SET at_ms = excluded.at_ms, took_ms = NULL, result = 'started', status = "
      "NULL, words = ''",
      alert.id, alert.attempt, now);
}

std::optional<WallTime> next_due_at(Database& db, std::string_view destination_name) {
  static const Sql kDue = due_rows("");
  std::optional<WallTime> due;
  for (int on_request = 0; on_request < kClasses; ++on_request) {
    each_first(db, kDue, destination_name, on_request, due.value_or(WallTime::max()), [&](Due&& first) {
      due = first.at;
      return false;
    });
  }
  if (!due) return std::nullopt;
  const DestinationState state = destination(db, destination_name);
  return state.kind == DestinationState::Kind::ok ? *due : std::max(*due, state.until);
}

bool delivered(Database& db, const PendingAlert& alert, const AttemptOutcome& outcome, WallTime now) {
  end_attempt(db, alert, outcome);
  const int64_t rows =
      db.run("UPDATE outbox SET state = 'delivered', delivered_at_ms = ? WHERE message = ? AND state = 'pending'", now,
             alert.id);
  if (rows == 0) return false;
  db.run(
      "INSERT INTO destination (name, state, until_ms, failures, reason, delivered, last_delivered_ms) SELECT "
      "destination, 'ok', 0, 0, '', ?1, ?3 FROM outbox WHERE id = ?2 ON CONFLICT (name) DO UPDATE SET delivered = "
      "destination.delivered + ?1, last_delivered_ms = ?3",
      rows, alert.id, now);
  return true;
}

bool postponed(Database& db, const PendingAlert& alert, const AttemptOutcome& outcome, WallTime,
               WallTime next_attempt_at) {
  end_attempt(db, alert, outcome);
  return db.run("UPDATE outbox SET next_attempt_at_ms = ? WHERE message = ? AND state = 'pending'", next_attempt_at,
                alert.id) > 0;
}

bool taken_apart(Database& db, const PendingAlert& alert, const AttemptOutcome& outcome, WallTime now) {
  if (!alert.kind.ends_with(kDigestKind)) return false;
  end_attempt(db, alert, outcome);
  db.run("UPDATE outbox SET message_id = NULL, message_kind = NULL, message_body = NULL WHERE id = ?", alert.id);
  return db.run(
             "UPDATE outbox SET message = NULL, alone = 1, next_attempt_at_ms = ? WHERE message = ? AND state = "
             "'pending'",
             now, alert.id) > 0;
}

bool dead(Database& db, const PendingAlert& alert, const AttemptOutcome& outcome, WallTime) {
  end_attempt(db, alert, outcome);
  return db.run("UPDATE outbox SET state = 'dead' WHERE message = ? AND state = 'pending'", alert.id) > 0;
}

int64_t last_row(Database& db) {
  auto q = db.query("SELECT coalesce(max(id), 0) FROM outbox");
  q.step();
  return q.integer(0);
}

void move_times(Database& db, Millis by, int64_t last, WallTime now) {
  // Times this far ahead of now are of before a step back, too, whatever `last` is.
  constexpr Millis kAhead{10'000};
  db.run(
      "UPDATE outbox SET give_up_at_ms = give_up_at_ms + ? WHERE state = 'pending' AND (id <= ? OR created_at_ms > ?)",
      by, last, now + kAhead);
  if (by < Millis{0}) {
    db.run(
        "UPDATE outbox SET next_attempt_at_ms = next_attempt_at_ms + ? WHERE state = 'pending' AND (id <= ? OR "
        "created_at_ms > ?)",
        by, last, now + kAhead);
    db.run("UPDATE destination SET until_ms = until_ms + ?", by);
    db.run("UPDATE flapping SET quiet_at_ms = quiet_at_ms + ?1, tell_at_ms = tell_at_ms + ?1", by);
  }
  db.run("UPDATE outbox SET next_attempt_at_ms = ?1 WHERE state = 'pending' AND next_attempt_at_ms > ?1",
         now + kLongestPutOff);
  not_given_up_yet(db, now);
  db.run("UPDATE destination SET until_ms = ?1 WHERE until_ms > ?1", now + kLongestPutOff);
}

void retry_now(Database& db, std::string_view destination_name, WallTime now) {
  db.run(
      "UPDATE outbox SET next_attempt_at_ms = ?1 WHERE destination = ?2 AND state = 'pending' AND next_attempt_at_ms > "
      "?1 AND NOT (flapping = 1 AND message IS NULL)",
      now, destination_name);
}

int64_t recover(Database& db, WallTime now) {
  const int64_t cut_off = db.run(
      "UPDATE attempt SET result = 'retry', words = 'the daemon ended during this attempt' WHERE result = 'started'");
  // A clock that was ahead must not put an alert or its destination off for longer than anything is.
  db.run("UPDATE outbox SET next_attempt_at_ms = ?1 WHERE state = 'pending' AND next_attempt_at_ms > ?2", now,
         now + kLongestPutOff);
  db.run("UPDATE destination SET until_ms = ?1 WHERE until_ms > ?2", now, now + kLongestPutOff);
  not_given_up_yet(db, now);
  return cut_off;
}

int64_t take_over(Database& db, std::string_view destination_name, WallTime now, Millis under_way) {
  db.run(
      "UPDATE outbox SET next_attempt_at_ms = ?1 WHERE state = 'pending' AND destination = ?2 AND next_attempt_at_ms < "
      "?1 AND id IN (SELECT outbox FROM attempt WHERE result = 'started')",
      now + under_way, destination_name);
  db.run("UPDATE outbox SET give_up_at_ms = ?1 WHERE state = 'pending' AND destination = ?2 AND give_up_at_ms < ?1",
         now + kTriedFor, destination_name);
  return db.run(
      "UPDATE attempt SET result = 'retry', words = 'the daemon ended during this attempt' WHERE result = 'started' "
      "AND "
      "outbox IN (SELECT id FROM outbox WHERE destination = ?)",
      destination_name);
}

void forget_attempts(Database& db, WallTime before) {
  db.run("DELETE FROM attempt WHERE at_ms < ? AND (SELECT state FROM outbox WHERE id = attempt.outbox) != 'pending'",
         before);
}

void forget_notices(Database& db, std::string_view destination_name, WallTime before) {
  constexpr int kMostAtOnce = 500;
  // A reminder says when its target was last told of, a heartbeat when the last one was: each newest one stays.
  std::vector<int64_t> old;
  for (const std::string_view kind : {kHeartbeatKind, kTestKind, kReminderKind}) {
    static const Sql kOld = Sql::forever(fmt::format(
        "SELECT o.id FROM outbox o WHERE o.destination = ?1 AND o.kind = ?2 AND o.event_seq IS NULL AND "
        "o.created_at_ms < ?3 AND (o.state IN ('delivered', 'dropped') OR (o.state = 'dead' AND o.kind = 'heartbeat')) "
        "AND (o.message IS NULL OR (o.message = o.id AND NOT EXISTS (SELECT 1 FROM outbox m WHERE m.message = o.id AND "
        "m.id != o.id))) AND CASE o.kind WHEN 'test' THEN TRUE WHEN 'heartbeat' THEN EXISTS (SELECT 1 FROM outbox "
        "later WHERE later.destination = ?1 AND later.kind = 'heartbeat' AND later.event_seq IS NULL AND later.id > "
        "o.id) ELSE EXISTS (SELECT 1 FROM outbox later WHERE later.destination = ?1 AND later.target_id = o.target_id "
        "AND later.id > o.id AND {}) END ORDER BY o.id LIMIT ?4",
        drift_row("later")));
    auto q = db.query(kOld, destination_name, kind, before, kMostAtOnce);
    while (q.step()) old.push_back(q.integer(0));
  }
  int64_t delivered_rows = 0;
  for (const int64_t id : old) {
    db.run("DELETE FROM attempt WHERE outbox = ?", id);
    delivered_rows += db.query("SELECT 1 FROM outbox WHERE id = ? AND state = 'delivered'", id).step() ? 1 : 0;
    db.run("DELETE FROM outbox WHERE id = ?", id);
  }
  if (delivered_rows > 0)
    db.run("UPDATE destination SET delivered = delivered - ? WHERE name = ?", delivered_rows, destination_name);
}

std::vector<Expired> expire(Database& db, std::string_view destination_name, WallTime now) {
  static const std::string kDue =
      "outbox o WHERE destination = ? AND state = 'pending' AND (message IS NULL OR message = id) AND give_up_at_ms <= "
      "CAST(? AS BIGINT) AND NOT " +
      held_row("o");
  return dead_letter(db, kDue, {std::string(destination_name), std::to_string(to_ms(now))},
                     "not delivered within give_up_after");
}

std::vector<Expired> expire_unconfigured(Database& db, const std::vector<std::string>& configured) {
  std::string others = "outbox WHERE state = 'pending' AND (message IS NULL OR message = id)";
  for (std::size_t i = 0; i < configured.size(); ++i) others += i == 0 ? " AND destination NOT IN (?" : ", ?";
  if (!configured.empty()) others += ")";
  return dead_letter(db, others, configured, "its [[alert]] is no longer configured");
}

std::vector<Depth> depths(Database& db, WallTime now) {
  std::map<std::string, Depth> all;
  const auto of = [&](std::string name) -> Depth& {
    Depth& depth = all[name];
    depth.destination = std::move(name);
    return depth;
  };
  {
    enum Column : int { kDestination, kPending, kSuspended, kFlapping, kOldestPending };
    static const Sql kSql = Sql::forever(fmt::format(
        "SELECT destination, sum(CASE why WHEN 0 THEN 1 ELSE 0 END), sum(CASE why WHEN 1 THEN 1 ELSE 0 END), sum(CASE "
        "why WHEN 2 THEN 1 ELSE 0 END), min(CASE why WHEN 0 THEN created_at_ms END) FROM (SELECT destination, "
        "created_at_ms, CASE WHEN {} THEN 1 WHEN flapping = 1 AND message IS NULL AND "
        "next_attempt_at_ms > ? THEN 2 ELSE 0 END AS why FROM outbox WHERE state = 'pending') AS waiting GROUP BY "
        "destination",
        held_row("outbox")));
    auto q = db.query(kSql, now);
    while (q.step()) {
      Depth& depth = of(q.string(kDestination));
      depth.pending = q.integer(kPending);
      depth.suspended = q.integer(kSuspended);
      depth.flapping = q.integer(kFlapping);
      depth.oldest_pending = q.optional_time(kOldestPending);
    }
  }
  {
    auto q = db.query("SELECT destination, count(*) FROM outbox WHERE state = 'dead' GROUP BY destination");
    while (q.step()) of(q.string(0)).dead = q.integer(1);
  }
  // They are never looked through: they are counted as they are delivered, not here.
  {
    auto q = db.query("SELECT name, delivered, last_delivered_ms FROM destination");
    while (q.step()) {
      Depth& depth = of(q.string(0));
      depth.delivered = q.integer(1);
      depth.last_delivered = q.optional_time(2);
    }
  }
  std::vector<Depth> depths;
  depths.reserve(all.size());
  for (auto& [name, depth] : all) depths.push_back(std::move(depth));
  return depths;
}

}  // namespace outbox
}  // namespace codedriftd
