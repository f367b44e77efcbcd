-- What waits refers to its target by id: an account that gets another label takes its alerts along. `target` stays the
-- address as it was when the alert was made, which is what the message prints.
ALTER TABLE outbox ADD COLUMN target_id INTEGER REFERENCES target (id);    -- NULL: about no function
-- What somebody asked for (a test, an announcement) waits behind what happened.
ALTER TABLE outbox ADD COLUMN on_request INTEGER NOT NULL DEFAULT 0 CHECK (on_request IN (0, 1));
UPDATE outbox SET target_id = (SELECT t.id FROM target t WHERE t.address = outbox.target), on_request = kind = 'test';

DROP INDEX outbox_due;
DROP INDEX outbox_of_target;
DROP INDEX outbox_pending_of_target;
CREATE INDEX outbox_due ON outbox (destination, on_request, next_attempt_at_ms, id) WHERE state = 'pending';
CREATE INDEX outbox_of_target ON outbox (destination, target_id, id);
CREATE INDEX outbox_pending_of_target ON outbox (destination, target_id, id) WHERE state = 'pending';

-- Targets that change too often to tell each change, for each destination that hears of them.
CREATE TABLE flapping (
  destination TEXT    NOT NULL,
  target      INTEGER NOT NULL REFERENCES target (id),
  quiet_at_ms INTEGER NOT NULL,           -- it flaps until then, unless it changes again before
  tell_at_ms  INTEGER NOT NULL,           -- what is held now is told by then, whether it flaps or not
  longest_ms  INTEGER NOT NULL,           -- how long anything is held at most
  PRIMARY KEY (destination, target)
) STRICT, WITHOUT ROWID;

ALTER TABLE destination ADD COLUMN last_delivered_ms INTEGER;              -- NULL: nothing was, since this is kept
