-- What people may read with `sqlite3` (docs/views.md): these names, columns and meanings stay; columns are only added.
-- codedriftd itself reads none of them. They call only what SQLite trusts a schema with (not json_extract), so that they
-- also work where trusted_schema is off. A migration that changes a table named here drops the views first, and makes
-- them again.

-- The time that the views take for now, in milliseconds since 1970.
CREATE VIEW v_clock AS
SELECT CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) AS now_ms;

-- The status of each target, derived as model/verdict_status.cc does: the first that holds.
CREATE VIEW v_status AS
WITH
  clock AS MATERIALIZED (SELECT now_ms FROM v_clock),
  -- The daemon's last stay; alive_ms is NULL if there was none.
  stay AS MATERIALIZED (
    SELECT max(id), alive_at_ms AS alive_ms, stopped_at_ms IS NOT NULL AS stopped FROM daemon_run),
  -- A stored time more than a day ahead comes from a clock that was wrong: it counts as now.
  seen AS (
    SELECT t.*, now_ms, stopped,
           iif(alive_ms > now_ms + 86400000, now_ms, alive_ms) AS alive_ms,
           iif(last_success_at_ms > now_ms + 86400000, now_ms, last_success_at_ms) + stale_after_ms AS stale_at_ms,
           iif(coalesce(status_since_ms, now_ms) > now_ms + 86400000, now_ms, coalesce(status_since_ms, now_ms))
             AS since_ms
    FROM target AS t, clock, stay),
  derived AS (
    SELECT s.*, coalesce(now_ms > stale_at_ms, 0) AS stale,
           CASE
             WHEN missing THEN 'missing'
             WHEN drift_open THEN 'drifted'
             WHEN live IS NULL OR now_ms > stale_at_ms THEN 'unobserved'
             WHEN accepted IS NULL THEN 'unreviewed'
             WHEN announced != '[]' THEN 'pending_deploy'
             ELSE 'in_sync'
           END AS status
    FROM seen AS s)
SELECT address AS target, account, region, namespace, function, qualifier, status,
       CASE status
         WHEN 'missing' THEN missing_code
         WHEN 'drifted' THEN iif(stale, 'stale', '')
         WHEN 'pending_deploy' THEN
           iif(EXISTS (SELECT 1 FROM json_tree(announced) WHERE key = 'overdue' AND atom), 'overdue', '')
         WHEN 'unobserved' THEN
           CASE
             WHEN alive_ms IS NULL THEN 'daemon_not_running'
             -- Signs of life are 20 seconds apart: without a goodbye, silence shorter than a minute says nothing.
             WHEN now_ms - alive_ms > iif(stopped, stale_after_ms, max(stale_after_ms, 60000))
               THEN 'daemon_not_running'
             WHEN last_polled_at_ms IS NULL THEN 'never_polled'
             WHEN last_reason = 'credentials' THEN iif(substr(error_code, 1, 7) = 'Client.', 'failed', 'denied')
             WHEN last_reason != '' THEN last_reason
             WHEN live IS NULL THEN 'failed'
             ELSE 'stale'
           END
         ELSE ''
       END AS reason,
       nullif(lower(hex(live)), '') AS observed_sha256,
       nullif(lower(hex(accepted)), '') AS accepted_sha256,
       iif(accepted IS NULL, NULL, accepted_source) AS accepted_source,
       strftime('%Y-%m-%dT%H:%M:%fZ', accepted_at_ms / 1000.0, 'unixepoch') AS accepted_at,
       iif(announced = '[]', NULL, (SELECT atom FROM json_each(announced, '$[#-1]') WHERE key = 'sha256'))
         AS expected_sha256,
       strftime('%Y-%m-%dT%H:%M:%fZ', drift_since_ms / 1000.0, 'unixepoch') AS drift_since,
       strftime('%Y-%m-%dT%H:%M:%fZ',
                iif(status = 'unobserved' AND live IS NOT NULL AND stale, max(since_ms, stale_at_ms), since_ms) / 1000.0,
                'unixepoch') AS since,
       strftime('%Y-%m-%dT%H:%M:%fZ', last_polled_at_ms / 1000.0, 'unixepoch') AS last_polled_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', last_success_at_ms / 1000.0, 'unixepoch') AS last_success_at,
       consecutive_failures,
       error_code AS last_error_code, error_message AS last_error_message, error_request_id AS last_error_request_id,
       watched
