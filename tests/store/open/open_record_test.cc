// From [store] to a record that is open, and what `check` finds out about it before.
#include "store/open/open_record.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "settings/load.h"
#include "store/db/migrate.h"
#include "store/db/sqlite.h"
#include "store/open/check_record.h"
#include "store/store_support.h"
#include "support/postgres_server.h"
#include "support/raw_server.h"

namespace codedriftd::test {
namespace {

Settings settings_of(const std::string& keys) {
  auto loaded = load_settings_text("f", "[store]\nfleet = \"prod\"\n" + keys);
  if (!loaded) throw std::runtime_error(format_mistakes(loaded.error()));
  return std::move(*loaded);
}
StoreSettings store_of(const std::string& keys) { return settings_of(keys).store; }

TEST(PostgresPlace, IsWhatTheSettingsSay) {
  const TempDir dir;
  const std::string file = dir.write("password", " S3cretWord\n");
  struct PlaceCase {
    std::string keys, name, tls, ca_file, user;
  };
  const std::string system = "/etc/ssl/certs/ca-certificates.crt";
  for (const PlaceCase& c : std::vector<PlaceCase>{
           {"url = \"postgresql://db1:1,db2/x\"\n", "postgresql://db1:1,db2:5432/x", "verify-full", system,
            "codedriftd_writer"},
           {"url = \"postgresql://db1/x\"\ntls = \"verify-ca\"\nca_file = \"/ca\"\n", "postgresql://db1:5432/x",
            "verify-ca", "/ca", "codedriftd_writer"},
           {"url = \"postgresql://db1/x\"\ntls = \"require\"\n", "postgresql://db1:5432/x", "require", "",
            "codedriftd_writer"},
           {"url = \"postgresql:///run/pg/x\"\nuser = \"me\"\n", "postgresql:///run/pg:5432/x", "disable", "", "me"}}) {
    const postgres::Place place = place_of(store_of(c.keys + "password_file = \"" + file + "\"\n"));
    EXPECT_EQ(place.name(), c.name);
    EXPECT_EQ(place.tls, c.tls) << c.keys;
    EXPECT_EQ(place.ca_file, c.ca_file) << c.keys;
    EXPECT_EQ(place.user, c.user) << c.keys;
    EXPECT_EQ(place.password.reveal(), "S3cretWord");
    EXPECT_EQ(place.role, "");
  }
}

TEST(PostgresPlace, OfWhoReadsAndOfWhoMigratesHaveTheirOwnNamesAndPasswords) {
  const TempDir dir;
  StoreSettings store =
      store_of("url = \"postgresql://db1/x\"\npassword_file = \"" + dir.write("w", "of-writer") + "\"\n");
  EXPECT_EQ(reading_place_of(store).user, "codedriftd_writer");
  EXPECT_EQ(reading_place_of(store).password.reveal(), "of-writer");
  store.reader = "codedriftd_reader";
  EXPECT_EQ(reading_place_of(store).user, "codedriftd_reader");
  EXPECT_TRUE(reading_place_of(store).password.empty()) << "another's is not sent";
  store.reader_password_file = dir.write("r", "of-reader");
  EXPECT_EQ(reading_place_of(store).password.reveal(), "of-reader");
  const postgres::Place owner = owning_place_of(store, "alice", dir.write("a", "of-alice"));
  EXPECT_EQ(owner.user + " " + owner.role + " " + std::string(owner.password.reveal()),
            "alice codedriftd_owner of-alice");
  EXPECT_TRUE(owning_place_of(store, "", "").password.empty());
}

TEST(PostgresPlace, TakesFilesOfTheServicesCredentialFolder) {
  const TempDir dir;
  dir.write("db.password", "S3cretWord");
  const StoreSettings store = store_of(
      "url = \"postgresql://db1/x\"\npassword_file = \"db.password\"\ncertificate = \"db.pem\"\nkey = \"db.key\"\n");
  EXPECT_THROW(place_of(store), StoreError);
  ::setenv("CREDENTIALS_DIRECTORY", dir.path().c_str(), 1);
  const postgres::Place place = place_of(store);
  ::unsetenv("CREDENTIALS_DIRECTORY");
  EXPECT_EQ(place.password.reveal(), "S3cretWord");
  EXPECT_EQ(place.certificate, dir / "db.pem");
  EXPECT_EQ(place.key, dir / "db.key");
}

TEST(SqliteReader, IsOfTheFileInTheStateFolder) {
  const TempDir dir;
  Settings settings;
  settings.state_dir = dir.path();
  EXPECT_THROW(open_reader(settings), StoreError);
  Database writer = sqlite::open_writer(settings.database());
  ASSERT_TRUE(migrate(writer, embedded_migrations(), kStart));
  Database reader = open_reader(settings);
  EXPECT_TRUE(check_schema(reader));
  EXPECT_THROW(reader.execute("DELETE FROM fact"), StoreError);
}

/// Databases of one server, each set up as config/postgres/roles.sql says.
class PostgresRecord : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    server().create_database_with_roles("good");
    migrate_as_owner("good");
  }
  static PostgresServer& server() { return PostgresServer::shared(); }
  static void migrate_as_owner(const std::string& database) {
    Database owner = postgres::open(server().place(database), postgres::Access::write);
    owner.execute("SET ROLE codedriftd_owner");
    ASSERT_TRUE(migrate(owner, embedded_migrations(Engine::postgres), kStart));
  }
  static void administrate(const std::string& database, const std::string& sql) {
    postgres::open(server().place(database), postgres::Access::write).execute(sql);
  }
  static StoreSettings store(const std::string& database, const std::string& more = "") {
    return store_of("url = \"" + server().url(database) + "\"\n" + more);
  }
  /// The only fault: its key and its words; "" if there is none.
  static std::string fault(const RecordCheck& check) {
    EXPECT_LE(check.faults.size(), 1U);
    return check.faults.empty() ? "" : check.faults.front().key + ": " + check.faults.front().words;
  }
};

