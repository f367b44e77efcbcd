-- What the members of a fleet need, which only PostgreSQL can have: here it stays as it is made.
ALTER TABLE daemon_run ADD COLUMN host TEXT NOT NULL DEFAULT '';
ALTER TABLE daemon_run ADD COLUMN config_digest TEXT NOT NULL DEFAULT '';
ALTER TABLE daemon_run ADD COLUMN batch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE daemon_run ADD COLUMN fenced_by INTEGER;
ALTER TABLE daemon_run ADD COLUMN able INTEGER NOT NULL DEFAULT 0;

CREATE TABLE lease (
  name     TEXT    PRIMARY KEY NOT NULL,
  holder   INTEGER,
  token    INTEGER NOT NULL DEFAULT 0,
  since_ms INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE lane (
  account TEXT PRIMARY KEY NOT NULL,
  lease   TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE poll_request (
  id            INTEGER PRIMARY KEY,
  target        INTEGER NOT NULL,
  wants_package INTEGER NOT NULL,
  asked_by      INTEGER NOT NULL,
  asked_at_ms   INTEGER NOT NULL,
  outcome       TEXT
) STRICT;

CREATE TABLE fleet_config (
  generation    INTEGER PRIMARY KEY NOT NULL,
  digest        TEXT    NOT NULL,
  adopted_at_ms INTEGER NOT NULL,
  adopted_by    TEXT    NOT NULL
) STRICT;
