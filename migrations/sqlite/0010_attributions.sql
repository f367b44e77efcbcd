-- Who made a change, as far as the cloud's audit log tells: what is to be asked, and what was found.

-- One row for each event that is a change, in an account whose audit log may be read; from the transaction that wrote
-- the event. Account, region, namespace and function are the target's.
CREATE TABLE attribution (
  event_seq           INTEGER PRIMARY KEY REFERENCES event (seq),
  target              INTEGER NOT NULL REFERENCES target (id),
  from_ms             INTEGER NOT NULL,     -- the old state was seen last,
  to_ms               INTEGER NOT NULL,     -- and the new one first
  tries               INTEGER NOT NULL,     -- queries, those that had no answer among them
  next_at_ms          INTEGER,              -- NULL: nothing more is asked
  asked_at_ms         INTEGER,              -- the last query that had an answer; NULL: none had
  grade               TEXT    CHECK (grade IN ('one', 'several', 'none')),
  words               TEXT    NOT NULL,
  by_deploy_principal INTEGER NOT NULL CHECK (by_deploy_principal IN (0, 1)),
  told_seq            INTEGER REFERENCES event (seq),   -- the change.attributed about it
  CHECK ((asked_at_ms IS NULL) = (grade IS NULL))
) STRICT;
CREATE INDEX attribution_to_ask ON attribution (next_at_ms) WHERE next_at_ms IS NOT NULL;
CREATE INDEX attribution_of_target ON attribution (target, event_seq);

-- What is kept of each audited call, and nothing more.
CREATE TABLE change_record (
  attribution    INTEGER NOT NULL REFERENCES attribution (event_seq),
  number         INTEGER NOT NULL,          -- from 0, oldest first, those that failed after the others
  event_id       TEXT    NOT NULL,          -- the audit log's
  action         TEXT    NOT NULL,
  time_ms        INTEGER NOT NULL,          -- the cloud's clock
  principal_type TEXT    NOT NULL,
  principal      TEXT    NOT NULL,
  key_suffix     TEXT    NOT NULL,          -- the last four characters of the key's id
  source_ip      TEXT    NOT NULL,
  user_agent     TEXT    NOT NULL,
  request_id     TEXT    NOT NULL,
  console        INTEGER NOT NULL CHECK (console IN (0, 1)),
  error_code     TEXT    NOT NULL,          -- '': it succeeded; 'Client.OutcomeUnread': not told
  PRIMARY KEY (attribution, number)
) STRICT, WITHOUT ROWID;
