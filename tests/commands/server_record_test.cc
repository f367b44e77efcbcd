// What the commands do with a record on a server.
#include <gtest/gtest.h>

#include <sstream>

#include "base/json.h"
#include "commands/adopt.h"
#include "commands/check.h"
#include "commands/maintain.h"
#include "commands/options/usage.h"
#include "commands/query.h"
#include "commands/reach/direct_record.h"
#include "service/record_head.h"
#include "settings/digest.h"
#include "settings/load.h"
#include "store/db/migrate.h"
#include "store/fleet/generations.h"
#include "store/fleet/membership.h"
#include "support/manual_clock.h"
#include "support/postgres_server.h"
#include "support/recorded.h"

namespace codedriftd::test {
namespace {

std::string store_keys(const std::string& url) { return "[store]\nfleet = \"prod\"\nurl = \"" + url + "\"\n"; }
Settings settings_with(const std::string& url) {
  auto loaded = load_settings_text("f", store_keys(url));
  if (!loaded) throw std::runtime_error(format_mistakes(loaded.error()));
  return std::move(*loaded);
}

/// alice may migrate, bob may not.
class ServerRecord : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    PostgresServer::shared().create_database_with_roles("of_commands");
    administrator().execute(
        "CREATE ROLE alice LOGIN IN ROLE codedriftd_owner; CREATE ROLE bob LOGIN; GRANT CONNECT ON DATABASE "
        "of_commands "
        "TO bob");
  }
  static Database administrator() {
    return postgres::open(PostgresServer::shared().place("of_commands"), postgres::Access::write);
  }
  int migrate_as(const std::string& user) {
    out.str("");
    err.str("");
    return run_migrate(settings, {.user = user, .password_file = ""}, out, err);
  }

  const std::string url = PostgresServer::shared().url("of_commands");
  Settings settings = settings_with(url);
  std::ostringstream out, err;
};

TEST_F(ServerRecord, IsMigratedByMembersOfTheOwnerAlone) {
  for (const char* stranger : {"bob", "codedriftd_writer", "codedriftd_owner", "nobody"}) {
    EXPECT_EQ(migrate_as(stranger), 1) << stranger;
    EXPECT_NE(err.str().find("GRANT codedriftd_owner TO"), std::string::npos) << err.str();
  }
  EXPECT_EQ(migrate_as("alice"), 0) << err.str();
  EXPECT_EQ(out.str(), url + ": schema 0 -> " + std::to_string(newest_schema()) + "\n");
  EXPECT_EQ(migrate_as("alice"), 0) << err.str();
  EXPECT_EQ(out.str(), url + ": schema " + std::to_string(newest_schema()) + " is up to date\n");
  Database db = administrator();
  auto owners = db.query_once("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'codedriftd'");
  ASSERT_TRUE(owners.step());
  EXPECT_EQ(owners.text(0), "codedriftd_owner");
  EXPECT_FALSE(owners.step());
}

TEST_F(ServerRecord, OfAFileIsMigratedWithoutThatOfAServer) {
  settings.store.server.reset();
  EXPECT_EQ(migrate_as("alice"), 1);
  EXPECT_NE(err.str().find("the record is a file"), std::string::npos) << err.str();
}

TEST_F(ServerRecord, IsCopiedByItsAdministrator) {
  EXPECT_EQ(run_backup(settings, "-", out, err), 1);
  EXPECT_EQ(out.str(), "");
  EXPECT_NE(err.str().find("pg_dump"), std::string::npos) << err.str();
}

TEST_F(ServerRecord, IsWrittenToByDaemonsAlone) {
  const ManualClock clock;
  try {
    const DirectRecord record(settings, clock);
    ADD_FAILURE() << "opened";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("start the service"), std::string::npos) << error.what();
  }
}

TEST_F(ServerRecord, IsTriedByCheck) {
  const TempDir dir;
  ASSERT_EQ(migrate_as("alice"), 0) << err.str();
  const auto check = [&](const std::string& more, bool json) {
    out.str("");
    err.str("");
    const std::string file = dir.write("codedriftd.toml", store_keys(url) + more + "[daemon]\nplugin_dir = \"/\"\n");
    CheckOptions options;
    options.json = json;
    return run_check(file, options, {}, {}, out, err);
  };
  EXPECT_EQ(check("", false), 0) << err.str();
  EXPECT_NE(out.str().find("The record is in " + url + ", with schema " + std::to_string(newest_schema())),
            std::string::npos)
      << out.str();
  EXPECT_EQ(check("", true), 0) << out.str();
  EXPECT_EQ(Json::parse(out.str()).at("store"), (Json{{"url", url}, {"schema", newest_schema()}}));

  EXPECT_EQ(check("user = \"bob\"\n", false), 1);
  EXPECT_TRUE(err.str().starts_with(dir / "codedriftd.toml" + ":4:8: [store] ") ||
              err.str().starts_with(dir / "codedriftd.toml" + ":3:7: [store] "))
      << err.str();
  EXPECT_NE(err.str().find("may not read the record"), std::string::npos) << err.str();
  EXPECT_EQ(check("user = \"bob\"\n", true), 1);
  EXPECT_EQ(Json::parse(out.str()).at("faults").size(), 1U) << out.str();
  EXPECT_TRUE(Json::parse(out.str()).at("store").at("schema").is_null());
}

