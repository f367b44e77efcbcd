-- What is inside the packages that were live. They are known by their CodeSha256, whichever targets it is live for: which
-- these are, and what is accepted, stays in target, run and baseline.

CREATE TABLE package (
  sha256         BLOB    PRIMARY KEY NOT NULL CHECK (length(sha256) = 32),
  state          TEXT    NOT NULL CHECK (state IN ('examined', 'ambiguous', 'unavailable', 'mismatch')),
  why            TEXT    NOT NULL,                           -- of any other state than examined
  content        BLOB    CHECK (length(content) = 32),       -- the content digest, over all files
  examined_at_ms INTEGER NOT NULL,
  wanted_at_ms   INTEGER NOT NULL,                           -- the last time that it mattered: what is old goes first
  package_bytes  INTEGER NOT NULL CHECK (package_bytes >= 0),
  unpacked_bytes INTEGER NOT NULL CHECK (unpacked_bytes >= 0),
  files          INTEGER NOT NULL CHECK (files >= 0),
  findings       TEXT    NOT NULL,                           -- JSON list of {kind, name}; name_base64 if it is not UTF-8
  manifest       BLOB,                                       -- runs of ids of package_file: store/packages/manifest_ids.h
  kept           INTEGER NOT NULL CHECK (kept IN (0, 1)),    -- the package itself lies in STATE_DIR/packages
  CHECK ((state = 'examined') = (content IS NOT NULL)),
  CHECK ((state = 'examined') = (manifest IS NOT NULL)),
  CHECK ((state = 'examined') = (why = '')),
  CHECK (kept = 0 OR state IN ('examined', 'ambiguous'))
) STRICT;
CREATE INDEX package_kept ON package (package_bytes) WHERE kept = 1;

-- One file as it stands in packages, each once: from one deployment to the next most files stay what they are.
CREATE TABLE package_file (
  id     INTEGER PRIMARY KEY,
  key    INTEGER NOT NULL,                                   -- 64 bits of a hash over the columns below
  name   BLOB    NOT NULL CHECK (length(name) > 0),          -- bytes, UTF-8 or not
  mode   INTEGER NOT NULL CHECK (mode BETWEEN 0 AND 4095),
  size   INTEGER NOT NULL CHECK (size >= 0),
  sha256 BLOB    NOT NULL CHECK (length(sha256) = 32)
) STRICT;
-- Instead of an index over all four, which would hold everything a second time.
CREATE INDEX package_file_by_key ON package_file (key);
