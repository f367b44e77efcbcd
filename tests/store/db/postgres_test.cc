#include "store/db/postgres.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>
#include <csignal>
#include <map>
#include <tuple>

#include "store/db/migrate.h"
#include "store/db/sqlite.h"
#include "store/db/writer.h"
#include "store/store_support.h"
#include "support/postgres_server.h"
#include "support/seed.h"

namespace codedriftd::test {
namespace {

using namespace std::chrono_literals;
using postgres::Access;
using Refusal = StoreError::Kind;

/// A database of its own on the shared server, empty.
class PostgresTest : public testing::Test {
 protected:
  PostgresTest() : place_(PostgresServer::shared().place(name_)) {
    administrator_.execute("CREATE DATABASE " + name_);
    db_.emplace(postgres::open(place_, Access::write));
    db_->execute("CREATE SCHEMA codedriftd; CREATE TABLE thing (id bigint PRIMARY KEY, name text, bytes bytea)");
  }
  ~PostgresTest() override {
    db_.reset();
    administrator_.execute("DROP DATABASE " + name_ + " WITH (FORCE)");
  }
  Database& db() { return *db_; }
  /// Ends all connections to the database, as a server does that goes away.
  void cut() {
    administrator_.query_once("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ?", name_).step();
  }

  const std::string name_ = std::string("engine") + std::to_string(++made_);
  postgres::Place place_;
  Database administrator_ = postgres::open(PostgresServer::shared().place("postgres"), Access::write);
  std::optional<Database> db_;
  static inline int made_ = 0;
};

std::pair<Refusal, std::string> store_failure_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const StoreError& error) {
    return {error.kind(), error.what()};
  }
  ADD_FAILURE() << "nothing failed";
  return {};
}
Refusal kind_of_failure(const std::function<void()>& call) { return store_failure_of(call).first; }

TEST(PostgresParameters, AreNumberedAsItsServerCountsThem) {
  const std::pair<const char*, const char*> cases[] = {
      {"SELECT 1", "SELECT 1"},
      {"a = ? AND b = ?", "a = $1 AND b = $2"},
      {"a = ?2 AND b = ?1 AND c = ?2", "a = $2 AND b = $1 AND c = $2"},
      {"a = ?3 AND b = ?", "a = $3 AND b = $4"},
      {"'it''s ?' || ? || \"odd?\"", "'it''s ?' || $1 || \"odd?\""},
      {"a = ? -- why?\nAND b = ?", "a = $1 -- why?\nAND b = $2"},
      {"a = ? -- why?", "a = $1 -- why?"},
      {"?", "$1"},
      {"1 - ?-1", "1 - $1-1"},
      {"'?", "'?"},
      {"", ""},
  };
  for (const auto& [sql, expected] : cases) EXPECT_EQ(postgres::numbered_parameters(sql), expected) << sql;
}

TEST_F(PostgresTest, QueriesBindAndReadEveryType) {
  const std::string bytes("\0\xff\n", 3), text = "süß '\\";
  EXPECT_EQ(db().run("INSERT INTO thing VALUES (?, ?, ?)", INT64_MIN, text, Blob{bytes}), 1);
  EXPECT_EQ(db().run("INSERT INTO thing VALUES (?, ?, ?)", 7, nullptr, std::optional<Sha256>()), 1);
  auto row = db().query("SELECT id, name, bytes, id < 0, length(name), 7::smallint FROM thing WHERE id = ?", INT64_MIN);
  ASSERT_TRUE(row.step());
  EXPECT_EQ(row.integer(0), INT64_MIN);
  EXPECT_EQ(row.text(1), text);
  EXPECT_EQ(row.text(2), bytes);
  EXPECT_TRUE(row.boolean(3));
  EXPECT_EQ(row.integer(4), 6);
  EXPECT_EQ(row.integer(5), 7);
  EXPECT_FALSE(row.step());
  auto nothing = db().query("SELECT name, bytes FROM thing WHERE id = 7");
  ASSERT_TRUE(nothing.step());
  EXPECT_TRUE(nothing.null(0));
  EXPECT_EQ(nothing.text(0), "");
  EXPECT_EQ(nothing.optional_sha256(1), std::nullopt);
}