FROM derived;

-- Each run of one answer.
CREATE VIEW v_history AS
WITH clock AS MATERIALIZED (SELECT now_ms FROM v_clock)
SELECT t.address AS target, r.outcome, nullif(r.code, '') AS code, nullif(lower(hex(r.sha256)), '') AS sha256,
       strftime('%Y-%m-%dT%H:%M:%fZ', r.first_seen_ms / 1000.0, 'unixepoch') AS first_seen_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', r.last_seen_ms / 1000.0, 'unixepoch') AS last_seen_at,
       r.polls,
       iif(r.longest_gap_ms % 1000, r.longest_gap_ms / 1000.0, r.longest_gap_ms / 1000) AS longest_gap_s,
       -- What was accepted when the run ended; of one that goes on, now.
       iif(r.sha256 IS NULL, NULL,
           coalesce((SELECT b.sha256 FROM baseline AS b
                     WHERE b.target = r.target
                       AND b.at_ms <= iif(r.id = t.answer_run, max(now_ms, r.last_seen_ms), r.last_seen_ms)
                     ORDER BY b.at_ms DESC, b.id DESC LIMIT 1) = r.sha256, 0)) AS accepted_at_end
FROM target AS t JOIN run AS r ON r.target = t.id, clock;

-- The event log as it is stored; `codedriftd query events` also checks each body against its leaf hash. A body is
-- canonical JSON: between "data" and "id", its next member, stands the data, byte for byte. NULL: it is no such body.
CREATE VIEW v_events AS
WITH
  text AS (SELECT *, CAST(body AS TEXT) AS json FROM event),
  placed AS (
    SELECT *, instr(json, ',"data":') AS begins, instr(json, ',"id":"' || id || '","kind":') AS ends FROM text)
SELECT seq, id, strftime('%Y-%m-%dT%H:%M:%fZ', time_ms / 1000.0, 'unixepoch') AS time, kind, severity, actor, target,
       iif(begins > 0 AND ends > begins, substr(json, begins + 8, ends - begins - 8), NULL) AS data
FROM placed;

