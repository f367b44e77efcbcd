-- The roles that codedriftd uses in PostgreSQL (15 or later), and its schema. A superuser runs it in a database that is
-- there for codedriftd alone, before `codedriftd migrate` runs for the first time:
--
--   createdb --encoding UTF8 --template template0 codedriftd
--   psql -X -v ON_ERROR_STOP=1 -d codedriftd -f roles.sql
--
-- It can be run again at any time: it puts back what it says here, and the rights in the tables that are there by then.
--
--   codedriftd_owner   owns the schema, and migrates. Nobody logs in as it: whoever migrates is made a member
--                      (GRANT codedriftd_owner TO alice) and acts as it (ALTER ROLE alice IN DATABASE codedriftd
--                      SET role = codedriftd_owner), so that it owns what migrations make.
--   codedriftd_writer  is the daemon. It can read everything, and write what the daemon writes: it cannot change or delete
--                      events, nor what was accepted.
--   codedriftd_reader  can read everything: `codedriftd query`, dashboards, pg_dump.
--
-- The two that log in have no password yet: \password codedriftd_writer, or a certificate or peer authentication in
-- pg_hba.conf. What they may do with each table is not said here but by the migration that makes it (grant_rights, at
-- the end of migrations/postgres/0012_initial.sql, says why).

BEGIN;

DO $$
DECLARE
  role text;
BEGIN
  FOREACH role IN ARRAY ARRAY['codedriftd_owner', 'codedriftd_writer', 'codedriftd_reader'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
      EXECUTE format('CREATE ROLE %I', role);
    END IF;
  END LOOP;
  IF pg_has_role('codedriftd_writer', 'codedriftd_owner', 'MEMBER')
     OR pg_has_role('codedriftd_reader', 'codedriftd_owner', 'MEMBER')
     OR pg_has_role('codedriftd_reader', 'codedriftd_writer', 'MEMBER') THEN
    RAISE EXCEPTION 'one of codedriftd''s roles is a member of another that may do more'
      USING HINT = 'REVOKE codedriftd_owner FROM codedriftd_writer, codedriftd_reader; REVOKE codedriftd_writer FROM codedriftd_reader';
  END IF;
END $$;

ALTER ROLE codedriftd_owner NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE codedriftd_writer LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE codedriftd_reader LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
-- Against mistakes only, as a session may turn it off: what holds is that it has no right to write.
ALTER ROLE codedriftd_reader SET default_transaction_read_only = on;

-- The database and its schemas are for these three.
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC, codedriftd_owner, codedriftd_writer, codedriftd_reader', current_database()),
       format('GRANT CONNECT ON DATABASE %I TO codedriftd_owner, codedriftd_writer, codedriftd_reader', current_database()),
       format('ALTER ROLE codedriftd_writer IN DATABASE %I SET search_path = codedriftd', current_database()),
       format('ALTER ROLE codedriftd_reader IN DATABASE %I SET search_path = codedriftd', current_database())
\gexec
REVOKE ALL ON SCHEMA public FROM PUBLIC;

-- The daemon appends to the log under an advisory lock: who only reads shall not be able to hold it.
DO $$
DECLARE
  lock regprocedure;
BEGIN
  FOR lock IN SELECT oid FROM pg_proc
              WHERE pronamespace = 'pg_catalog'::regnamespace AND proname ~ '^pg_(try_)?advisory_(xact_)?lock' LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', lock);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO codedriftd_owner, codedriftd_writer', lock);
  END LOOP;
END $$;

CREATE SCHEMA IF NOT EXISTS codedriftd;
ALTER SCHEMA codedriftd OWNER TO codedriftd_owner;
REVOKE ALL ON SCHEMA codedriftd FROM PUBLIC, codedriftd_writer, codedriftd_reader;
GRANT USAGE ON SCHEMA codedriftd TO codedriftd_writer, codedriftd_reader;

-- What migrations will make: PUBLIC may not even call a function, and everything may be read. A table that a migration
-- forgets in grant_rights is one that the daemon cannot write to, not one that it can change at will.
ALTER DEFAULT PRIVILEGES FOR ROLE codedriftd_owner REVOKE EXECUTE ON ROUTINES FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE codedriftd_owner IN SCHEMA codedriftd
  GRANT SELECT ON TABLES TO codedriftd_writer, codedriftd_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE codedriftd_owner IN SCHEMA codedriftd GRANT SELECT ON SEQUENCES TO codedriftd_reader;

-- The tables that are there already. Only with the owner's rights, whatever somebody made of that function.
SELECT 'SELECT codedriftd.grant_rights()' FROM pg_proc
WHERE pronamespace = 'codedriftd'::regnamespace AND proname = 'grant_rights' AND pronargs = 0 AND prosecdef
  AND proowner = 'codedriftd_owner'::regrole
\gexec

COMMIT;
