-- What the members of a fleet need, which only PostgreSQL can have: here it stays as it is made.
ALTER TABLE daemon_run ADD COLUMN host TEXT NOT NULL DEFAULT '';
ALTER TABLE daemon_run ADD COLUMN config_digest TEXT NOT NULL DEFAULT '';
ALTER TABLE daemon_run ADD COLUMN batch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE daemon_run ADD COLUMN fenced_by INTEGER;

CREATE TABLE lease (
  name     TEXT    PRIMARY KEY NOT NULL,
  holder   INTEGER,
  token    INTEGER NOT NULL DEFAULT 0,
  since_ms INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO lease (name) VALUES ('all');

CREATE TABLE fleet_config (
  generation    INTEGER PRIMARY KEY NOT NULL,
  digest        TEXT    NOT NULL,
  adopted_at_ms INTEGER NOT NULL,
  adopted_by    TEXT    NOT NULL
) STRICT;