TEST_F(PostgresTest, AKeptStatementTakesAnyTypesAndSeveralRunAtOnce) {
  for (int round = 0; round < 2; ++round) {
    for (const std::optional<int64_t>& id : {std::optional<int64_t>(3), std::optional<int64_t>()}) {
      auto outer =
          db().query("SELECT coalesce(?, id) FROM (VALUES (CAST(1 AS BIGINT)), (2)) AS t (id) ORDER BY id", id);
      std::string seen;
      while (outer.step()) {
        auto inner = db().query("SELECT CAST(? AS BIGINT) + 10", outer.integer(0));
        while (inner.step()) seen += std::to_string(inner.integer(0)) + " ";
      }
      EXPECT_EQ(seen, id ? "13 13 " : "11 12 ");
    }
  }
}

TEST_F(PostgresTest, ATypeThatIsReadNowhereIsAnErrorAndNoNumber) {
  auto row = db().query_once("SELECT 1.5, now()");
  ASSERT_TRUE(row.step());
  EXPECT_EQ(kind_of_failure([&] { row.integer(0); }), Refusal::other);
  EXPECT_EQ(kind_of_failure([&] { row.text(1); }), Refusal::other);
}

TEST_F(PostgresTest, TellsWhatWentWrongByItsKind) {
  db().run("INSERT INTO thing (id) VALUES (1)");
  EXPECT_EQ(kind_of_failure([&] { db().run("INSERT INTO thing (id) VALUES (1)"); }), Refusal::constraint);
  EXPECT_EQ(kind_of_failure([&] { db().query("SELECT nothing").step(); }), Refusal::other);
  EXPECT_EQ(kind_of_failure([&] { db().query("SELECT ?", std::string("a\0b", 3)).step(); }), Refusal::other);
  EXPECT_EQ(kind_of_failure([&] { db().execute("COPY thing FROM STDIN"); }), Refusal::other);
  EXPECT_EQ(number(db(), "SELECT count(*) FROM thing"), 1) << "and goes on";
}

TEST_F(PostgresTest, CountsWhatItChangesAndNotWhatItReads) {
  EXPECT_EQ(db().run("INSERT INTO thing (id) SELECT generate_series(1, 5)"), 5);
  const int64_t before = db().total_changes();
  EXPECT_EQ(number(db(), "SELECT id FROM thing ORDER BY id DESC"), 5);
  EXPECT_EQ(db().total_changes(), before);
  EXPECT_EQ(db().run("UPDATE thing SET name = 'x' WHERE id > 3"), 2);
  EXPECT_EQ(db().total_changes(), before + 2);
}

TEST_F(PostgresTest, WhatIsReadInATransactionIsOfOneMoment) {
  Database reader = postgres::open(place_, Access::read);
  reader.begin_read();
  EXPECT_EQ(number(reader, "SELECT count(*) FROM thing"), 0);
  db().run("INSERT INTO thing (id) VALUES (1)");
  EXPECT_EQ(number(reader, "SELECT count(*) FROM thing"), 0);
  reader.commit();
  EXPECT_EQ(number(reader, "SELECT count(*) FROM thing"), 1);
}

/// The rows that a stream from `first` on gave, with another statement after each.
std::vector<int64_t> streamed(Database& db, int64_t first) {
  std::vector<int64_t> ids;
  auto rows = db.stream("SELECT id, name FROM thing WHERE id >= ? ORDER BY id", first);
  while (rows.step()) {
    ids.push_back(rows.integer(0));
    auto again = db.query("SELECT name FROM thing WHERE id = ?", ids.back());
    if (!again.step() || again.string(0) != rows.string(1)) ADD_FAILURE() << ids.back();
  }
  EXPECT_FALSE(rows.step());
  return ids;
}

TEST_F(PostgresTest, AStreamGivesEveryRowWhileOtherStatementsRunBetween) {
  db().execute("INSERT INTO thing (id, name) SELECT n, 'n' || n FROM generate_series(1, 1000) AS n");
  for (const bool within : {true, false}) {
    for (const int64_t count : {0, 1, 499, 500, 501, 1000}) {
      if (within) db().begin_read();
      const std::vector<int64_t> ids = streamed(db(), 1001 - count);
      if (within) db().commit();
      ASSERT_EQ(static_cast<int64_t>(ids.size()), count) << within;
      for (int64_t i = 0; i < count; ++i) EXPECT_EQ(ids[static_cast<std::size_t>(i)], 1001 - count + i);
    }
  }
}