int query_events(const Settings& settings, std::ostream& out, std::ostream& err) {
  return run_query(
      {"events", "--json"}, [&] { return settings; }, Recorded::at(100), false, out, err);
}

TEST_F(ServerRecord, IsQueriedAsTheReader) {
  ASSERT_EQ(migrate_as("alice"), 0) << err.str();
  settings.store.reader = "codedriftd_reader";
  out.str("");
  EXPECT_EQ(query_events(settings, out, err), 0) << err.str();
  EXPECT_EQ(Json::parse(out.str()).at("schema"), "codedriftd.events.v1");
  EXPECT_EQ(err.str(), "");
  settings.store.reader = "bob";
  EXPECT_EQ(query_events(settings, out, err), 1);
  EXPECT_NE(err.str().find("may not read the record"), std::string::npos) << err.str();
  settings.store.server->hosts = {{"/nowhere", 5432, true}};
  EXPECT_EQ(query_events(settings, out, err), 1);
  EXPECT_NE(err.str().find("the record cannot be reached"), std::string::npos) << err.str();
}

/// A record of its own, and the folder of a host that was told of an event which the record does not have.
class RolledBackRecord : public testing::Test {
 protected:
  RolledBackRecord() {
    PostgresServer::shared().create_database_with_roles("rolled_back");
    Database db = open("codedriftd_owner");
    if (auto migrated = migrate(db, embedded_migrations(Engine::postgres), Recorded::at(0)); !migrated)
      throw std::runtime_error(migrated.error().message);
    settings.state_dir = dir.path();
    settings.instance = "ops-1";
    settings.log_origin = "ops-1/codedriftd";
    settings.store.user = "codedriftd_writer";
  }
  ~RolledBackRecord() override {
    postgres::open(PostgresServer::shared().place("postgres"), postgres::Access::write)
        .execute("DROP DATABASE rolled_back WITH (FORCE)");
  }
  static Database open(const std::string& role) {
    postgres::Place place = PostgresServer::shared().place("rolled_back");
    place.role = role;
    return postgres::open(place, postgres::Access::write);
  }
  int adopt(std::vector<std::string> args, std::string answer = {}, bool terminal = false) {
    out.str("");
    err.str("");
    std::istringstream in(answer);
    args.insert(args.begin(), "--rolled-back");
    return run_adopt(args, {[this] { return settings; }, clock, in, terminal, out, err});
  }
  Json events() {
    std::ostringstream rows, ignored;
    EXPECT_EQ(query_events(settings, rows, ignored), 0) << ignored.str();
    return Json::parse(rows.str()).at("rows");
  }

  const SystemClock clock;
  const TempDir dir;
  Settings settings = settings_with(PostgresServer::shared().url("rolled_back"));
  const RecordHead lost{"prod/codedriftd", 41, "abcdef", Recorded::at(10)};
  std::ostringstream out, err;
};

TEST_F(RolledBackRecord, IsAdoptedOnceAndSaysWhatIsLost) {
  record_head::write(settings.head_file(), lost);
  ASSERT_EQ(adopt({"--yes"}), 0) << err.str();
  EXPECT_NE(out.str().find("events 0 to 41"), std::string::npos) << out.str();
  EXPECT_NE(out.str().find("adopted: event 1"), std::string::npos) << out.str();
  const Json rows = events();
  ASSERT_EQ(rows.size(), 2U) << rows;
  EXPECT_EQ(rows[0].at("kind"), "log.genesis");
  EXPECT_EQ(rows[0].at("data").at("origin"), "prod/codedriftd");
  EXPECT_EQ(rows[1].at("kind"), "store.rolled_back");
  EXPECT_TRUE(rows[1].at("actor").get<std::string>().starts_with("uid:")) << rows[1];
  EXPECT_EQ(rows[1].at("data").at("to_seq"), 41);
  EXPECT_EQ(rows[1].at("data").at("kept_seq"), Json());
  const auto head = record_head::read(settings.head_file());
  ASSERT_TRUE(head);
  EXPECT_EQ(head->seq, 1);
  EXPECT_EQ(head->id, rows[1].at("id"));
  Database db = open("codedriftd_writer");
  EXPECT_TRUE(Membership::members(db).empty()) << "it has left";

  EXPECT_EQ(adopt({"--yes"}), 0) << err.str();
  EXPECT_NE(out.str().find("nothing that this host was told of is lost"), std::string::npos) << out.str();
  record_head::write(settings.head_file(), lost);
  EXPECT_EQ(adopt({"--yes"}), 0) << "another host, whose loss was adopted: " << err.str();
  EXPECT_EQ(events().size(), 2U);
}