TEST_F(PostgresRecord, IsOpenedForReading) {
  Settings settings = settings_of("url = \"" + server().url("good") + "\"\n");
  for (const char* role : {"", "codedriftd_reader"}) {
    settings.store.reader = role;
    Database reader = open_reader(settings);
    EXPECT_TRUE(check_schema(reader));
    EXPECT_EQ(text(reader, "SELECT current_user"), *role == '\0' ? "codedriftd_writer" : role);
    EXPECT_THROW(reader.execute("INSERT INTO fact VALUES ('a', 'b')"), StoreError);
  }
}

TEST_F(PostgresRecord, ThatADaemonCanWorkWithHasNoFault) {
  for (const char* more : {"", "reader = \"codedriftd_reader\"\n"}) {
    const RecordCheck check = check_record(store("good", more));
    EXPECT_EQ(fault(check), "");
    EXPECT_TRUE(check.warnings.empty());
    EXPECT_EQ(check.schema, newest_schema());
  }
}

TEST_F(PostgresRecord, SaysWhatARoleMayNot) {
  administrate("good",
               "CREATE ROLE no_rights LOGIN; GRANT CONNECT ON DATABASE good TO no_rights;"
               "CREATE ROLE looks_on LOGIN IN ROLE codedriftd_reader; ALTER ROLE looks_on SET "
               "default_transaction_read_only = off");
  struct RoleCase {
    std::string user, begin, word;
  };
  for (const RoleCase& c :
       std::vector<RoleCase>{{"codedriftd_reader", "url: ", "takes no writes from the role codedriftd_reader"},
                             {"no_rights", "url: ", "may not read the record in its schema codedriftd"},
                             {"looks_on", "user: ", "the role looks_on may not INSERT event, INSERT baseline"},
                             {"codedriftd_owner", "url: ", "not permitted to log in"},
                             {"nobody_at_all", "url: ", "does not exist"}}) {
    const std::string found = fault(check_record(store("good", "user = \"" + c.user + "\"\n")));
    EXPECT_TRUE(found.starts_with(c.begin)) << found;
    EXPECT_NE(found.find(c.word), std::string::npos) << found;
  }
  const RecordCheck reader = check_record(store("good", "reader = \"no_rights\"\n"));
  EXPECT_TRUE(fault(reader).starts_with("reader: ")) << fault(reader);
  const RecordCheck all_rights = check_record(store("good", "user = \"postgres\"\n"));
  EXPECT_EQ(fault(all_rights), "");
  ASSERT_EQ(all_rights.warnings.size(), 1U);
  EXPECT_NE(all_rights.warnings[0].words.find("may change and delete events"), std::string::npos);
}

TEST_F(PostgresRecord, SaysWhatADatabaseIsNot) {
  server().create_database_with_roles("empty_one");
  administrate("postgres", "CREATE DATABASE somebody_elses");
  administrate("somebody_elses", "CREATE TABLE public.theirs (x bigint)");
  server().create_database_with_roles("newer");
  migrate_as_owner("newer");
  administrate("newer", "INSERT INTO codedriftd.migration VALUES (999, 'later', '', 0, 'x')");
  server().create_database_with_roles("older");
  migrate_as_owner("older");
  administrate("older", "UPDATE codedriftd.migration SET version = version - 1");
  struct DatabaseCase {
    std::string database, word;
  };
  for (const DatabaseCase& c : std::vector<DatabaseCase>{{"none", "does not exist"},
                                                         {"empty_one", "has no record of codedriftd in its schema"},
                                                         {"somebody_elses", "choose another database"},
                                                         {"newer", "has schema version 999"},
                                                         {"older", "run `codedriftd migrate`"}}) {
    const std::string found = fault(check_record(store(c.database)));
    EXPECT_TRUE(found.starts_with("url: ")) << found;
    EXPECT_NE(found.find(c.word), std::string::npos) << found;
  }
}

