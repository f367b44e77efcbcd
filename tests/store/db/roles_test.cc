// What config/postgres/roles.sql and the rights in the migrations let each role do.
#include <gtest/gtest.h>

#include "store/db/migrate.h"
#include "store/store_support.h"
#include "support/postgres_server.h"

namespace codedriftd::test {
namespace {

using postgres::Access;

/// A database that an administrator has set up as the script says, migrated by a member of the owner.
class PostgresRoles : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    PostgresServer::shared().create_database_with_roles("with_roles");
    Database owner = postgres::open(place("postgres", "with_roles"), Access::write);
    owner.execute("SET ROLE codedriftd_owner");
    ASSERT_TRUE(migrate(owner, embedded_migrations(Engine::postgres), kStart));
    PostgresServer::shared().run_roles_script("with_roles");  // again, with tables that are there
  }
  static postgres::Place place(const std::string& user, const std::string& database = "with_roles") {
    postgres::Place place = PostgresServer::shared().place(database);
    place.user = user;
    return place;
  }
  /// The engine's refusal, or "" if it was done.
  static std::string refusal(Database& db, const std::string& sql) {
    try {
      db.execute(sql);
    } catch (const StoreError& error) {
      EXPECT_EQ(error.kind(), StoreError::Kind::readonly) << error.what();
      return error.what();
    }
    return "";
  }
};

TEST_F(PostgresRoles, TheWriterDoesADaemonsWork) {
  Database db = postgres::open(place("codedriftd_writer"), Access::write);
  EXPECT_TRUE(check_schema(db).ok());
  Ledger ledger = ledger_with_routes();
  db.begin_write();
  const TargetId id = add_target(db, ledger, "charge");
  Tx tx(db);
  for (const char* code : {"a", "b"}) ledger.apply(tx, id, saw(code), kStart + kMinute);
  db.commit();
  EXPECT_EQ(number(db, "SELECT count(*) FROM event WHERE kind = 'drift.detected'"), 1);
  EXPECT_EQ(number(db, "SELECT count(*) FROM outbox"), 2);
  for (const char* sql : {"SELECT pg_advisory_xact_lock(1)", "LISTEN codedriftd", "NOTIFY codedriftd",
                          "SELECT system_identifier FROM pg_control_system()",
                          "SELECT pg_walfile_name(pg_current_wal_lsn())", "SELECT * FROM target FOR UPDATE"})
    EXPECT_EQ(refusal(db, sql), "") << sql;
}

TEST_F(PostgresRoles, TheWriterCannotTouchWhatWasRecordedNorTheSchema) {
  Database db = postgres::open(place("codedriftd_writer"), Access::write);
  for (const char* sql : {"UPDATE event SET kind = 'x'",
                          "UPDATE event SET kind = 'x' WHERE false",
                          "DELETE FROM event",
                          "TRUNCATE event CASCADE",
                          "SELECT * FROM event FOR UPDATE",
                          "ALTER TABLE event DISABLE TRIGGER ALL",
                          "DROP TRIGGER event_is_never_changed ON event",
                          "UPDATE baseline SET sha256 = sha256",
                          "DELETE FROM baseline",
                          "TRUNCATE baseline",
                          "DELETE FROM target",
                          "DELETE FROM run",
                          "DELETE FROM fact",
                          "UPDATE fleet_config SET digest = ''",
                          "DELETE FROM fleet_config",
                          "UPDATE migration SET name = ''",
                          "INSERT INTO migration VALUES (99, '', '', 0, '')",
                          "CREATE TABLE mine (x bigint)",
                          "CREATE TEMPORARY TABLE mine (x bigint)",
                          "DROP TABLE event",
                          "DROP SCHEMA codedriftd CASCADE",
                          "SET ROLE codedriftd_owner",
                          "SET session_replication_role = replica",
                          "SELECT codedriftd.grant_rights()"})
    EXPECT_NE(refusal(db, sql), "") << sql;
}

TEST_F(PostgresRoles, TheReaderReadsAndNothingElse) {
  Database db = postgres::open(place("codedriftd_reader"), Access::read);
  EXPECT_TRUE(check_schema(db).ok());
  EXPECT_EQ(refusal(db, "SELECT * FROM event; SELECT * FROM v_status"), "");
  db.execute("SET default_transaction_read_only = off");
  for (const char* sql :
       {"INSERT INTO fact VALUES ('a', 'b')", "UPDATE target SET live = NULL", "DELETE FROM outbox",
        "SELECT * FROM target FOR UPDATE", "SELECT pg_advisory_lock(1)", "SET ROLE codedriftd_writer"})
    EXPECT_NE(refusal(db, sql), "") << sql;
}

TEST_F(PostgresRoles, AStrangerDoesNotGetIn) {
  Database administrator = postgres::open(place("postgres", "postgres"), Access::write);
  administrator.execute("DROP ROLE IF EXISTS stranger; CREATE ROLE stranger LOGIN");
  for (const char* user : {"stranger", "codedriftd_owner"})
    EXPECT_THROW(postgres::open(place(user), Access::read), StoreError) << user;
}

TEST_F(PostgresRoles, NotEvenTheOwnerChangesAnEvent) {
  Database owner = postgres::open(place("postgres"), Access::write);
  owner.execute("SET ROLE codedriftd_owner");
  owner.execute(
      "INSERT INTO event (seq, id, time_ms, kind, severity, actor, body, leaf_hash) VALUES "
      "(1000, 'x', 0, 'x', 'info', '', '', decode(repeat('00', 32), 'hex'))");
  for (const char* sql : {"UPDATE event SET kind = 'x'", "DELETE FROM event", "TRUNCATE event CASCADE"}) {
    try {
      owner.execute(sql);
      ADD_FAILURE() << sql;
    } catch (const StoreError& error) {
      EXPECT_NE(std::string(error.what()).find("append-only"), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace codedriftd::test
