// A record that is moved from its file to a server and back: the daemon goes on with it each time.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <thread>

#include "e2e/daemon.h"
#include "e2e/record.h"
#include "store/db/postgres.h"
#include "store/db/sqlite.h"
#include "support/postgres_server.h"

namespace codedriftd::test {
namespace {

class MovedRecord : public testing::Test {
 protected:
  MovedRecord() {
    server_.create_database_with_roles("codedriftd");
    postgres::open(server_.place("codedriftd"), postgres::Access::write)
        .execute("CREATE ROLE alice LOGIN IN ROLE codedriftd_owner");
    daemon_.config.alerts = webhook_alert("ops", daemon_.receiver().url() + "/hook", daemon_.secret_file());
    daemon_.deploy("charge", "reviewed");
  }
  void use(bool server) {
    daemon_.config.more =
        server ? fmt::format("[store]\nurl = \"{}\"\nfleet = \"prod\"\n", server_.url("codedriftd")) : "";
    daemon_.write_config();
  }
  RunResult move(const std::string& from, const std::string& to, const std::string& user = "alice") {
    return daemon_.command({"move", "--from", from, "--to", to, "--user", user});
  }
  void expect_moved(const std::string& from, const std::string& to) {
    const RunResult moved = move(from, to);
    EXPECT_EQ(moved.status, (ExitStatus{0, 0})) << moved.err;
    EXPECT_EQ(moved.err, "");
    EXPECT_NE(moved.out.find("verified in the target"), std::string::npos) << moved.out;
  }
  void expect_refused(const RunResult& refused, std::string_view words) {
    EXPECT_EQ(refused.status, (ExitStatus{1, 0})) << refused.out;
    EXPECT_NE(refused.err.find(words), std::string::npos) << refused.err;
  }
  /// Each event was told of once, and nothing of a record that was restored, or of members that nobody knows.
  void expect_told_once() {
    std::multiset<std::string> ids;
    for (const Json& alert : daemon_.alerts()) ids.insert(alert.at("id").get<std::string>());
    for (const std::string& id : ids) EXPECT_EQ(ids.count(id), 1U) << id;
    const auto kinds = daemon_.kinds();
    for (const char* invented : {"record.restored", "store.rolled_back", "poll.failing", "target.missing"})
      EXPECT_EQ(count_kind(kinds, invented), 0) << invented;
    const auto left = daemon_.rows({"events", "--kind", "fleet.left"});
    for (const Json& row : left) EXPECT_EQ(row.at("data").at("reason"), "stopped") << row;
  }