TEST_F(PostgresRecord, SaysThatNobodyAnswersAndHoldsNoPassword) {
  const TempDir dir;
  const std::string file = dir.write("password", "S3cretWord");
  const std::string nobody = fault(check_record(
      store_of("url = \"postgresql://" + dir.path().string() + "/x\"\npassword_file = \"" + file + "\"\n")));
  EXPECT_TRUE(nobody.starts_with("url: ")) << nobody;
  EXPECT_NE(nobody.find("No such file"), std::string::npos) << nobody;

  administrate("postgres", "CREATE ROLE with_password LOGIN PASSWORD 'another'");
  const std::string wrong =
      fault(check_record(store("good", "user = \"with_password\"\npassword_file = \"" + file + "\"\n")));
  EXPECT_NE(wrong.find("password authentication failed"), std::string::npos) << wrong;
  for (const std::string& words : {nobody, wrong}) EXPECT_EQ(words.find("S3cret"), std::string::npos) << words;

  std::filesystem::permissions(file, std::filesystem::perms::others_read, std::filesystem::perm_options::add);
  const std::string open = fault(check_record(store("good", "password_file = \"" + file + "\"\n")));
  EXPECT_TRUE(open.starts_with("password_file: " + file + ": holds a secret, but its mode")) << open;
}

TEST_F(PostgresRecord, NoticesThatItsSessionIsNotItsOwn) {
  Database db = postgres::open(server().place("good"), postgres::Access::write);
  EXPECT_EQ(session_trouble(db), "");
  for (const char* lost : {"lock_timeout", "search_path"}) {
    db.execute(std::string("SET ") + lost + " TO DEFAULT; SET " + lost + " = '0'");
    EXPECT_NE(session_trouble(db).find("pooler"), std::string::npos) << lost;
    db.execute(std::string("RESET ") + lost);
    EXPECT_EQ(session_trouble(db), "") << lost;
  }
}

TEST(PostgresCheck, LeavesToTheServiceWhatItAloneIsGiven) {
  const RecordCheck check = check_record(store_of("url = \"postgresql://db1/x\"\npassword_file = \"db.password\"\n"));
  EXPECT_TRUE(check.faults.empty());
  ASSERT_EQ(check.warnings.size(), 1U);
  EXPECT_EQ(check.warnings[0].key, "password_file");
  EXPECT_NE(check.warnings[0].words.find("the record was not tried"), std::string::npos) << check.warnings[0].words;
}

TEST(PostgresCheck, KnowsAPoolerByItsRefusal) {
  using namespace std::literals;
  const RawServer pooler(0, std::nullopt, [](Connection& client) {
    if (!client.wait_readable()) return;
    const std::string fields = "SFATAL\0C08P01\0Munsupported startup parameter: options\0\0"s;
    client.send("E\0\0\0"s + static_cast<char>(fields.size() + 4) + fields);
    client.end();
    client.wait_for_peer_to_leave();
  });
  const RecordCheck check = check_record(
      store_of("url = \"postgresql://127.0.0.1:" + std::to_string(pooler.port()) + "/x\"\ntls = \"disable\"\n"));
  ASSERT_EQ(check.faults.size(), 1U);
  EXPECT_NE(check.faults[0].words.find("a connection pooler is in between"), std::string::npos)
      << check.faults[0].words;
}

TEST(PostgresStandby, TakesNoWritesAndAnswersWhatItHas) {
  PostgresServer server(PostgresServer::Kind::durable);
  server.create_database_with_roles("codedriftd");
  {
    Database owner = postgres::open(server.place("codedriftd"), postgres::Access::write);
    owner.execute("SET ROLE codedriftd_owner");
    ASSERT_TRUE(migrate(owner, embedded_migrations(Engine::postgres), kStart));
  }
  server.become_standby();
  const Settings settings = settings_of("url = \"" + server.url("codedriftd") + "\"\n");
  const RecordCheck check = check_record(settings.store);
  ASSERT_EQ(check.faults.size(), 1U);
  EXPECT_NE(check.faults[0].words.find("a standby answers, and no server that takes writes; name the primary"),
            std::string::npos)
      << check.faults[0].words;
  EXPECT_THROW(open_reader(settings), StoreError) << "it may be behind";
  Database behind = postgres::open(reading_place_of(settings.store), postgres::Access::read);
  EXPECT_TRUE(check_schema(behind));
}

}  // namespace
}  // namespace codedriftd::test
