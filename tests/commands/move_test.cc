// What moving a record does where a server does not say whether it took it. The rest: store/move, e2e.
#include "commands/move.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "commands/maintain.h"
#include "service/record_head.h"
#include "service/stay.h"
#include "settings/load.h"
#include "store/db/migrate.h"
#include "store/db/sqlite.h"
#include "support/postgres_server.h"
#include "support/temp_dir.h"

namespace codedriftd::test {
namespace {

class MoveInDoubt : public testing::Test {
 protected:
  MoveInDoubt() {
    PostgresServer::shared().create_database_with_roles("moved");
    administrator().execute("CREATE ROLE mover LOGIN IN ROLE codedriftd_owner");
    auto loaded =
        load_settings_text("f", "[store]\nfleet = \"prod\"\nurl = \"" + PostgresServer::shared().url("moved") + "\"\n");
    settings = std::move(loaded).value();
    settings.state_dir = dir.path();
    Database db = sqlite::open_writer(settings.database());
    if (auto migrated = migrate(db, embedded_migrations(), clock.wall()); !migrated)
      throw std::runtime_error(migrated.error().message);
    Ledger ledger("ops-1", "ops-1/codedriftd");
    Tx tx(db);
    stay::begin_log_if_empty(tx, ledger, clock.wall());
    if (run_migrate(settings, {.user = "mover", .password_file = ""}, out, err) != 0)
      throw std::runtime_error(err.str());
  }
  ~MoveInDoubt() override {
    Database all = postgres::open(PostgresServer::shared().place("postgres"), postgres::Access::write);
    all.execute("DROP DATABASE moved WITH (FORCE)");
    all.execute("DROP ROLE mover");
  }
  static Database administrator() {
    return postgres::open(PostgresServer::shared().place("moved"), postgres::Access::write);
  }
  /// What the server does within the COMMIT, after all that is deferred was asked for.
  static void in_commit(const std::string& what) {
    administrator().execute(
        "CREATE SCHEMA other; CREATE TABLE other.late (n int); CREATE FUNCTION other.in_commit() RETURNS trigger "
        "LANGUAGE plpgsql AS $$ BEGIN " +
        what +
        "; RETURN NULL; END $$; CREATE CONSTRAINT TRIGGER in_commit AFTER INSERT ON other.late DEFERRABLE INITIALLY "
        "DEFERRED FOR EACH ROW EXECUTE FUNCTION other.in_commit(); CREATE FUNCTION other.add() RETURNS trigger "
        "LANGUAGE "
        "plpgsql AS $$ BEGIN SET CONSTRAINTS other.in_commit DEFERRED; INSERT INTO other.late VALUES (1); RETURN NULL; "
        "END $$; CREATE CONSTRAINT TRIGGER add AFTER INSERT ON codedriftd.event DEFERRABLE INITIALLY DEFERRED FOR EACH "
        "ROW EXECUTE FUNCTION other.add(); GRANT USAGE ON SCHEMA other TO PUBLIC; GRANT INSERT ON other.late TO "
        "PUBLIC; "
        "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA other TO PUBLIC");
  }
  int move() {
    return run_move(
        {"--from", "sqlite", "--to", "postgres", "--user", "mover"}, [this] { return settings; }, clock, out, err);
  }
  static int64_t events() {
    Database db = administrator();
    auto row = db.query("SELECT count(*) FROM event");
    return row.step() ? row.integer(0) : -1;
  }

  const SystemClock clock;
  const TempDir dir;
  Settings settings;
  std::ostringstream out, err;
};

TEST_F(MoveInDoubt, IsDoneWhereTheCommitWasDurable) {
  in_commit("RAISE WARNING 'simulated'");
  EXPECT_EQ(move(), 0) << err.str();
  EXPECT_EQ(events(), 1);
  EXPECT_FALSE(std::filesystem::exists(settings.database()));
  const auto head = record_head::read(settings.head_file());
  ASSERT_TRUE(head);
  EXPECT_EQ(head->seq, 0);
  EXPECT_EQ(head->origin, "ops-1/codedriftd");
}

TEST_F(MoveInDoubt, LeavesTheFileWhereTheCommitLeftNoTrace) {
  in_commit("PERFORM pg_terminate_backend(pg_backend_pid())");
  EXPECT_EQ(move(), 1) << out.str();
  EXPECT_EQ(events(), 0);
  EXPECT_TRUE(std::filesystem::exists(settings.database()));
  EXPECT_FALSE(record_head::read(settings.head_file()));
}

}  // namespace
}  // namespace codedriftd::test
