-- What listings find: functions, named in the configuration or not; and the values beside a function's code.

-- The function that a target is of, as listings show it; times by the cloud's clock.
ALTER TABLE target ADD COLUMN function_id TEXT NOT NULL DEFAULT '';        -- '': no listing has shown it
ALTER TABLE target ADD COLUMN added_at_ms INTEGER;
ALTER TABLE target ADD COLUMN modified_at_ms INTEGER;
ALTER TABLE target ADD COLUMN touched INTEGER NOT NULL DEFAULT 0 CHECK (touched IN (0, 1));
ALTER TABLE target ADD COLUMN touched_alerts INTEGER NOT NULL DEFAULT 0 CHECK (touched_alerts IN (0, 1));
-- All targets of a function: a listing tells one of them.
CREATE INDEX target_of_function ON target (account, region, namespace, function);

-- The canonical text of what a value's hash stands for (layers, aliases, images): model/value.h.
CREATE TABLE value_text (
  sha256 BLOB PRIMARY KEY NOT NULL CHECK (length(sha256) = 32),
  text   TEXT NOT NULL
) STRICT;

-- Every function that was ever found, as it was seen last. One without a name stands for its namespace, which could not
-- be read; one without a namespace has "NAMESPACE/NAME" as its name, and is no part of an address; one without both
-- stands for what may be in the region beside what is known of it.
CREATE TABLE inventory (
  id               INTEGER PRIMARY KEY,
  account          TEXT    NOT NULL,
  region           TEXT    NOT NULL,
  namespace        TEXT    NOT NULL,
  name             TEXT    NOT NULL,
  function_id      TEXT    NOT NULL,
  type             TEXT    NOT NULL,
  runtime          TEXT    NOT NULL,
  status           TEXT    NOT NULL,
  added_at_ms      INTEGER,                 -- the cloud's clock
  modified_at_ms   INTEGER,
  tags             TEXT    NOT NULL,        -- JSON object
  state            TEXT    NOT NULL CHECK (state IN ('watched', 'excluded', 'unmanaged', 'gone', 'unreadable')),
  rule             TEXT    NOT NULL,        -- FILE:LINE; '': nothing matches it
  first_found_at_ms INTEGER NOT NULL,
  last_found_at_ms INTEGER NOT NULL,        -- written with a change: while not_listed is 0, every complete listing since showed it
  gone_at_ms       INTEGER,
  not_listed       INTEGER NOT NULL,        -- complete listings in a row that did not show it, two at most; 3: gone, and let go of
  versions         TEXT    NOT NULL,        -- JSON list, newest first
  aliases          TEXT    NOT NULL,        -- JSON list
  deleted          TEXT    NOT NULL,        -- JSON object: qualifiers of versions and aliases that a complete list does not show any more and that stay watched until they are missing, since when (ms)
  image            INTEGER NOT NULL CHECK (image IN (0, 1)),
  CHECK ((state = 'gone') = (gone_at_ms IS NOT NULL)),
  UNIQUE (account, region, namespace, name)
) STRICT;

-- How each stood to the configuration: from a moment until its next row.
CREATE TABLE inventory_state (
  function    INTEGER NOT NULL REFERENCES inventory (id),
  from_ms     INTEGER NOT NULL,
  state       TEXT    NOT NULL CHECK (state IN ('watched', 'excluded', 'unmanaged', 'gone', 'unreadable')),
  rule        TEXT    NOT NULL,
  function_id TEXT    NOT NULL,
  PRIMARY KEY (function, from_ms)
) STRICT, WITHOUT ROWID;

-- Run-length: listings of one account and region that went alike, none more than an hour after the one before.
CREATE TABLE listing (
  id               INTEGER PRIMARY KEY,
  account          TEXT    NOT NULL,
  region           TEXT    NOT NULL,
  complete         INTEGER NOT NULL CHECK (complete IN (0, 1)),
  error_code       TEXT    NOT NULL,        -- '': complete
  error_message    TEXT    NOT NULL,
  error_request_id TEXT    NOT NULL,
  from_ms          INTEGER NOT NULL,
  until_ms         INTEGER NOT NULL,
  listings         INTEGER NOT NULL,
  found            INTEGER NOT NULL,
  watched          INTEGER NOT NULL,
  CHECK ((complete = 1) = (error_code = ''))
) STRICT;
CREATE INDEX listing_of_region ON listing (account, region, id);

-- What discovery knows of each account and region: discovery.failing, and what the last complete listing showed.
CREATE TABLE discovery (
  account             TEXT    NOT NULL,
  region              TEXT    NOT NULL,
  failing             INTEGER NOT NULL CHECK (failing IN (0, 1)),
  reason              TEXT    NOT NULL,
  incomplete          INTEGER NOT NULL,     -- listings in a row that were not complete
  incomplete_since_ms INTEGER,              -- the first of them
  last_complete_at_ms INTEGER,
  namespaces          TEXT    NOT NULL,     -- JSON list
  PRIMARY KEY (account, region)
) STRICT, WITHOUT ROWID;

-- Which functions were told of as function.unmanaged or function.discovered: each once.
CREATE TABLE discovery_told (
  account     TEXT    NOT NULL,
  region      TEXT    NOT NULL,
  kind        TEXT    NOT NULL,
  function_id TEXT    NOT NULL,             -- NAMESPACE/NAME where the cloud tells no id
  at_ms       INTEGER NOT NULL,
  PRIMARY KEY (account, region, kind, function_id)
) STRICT, WITHOUT ROWID;
