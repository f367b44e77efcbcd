#include "commands/alerts.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <sstream>

#include "base/json.h"
#include "commands/command_line.h"
#include "control/verbs.h"
#include "service/record_head.h"
#include "store/db/lock.h"
#include "store/db/migrate.h"
#include "store/db/sqlite.h"
#include "store/outbox/outbox.h"
#include "store/record/facts.h"
#include "support/manual_clock.h"
#include "support/temp_dir.h"

namespace codedriftd::test {
namespace {

using namespace std::chrono_literals;
using Strings = std::vector<std::string>;

class AlertsTest : public testing::Test {
 protected:
  AlertsTest() {
    settings.state_dir = dir / "state";
    settings.runtime_dir = dir / "run";
    settings.instance = "test";
    for (const char* name : {"ops", "pager"}) {
      AlertSettings alert;
      alert.subscription.name = name;
      alert.plugin = "nosuch";
      settings.alerts.push_back(alert);
    }
    std::filesystem::create_directory(settings.state_dir);
  }

  void make_database() {
    Database db = sqlite::open_writer(settings.database());
    ASSERT_TRUE(migrate(db, embedded_migrations(), clock.wall()).ok());
    facts::write(db, "log_origin", "test/codedriftd");
  }
  /// An alert for ops about `function` that came to `state`; its id.
  std::string add(const std::string& function, const std::string& state) {
    Database db = sqlite::open_writer(settings.database());
    Ledger ledger("test", "test/codedriftd");
    ledger.set_routes({{{"ops", {}, {}}, 72h, ""}});
    Tx tx(db);
    NewEvent event;
    event.kind = "drift.detected";
    event.target = "prod/ap-guangzhou/default/" + function + ":$LATEST";
    if (!targets::find(db, *event.target)) targets::insert(db, Target::parse(*event.target).value());
    const std::string id = ledger.append(tx, event, clock.wall()).id;
    db.run("UPDATE outbox SET state = ? WHERE alert_id = ?", state, id);
    return id;
  }
  int alerts(const Strings& args) {
    out.str("");
    err.str("");
    const AlertsPatience patience{.daemon = 20s, .socket = 300ms, .test = 10s};
    return run_alerts(
        args,
        [this] {
          ++loaded;
          return settings;
        },
        clock_of_system, out, err, patience);
  }
  std::string ask(std::string_view sql) {
    Database db = sqlite::open_reader(settings.database());
    auto q = db.query_once(sql);
    return q.step() ? q.string(0) : "(no row)";
  }
  std::string state(const std::string& id) { return ask("SELECT state FROM outbox WHERE alert_id = '" + id + "'"); }