TEST_F(PostgresTest, AStreamHoldsSomeRowsAtATimeAndMayBeLeftBeforeItsEnd) {
  db().execute("INSERT INTO thing (id) SELECT n FROM generate_series(1, 2000) AS n");
  db().begin_read();
  for (int i = 0; i < 3; ++i) {
    auto rows = db().stream("SELECT 1000 / (id - 1500) FROM thing ORDER BY id");
    for (int row = 0; row < 1000; ++row) ASSERT_TRUE(rows.step()) << "rows after it were worked out already";
  }
  db().commit();
  db().begin_read();
  EXPECT_EQ(kind_of_failure([&] {
              auto rows = db().stream("SELECT 1000 / (id - 1500) FROM thing ORDER BY id");
              while (rows.step()) continue;
            }),
            Refusal::other)
      << "an error of a later row";
  db().rollback();
  EXPECT_EQ(streamed(db(), 1999).size(), 2U);
}

TEST_F(PostgresTest, AReaderCannotWrite) {
  Database reader = postgres::open(place_, Access::read);
  EXPECT_EQ(kind_of_failure([&] { reader.run("INSERT INTO thing (id) VALUES (1)"); }), Refusal::readonly);
}

TEST_F(PostgresTest, WhatIsRolledBackLeavesNoTrace) {
  db().begin_write();
  db().run("INSERT INTO thing (id) VALUES (1)");
  EXPECT_EQ(kind_of_failure([&] { db().run("INSERT INTO thing (id) VALUES (1)"); }), Refusal::constraint);
  db().rollback();
  db().rollback();
  EXPECT_EQ(number(db(), "SELECT count(*) FROM thing"), 0);
}

TEST_F(PostgresTest, ACommitOfWhatHadFailedIsNoCommit) {
  db().begin_write();
  db().run("INSERT INTO thing (id) VALUES (1)");
  EXPECT_EQ(kind_of_failure([&] { db().run("INSERT INTO thing (id) VALUES (1)"); }), Refusal::constraint);
  const auto [kind, words] = store_failure_of([&] { db().commit(); });
  EXPECT_EQ(kind, Refusal::other);
  EXPECT_NE(words.find("rolled back"), std::string::npos) << words;
  EXPECT_EQ(number(db(), "SELECT count(*) FROM thing"), 0);
}

TEST_F(PostgresTest, AConnectionThatIsLostTakesItsTransactionAlongAndTheNextOneWorks) {
  const auto count = [&] { return number(db(), "SELECT count(*) FROM thing"); };
  db().query("SELECT id FROM thing WHERE id = ?", 1).step();  // kept by the connection that goes
  db().begin_write();
  db().run("INSERT INTO thing (id) VALUES (1)");
  cut();
  EXPECT_EQ(kind_of_failure([&] { db().run("INSERT INTO thing (id) VALUES (2)"); }), Refusal::unavailable);
  EXPECT_EQ(kind_of_failure([&] { db().run("INSERT INTO thing (id) VALUES (3)"); }), Refusal::unavailable)
      << "not in a transaction of another connection";
  EXPECT_EQ(kind_of_failure([&] { db().commit(); }), Refusal::unavailable) << "nor is it done";
  db().rollback();
  EXPECT_EQ(count(), 0);
  db().begin_write();
  EXPECT_FALSE(db().query("SELECT id FROM thing WHERE id = ?", 1).step());
  db().run("INSERT INTO thing (id) VALUES (4)");
  db().commit();
  EXPECT_EQ(count(), 1);
}

TEST_F(PostgresTest, AConnectionThatIsLostBetweenTransactionsIsMadeAnew) {
  for (int round = 0; round < 2; ++round) {
    cut();
    db().begin_write();
    db().run("INSERT INTO thing (id) VALUES (?)", round);
    db().commit();
    cut();
    db().begin_read();
    EXPECT_EQ(number(db(), "SELECT count(*) FROM thing"), round + 1);
    db().rollback();
  }
}

