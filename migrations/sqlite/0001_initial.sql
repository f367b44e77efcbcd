-- Times are milliseconds since 1970, UTC (…_ms); hashes are 32 bytes.

CREATE TABLE migration (
  version       INTEGER PRIMARY KEY,
  name          TEXT    NOT NULL,
  sha256        TEXT    NOT NULL,           -- of the file's text: a changed migration is refused
  applied_at_ms INTEGER NOT NULL,
  program       TEXT    NOT NULL
) STRICT;

-- Single facts: log_origin, config_digest, …
CREATE TABLE fact (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One row for each stay of the daemon: when it ran, and whether it said goodbye.
CREATE TABLE daemon_run (
  id            INTEGER PRIMARY KEY,
  version       TEXT    NOT NULL,
  pid           INTEGER NOT NULL,
  started_at_ms INTEGER NOT NULL,
  alive_at_ms   INTEGER NOT NULL,           -- moves every 20 seconds
  stopped_at_ms INTEGER                     -- NULL: running, or it ended without a word
) STRICT;

-- Everything that is known of one target: the state that model/verdict.h decides upon.
CREATE TABLE target (
  id                   INTEGER PRIMARY KEY,
  address              TEXT    NOT NULL UNIQUE,   -- ACCOUNT/REGION/NAMESPACE/FUNCTION:QUALIFIER
  account              TEXT    NOT NULL,
  region               TEXT    NOT NULL,
  namespace            TEXT    NOT NULL,
  function             TEXT    NOT NULL,
  qualifier            TEXT    NOT NULL,
  watched              INTEGER NOT NULL CHECK (watched IN (0, 1)),
  baseline             TEXT    NOT NULL CHECK (baseline IN ('first-seen', 'review')),
  pin                  BLOB    CHECK (length(pin) = 32),
  pin_where            TEXT    NOT NULL,
  interval_ms          INTEGER NOT NULL,
  stale_after_ms       INTEGER NOT NULL,
  deploy_grace_ms      INTEGER NOT NULL,
  live                 BLOB    CHECK (length(live) = 32),
  live_since_ms        INTEGER,
  accepted             BLOB    CHECK (length(accepted) = 32),
  accepted_source      TEXT    NOT NULL CHECK (accepted_source IN ('first_seen', 'approval', 'pin', 'deploy')),
  accepted_at_ms       INTEGER,
  announced            TEXT    NOT NULL,          -- JSON list of announcements, oldest first
  drift_open           INTEGER NOT NULL CHECK (drift_open IN (0, 1)),
  drift_since_ms       INTEGER,
  not_found_in_a_row   INTEGER NOT NULL,
  missing              INTEGER NOT NULL CHECK (missing IN (0, 1)),
  missing_code         TEXT    NOT NULL,
  failing              INTEGER NOT NULL CHECK (failing IN (0, 1)),
  failing_reason       TEXT    NOT NULL,
  failing_quiet        INTEGER NOT NULL CHECK (failing_quiet IN (0, 1)),
  last_polled_at_ms    INTEGER,
  last_success_at_ms   INTEGER,
  consecutive_failures INTEGER NOT NULL,
  error_code           TEXT,                      -- NULL: the last poll had a hash
  error_message        TEXT,
  error_request_id     TEXT,
  last_reason          TEXT    NOT NULL,
  status_since_ms      INTEGER,
  answer_run           INTEGER REFERENCES run (id),   -- the open run of a hash or of "missing"
  failure_run          INTEGER REFERENCES run (id)    -- the open run of failed, denied or updating polls
) STRICT;

CREATE INDEX target_with_announcements ON target (id) WHERE announced != '[]';

-- Run-length history: a run is one outcome (and hash, or code) seen without a gap longer than stale_after.
CREATE TABLE run (
  id             INTEGER PRIMARY KEY,
  target         INTEGER NOT NULL REFERENCES target (id),
  outcome        TEXT    NOT NULL CHECK (outcome IN ('observed', 'missing', 'updating', 'denied', 'failed')),
  code           TEXT    NOT NULL,
  sha256         BLOB    CHECK (length(sha256) = 32),
  first_seen_ms  INTEGER NOT NULL,
  last_seen_ms   INTEGER NOT NULL,
  polls          INTEGER NOT NULL,
  longest_gap_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX run_of_target ON run (target, first_seen_ms);

-- Every hash that was accepted, and how.
CREATE TABLE baseline (
  id     INTEGER PRIMARY KEY,
  target INTEGER NOT NULL REFERENCES target (id),
  at_ms  INTEGER NOT NULL,
  sha256 BLOB    NOT NULL CHECK (length(sha256) = 32),
  source TEXT    NOT NULL CHECK (source IN ('first_seen', 'approval', 'pin', 'deploy')),
  actor  TEXT    NOT NULL,
  reason TEXT    NOT NULL,
  ticket TEXT    NOT NULL
) STRICT;
CREATE INDEX baseline_of_target ON baseline (target, at_ms);

-- When a target was configured, and with which stale_after: what coverage is counted over.
CREATE TABLE watch_period (
  id             INTEGER PRIMARY KEY,
  target         INTEGER NOT NULL REFERENCES target (id),
  from_ms        INTEGER NOT NULL,
  to_ms          INTEGER,                    -- NULL: still watched
  stale_after_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX watch_period_of_target ON watch_period (target, from_ms);

-- account.failing, for each account and region.
CREATE TABLE account_state (
  account  TEXT    NOT NULL,
  region   TEXT    NOT NULL,
  failing  INTEGER NOT NULL CHECK (failing IN (0, 1)),
  reason   TEXT    NOT NULL,
  since_ms INTEGER,
  PRIMARY KEY (account, region)
) STRICT, WITHOUT ROWID;

-- The event log: append-only, seq counts from 0 without a gap. The columns are an index; body holds the exact bytes
-- that leaf_hash covers: SHA-256(0x00 || body).
CREATE TABLE event (
  seq       INTEGER PRIMARY KEY CHECK (seq >= 0),
  id        TEXT    NOT NULL UNIQUE,
  time_ms   INTEGER NOT NULL,
  kind      TEXT    NOT NULL,
  severity  TEXT    NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
  actor     TEXT    NOT NULL,
  target    TEXT,
  body      BLOB    NOT NULL,
  leaf_hash BLOB    NOT NULL CHECK (length(leaf_hash) = 32)
) STRICT;
CREATE INDEX event_of_target ON event (target, seq);
CREATE INDEX event_at ON event (time_ms);
CREATE TRIGGER event_is_never_changed BEFORE UPDATE ON event
BEGIN SELECT raise(ABORT, 'events are append-only'); END;
CREATE TRIGGER event_is_never_deleted BEFORE DELETE ON event
BEGIN SELECT raise(ABORT, 'events are append-only'); END;

-- Alerts on their way: one row for each event and destination, from the transaction that wrote the event until the
-- destination answered, and kept after.
CREATE TABLE outbox (
  id                 INTEGER PRIMARY KEY,
  alert_id           TEXT    NOT NULL,      -- the same on every attempt
  destination        TEXT    NOT NULL,
  event_seq          INTEGER NOT NULL REFERENCES event (seq),
  kind               TEXT    NOT NULL,
  target             TEXT,
  body               BLOB    NOT NULL,      -- codedriftd.alert.v1; never changes
  state              TEXT    NOT NULL CHECK (state IN ('pending', 'delivered', 'dead', 'dropped')),
  attempts           INTEGER NOT NULL,
  created_at_ms      INTEGER NOT NULL,
  next_attempt_at_ms INTEGER NOT NULL,
  give_up_at_ms      INTEGER NOT NULL,
  delivered_at_ms    INTEGER,
  last_status        INTEGER,
  last_error         TEXT,
  UNIQUE (destination, event_seq)
) STRICT;
CREATE INDEX outbox_due ON outbox (destination, next_attempt_at_ms, id) WHERE state = 'pending';
CREATE INDEX outbox_of_target ON outbox (destination, target, id) WHERE state = 'pending';
CREATE INDEX outbox_dead ON outbox (destination) WHERE state = 'dead';

CREATE TABLE attempt (
  outbox  INTEGER NOT NULL REFERENCES outbox (id),
  n       INTEGER NOT NULL,
  at_ms   INTEGER NOT NULL,
  took_ms INTEGER,                          -- NULL: in flight, or the daemon ended during it
  result  TEXT    NOT NULL CHECK (result IN ('started', 'delivered', 'retry', 'rejected', 'refused', 'fault')),
  status  INTEGER,
  words   TEXT    NOT NULL,
  PRIMARY KEY (outbox, n)
) STRICT, WITHOUT ROWID;

-- One persisted state for each alert destination.
CREATE TABLE destination (
  name      TEXT PRIMARY KEY,
  state     TEXT    NOT NULL CHECK (state IN ('ok', 'backing_off', 'held')),
  until_ms  INTEGER NOT NULL,               -- not tried before this
  failures  INTEGER NOT NULL,               -- in a row
  reason    TEXT    NOT NULL,
  delivered INTEGER NOT NULL DEFAULT 0      -- rows of outbox in that state, counted as they get there
) STRICT, WITHOUT ROWID;
