-- What several daemons need that keep one record. Each is a member under the number of its row in daemon_run: it only
-- grows, and a member whose time was over comes back under another one.

ALTER TABLE daemon_run
  ADD COLUMN host          text   COLLATE "C" NOT NULL DEFAULT '',
  ADD COLUMN config_digest text   COLLATE "C" NOT NULL DEFAULT '',
  ADD COLUMN batch         bigint NOT NULL DEFAULT 0,   -- the transactions that it committed as a member
  ADD COLUMN fenced_by     bigint;                      -- the member that found it dead: from then on it writes nothing

-- Who does what, of the members. Free: nobody holds it, or somebody whose membership has ended.
CREATE TABLE lease (
  name     text   COLLATE "C" PRIMARY KEY,
  holder   bigint,                           -- daemon_run
  token    bigint NOT NULL DEFAULT 0,        -- grows with each time that it is taken
  since_ms bigint
) WITH (fillfactor = 50);
INSERT INTO lease (name) VALUES ('all');

-- The configurations that the fleet has had, as their digests: the last one is in force.
CREATE TABLE fleet_config (
  generation    bigint PRIMARY KEY,
  digest        text   COLLATE "C" NOT NULL,
  adopted_at_ms bigint NOT NULL,
  by_host       text   COLLATE "C" NOT NULL
);

-- As in 0011, which says why, with the tables above.
CREATE OR REPLACE FUNCTION grant_rights() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  here text := quote_ident(current_schema);
BEGIN
  EXECUTE 'REVOKE ALL ON ALL TABLES IN SCHEMA ' || here || ' FROM PUBLIC';
  EXECUTE 'REVOKE ALL ON ALL ROUTINES IN SCHEMA ' || here || ' FROM PUBLIC';
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'codedriftd_reader') THEN
    EXECUTE 'GRANT SELECT ON ALL TABLES IN SCHEMA ' || here || ' TO codedriftd_reader';
    EXECUTE 'GRANT SELECT ON ALL SEQUENCES IN SCHEMA ' || here || ' TO codedriftd_reader';   -- for pg_dump
    GRANT EXECUTE ON FUNCTION rfc3339, data_of_event, target_of_event TO codedriftd_reader;
  END IF;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'codedriftd_writer') THEN
    EXECUTE 'REVOKE ALL ON ALL TABLES IN SCHEMA ' || here || ' FROM codedriftd_writer';
    EXECUTE 'GRANT SELECT ON ALL TABLES IN SCHEMA ' || here || ' TO codedriftd_writer';
    GRANT EXECUTE ON FUNCTION rfc3339, data_of_event, target_of_event TO codedriftd_writer;
    GRANT INSERT ON attestation, attested, baseline, earlier_address, event, fleet_config, value_text TO codedriftd_writer;
    GRANT INSERT, UPDATE ON account_state, attribution, daemon_run, destination, discovery, discovery_told, fact, listing,
      run, target, watch_period TO codedriftd_writer;
    GRANT INSERT, DELETE ON change_record, package_file TO codedriftd_writer;
    GRANT UPDATE (at_ms) ON baseline TO codedriftd_writer;
    GRANT UPDATE ON lease TO codedriftd_writer;
    GRANT INSERT, UPDATE, DELETE ON attempt, flapping, inventory, inventory_state, outbox, package, suspension
      TO codedriftd_writer;
  END IF;
END $$;
DO $$ BEGIN PERFORM grant_rights(); END $$;