TEST_F(PostgresTest, ACommitWithoutAnAnswerIsInDoubt) {
  place_.deadline = 1s;
  db().execute(
      "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(4); RETURN NULL; END $$; "
      "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON thing DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE "
      "FUNCTION "
      "slow()");
  Database hasty = postgres::open(place_, Access::write);
  hasty.begin_write();
  hasty.run("INSERT INTO thing (id) VALUES (1)");
  EXPECT_EQ(kind_of_failure([&] { hasty.commit(); }), Refusal::in_doubt);
  hasty.rollback();
  EXPECT_EQ(number(hasty, "SELECT 1"), 1) << "it connects anew";
}

/// A writer that waits for nothing, and counts instead of dying.
struct CountingWriter {
  explicit CountingWriter(Database db) : writer(std::move(db), clock, options()) {}
  Writer::Options options() {
    Writer::Options made;
    made.fatal = [this](const std::string&) { ++deaths; };
    return made;
  }
  SystemClock clock;
  std::atomic<int> deaths{0};
  Writer writer;
};

TEST_F(PostgresTest, AWriterWhoseCommitIsInDoubtEnds) {
  db().execute(
      "CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'simulated'; RETURN NULL; END "
      "$$; CREATE CONSTRAINT TRIGGER warn AFTER INSERT ON thing DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE "
      "FUNCTION warn()");
  CountingWriter counting(postgres::open(place_, Access::write));
  EXPECT_THROW(counting.writer.run([](Tx& tx) { tx.db.run("INSERT INTO thing (id) VALUES (1)"); }), StoreError);
  EXPECT_EQ(counting.deaths, 1);
}

TEST_F(PostgresTest, AWriterWhoseConnectionIsLostWithinAWorkFailsItsGroupAndGoesOn) {
  CountingWriter counting(postgres::open(place_, Access::write));
  EXPECT_THROW(counting.writer.run([&](Tx& tx) {
    tx.db.run("INSERT INTO thing (id) VALUES (1)");
    cut();
    tx.db.run("INSERT INTO thing (id) VALUES (2)");
  }),
               StoreError);
  EXPECT_NE(counting.writer.trouble(), "");
  counting.writer.run([](Tx& tx) { tx.db.run("INSERT INTO thing (id) VALUES (3)"); });
  EXPECT_EQ(counting.writer.trouble(), "");
  Database fresh = postgres::open(place_, Access::read);
  EXPECT_EQ(joined(fresh, "SELECT CAST(id AS text) FROM thing ORDER BY id"), "3");
  EXPECT_EQ(counting.deaths, 0);
}

TEST_F(PostgresTest, CommitsAreOnDiskWhateverTheServerIsSetTo) {
  for (const auto& [access, setting] : {std::pair(Access::write, "on"), std::pair(Access::read, "off")}) {
    Database opened = postgres::open(place_, access);
    EXPECT_EQ(text(opened, "SELECT current_setting('synchronous_commit')"), setting)
        << "the server of the tests has it off";
  }
}