TEST_F(RolledBackRecord, IsAdoptedByWhoSaysYesAlone) {
  record_head::write(settings.head_file(), lost);
  EXPECT_THROW(adopt({}), UsageError);
  for (const char* answer : {"", "y\n", "no\n", "YES\n"}) {
    EXPECT_EQ(adopt({}, answer, true), 1) << answer;
    EXPECT_NE(err.str().find("nothing was adopted"), std::string::npos) << err.str();
  }
  EXPECT_TRUE(events().empty());
  EXPECT_EQ(record_head::read(settings.head_file()), lost);
  EXPECT_EQ(adopt({}, "yes\n", true), 0) << err.str();
  EXPECT_EQ(events().size(), 2U);
}

TEST_F(RolledBackRecord, IsNotAdoptedWhereNothingIsKnownOrItCannotBeReached) {
  EXPECT_EQ(adopt({"--yes"}), 1);
  EXPECT_NE(err.str().find("codedriftd.head"), std::string::npos) << err.str();
  record_head::write(settings.head_file(), lost);
  settings.store.server->hosts = {{"/nowhere", 5432, true}};
  EXPECT_EQ(adopt({"--yes"}), 1);
  EXPECT_NE(err.str().find("the record cannot be reached"), std::string::npos) << err.str();
  settings.store.server.reset();
  EXPECT_EQ(adopt({"--yes"}), 1);
  EXPECT_NE(err.str().find("the record is a file"), std::string::npos) << err.str();
  std::istringstream in;
  EXPECT_THROW(run_adopt({}, {[this] { return settings; }, clock, in, false, out, err}), UsageError);
}

TEST_F(RolledBackRecord, TakesThisHostsConfigurationForThatOfTheFleet) {
  const auto adopt_config = [&](std::vector<std::string> args, const std::string& answer, bool terminal) {
    out.str("");
    err.str("");
    std::istringstream in(answer);
    args.insert(args.begin(), "--config");
    return run_adopt(args, {[this] { return settings; }, clock, in, terminal, out, err});
  };
  Database db = open("codedriftd_writer");
  generations::adopt(db, work_digest(settings), "ops-1", Recorded::at(1));
  EXPECT_EQ(adopt_config({}, "", false), 0) << err.str();
  EXPECT_NE(out.str().find("counts already, as generation 1"), std::string::npos) << out.str();
  generations::adopt(db, "another", "ops-2", Recorded::at(2));
  EXPECT_THROW(adopt_config({}, "", false), UsageError);
  EXPECT_EQ(adopt_config({}, "no\n", true), 1);
  EXPECT_NE(out.str().find("generation 2 (another), which ops-2 brought at "), std::string::npos) << out.str();
  EXPECT_NE(err.str().find("nothing was adopted"), std::string::npos) << err.str();
  EXPECT_TRUE(events().empty());

  EXPECT_EQ(adopt_config({"--yes"}, "", false), 0) << err.str();
  EXPECT_NE(out.str().find("adopted: it is generation 3"), std::string::npos) << out.str();
  const auto counts = generations::current(db);
  ASSERT_TRUE(counts);
  EXPECT_EQ(counts->digest, work_digest(settings));
  EXPECT_TRUE(counts->adopted_by.starts_with("uid:") && counts->adopted_by.ends_with("@ops-1")) << counts->adopted_by;
  const Json rows = events();
  ASSERT_EQ(rows.size(), 2U) << rows;
  EXPECT_EQ(rows[1].at("kind"), "config.loaded");
  EXPECT_EQ(rows[1].at("actor"), counts->adopted_by);
  EXPECT_EQ(rows[1].at("data").at("adopted_by"), counts->adopted_by);
  EXPECT_EQ(rows[1].at("data").at("generation"), 3);
  EXPECT_EQ(rows[1].at("data").at("host"), "ops-1");
  EXPECT_TRUE(Membership::members(db).empty()) << "it has left";

  settings.store.server.reset();
  EXPECT_EQ(adopt_config({"--yes"}, "", false), 1);
  EXPECT_NE(err.str().find("its configuration is the one that counts"), std::string::npos) << err.str();
  EXPECT_THROW(adopt_config({"--rolled-back"}, "", false), UsageError);
}

TEST(StandbyRecord, SaysAsOfWhenItAnswers) {
  PostgresServer server(PostgresServer::Kind::durable);
  server.create_database_with_roles("codedriftd");
  Settings settings = settings_with(server.url("codedriftd"));
  std::ostringstream out, err;
  postgres::open(server.place("codedriftd"), postgres::Access::write)
      .execute("CREATE ROLE alice LOGIN IN ROLE codedriftd_owner");
  ASSERT_EQ(run_migrate(settings, {.user = "alice", .password_file = ""}, out, err), 0) << err.str();
  out.str("");
  ASSERT_EQ(query_events(settings, out, err), 0) << err.str();
  EXPECT_EQ(err.str(), "") << "nothing is missing";
  server.become_standby();
  out.str("");
  EXPECT_EQ(query_events(settings, out, err), 0) << err.str();
  EXPECT_NE(err.str().find("codedriftd: as a standby has it"), std::string::npos) << err.str();
}

}  // namespace
}  // namespace codedriftd::test
