-- Messages: what is sent is composed at the first attempt, from what is pending for its destination then. A message is
-- carried by one row of the outbox, the leading one; the rows it was composed from name that row and share its fate.

DROP INDEX outbox_due;
DROP INDEX outbox_of_target;
DROP INDEX outbox_dead;
ALTER TABLE outbox RENAME TO outbox_1;
ALTER TABLE attempt RENAME TO attempt_1;

CREATE TABLE outbox (
  id                 INTEGER PRIMARY KEY,
  alert_id           TEXT    NOT NULL,      -- the event's; a reminder, a heartbeat and a test have one of their own
  destination        TEXT    NOT NULL,
  event_seq          INTEGER REFERENCES event (seq),    -- NULL: a reminder, a heartbeat, a test
  kind               TEXT    NOT NULL,
  target             TEXT,
  body               BLOB    NOT NULL,      -- codedriftd.alert.v1, as it is sent if this row is a message alone
  state              TEXT    NOT NULL CHECK (state IN ('pending', 'delivered', 'dead', 'dropped')),
  attempts           INTEGER NOT NULL,      -- of the message
  created_at_ms      INTEGER NOT NULL,
  next_attempt_at_ms INTEGER NOT NULL,
  give_up_at_ms      INTEGER NOT NULL,
  delivered_at_ms    INTEGER,
  last_status        INTEGER,
  last_error         TEXT,
  flapping           INTEGER NOT NULL DEFAULT 0 CHECK (flapping IN (0, 1)),   -- held until its target is quiet
  alone              INTEGER NOT NULL DEFAULT 0 CHECK (alone IN (0, 1)),      -- its digest was refused: never in one again
  message            INTEGER REFERENCES outbox (id),    -- the leading row; NULL: not composed yet
  message_id         TEXT,                  -- in the leading row of several: what is sent as id, kind and body,
  message_kind       TEXT,                  -- which never change
  message_body       BLOB,
  UNIQUE (destination, event_seq)
) STRICT;
INSERT INTO outbox (id, alert_id, destination, event_seq, kind, target, body, state, attempts, created_at_ms,
                    next_attempt_at_ms, give_up_at_ms, delivered_at_ms, last_status, last_error, message)
SELECT id, alert_id, destination, event_seq, kind, target, body, state, attempts, created_at_ms,
       next_attempt_at_ms, give_up_at_ms, delivered_at_ms, last_status, last_error, iif(attempts > 0, id, NULL)
FROM outbox_1;
CREATE INDEX outbox_due ON outbox (destination, next_attempt_at_ms, id) WHERE state = 'pending';
CREATE INDEX outbox_of_target ON outbox (destination, target, id);
CREATE INDEX outbox_pending_of_target ON outbox (destination, target, id) WHERE state = 'pending';
CREATE INDEX outbox_dead ON outbox (destination) WHERE state = 'dead';
CREATE INDEX outbox_dropped ON outbox (destination) WHERE state = 'dropped';
CREATE INDEX outbox_of_message ON outbox (message) WHERE message IS NOT NULL;
CREATE INDEX outbox_of_kind ON outbox (destination, kind, id) WHERE event_seq IS NULL;

CREATE TABLE attempt (
  outbox  INTEGER NOT NULL REFERENCES outbox (id),      -- the leading row
  n       INTEGER NOT NULL,
  at_ms   INTEGER NOT NULL,
  took_ms INTEGER,                          -- NULL: in flight, or the daemon ended during it
  result  TEXT    NOT NULL CHECK (result IN ('started', 'delivered', 'retry', 'rejected', 'refused', 'fault')),
  status  INTEGER,
  words   TEXT    NOT NULL,
  PRIMARY KEY (outbox, n)
) STRICT, WITHOUT ROWID;
INSERT INTO attempt SELECT * FROM attempt_1;
CREATE INDEX attempt_at ON attempt (at_ms);
DROP TABLE attempt_1;
DROP TABLE outbox_1;

-- For reminders of drift that stays open.
CREATE INDEX target_drifting ON target (id) WHERE drift_open = 1;