TEST_F(PostgresTest, AHostThatTakesConnectionsAndSaysNothingDoesNotKeepItFromTheNext) {
  const TempDir dir;
  const UniqueFd silent(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (dir / ".s.PGSQL.5432").copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(silent.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(silent.get(), 8), 0);
  place_.deadline = 1s;
  place_.hosts.insert(place_.hosts.begin(), {dir.path(), 5432});
  for (const Access access : {Access::write, Access::read}) {
    Database opened = postgres::open(place_, access);
    EXPECT_EQ(number(opened, "SELECT 1"), 1);
  }
}

TEST_F(PostgresTest, ACommitWithAWarningIsInDoubt) {
  db().execute(
      "CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'simulated: may not be "
      "replicated'; RETURN NULL; END $$; CREATE CONSTRAINT TRIGGER warn AFTER INSERT ON thing DEFERRABLE INITIALLY "
      "DEFERRED FOR EACH ROW EXECUTE FUNCTION warn()");
  db().begin_write();
  db().run("INSERT INTO thing (id) VALUES (1)");
  const auto [kind, words] = store_failure_of([&] { db().commit(); });
  EXPECT_EQ(kind, Refusal::in_doubt);
  EXPECT_NE(words.find("simulated: may not be replicated"), std::string::npos) << words;
}

TEST_F(PostgresTest, AStatementWithoutAnAnswerGivesTheConnectionUpAndCancelsNothing) {
  place_.deadline = 1s;
  Database hasty = postgres::open(place_, Access::write);
  EXPECT_EQ(kind_of_failure([&] { hasty.query_once("SELECT pg_sleep(4)").step(); }), Refusal::unavailable);
  EXPECT_EQ(number(hasty, "SELECT 1"), 1);
}

TEST_F(PostgresTest, GivesUpAStatementBeforeItAndWithinIt) {
  int asked = 0;
  db().give_up_when([&] { return ++asked > 3; });
  EXPECT_EQ(kind_of_failure([&] { db().query_once("SELECT pg_sleep(20)").step(); }), Refusal::given_up);
  EXPECT_EQ(asked, 4) << "before it, and while it ran";
  EXPECT_EQ(kind_of_failure([&] { db().query_once("SELECT 1").step(); }), Refusal::given_up);
  db().give_up_when({});
  EXPECT_EQ(number(db(), "SELECT 1"), 1);
}

TEST_F(PostgresTest, AServerThatStandsStillDoesNotStopItsClient) {
  place_.deadline = 1s;
  Database hasty = postgres::open(place_, Access::write);
  const int64_t backend = number(hasty, "SELECT pg_backend_pid()");
  ASSERT_EQ(::kill(static_cast<pid_t>(backend), SIGSTOP), 0);
  EXPECT_EQ(kind_of_failure([&] { hasty.query_once("SELECT 1").step(); }), Refusal::unavailable);
  ::kill(static_cast<pid_t>(backend), SIGCONT);
}

TEST_F(PostgresTest, SaysWhyItCannotConnectAndNeverThePassword) {
  administrator_.execute("DROP ROLE IF EXISTS with_password; CREATE ROLE with_password LOGIN PASSWORD 'another one'");
  postgres::Place nobody = place_.clone(), nowhere = place_.clone(), nothing = place_.clone(), wrong = place_.clone();
  nobody.user = "nobody";
  nowhere.hosts = {{"/nowhere", 1}, {"127.0.0.1", 1}};
  nothing.database = "nothing";
  wrong.user = "with_password";
  const std::tuple<postgres::Place*, Refusal, const char*> cases[] = {
      {&nobody, Refusal::cannot_open, "role \"nobody\" does not exist"},
      {&nowhere, Refusal::unavailable, "/nowhere"},
      {&nothing, Refusal::cannot_open, "database \"nothing\" does not exist"},
      {&wrong, Refusal::cannot_open, "password authentication failed"},
  };
  // What libpq's messages about a connection string would repeat, and what is to be hidden in any case.
  const char* const passwords[] = {"S3cret",    "S3cret Word",           "S3cret=Word", "S3cret%ZZWord", "'S3cret",
                                   "S3cret\\'", "postgresql://S3cret@h", "host=S3cret", "S3cret\nWord",  "/S3cret?x"};
  for (const auto& [wrong_place, kind, expected] : cases) {
    postgres::Place* const place = wrong_place;
    for (const char* password : passwords) {
      place->password = Secret(password);
      const auto [seen, words] = store_failure_of([&] { postgres::open(*place, Access::write); });
      EXPECT_EQ(seen, kind) << words;
      EXPECT_NE(words.find(expected), std::string::npos) << words;
      EXPECT_NE(words.find(place->name()), std::string::npos) << words;
      EXPECT_EQ(words.find("S3cret"), std::string::npos) << words;
    }
    // One that its own stand-in holds.
    place->password = Secret("*");
    EXPECT_EQ(kind_of_failure([&] { postgres::open(*place, Access::write); }), kind);
  }
}

TEST_F(PostgresTest, IsMadeByItsMigrationAndDoesNothingTheSecondTime) {
  db().execute("DROP SCHEMA codedriftd CASCADE");
  const auto& migrations = embedded_migrations(Engine::postgres);
  EXPECT_FALSE(check_schema(db()).ok());
  auto first = migrate(db(), migrations, kStart);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->from, 0);
  EXPECT_EQ(first->to, newest_schema());
  auto second = migrate(db(), migrations, kStart);
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(second->from, newest_schema());
  EXPECT_TRUE(check_schema(db()).ok());
}

