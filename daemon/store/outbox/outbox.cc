#include "store/outbox/outbox.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <stdexcept>

#include "base/text.h"
#include "model/message.h"
#include "store/outbox/compose.h"
#include "store/outbox/waiting.h"

namespace codedriftd::outbox {
namespace {

constexpr std::string_view kStates[] = {"ok", "backing_off", "held"};

void end_attempt(Database& db, const PendingAlert& alert, const AttemptOutcome& outcome) {
  const std::string words = clean_utf8(outcome.words);
  db.run("UPDATE attempt SET took_ms = ?, result = ?, status = nullif(?, 0), words = ? WHERE outbox = ? AND n = ?",
         outcome.took, outcome.result, outcome.status, words, alert.id, alert.attempt);
  std::optional<std::string_view> error;
  if (outcome.result != "delivered") error = words;
  db.run("UPDATE outbox SET last_status = nullif(?, 0), last_error = ? WHERE message = ?", outcome.status, error,
         alert.id);
}

/// Rows that begin a message or carry one, and may be sent: none that somebody had held; each waits for the earlier
/// ones about the same target.
const std::string kFirstOfTarget = fmt::format(
    " AND (o.message IS NULL OR o.message = o.id) AND NOT {} AND NOT EXISTS {}", held_row("o"), earlier_row());

/// The message that row `id` carries.
PendingAlert load(Database& db, int64_t id) {
  auto q = db.query(
      "SELECT id, coalesce(message_id, alert_id), coalesce(message_kind, kind), iif(message_kind GLOB '*digest', NULL, "
      "target), coalesce(message_body, body), attempts, created_at_ms, give_up_at_ms FROM outbox WHERE id = ?",
      id);
  q.step();
  return {
      q.integer(0), q.string(1), q.string(2), q.optional_string(3), q.string(4), static_cast<unsigned>(q.integer(5)),
      q.time(6),    q.time(7)};
}

std::vector<Expired> bury(Database& db, const std::string& sql, const std::vector<std::string>& args,
                          std::string_view reason) {
  std::vector<Expired> gone;
  std::vector<int64_t> ids;
  {
    auto rows = db.query_once_list(sql, args);
    while (rows.step()) {
      ids.push_back(rows.integer(0));
      gone.push_back({rows.string(1), rows.string(2), rows.string(3), rows.optional_string(4), std::string(reason)});
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
  db.run(
      "INSERT INTO outbox (alert_id, destination, event_seq, kind, target, body, state, attempts, created_at_ms, "
      "next_attempt_at_ms, give_up_at_ms) "
      "VALUES (?, ?, ?, ?, ?, ?, 'pending', 0, ?, ?, ?) ON CONFLICT (destination, event_seq) DO NOTHING",
      event.id, destination, event.seq, event.event.kind, event.event.target, Blob{body}, now, now,
      now + give_up_after);
}

void enqueue_notice(Database& db, std::string_view destination, std::string_view id, std::string_view kind,
                    const std::optional<std::string>& target, std::string_view body, Millis give_up_after,
                    WallTime now) {
  db.run(
      "INSERT INTO outbox (alert_id, destination, event_seq, kind, target, body, state, attempts, created_at_ms, "
      "next_attempt_at_ms, give_up_at_ms) VALUES (?, ?, NULL, ?, ?, ?, 'pending', 0, ?, ?, ?)",
      id, destination, kind, target, Blob{body}, now, now, now + give_up_after);
}

bool hold_if_flapping(Database& db, std::string_view destination, std::string_view target, Millis give_up_after,
                      WallTime now) {
  {
    auto q = db.query(
        "SELECT (SELECT count(*) FROM (SELECT kind, time_ms FROM event WHERE target = ?1 ORDER BY seq DESC LIMIT 64) "
        "WHERE time_ms > ?2 AND kind GLOB 'drift.*') > ?3 OR EXISTS (SELECT 1 FROM outbox WHERE destination = ?4 AND "
        "target = ?1 AND state = 'pending' AND flapping = 1 AND message IS NULL)",
        target, now - kFlappingWithin, kFlappingEvents, destination);
    q.step();
    if (!q.boolean(0)) return false;
  }
  const WallTime quiet_at = now + kQuiet;
  db.run(
      "UPDATE outbox SET flapping = 1, next_attempt_at_ms = ?, give_up_at_ms = ? WHERE destination = ? AND target = ? "
      "AND state = 'pending' AND message IS NULL AND kind GLOB 'drift.*'",
      quiet_at, quiet_at + give_up_after, destination, target);
  return true;
}

DestinationState destination(Database& db, std::string_view name) {
  DestinationState state;
  auto q = db.query("SELECT state, until_ms, failures, reason FROM destination WHERE name = ?", name);
  if (!q.step()) return state;
  const auto found = std::find(std::begin(kStates), std::end(kStates), q.text(0));
  if (found == std::end(kStates)) {
    throw std::runtime_error(fmt::format("the stored state of destination {} is damaged: '{}'; restore a backup", name,
                                         harmless(q.text(0))));
  }
  state.kind = static_cast<DestinationState::Kind>(found - std::begin(kStates));
  state.until = q.time(1);
  state.failures = static_cast<unsigned>(q.integer(2));
  state.reason = q.string(3);
  return state;
}

void set_destination(Database& db, std::string_view name, const DestinationState& state) {
  db.run(
      "INSERT INTO destination (name, state, until_ms, failures, reason) VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO "
      "UPDATE SET "
      "state = excluded.state, until_ms = excluded.until_ms, failures = excluded.failures, reason = excluded.reason",
      name, kStates[static_cast<std::size_t>(state.kind)], state.until, state.failures, clean_utf8(state.reason));
}

std::optional<PendingAlert> begin_attempt(Database& db, std::string_view destination_name, WallTime now,
                                          unsigned capacity) {
  const DestinationState state = destination(db, destination_name);
  if (state.kind != DestinationState::Kind::ok && state.until > now) return std::nullopt;
  int64_t row = 0;
  bool composed = false;
  {
    static const Sql kSql = Sql::forever(
        std::string("SELECT id, message IS NOT NULL FROM outbox o WHERE destination = ? AND state = 'pending' AND "
                    "next_attempt_at_ms <= ?") +
        kFirstOfTarget + " ORDER BY next_attempt_at_ms, id LIMIT 1");
    auto q = db.query(kSql, destination_name, now);
    if (!q.step()) return std::nullopt;
    row = q.integer(0);
    composed = q.boolean(1);
  }
  if (!composed) row = compose(db, destination_name, row, now, state.failures > 0, capacity);
  PendingAlert alert = load(db, row);
  ++alert.attempt;
  record_start(db, alert, now);
  return alert;
}

void record_start(Database& db, const PendingAlert& alert, WallTime now) {
  db.run("UPDATE outbox SET attempts = ? WHERE message = ?", alert.attempt, alert.id);
  db.run(
      "INSERT OR REPLACE INTO attempt (outbox, n, at_ms, took_ms, result, status, words) VALUES (?, ?, ?, NULL, "
      "'started', NULL, '')",
      alert.id, alert.attempt, now);
}

std::optional<WallTime> next_due_at(Database& db, std::string_view destination_name) {
  static const Sql kSql = Sql::forever(
      std::string("SELECT min(next_attempt_at_ms) FROM outbox o WHERE destination = ? AND state = 'pending'") +
      kFirstOfTarget);
  std::optional<WallTime> due;
  {
    auto q = db.query(kSql, destination_name);
    if (q.step()) due = q.optional_time(0);
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
      "INSERT INTO destination (name, state, until_ms, failures, reason, delivered) SELECT destination, 'ok', 0, 0, "
      "'', "
      "?1 FROM outbox WHERE id = ?2 ON CONFLICT (name) DO UPDATE SET delivered = delivered + ?1",
      rows, alert.id);
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

void move_times(Database& db, Millis by) {
  db.run(
      "UPDATE outbox SET next_attempt_at_ms = next_attempt_at_ms + ?1, give_up_at_ms = give_up_at_ms + ?1 WHERE state "
      "= 'pending'",
      by);
  db.run("UPDATE destination SET until_ms = until_ms + ?", by);
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
  // A clock that was ahead must not put an alert or its destination off for longer than the longest back-off.
  db.run("UPDATE outbox SET next_attempt_at_ms = ?1 WHERE state = 'pending' AND next_attempt_at_ms > ?1 + 86400000",
         now);
  db.run("UPDATE destination SET until_ms = ?1 WHERE until_ms > ?1 + 86400000", now);
  db.run("UPDATE outbox SET give_up_at_ms = max(give_up_at_ms, ?1 + 3600000) WHERE state = 'pending'", now);
  return cut_off;
}

void forget_attempts(Database& db, WallTime before) {
  db.run("DELETE FROM attempt WHERE at_ms < ? AND (SELECT state FROM outbox WHERE id = attempt.outbox) != 'pending'",
         before);
}

std::vector<Expired> expire(Database& db, std::string_view destination_name, WallTime now) {
  static const std::string kSql =
      "SELECT id, coalesce(message_id, alert_id), destination, coalesce(message_kind, kind), target FROM outbox o "
      "WHERE "
      "destination = ? AND state = 'pending' AND (message IS NULL OR message = id) AND give_up_at_ms <= CAST(? AS "
      "INTEGER) AND NOT " +
      held_row("o");
  return bury(db, kSql, {std::string(destination_name), std::to_string(to_ms(now))},
              "not delivered within give_up_after");
}

std::vector<Expired> expire_unconfigured(Database& db, const std::vector<std::string>& configured) {
  std::string marks;
  for (std::size_t i = 0; i < configured.size(); ++i) marks += i == 0 ? "?" : ", ?";
  return bury(
      db,
      "SELECT id, coalesce(message_id, alert_id), destination, coalesce(message_kind, kind), target FROM outbox WHERE "
      "state = 'pending' AND (message IS NULL OR message = id) AND destination NOT IN (" +
          marks + ")",
      configured, "its [[alert]] is no longer configured");
}

std::vector<Depth> depths(Database& db) {
  std::map<std::string, Depth> all;
  const auto of = [&](std::string name) -> Depth& {
    Depth& depth = all[name];
    depth.destination = std::move(name);
    return depth;
  };
  {
    auto q = db.query(
        "SELECT destination, count(*), min(created_at_ms) FROM outbox WHERE state = 'pending' GROUP BY destination");
    while (q.step()) {
      Depth& depth = of(q.string(0));
      depth.pending = q.integer(1);
      depth.oldest_pending = q.optional_time(2);
    }
  }
  {
    auto q = db.query("SELECT destination, count(*) FROM outbox WHERE state = 'dead' GROUP BY destination");
    while (q.step()) of(q.string(0)).dead = q.integer(1);
  }
  // The delivered ones are never taken out: they are counted as they are delivered, not here.
  {
    auto q = db.query("SELECT name, delivered FROM destination");
    while (q.step()) of(q.string(0)).delivered = q.integer(1);
  }
  std::vector<Depth> depths;
  depths.reserve(all.size());
  for (auto& [name, depth] : all) depths.push_back(std::move(depth));
  return depths;
}

}  // namespace codedriftd::outbox
