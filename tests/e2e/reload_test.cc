/// What a reload or a restart with another configuration may and may not change.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "e2e/daemon.h"
#include "e2e/record.h"
#include "store/db/sqlite.h"

namespace codedriftd::test {
namespace {

/// Puts a key into two files; the [account.NAME.credentials] that reads them.
std::string key_files(const Daemon& daemon, const std::string& name, const ScfCredential& credential) {
  return fmt::format("source = \"files\"\nsecret_id_file = \"{}\"\nsecret_key_file = \"{}\"",
                     daemon.dir().write(name + ".id", credential.secret_id),
                     daemon.dir().write(name + ".key", credential.secret_key));
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

/// Waits until every alert so far is known to be delivered: a stop or a reload before would send it again.
bool all_delivered(const Daemon& daemon) {
  return eventually([&] {
    const Json rows = daemon.rows({"alerts"});
    return std::all_of(rows.begin(), rows.end(), [](const Json& row) { return row.at("state") == "delivered"; });
  });
}

TEST(Reload, AnAccountAddedWithItsOwnKeyAndFunctionsIsPolled) {
  Daemon daemon;
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  SimulatedScf other(accepting(kSecondKey));
  for (const char* name : {"charge", "refund"}) other.set(Daemon::key(name), hash_of("reviewed"));
  daemon.config.more = fmt::format(
      "[account.stage]\nendpoint = \"{}\"\n[account.stage.credentials]\n{}\n"
      "[[function]]\nnames = [\"charge\", \"refund\"]\naccount = \"stage\"\n",
      other.endpoint(), key_files(daemon, "stage", kSecondKey));
  daemon.write_config();
  daemon.hangup();
  ASSERT_TRUE(eventually([&] { return daemon.query({"status"}).at("summary").at("in_sync") == 3; })) << daemon.log();
  EXPECT_EQ(other.statistics().rejected, 0U) << "asked with another account's key";

  other.set(Daemon::key("charge"), hash_of("hurried"));
  ASSERT_TRUE(daemon.wait_for_alert("drift.detected")) << daemon.log();
  EXPECT_EQ(daemon.alerts().back().at("target").at("address"), "stage/" + Daemon::key("charge"));
  EXPECT_EQ(daemon.status("charge").at("status"), "in_sync") << "of the same name, in the other account";
}

TEST(Reload, AnotherPlaceOfTheRecordNeedsARestart) {
  Daemon daemon;
  daemon.start();
  daemon.config.more = "[store]\nurl = \"postgresql:///run/nowhere/x\"\nfleet = \"prod\"\n";
  daemon.write_config();
  const RunResult reload = daemon.command({"reload"});
  EXPECT_EQ(code_of(reload), 0) << reload.err;
  for (const char* words :
       {"[store] url is now 'postgresql:///run/nowhere/x': that needs a restart, until then it is none",
        "[store] fleet is now 'prod': that needs a restart"})
    EXPECT_NE((reload.out + reload.err).find(words), std::string::npos) << reload.out << reload.err;
  daemon.config.more.clear();
  daemon.write_config();
  EXPECT_TRUE(daemon.wait_for_status("charge", "in_sync")) << daemon.log();
}

TEST(Reload, OfLimitEndpointAndKeyLosesNoPollThatIsInFlight) {
  const ScfLatency slow{.after = {Millis{50}, Millis{400}}};
  Daemon daemon(DaemonOptions{.cloud = accepting(kFirstKey, slow)});
  SimulatedScf other(accepting(kSecondKey, slow));
  daemon.config.functions.clear();
  for (const char* name : {"charge", "refund", "invoice", "ship", "bill", "mail"}) {
    daemon.config.functions.emplace_back(name, "");
    daemon.deploy(name, "reviewed");
    other.set(Daemon::key(name), hash_of("reviewed"));
  }
  const auto configure = [&](bool first, std::string_view limit) {
    daemon.config.endpoint = first ? daemon.cloud().endpoint() : other.endpoint();
    daemon.config.credentials = first ? key_files(daemon, "first", kFirstKey) : key_files(daemon, "second", kSecondKey);
    daemon.config.account = fmt::format("timeout = \"1m\"\nrequests_per_second = {}", limit);
  };
  configure(true, "100");
  daemon.start();
  const auto answered = [&] { return daemon.cloud().statistics().accepted + other.statistics().accepted; };
  const char* const limits[] = {"3", "500", "20", "7.5", "0.5"};
  for (int i = 0; i < 18; ++i) {
    configure(i % 2 == 1, limits[static_cast<std::size_t>(i) % std::size(limits)]);
    daemon.write_config();
    const uint64_t before = answered();
    daemon.hangup();
    ASSERT_TRUE(eventually([&] { return answered() > before; })) << i << "\n" << daemon.log();
  }
  ASSERT_TRUE(daemon.wait_for_polls(2)) << daemon.log();

  // With nothing new to ask for, every answer that was given is in the record, once.
  daemon.config.interval = "365d";
  daemon.write_config();
  daemon.hangup();
  const auto recorded = [&] {
    uint64_t polls = 0;
    for (const Json& run : daemon.rows({"history"})) polls += run.at("polls").get<uint64_t>();
    return polls;
  };
  EXPECT_TRUE(eventually([&] { return recorded() == answered(); }))
      << recorded() << " recorded, " << answered() << " answered\n"
      << daemon.log();
  EXPECT_EQ(daemon.cloud().statistics().rejected + other.statistics().rejected, 0U) << "a key went to the wrong cloud";
  EXPECT_FALSE(daemon.logged("poll.unanswered")) << daemon.log();
  EXPECT_EQ(daemon.query({"status"}).at("summary").at("in_sync"), daemon.config.functions.size());
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
  EXPECT_TRUE(whole_record(daemon.database()));
}

enum class When { reload, restart };
class Renamed : public testing::TestWithParam<When> {};

TEST_P(Renamed, AnAccountGoesOnUnderItsNewLabel) {
  Daemon daemon;
  daemon.config.functions.emplace_back("refund", "");
  daemon.deploy("refund", "reviewed");
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  ASSERT_TRUE(daemon.wait_for_status("refund", "in_sync"));
  daemon.deploy("charge", "hurried");
  ASSERT_TRUE(daemon.wait_for_alert("drift.detected"));
  ASSERT_TRUE(all_delivered(daemon));
  const Json before = daemon.rows({"history", "--function", "refund"}).at(0);
  const Json status_before = daemon.status("charge");

  std::string text = replaced(daemon.config_text(), "[account.prod", "[account.live");
  text = replaced(std::move(text), "account = \"prod\"", "account = \"live\"");
  text = replaced(std::move(text), "[account.live]\n", "[account.live]\nprevious = \"prod\"\n");
  daemon.dir().write("codedriftd.toml", text, std::filesystem::perms(0644));
  const auto take_over = [&] {
    if (GetParam() == When::reload) return daemon.hangup();
    EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
    daemon.launch();
    daemon.wait_until_ready();
  };
  take_over();
  ASSERT_TRUE(daemon.wait_for_polls(2)) << daemon.log();
  take_over();  // the new label, and `previous` still there
  ASSERT_TRUE(daemon.wait_for_polls(2)) << daemon.log();

  const Json all = daemon.rows({"status", "--all"});
  EXPECT_EQ(all.size(), 2U);
  for (const Json& row : all) EXPECT_EQ(row.at("account"), "live");
  const Json status = daemon.rows({"status", "--target", "live/" + Daemon::key("charge")}).at(0);
  for (const char* same : {"status", "accepted_sha256", "accepted_at", "accepted_source", "drift_since", "since"})
    EXPECT_EQ(status.at(same), status_before.at(same)) << same;
  const Json runs = daemon.rows({"history", "--function", "refund"});
  ASSERT_EQ(runs.size(), 1U) << "a run goes on, too: " << runs.dump(1);
  EXPECT_EQ(runs.at(0).at("target"), "live/" + Daemon::key("refund"));
  EXPECT_EQ(runs.at(0).at("first_seen_at"), before.at("first_seen_at"));
  EXPECT_GT(runs.at(0).at("polls"), before.at("polls"));

  const std::vector<std::string> kinds = daemon.kinds();
  EXPECT_EQ(count_kind(kinds, "watch.added"), 2);
  EXPECT_EQ(count_kind(kinds, "watch.removed"), 0);
  EXPECT_EQ(count_kind(kinds, "baseline.set"), 2);
  EXPECT_EQ(count_kind(kinds, "drift.detected"), 1);
  EXPECT_EQ(count_kind(kinds, "account.renamed"), 1);
  for (const char* account : {"prod", "live"}) {
    EXPECT_EQ(daemon.rows({"events", "--account", account, "--kind", "drift.*"}).size(), 1U) << account;
    EXPECT_EQ(daemon.rows({"alerts", "--account", account}).size(), 1U) << account;
  }
  const Json load = daemon.rows({"events", "--kind", "config.loaded"}).back();
  EXPECT_EQ(load.at("data").at("added"), 0);
  EXPECT_EQ(load.at("data").at("removed"), 0);
  EXPECT_EQ(load.at("severity"), "info");

  daemon.deploy("charge", "reviewed");
  ASSERT_TRUE(daemon.wait_for_alert("drift.resolved")) << daemon.log();
  EXPECT_EQ(daemon.receiver().count(), 2U) << "the drift and its end, and nothing of the rename";
  EXPECT_EQ(daemon.alerts().back().at("target").at("account"), "live");
  EXPECT_EQ(daemon.alerts().back().at("resolution"), "returned");
  EXPECT_EQ(daemon.alerts().back().at("drift_since"), daemon.alerts().front().at("drift_since"));
}
INSTANTIATE_TEST_SUITE_P(At, Renamed, testing::Values(When::reload, When::restart),
                         [](const auto& when) { return when.param == When::reload ? "AReload" : "ARestart"; });

TEST(Reload, ALabelChangedWithoutPreviousIsToldToWhoReloads) {
  Daemon daemon;
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  std::string text = replaced(daemon.config_text(), "[account.prod", "[account.live");
  text = replaced(std::move(text), "account = \"prod\"", "account = \"live\"");
  daemon.dir().write("codedriftd.toml", text, std::filesystem::perms(0644));
  const RunResult reload = daemon.command({"reload"});
  EXPECT_EQ(reload.status, (ExitStatus{0, 0})) << reload.err;
  EXPECT_NE(reload.err.find("every function of account 'prod' left the watch (1), and 1 of account 'live' came"),
            std::string::npos)
      << reload.err;
}

TEST(Restart, WhatAClockThatWasAheadLeftBehindIsBroughtBackAtTheNextStart) {
  Daemon daemon;
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
  {
    // As it would stand there if the clock had been five days ahead.
    Database db = sqlite::open_writer(daemon.database());
    db.execute(
        "UPDATE daemon_run SET started_at_ms = started_at_ms + 432000000, alive_at_ms = alive_at_ms + 432000000, "
        "stopped_at_ms = stopped_at_ms + 432000000;"
        "UPDATE watch_period SET from_ms = from_ms + 432000000;"
        "UPDATE run SET first_seen_ms = first_seen_ms + 432000000, last_seen_ms = last_seen_ms + 432000000;"
        "UPDATE target SET status_since_ms = status_since_ms + 432000000, last_polled_at_ms = last_polled_at_ms + "
        "432000000, last_success_at_ms = last_success_at_ms + 432000000");
  }
  EXPECT_EQ(daemon.command({"query", "report", "--format", "json"}).status, (ExitStatus{1, 0}))
      << "nothing was watched";
  daemon.launch();
  daemon.wait_until_ready();
  ASSERT_TRUE(daemon.wait_for_polls(1)) << daemon.log();
  EXPECT_EQ(daemon.rows({"events", "--kind", "clock.stepped"}).size(), 1U);
  EXPECT_EQ(daemon.command({"query", "report", "--format", "json"}).status, (ExitStatus{0, 0})) << daemon.log();
  EXPECT_FALSE(daemon.rows({"coverage"}).at(0).at("coverage").is_null());
}

TEST(Restart, AnotherOriginIsNotUsedAndSaysSoWhileAnotherInstanceIs) {
  Daemon daemon;
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  daemon.deploy("charge", "hurried");
  ASSERT_TRUE(daemon.wait_for_alert("drift.detected"));
  ASSERT_TRUE(all_delivered(daemon));

  const std::string moved = replaced(daemon.config_text(), "instance = \"e2e\"", "instance = \"moved\"") +
                            "[log]\norigin = \"elsewhere/log\"\n";
  daemon.dir().write("codedriftd.toml", moved, std::filesystem::perms(0644));
  daemon.hangup();
  EXPECT_TRUE(daemon.logged("[daemon] instance is now 'moved'")) << daemon.log();
  constexpr const char* kFixed = "was fixed at the first start as 'e2e/codedriftd' and stays so: 'elsewhere/log' is";
  EXPECT_EQ(daemon.log_count(kFixed), 1U) << daemon.log();
  daemon.deploy("charge", "worse");
  ASSERT_TRUE(daemon.wait_for_alert("drift.changed"));
  ASSERT_TRUE(all_delivered(daemon));

  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
  daemon.launch();
  daemon.wait_until_ready();
  EXPECT_EQ(daemon.log_count(kFixed), 1U) << "it is said once\n" << daemon.log();
  daemon.deploy("charge", "reviewed");
  ASSERT_TRUE(daemon.wait_for_alert("drift.resolved"));

  const std::vector<ReceivedRequest> requests = daemon.receiver().requests();
  const char* const instances[] = {"e2e", "e2e", "moved"};  // detected, changed after the reload, resolved
  ASSERT_EQ(requests.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    const Json event = Json::parse(requests[i].body);
    EXPECT_EQ(event.at("source"), fmt::format("codedriftd/{}", instances[i])) << i;
    EXPECT_EQ(event.at("data").at("instance"), instances[i]) << i;
    EXPECT_EQ(event.at("data").at("log").at("origin"), "e2e/codedriftd") << i;
  }
  EXPECT_EQ(count_kind(daemon.kinds(), "log.genesis"), 1);
  Database db = sqlite::open_reader(daemon.database());
  auto bodies = db.query("SELECT body FROM event");
  while (bodies.step()) EXPECT_EQ(Json::parse(bodies.text(0)).at("log"), "e2e/codedriftd");
}

TEST(Reload, ADestinationThatLeavesIsToldOfItFirst) {
  Daemon daemon;
  daemon.config.functions.emplace_back("refund", "");
  daemon.deploy("refund", "reviewed");
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync")) << daemon.log();
  daemon.deploy("charge", "hurried");
  ASSERT_TRUE(daemon.wait_for_alert("drift.detected")) << daemon.log();
  // The function whose drift is open goes, and with it everybody who is told of it.
  daemon.config.functions.erase(daemon.config.functions.begin());
  Receiver other;
  daemon.config.alerts = webhook_alert("pager", other.url(), daemon.secret_file());
  daemon.write_config();
  daemon.hangup();
  EXPECT_TRUE(daemon.wait_for_alert("watch.removed", 1, Millis{1'000})) << "before the reload was over" << daemon.log();
  EXPECT_EQ(count_kind(daemon.kinds(), "delivery.dead"), 0);
}

}  // namespace
}  // namespace codedriftd::test