TEST_F(PostgresTest, AFailingMigrationLeavesNothing) {
  db().execute("DROP SCHEMA codedriftd CASCADE");
  auto migrations = embedded_migrations(Engine::postgres);
  migrations.push_back({newest_schema() + 1, "bad", "CREATE TABLE more (x bigint); SELECT nothing"});
  EXPECT_THROW((void)migrate(db(), migrations, kStart), StoreError);
  EXPECT_EQ(number(db(), "SELECT max(version) FROM migration"), newest_schema());
  EXPECT_EQ(number(db(), "SELECT count(*) FROM pg_class WHERE relname = 'more'"), 0);
}

TEST_F(PostgresTest, RefusesTheSchemaOfSomebodyElseOfANewerProgramAndOfAnotherText) {
  const auto& migrations = embedded_migrations(Engine::postgres);
  const auto refused = [&] {
    const auto report = migrate(db(), migrations, kStart);
    return report ? "nothing" : report.error().message;
  };
  EXPECT_NE(refused().find("has no record of codedriftd"), std::string::npos) << refused();
  db().execute("DROP SCHEMA codedriftd CASCADE");
  ASSERT_TRUE(migrate(db(), migrations, kStart));
  db().execute("INSERT INTO migration VALUES (999, 'newer', '', 0, '')");
  EXPECT_NE(refused().find("has schema version 999, this program knows up to"), std::string::npos) << refused();
  db().execute("DELETE FROM migration WHERE version = 999; UPDATE migration SET sha256 = 'x'");
  EXPECT_NE(refused().find("was applied with another text"), std::string::npos) << refused();
}

using Columns = std::map<std::string, std::vector<std::string>>;  ///< by table or view, in their order

TEST_F(PostgresTest, HasTheTablesViewsAndColumnsThatSqliteHas) {
  db().execute("DROP SCHEMA codedriftd CASCADE");
  ASSERT_TRUE(migrate(db(), embedded_migrations(Engine::postgres), kStart));
  Columns here, there;
  auto rows = db().query(
      "SELECT CAST(c.table_name AS text), CAST(c.column_name AS text) || CASE WHEN t.table_type = 'VIEW' THEN '' WHEN "
      "c.is_nullable = 'NO' THEN ' ' || c.udt_name || ' NOT NULL' ELSE ' ' || c.udt_name END FROM "
      "information_schema.columns AS c JOIN information_schema.tables AS t ON t.table_name = c.table_name AND "
      "t.table_schema = c.table_schema WHERE c.table_schema = 'codedriftd' ORDER BY c.table_name, c.ordinal_position");
  while (rows.step()) here[rows.string(0)].push_back(rows.string(1));
  TempDir dir;
  Database file = sqlite::open_writer(dir / "codedriftd.db");
  ASSERT_TRUE(migrate(file, embedded_migrations(), kStart));
  auto columns = file.query(
      "SELECT s.name, c.name || CASE WHEN s.type = 'view' THEN '' ELSE CASE c.type WHEN 'INTEGER' THEN ' int8' WHEN "
      "'TEXT' THEN ' text' WHEN 'BLOB' THEN ' bytea' ELSE c.type END || CASE WHEN c.\"notnull\" OR c.pk > 0 THEN ' NOT "
      "NULL' ELSE '' END END FROM sqlite_schema AS s, pragma_table_info(s.name) AS c WHERE s.type IN ('table', 'view') "
      "AND s.name NOT LIKE 'sqlite_%' ORDER BY s.name, c.cid");
  while (columns.step()) there[columns.string(0)].push_back(columns.string(1));
  EXPECT_GT(there.size(), 25U);
  EXPECT_EQ(here, there);
}

}  // namespace
}  // namespace codedriftd::test
