-- Who accepted a hash, in whose name, and for which build; and whose alerts are held.

ALTER TABLE baseline ADD COLUMN claimed TEXT NOT NULL DEFAULT '';    -- what the client claimed beside its uid
ALTER TABLE baseline ADD COLUMN build   TEXT NOT NULL DEFAULT '';    -- of an announced deployment
ALTER TABLE baseline ADD COLUMN "commit" TEXT NOT NULL DEFAULT '';

-- Targets whose alerts are held, until somebody resumes them or the time is over. They are polled and recorded as ever.
CREATE TABLE suspension (
  target   INTEGER PRIMARY KEY REFERENCES target (id),
  since_ms INTEGER NOT NULL,
  until_ms INTEGER NOT NULL,
  actor    TEXT    NOT NULL,
  claimed  TEXT    NOT NULL,
  reason   TEXT    NOT NULL
) STRICT;