-- How much of the time each target was configured it was seen, counted as audit/story/coverage.cc does.
CREATE VIEW v_coverage AS
WITH
  clock AS MATERIALIZED (SELECT now_ms FROM v_clock),
  clipped AS (
    SELECT target, id, from_ms, min(coalesce(to_ms, now_ms), now_ms) AS to_ms, stale_after_ms FROM watch_period, clock),
  -- Where the time configured before a period ends.
  placed AS (
    SELECT target, id, from_ms, to_ms, stale_after_ms,
           max(to_ms) OVER (PARTITION BY target ORDER BY from_ms, id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
             AS before_ms
    FROM clipped WHERE from_ms < to_ms),
  -- A changed stale_after begins a new period where the last one ends: the same stretch of time.
  period AS MATERIALIZED (
    SELECT target, max(from_ms, coalesce(before_ms, from_ms)) AS from_ms, to_ms, stale_after_ms,
           sum(before_ms IS NULL OR from_ms > before_ms) OVER (PARTITION BY target ORDER BY from_ms, id) AS stretch
    FROM placed WHERE before_ms IS NULL OR to_ms > before_ms),
  stretch AS MATERIALIZED (
    SELECT target, stretch, min(from_ms) AS from_ms, max(to_ms) AS to_ms FROM period GROUP BY target, stretch),
  -- Answers, and the edge where a stretch ends, which stands for one.
  answer AS (
    SELECT s.target, s.stretch, s.from_ms, s.to_ms, r.id, r.first_seen_ms AS at_ms,
           min(r.last_seen_ms, s.to_ms) AS seen_until_ms, r.first_seen_ms, r.last_seen_ms, r.polls, r.longest_gap_ms,
           max(0, min(r.last_seen_ms, s.to_ms) - max(r.first_seen_ms, s.from_ms)) AS within_ms
    FROM stretch AS s JOIN run AS r ON r.target = s.target
    WHERE r.outcome IN ('observed', 'missing') AND r.last_seen_ms >= s.from_ms AND r.first_seen_ms <= s.to_ms
    UNION ALL
    SELECT target, stretch, from_ms, to_ms, NULL, to_ms, to_ms, NULL, NULL, 0, 0, 0 FROM stretch),
  spaced AS (
    SELECT target, at_ms,
           at_ms - max(from_ms, coalesce(max(seen_until_ms) OVER (
             PARTITION BY target, stretch ORDER BY id IS NULL, at_ms, id
             ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), from_ms)) AS length_ms,
           min(longest_gap_ms, within_ms) AS inner_gap_ms,
           -- Of a run that an edge cuts, as many as are certain.
           CASE
             WHEN id IS NULL OR (first_seen_ms >= from_ms AND last_seen_ms <= to_ms) THEN polls
             ELSE min(polls, iif(longest_gap_ms > 0, within_ms / longest_gap_ms, 0)
                             + (first_seen_ms >= from_ms OR last_seen_ms <= to_ms))
           END AS polls
    FROM answer),
  -- The periods of a stretch join end to end: one of them was in force when the gap was over.
  judged AS (
    SELECT s.target, s.polls, s.inner_gap_ms, s.length_ms, coalesce(s.length_ms > p.stale_after_ms, 0) AS is_gap
    FROM spaced AS s LEFT JOIN period AS p ON p.target = s.target AND p.from_ms < s.at_ms AND s.at_ms <= p.to_ms),
  counted AS (
    SELECT target, sum(polls) AS polls, sum(is_gap) AS gaps, sum(iif(is_gap, length_ms, 0)) AS unobserved_ms,
           max(max(length_ms, inner_gap_ms, 0)) AS longest_gap_ms
    FROM judged GROUP BY target),
  configured AS (
    SELECT target, min(from_ms) AS from_ms, max(to_ms) AS until_ms, sum(to_ms - from_ms) AS total_ms
    FROM stretch GROUP BY target),
  summed AS (
    SELECT t.address, c.from_ms, c.until_ms, coalesce(n.polls, 0) AS polls,
           coalesce(c.total_ms - n.unobserved_ms, 0) AS observed_ms, coalesce(n.unobserved_ms, 0) AS unobserved_ms,
           c.total_ms, coalesce(n.longest_gap_ms, 0) AS longest_gap_ms, coalesce(n.gaps, 0) AS gaps
    FROM target AS t LEFT JOIN configured AS c ON c.target = t.id LEFT JOIN counted AS n ON n.target = t.id)
SELECT address AS target,
       strftime('%Y-%m-%dT%H:%M:%fZ', from_ms / 1000.0, 'unixepoch') AS from_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', until_ms / 1000.0, 'unixepoch') AS until_at,
       polls,
       iif(observed_ms % 1000, observed_ms / 1000.0, observed_ms / 1000) AS observed_s,
       iif(unobserved_ms % 1000, unobserved_ms / 1000.0, unobserved_ms / 1000) AS unobserved_s,
       -- Six decimals, and never 1 while something is unobserved.
       min(round(observed_ms * 1000000.0 / total_ms) / 1000000, iif(unobserved_ms > 0, 0.999999, 1.0)) AS coverage,
       iif(longest_gap_ms % 1000, longest_gap_ms / 1000.0, longest_gap_ms / 1000) AS longest_gap_s,
       gaps
FROM summed;