  PostgresServer server_{PostgresServer::Kind::durable};
  Daemon daemon_;
};

TEST_F(MovedRecord, GoesOnWithItsDriftAndTellsNothingTwice) {
  daemon_.start();
  ASSERT_TRUE(daemon_.wait_for_status("charge", "in_sync"));
  daemon_.deploy("charge", "changed");
  ASSERT_TRUE(daemon_.wait_for_alert("drift.detected")) << daemon_.log();
  use(true);
  expect_refused(move("sqlite", "postgres"), "another codedriftd holds this state folder");
  EXPECT_EQ(daemon_.stop(), (ExitStatus{0, 0}));
  use(false);
  const Json drift = daemon_.status("charge");
  const Json events = daemon_.rows({"events"});
  use(true);
  expect_moved("sqlite", "postgres");
  EXPECT_FALSE(std::filesystem::exists(daemon_.database()));

  EXPECT_EQ(daemon_.status("charge").at("drift_since"), drift.at("drift_since"));
  EXPECT_EQ(daemon_.rows({"events"}), events);
  daemon_.start();
  ASSERT_TRUE(daemon_.wait_for_polls(3)) << daemon_.log();
  EXPECT_EQ(daemon_.status("charge").at("status"), "drifted");
  EXPECT_EQ(daemon_.status("charge").at("drift_since"), drift.at("drift_since"));
  EXPECT_EQ(count_kind(daemon_.kinds(), "drift.detected"), 1);
  daemon_.deploy("charge", "reviewed");
  ASSERT_TRUE(daemon_.wait_for_alert("drift.resolved")) << daemon_.log();
  expect_refused(move("postgres", "sqlite"), "another codedriftd holds this state folder");
  daemon_.deploy("charge", "changed again");
  ASSERT_TRUE(daemon_.wait_for_alert("drift.detected", 2)) << daemon_.log();
  EXPECT_EQ(daemon_.stop(), (ExitStatus{0, 0}));
  expect_told_once();
  const Json second = daemon_.status("charge");

  expect_moved("postgres", "sqlite");
  expect_refused(move("postgres", "sqlite"), "was moved away, to " + daemon_.database());
  expect_refused(move("sqlite", "postgres"), "has a record already");
  daemon_.launch();
  EXPECT_TRUE(daemon_.child().wait_for_output("was moved away", kSoonEnough)) << "with the old configuration";
  daemon_.kill();
  EXPECT_TRUE(whole_record(daemon_.database()));

  use(false);
  daemon_.start();
  ASSERT_TRUE(daemon_.wait_for_polls(3)) << daemon_.log();
  EXPECT_EQ(daemon_.status("charge").at("drift_since"), second.at("drift_since"));
  EXPECT_EQ(count_kind(daemon_.kinds(), "drift.detected"), 2);
  daemon_.deploy("charge", "reviewed");
  ASSERT_TRUE(daemon_.wait_for_alert("drift.resolved", 2)) << daemon_.log();
  EXPECT_EQ(daemon_.stop(), (ExitStatus{0, 0}));
  expect_told_once();
  EXPECT_TRUE(whole_record(daemon_.database()));

  // Once more to the same database, after it was emptied as the manual says.
  postgres::open(server_.place("codedriftd"), postgres::Access::write).execute("DROP SCHEMA codedriftd CASCADE");
  server_.run_roles_script("codedriftd");
  use(true);
  expect_moved("sqlite", "postgres");
  daemon_.start();
  ASSERT_TRUE(daemon_.wait_for_polls(2)) << daemon_.log();
  expect_told_once();
}

TEST_F(MovedRecord, OfADaemonThatWasKilledIsMovedOnceItCountsAsDead) {
  daemon_.start();
  ASSERT_TRUE(daemon_.wait_for_status("charge", "in_sync"));
  daemon_.kill();
  use(true);
  expect_moved("sqlite", "postgres");
  daemon_.start();
  ASSERT_TRUE(daemon_.wait_for_polls(1)) << daemon_.log();
  EXPECT_EQ(count_kind(daemon_.kinds(), "fleet.left"), 0) << "a stay in the file was no member";
  daemon_.kill();
  expect_refused(move("postgres", "sqlite"), "counts as alive for 15 s");
  EXPECT_TRUE(eventually([&] { return move("postgres", "sqlite").status == ExitStatus{0, 0}; }));
  use(false);
  daemon_.start();
  ASSERT_TRUE(daemon_.wait_for_polls(1)) << daemon_.log();
  EXPECT_EQ(daemon_.status("charge").at("status"), "in_sync");
  expect_told_once();
}

TEST_F(MovedRecord, IsRefusedInWordsThatHelp) {
  daemon_.config.more = "";
  daemon_.write_config();
  expect_refused(move("sqlite", "postgres"), "no [store] url");
  EXPECT_EQ(move("sqlite", "sqlite").status, (ExitStatus{64, 0}));
  EXPECT_EQ(move("sqlite", "mysql").status, (ExitStatus{64, 0}));
  EXPECT_EQ(daemon_.command({"move", "--from", "sqlite"}).status, (ExitStatus{64, 0}));
  use(true);
  std::filesystem::create_directory(daemon_.state_dir());
  expect_refused(move("sqlite", "postgres"), "there is no such file");
  expect_refused(move("postgres", "sqlite"), "has no record of codedriftd");
  expect_refused(move("sqlite", "postgres", "codedriftd_writer"), "GRANT codedriftd_owner TO");
  use(false);
  daemon_.start();
  ASSERT_TRUE(daemon_.wait_for_status("charge", "in_sync"));
  EXPECT_EQ(daemon_.stop(), (ExitStatus{0, 0}));

  // A damaged one stays where it is, and nothing is on the server.
  use(true);
  {
    Database db = sqlite::open_writer(daemon_.database());
    db.execute(
        "DROP TRIGGER event_is_never_changed; UPDATE event SET body = CAST(replace(CAST(body AS TEXT), "
        "'charge', 'chargf') AS BLOB) WHERE kind = 'baseline.set'");
  }
  expect_refused(move("sqlite", "postgres"), "is not what was recorded");
  EXPECT_TRUE(std::filesystem::exists(daemon_.database()));
  Database db = postgres::open(server_.place("codedriftd"), postgres::Access::write);
  auto row = db.query("SELECT count(*) FROM event");
  ASSERT_TRUE(row.step());
  EXPECT_EQ(row.integer(0), 0);

  server_.crash();
  expect_refused(move("sqlite", "postgres"), "postgresql://");
}

}  // namespace
}  // namespace codedriftd::test