  TempDir dir;
  Settings settings;
  ManualClock clock;
  SystemClock clock_of_system;
  std::ostringstream out, err;
  int loaded = 0;
};

bool has(const std::ostringstream& stream, std::string_view text) {
  return stream.str().find(text) != std::string::npos;
}

TEST_F(AlertsTest, WrongUsageIs64AndSaysWhatWouldBeRightBeforeAnythingIsRead) {
  const struct {
    Strings args;
    const char* message;
  } cases[] = {
      {{}, "replay, drop or test"},
      {{"replya"}, "did you mean replay?"},
      {{"list"}, "there are replay, drop, test"},
      {{"--alert", "ops"}, "the verb comes first"},
      {{"replay"}, "say which alerts"},
      {{"replay", "--to", "pager"}, "say which alerts"},
      {{"replay", "--open"}, "--to NAME"},
      {{"replay", "ID", "--open", "--to", "pager"}, "leave the rest"},
      {{"replay", "--alret", "ops"}, "did you mean --alert?"},
      {{"replay", "--alert"}, "alert"},
      {{"replay", "--alert", ""}, "--alert is empty"},
      {{"replay", "--alert", "ops", "--since", "soon"}, "is not a time"},
      {{"replay", "--alert", "ops", "--until", "soon"}, "is not a time"},
      {{"replay", "--since", "1h", "--until", "2h"}, "is later than"},
      {{"drop", "ID"}, "needs a --reason"},
      {{"drop", "--reason", "x"}, "say which alerts"},
      {{"drop", "--target", "prod/*", "--reason", "x"}, "never where it writes"},
      {{"drop", "ID", "--to", "pager"}, "no option --to"},
      {{"test"}, "alerts test NAME"},
      {{"test", "ops", "pager"}, "alerts test NAME"},
      {{"test", "ops", "--reason", "x"}, "no option --reason"},
  };
  for (const auto& each : cases) {
    EXPECT_EQ(alerts(each.args), 64) << err.str();
    EXPECT_TRUE(has(err, each.message)) << err.str();
    EXPECT_TRUE(has(err, "codedriftd alerts --help"));
    EXPECT_TRUE(out.str().empty());
  }
  EXPECT_EQ(loaded, 0);
}

TEST_F(AlertsTest, HelpSaysWhatEachVerbTakes) {
  const struct {
    Strings args;
    const char* text;
  } cases[] = {{{"--help"}, "gives dead or waiting alerts up"},
               {{"replay", "--help"}, "--open"},
               {{"drop", "--help"}, "--reason TEXT"},
               {{"test", "-h"}, "30 seconds"}};
  for (const auto& each : cases) {
    EXPECT_EQ(alerts(each.args), 0);
    EXPECT_TRUE(has(out, each.text)) << out.str();
    EXPECT_TRUE(has(out, "64 wrong"));
  }
  const char* argv[] = {"codedriftd", "alerts", "--help"};
  std::ostringstream program;
  EXPECT_EQ(run_command_line(3, argv, program, err), 0);
  EXPECT_TRUE(has(program, "replay|drop|test"));
}

TEST_F(AlertsTest, WithoutADaemonItReplaysAndDropsItself) {
  make_database();
  const std::string dead = add("charge", "dead"), pending = add("refund", "pending");
  EXPECT_EQ(alerts({"replay", dead, "--reason", "they are back"}), 0) << err.str();
  EXPECT_TRUE(has(out, "1 alert will be delivered again")) << out.str();
  EXPECT_TRUE(has(out, dead));
  EXPECT_TRUE(has(out, "no daemon runs"));
  EXPECT_EQ(state(dead), "pending");
  EXPECT_EQ(alerts({"drop", "--target", "refund", "--reason", "seen"}), 0) << err.str();
  EXPECT_TRUE(has(out, "1 alert dropped"));
  EXPECT_EQ(state(pending), "dropped");
  EXPECT_EQ(ask("SELECT actor FROM event WHERE kind = 'alert.dropped'"), actor_of(::getuid()));
  EXPECT_EQ(alerts({"replay", "--target", "refund", "--to", "pager", "--json"}), 0) << err.str();
  EXPECT_EQ(Json::parse(out.str().substr(0, out.str().find('\n'))).at("count"), 1);
  EXPECT_EQ(ask("SELECT state FROM outbox WHERE destination = 'pager'"), "pending");
}

TEST_F(AlertsTest, WithoutADaemonWhereTheRecordEndsIsKeptUnlessItWasRestored) {
  make_database();
  const std::string dead = add("charge", "dead");
  EXPECT_EQ(alerts({"replay", dead}), 0) << err.str();
  const auto kept = record_head::read(settings.head_file());
  {
    Database db = sqlite::open_reader(settings.database());
    ASSERT_TRUE(kept);
    EXPECT_EQ(*kept, record_head::of(db, "test/codedriftd"));
    EXPECT_GT(kept->seq, 0);
  }
  const RecordHead later{"test/codedriftd", 4711, "of the record that was here", clock.wall()};
  record_head::write(settings.head_file(), later);
  const std::string other = add("refund", "dead");
  EXPECT_EQ(alerts({"replay", other}), 0) << err.str();
  EXPECT_EQ(record_head::read(settings.head_file()), later) << "the daemon is to see it";
}

TEST_F(AlertsTest, WhatMatchesNothingIs1AndAnUnknownDestination64) {
  make_database();
  add("charge", "dead");
  EXPECT_EQ(alerts({"replay", "NOSUCH"}), 1);
  EXPECT_TRUE(has(err, "no dead or dropped alert NOSUCH")) << err.str();
  EXPECT_EQ(alerts({"replay", "--target", "charge", "--to", "pagre"}), 64);
  EXPECT_TRUE(has(err, "did you mean pager?")) << err.str();
  EXPECT_EQ(alerts({"test", "oops"}), 64);
  EXPECT_TRUE(has(err, "did you mean ops?")) << err.str();
  EXPECT_TRUE(out.str().empty());
}

TEST_F(AlertsTest, WithoutARecordItSaysSo) {
  EXPECT_EQ(alerts({"replay", "--alert", "ops"}), 1);
  EXPECT_TRUE(has(err, "there is no database")) << err.str();
  EXPECT_FALSE(std::filesystem::exists(settings.database()));
  EXPECT_FALSE(std::filesystem::exists(settings.lock_file()));
  std::filesystem::remove(settings.state_dir);
  EXPECT_EQ(alerts({"replay", "--alert", "ops"}), 1);
  EXPECT_TRUE(has(err, "there is no such folder")) << err.str();
}

TEST_F(AlertsTest, ARecordOfAnOlderProgramIsLeftToMigrate) {
  {
    Database db = sqlite::open_writer(settings.database());
    const auto& all = embedded_migrations();
    ASSERT_TRUE(migrate(db, {all.begin(), all.begin() + 1}, clock.wall()).ok());
  }
  EXPECT_EQ(alerts({"replay", "--alert", "ops"}), 1);
  EXPECT_TRUE(has(err, "migrate")) << err.str();
}

TEST_F(AlertsTest, ADaemonThatHoldsTheLockButDoesNotListenIsNamed) {
  make_database();
  const std::string dead = add("charge", "dead");
  const auto lock = StateLock::take(settings.lock_file());
  ASSERT_TRUE(lock.ok());
  EXPECT_EQ(alerts({"replay", dead}), 1);
  EXPECT_TRUE(has(err, "nobody listens there")) << err.str();
  EXPECT_TRUE(has(err, "pid " + std::to_string(::getpid()))) << err.str();
  EXPECT_EQ(state(dead), "dead");
}

TEST_F(AlertsTest, ARunningDaemonIsAskedThroughItsSocket) {
  make_database();
  const std::string dead = add("charge", "dead");
  const auto lock = StateLock::take(settings.lock_file());
  Writer writer(sqlite::open_writer(settings.database()), clock, Writer::Options{});
  Ledger ledger("test", "test/codedriftd");
  writer.run([&](Tx&) { ledger.set_routes({{{"ops", {}, {}}, 72h, ""}}); });
  const Guarded<std::shared_ptr<const Permissions>> permissions(
      std::make_shared<const Permissions>(ControlSettings{}, ::geteuid()));
  const Guarded<std::shared_ptr<const Trust>> trust(std::make_shared<const Trust>());
  const auto server = open_control({settings.runtime_dir, settings.state_dir,
                                    [this] { return sqlite::open_reader(settings.database()); }, permissions, writer,
                                    ledger, clock, trust});
  ASSERT_TRUE(server.ok()) << server.error().message;
  EXPECT_EQ(alerts({"replay", dead}), 0) << err.str();
  EXPECT_TRUE(has(out, "1 alert will be delivered again"));
  EXPECT_FALSE(has(out, "no daemon runs"));
  EXPECT_EQ(state(dead), "pending");
  EXPECT_EQ(alerts({"replay", dead}), 1);
  EXPECT_TRUE(has(err, "no dead or dropped alert " + dead)) << err.str();
  EXPECT_EQ(alerts({"replay", "--alert", "ops", "--to", "pager"}), 64);  // the daemon's configuration counts
  EXPECT_TRUE(has(err, "no [[alert]] is named \"pager\"")) << err.str();
}

TEST_F(AlertsTest, MoreThanAFewAreCountedNotListed) {
  make_database();
  for (int i = 0; i < 25; ++i) add("f" + std::to_string(i), "dead");
  EXPECT_EQ(alerts({"replay", "--alert", "ops"}), 0) << err.str();
  EXPECT_TRUE(has(out, "25 alerts will be delivered again"));
  EXPECT_TRUE(has(out, "… and 5 more"));
}

TEST_F(AlertsTest, ATestWhosePluginCannotBeOpenedIsNotDeliveredAndRecorded) {
  make_database();
  settings.plugin_dir = dir.path().string();
  EXPECT_EQ(alerts({"test", "ops"}), 1) << out.str();
  EXPECT_TRUE(has(out, "ops did not take test")) << out.str() << err.str();
  EXPECT_EQ(ask("SELECT state FROM outbox WHERE kind = 'test'"), "dead");
  EXPECT_EQ(ask("SELECT result FROM attempt"), "fault");
  EXPECT_NE(ask("SELECT words FROM attempt"), "");
  EXPECT_EQ(alerts({"test", "ops", "--json"}), 1);
  EXPECT_EQ(Json::parse(out.str()).at("state"), "dead");
}

}  // namespace
}  // namespace codedriftd::test
