#include "store/record/history.h"

#include <algorithm>

namespace codedriftd::history {
namespace {

bool is_answer(Outcome outcome) { return outcome == Outcome::observed || outcome == Outcome::missing; }

/// Moves the end of run `id` to `at` if the poll belongs to it.
bool extend(Database& db, int64_t id, const Observation& observation, WallTime at, Millis stale_after) {
  enum Column : int { kOutcome, kCode, kSha256, kLast, kLongestGap };
  auto run = db.query("SELECT outcome, code, sha256, last_seen_ms, longest_gap_ms FROM run WHERE id = ?", id);
  if (!run.step()) return false;
  if (run.text(kOutcome) != to_string(observation.outcome)) return false;
  // Two codes for "missing" are one answer; failures are told apart by their code.
  if (!is_answer(observation.outcome) && run.text(kCode) != observation.error.code) return false;
  if (run.optional_sha256(kSha256) != observation.sha256) return false;
  const Millis gap = at - run.time(kLast);
  // Longer than stale_after: nobody knows what was live meanwhile, so one run must not claim it. Below zero: the last
  // poll was stamped by a clock that was far ahead and has been corrected since, so the distance is not a real time.
  if (gap > stale_after || gap < Millis{0}) return false;
  db.run("UPDATE run SET last_seen_ms = ?, polls = polls + 1, longest_gap_ms = ? WHERE id = ?", at,
         std::max(gap, run.millis(kLongestGap)), id);
  return true;
}

int64_t begin(Database& db, TargetId target, const Observation& observation, WallTime at) {
  // Not RETURNING: with it SQLite reads all targets, in case one refers to the new row.
  db.run(
      "INSERT INTO run (target, outcome, code, sha256, first_seen_ms, last_seen_ms, polls, longest_gap_ms) VALUES (?1, "
      "?2, ?3, ?4, ?5, ?5, 1, 0)",
      target, to_string(observation.outcome), observation.error.code, observation.sha256, at);
  auto q = db.query("SELECT max(id) FROM run WHERE target = ? AND first_seen_ms = ?", target, at);
  q.step();
  return q.integer(0);
}

}  // namespace

/// A target has up to two open runs: the one of its answers, and beside it the one of the failures since the last
/// answer. A timeout between two equal answers therefore does not split the run of the answers: "always H" stays one
/// row. An answer ends the failures.
void record(Database& db, TargetRow& row, const Observation& observation, WallTime at) {
  const bool answer = is_answer(observation.outcome);
  std::optional<int64_t>& open = answer ? row.answer_run : row.failure_run;
  const auto before = std::pair(row.answer_run, row.failure_run);
  if (!open || !extend(db, *open, observation, at, row.state.stale_after)) open = begin(db, row.id, observation, at);
  if (answer) row.failure_run.reset();
  if (before != std::pair(row.answer_run, row.failure_run))
    targets::save_runs(db, row.id, row.answer_run, row.failure_run);
}

void record_steady(Database& db, TargetRow& row, const Observation& observation, WallTime first, int64_t polls,
                   Millis interval) {
  record(db, row, observation, first);
  if (polls == 1) return;
  db.run(
      "UPDATE run SET last_seen_ms = ?1, polls = polls + ?2, longest_gap_ms = CASE WHEN longest_gap_ms > ?3 THEN "
      "longest_gap_ms ELSE ?3 END WHERE id = ?4",
      first + (polls - 1) * interval, polls - 1, interval,
      is_answer(observation.outcome) ? row.answer_run : row.failure_run);
}

std::optional<ChangeWindow> last_change_to(Database& db, TargetId target, const std::optional<Sha256>& sha256) {
  const std::string_view outcome = to_string(sha256 ? Outcome::observed : Outcome::missing);
  auto q = db.query(
      "WITH came AS (SELECT first_seen_ms AS at FROM run WHERE target = ?1 AND outcome = ?2 AND sha256 IS NOT DISTINCT "
      "FROM ?3 ORDER BY first_seen_ms DESC, id DESC LIMIT 1), other AS (SELECT max(last_seen_ms) AS at FROM run, came "
      "WHERE target = ?1 AND (outcome = 'observed' OR (outcome = 'missing' AND polls > 1)) AND NOT (outcome = ?2 AND "
      "sha256 IS NOT DISTINCT FROM ?3) AND first_seen_ms <= came.at) SELECT other.at, (SELECT min(first_seen_ms) FROM "
      "run WHERE target = ?1 AND outcome = ?2 AND sha256 IS NOT DISTINCT FROM ?3 AND first_seen_ms >= other.at) FROM "
      "other WHERE other.at IS NOT NULL",
      target, outcome, sha256);
  if (!q.step()) return std::nullopt;
  const WallTime from = q.time(0);
  return ChangeWindow{from, std::max(from, q.optional_time(1).value_or(from))};  // the clock was set back
}

void end_open_runs(Database& db) {
  db.run(
      "UPDATE target SET answer_run = NULL, failure_run = NULL WHERE answer_run IS NOT NULL OR failure_run IS NOT "
      "NULL");
}

void begin_period(Database& db, TargetId id, Millis stale_after, WallTime at) {
  end_period(db, id, at);
  db.run(
      "INSERT INTO watch_period (target, from_ms, to_ms, stale_after_ms) VALUES (?1, (SELECT "
      "coalesce(max(to_ms), ?2) FROM watch_period WHERE target = ?1 AND to_ms > ?2), NULL, ?3)",
      id, at, stale_after);
}

void end_period(Database& db, TargetId id, WallTime at) {
  db.run(
      "UPDATE watch_period SET to_ms = (SELECT max(moment) FROM (SELECT from_ms AS moment UNION ALL SELECT ?1 UNION "
      "ALL SELECT last_seen_ms FROM run WHERE target = ?2) AS seen) WHERE target = ?2 AND to_ms IS NULL",
      at, id);
}

}  // namespace codedriftd::history
