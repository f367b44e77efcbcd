#include "store/record/history.h"

#include <algorithm>

#include "store/db/pg_array.h"

namespace codedriftd::history {
namespace {

OpenRun read(const Query& q) {
  return {q.integer(0), q.string(1), q.string(2), q.optional_sha256(3), q.time(4), q.millis(5)};
}

std::optional<OpenRun> load(Database& db, int64_t id) {
  auto q = db.query("SELECT id, outcome, code, sha256, last_seen_ms, longest_gap_ms FROM run WHERE id = ?", id);
  return q.step() ? std::optional(read(q)) : std::nullopt;
}

/// Moves the end of run `id` to `at` if the poll belongs to it.
bool extend(Database& db, int64_t id, const Observation& observation, WallTime at, Millis stale_after) {
  const auto run = load(db, id);
  const auto more = run ? extension(*run, observation, at, stale_after) : std::nullopt;
  if (more) extend_many(db, std::span(&*more, 1));
  return more.has_value();
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

std::vector<OpenRun> load_many(Database& db, std::span<const int64_t> ids) {
  std::vector<OpenRun> runs;
  if (db.engine() == Engine::postgres) {
    auto q = db.query(
        "SELECT id, outcome, code, sha256, last_seen_ms, longest_gap_ms FROM run WHERE id = ANY (CAST(? AS bigint[]))",
        pg_array(ids));
    while (q.step()) runs.push_back(read(q));
    return runs;
  }
  for (const int64_t id : ids) {
    if (auto run = load(db, id)) runs.push_back(std::move(*run));
  }
  return runs;
}

std::optional<Extension> extension(const OpenRun& run, const Observation& observation, WallTime at,
                                   Millis stale_after) {
  if (run.outcome != to_string(observation.outcome)) return std::nullopt;
  // Two codes for "missing" are one answer; failures are told apart by their code.
  if (!is_answer(observation.outcome) && run.code != observation.error.code) return std::nullopt;
  if (run.sha256 != observation.sha256) return std::nullopt;
  const Millis gap = at - run.last_seen;
  // Longer than stale_after: nobody knows what was live meanwhile, so one run must not claim it. Below zero: the last
  // poll was stamped by a clock that was far ahead and has been corrected since, so the distance is not a real time.
  if (gap > stale_after || gap < Millis{0}) return std::nullopt;
  return Extension{run.id, at, std::max(gap, run.longest_gap)};
}

void extend_many(Database& db, std::span<const Extension> extensions) {
  if (db.engine() == Engine::postgres) {
    std::vector<int64_t> ids, last_seen, longest_gaps;
    for (const Extension& each : extensions) {
      ids.push_back(each.run);
      last_seen.push_back(to_ms(each.last_seen));
      longest_gaps.push_back(each.longest_gap.count());
    }
    db.run(
        "UPDATE run SET last_seen_ms = seen, polls = polls + 1, longest_gap_ms = gap FROM unnest(CAST(? AS bigint[]), "
        "CAST(? AS bigint[]), CAST(? AS bigint[])) AS more (run, seen, gap) WHERE id = more.run",
        pg_array(ids), pg_array(last_seen), pg_array(longest_gaps));
    return;
  }
  for (const Extension& each : extensions) {
    db.run("UPDATE run SET last_seen_ms = ?, polls = polls + 1, longest_gap_ms = ? WHERE id = ?", each.last_seen,
           each.longest_gap, each.run);
  }
}

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
