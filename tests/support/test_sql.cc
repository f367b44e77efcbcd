#include "support/test_sql.h"

#include <fmt/format.h>

#include <stdexcept>

namespace codedriftd::test {
namespace {

bool on_sqlite(Database& db) { return db.engine() == Engine::sqlite; }

}  // namespace

Json event_body(Database& db, const std::string& which) {
  auto rows = db.query_once("SELECT body FROM event " + which);
  if (!rows.step()) throw std::out_of_range("no event " + which);
  return Json::parse(rows.text(0));
}

void allow_damage(Database& db) {
  db.execute(on_sqlite(db) ? "PRAGMA ignore_check_constraints = ON"
                           : "DO $$ DECLARE c record; BEGIN FOR c IN SELECT conrelid::regclass AS of, conname FROM "
                             "pg_constraint WHERE contype = 'c' AND connamespace = 'codedriftd'::regnamespace LOOP "
                             "EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.of, c.conname); END LOOP; END $$");
}

void unlock_events(Database& db) {
  for (const char* trigger : {"event_is_never_changed", "event_is_never_deleted"})
    db.execute(fmt::format("DROP TRIGGER {}{}", trigger, on_sqlite(db) ? "" : " ON event"));
}

void refuse_writes(Database& db, const std::string& sort, const std::string& when) {
  const std::string condition = when.empty() ? "" : " WHEN (" + when + ")";
  if (on_sqlite(db)) {
    db.execute(
        fmt::format("CREATE TRIGGER refused BEFORE {}{} BEGIN SELECT raise(ABORT, 'simulated'); END", sort, condition));
    return;
  }
  db.execute(fmt::format(
      "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'simulated' "
      "USING ERRCODE = 'integrity_constraint_violation'; END $$; CREATE TRIGGER refused BEFORE {} FOR EACH ROW{} "
      "EXECUTE FUNCTION refuse()",
      sort, condition));
}

void allow_writes(Database& db, const std::string& table) {
  db.execute("DROP TRIGGER refused" + (on_sqlite(db) ? "" : " ON " + table));
}

void lock_out_writers(Database& db) {
  db.begin_write();
  if (on_sqlite(db)) return;
  db.execute(
      "SET LOCAL idle_in_transaction_session_timeout = 0; DO $$ DECLARE t text; BEGIN FOR t IN SELECT tablename FROM "
      "pg_tables WHERE schemaname = 'codedriftd' LOOP EXECUTE format('LOCK TABLE %I IN EXCLUSIVE MODE', t); END LOOP; "
      "END $$");
}

void hurry(Database& db) {
  if (on_sqlite(db)) db.execute("PRAGMA synchronous = OFF");
}

}  // namespace codedriftd::test
