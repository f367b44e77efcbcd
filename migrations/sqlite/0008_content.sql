-- What is inside the package of a hash decides, too: announced and pinned contents, and what waits for an examination.

-- How something came to be accepted has one more word.  A column's CHECK cannot be changed: a new column takes its place.
DROP VIEW v_status;
ALTER TABLE baseline ADD COLUMN came_by TEXT NOT NULL DEFAULT 'first_seen'
  CHECK (came_by IN ('first_seen', 'approval', 'pin', 'deploy', 'content'));
UPDATE baseline SET came_by = source;
ALTER TABLE baseline DROP COLUMN source;
ALTER TABLE baseline RENAME COLUMN came_by TO source;

ALTER TABLE target ADD COLUMN came_by TEXT NOT NULL DEFAULT 'first_seen'
  CHECK (came_by IN ('first_seen', 'approval', 'pin', 'deploy', 'content'));
UPDATE target SET came_by = accepted_source;
ALTER TABLE target DROP COLUMN accepted_source;
ALTER TABLE target RENAME COLUMN came_by TO accepted_source;

-- Content digests are the 32 bytes of Go's dirHash1; "exact" ones cover modes as well.
ALTER TABLE target ADD COLUMN content_pin BLOB CHECK (length(content_pin) = 32);
ALTER TABLE target ADD COLUMN examine_within_ms INTEGER NOT NULL DEFAULT 60000;
ALTER TABLE target ADD COLUMN same_content_accepted INTEGER NOT NULL DEFAULT 1 CHECK (same_content_accepted IN (0, 1));
ALTER TABLE target ADD COLUMN package TEXT NOT NULL DEFAULT 'unknown'      -- what looking into the live one came to
  CHECK (package IN ('unknown', 'examined', 'ambiguous', 'unavailable', 'mismatch'));
ALTER TABLE target ADD COLUMN live_content BLOB CHECK (length(live_content) = 32);
ALTER TABLE target ADD COLUMN live_exact BLOB CHECK (length(live_exact) = 32);
ALTER TABLE target ADD COLUMN accepted_content BLOB CHECK (length(accepted_content) = 32);
ALTER TABLE target ADD COLUMN accepted_exact BLOB CHECK (length(accepted_exact) = 32);
ALTER TABLE target ADD COLUMN examining_until_ms INTEGER;                  -- NULL: no verdict waits
ALTER TABLE target ADD COLUMN examining_previous BLOB CHECK (length(examining_previous) = 32);
ALTER TABLE target ADD COLUMN ignore TEXT NOT NULL DEFAULT '[]';           -- JSON list of globs
-- Who runs or accepts what was examined.
CREATE INDEX target_live ON target (live);
CREATE INDEX target_accepted ON target (accepted);
DROP INDEX target_with_announcements;
CREATE INDEX target_waiting ON target (id) WHERE announced != '[]' OR examining_until_ms IS NOT NULL;

-- What was verified before it was believed: what was signed (an in-toto statement), and the signature that is good. Events
-- name it by the hash of what was signed, which nobody can vary but who holds the key.
CREATE TABLE attestation (
  sha256         BLOB    PRIMARY KEY NOT NULL CHECK (length(sha256) = 32),
  received_at_ms INTEGER NOT NULL,
  payload        BLOB    NOT NULL,
  signature      BLOB    NOT NULL
) STRICT;
-- For which targets it was believed.
CREATE TABLE attested (
  target         INTEGER NOT NULL REFERENCES target (id),
  attestation    BLOB    NOT NULL REFERENCES attestation (sha256),
  PRIMARY KEY (target, attestation)
) STRICT, WITHOUT ROWID;

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
             WHEN examining_until_ms IS NOT NULL THEN 'examining'
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
       watched,
       strftime('%Y-%m-%dT%H:%M:%fZ', held_until_ms / 1000.0, 'unixepoch') AS suspended_until,
       suspended_by,
       -- SQLite has no base64: hex, as `codedriftd digest --hex` prints it.
       nullif(lower(hex(live_content)), '') AS observed_content_hex,
       nullif(lower(hex(accepted_content)), '') AS accepted_content_hex,
       iif(announced = '[]', NULL, (SELECT atom FROM json_each(announced, '$[#-1]') WHERE key = 'content'))
         AS expected_content
FROM derived LEFT JOIN (
  SELECT target AS held_target, until_ms AS held_until_ms, actor AS suspended_by FROM suspension) ON held_target = id;
