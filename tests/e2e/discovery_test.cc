/// Functions that nobody named: found, watched, and seen to change without waiting for their interval.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "e2e/daemon.h"
#include "store/db/sqlite.h"
#include "support/program.h"

namespace codedriftd::test {
namespace {

/// Functions are found by a rule, and polled once an hour by themselves: what is seen sooner, the listings showed.
class EverythingTest : public testing::Test {
 protected:
  EverythingTest() {
    daemon.config.functions.clear();
    daemon.config.interval = "1h";
    daemon.config.more = "[account.prod.discovery]\nevery = \"1s\"\nchanges_every = \"1s\"\n";
  }
  /// One rule for what there is in ap-guangzhou; `more` are further lines of it.
  void begin(const std::string& more = "baseline = \"first-seen\"\n") {
    daemon.config.more += "[[watch]]\naccount = \"prod\"\nregions = [\"ap-guangzhou\"]\n" + more;
    daemon.start();
  }
  /// The row of `query status` of a target of the function; null: there is none.
  Json row(const std::string& function, const std::string& qualifier = "$LATEST") const {
    const RunResult asked =
        daemon.command({"query", "status", "--target", fmt::format("prod/*/{}:{}", function, qualifier), "--json"});
    if (code_of(asked) != 0) return nullptr;
    const Json rows = Json::parse(asked.out).at("rows");
    return rows.empty() ? Json() : rows.at(0);
  }
  bool is(const std::string& function, const std::string& status, const std::string& qualifier = "$LATEST") const {
    return eventually([&] {
      const Json found = row(function, qualifier);
      return found.is_object() && found.at("status") == status;
    });
  }
  std::ptrdiff_t events(std::string_view kind) const { return count_kind(daemon.kinds(), kind); }
  bool told(std::string_view kind) const {
    return eventually([&] { return events(kind) > 0; });
  }
  /// Later changes are later by the cloud's clock, too, which writes whole seconds.
  void let_time_pass_at_the_cloud() { daemon.cloud().set_clock_offset(std::chrono::seconds(ahead_ += 5)); }
  /// What is live was first seen a while ago, so that it does not explain a write of now. The daemon is restarted.
  void let_code_be_old() {
    EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
    {
      Database db = sqlite::open_writer(daemon.database());
      db.execute("UPDATE target SET live_since_ms = live_since_ms - 60000");
    }
    daemon.start();
  }
  /// So many complete listings from now on.
  bool listed(unsigned more) {
    const auto listings = [&]() -> int64_t {
      const RunResult asked = daemon.command({"query", "inventory", "--json"});
      return code_of(asked) == 0 ? static_cast<int64_t>(daemon.cloud().statistics().by_action["GetAccount"].calls) : 0;
    };
    const int64_t before = listings();
    return eventually([&] { return listings() > before + more; });
  }

  Daemon daemon;
  int64_t ahead_ = 0;
};

TEST_F(EverythingTest, AFunctionThatSomebodyAddsIsWatchedAndNotTrustedOnSight) {
  begin("");  // baseline = "review", the default of rules
  ASSERT_TRUE(is("charge", "unreviewed")) << daemon.log();
  daemon.cloud().set(Daemon::key("planted"), hash_of("planted"));
  ASSERT_TRUE(is("planted", "unreviewed")) << daemon.log();
  EXPECT_EQ(row("planted").at("accepted_sha256"), nullptr);
  EXPECT_EQ(events("function.discovered"), 2);
  EXPECT_EQ(events("function.unmanaged"), 0);
}

TEST_F(EverythingTest, AFunctionThatNoRuleMatchesIsToldOnce) {
  begin("names = [\"charge\"]\nbaseline = \"first-seen\"\n");
  ASSERT_TRUE(is("charge", "in_sync")) << daemon.log();
  daemon.cloud().set(Daemon::key("planted"), hash_of("planted"));
  ASSERT_TRUE(daemon.wait_for_alert("function.unmanaged")) << daemon.log();
  EXPECT_NE(daemon.alerts().at(0).at("summary").get<std::string>().find("planted"), std::string::npos);
  ASSERT_TRUE(listed(2));
  EXPECT_EQ(events("function.unmanaged"), 1);
  EXPECT_EQ(row("planted"), nullptr);
  const Json inventory = daemon.query({"inventory"});
  EXPECT_EQ(inventory.at("rows").size(), 2U) << inventory;
}

TEST_F(EverythingTest, FunctionsOfCloudBaseAreFoundAndWatchedLikeOthers) {
  const std::string hello = "ap-guangzhou/shop-1a2b3c/hello:$LATEST";
  daemon.cloud().functions().add_namespace("ap-guangzhou", "shop-1a2b3c", "TCB");
  daemon.cloud().set(hello, hash_of("reviewed"));
  begin();
  ASSERT_TRUE(is("hello", "in_sync")) << daemon.log();
  EXPECT_EQ(row("hello").at("namespace"), "shop-1a2b3c");
  let_time_pass_at_the_cloud();
  daemon.cloud().set(hello, hash_of("stolen"));
  ASSERT_TRUE(daemon.wait_for_alert("drift.detected")) << daemon.log();
  EXPECT_EQ(daemon.alerts().at(0).at("target").at("namespace"), "shop-1a2b3c");
}

TEST_F(EverythingTest, AReloadJudgesWhatIsThereByTheNewRulesAtOnce) {
  daemon.config.more = "[account.prod.discovery]\nevery = \"1h\"\nchanges_every = \"1h\"\n";
  daemon.deploy("refund", "reviewed");
  const std::string before = daemon.config.more;
  begin("names = [\"charge\"]\nbaseline = \"first-seen\"\n");
  ASSERT_TRUE(daemon.wait_for_alert("function.unmanaged")) << daemon.log();
  daemon.config.more = before + "[[watch]]\naccount = \"prod\"\nregions = [\"ap-guangzhou\"]\n";
  daemon.write_config();
  daemon.hangup();
  ASSERT_TRUE(is("refund", "unreviewed")) << daemon.log();
  EXPECT_TRUE(eventually([&] { return events("function.discovered") == 2; })) << daemon.log();
  const Json inventory = daemon.rows({"inventory", "--function", "refund"});
  EXPECT_EQ(inventory.at(0).at("state"), "watched") << inventory;
}

TEST_F(EverythingTest, NamedFunctionsStayWatchedWhenTheirLinesMove) {
  daemon.config.functions = {{"charge", ""}, {"refund", ""}};
  daemon.config.more += "enabled = true\n";
  daemon.deploy("refund", "reviewed");
  daemon.start();
  ASSERT_TRUE(is("charge", "in_sync")) << daemon.log();
  ASSERT_TRUE(listed(2));
  daemon.config.daemon = "\n\n";
  daemon.write_config();
  daemon.hangup();
  ASSERT_TRUE(listed(3));
  EXPECT_EQ(events("watch.removed"), 0) << daemon.log();
  daemon.config.functions = {{"charge", ""}};
  daemon.write_config();
  daemon.hangup();
  ASSERT_TRUE(listed(3));
  EXPECT_EQ(events("watch.removed"), 1) << daemon.log();
  EXPECT_EQ(row("charge").at("watched"), true);
  EXPECT_EQ(daemon.rows({"inventory", "--function", "refund"}).at(0).at("state"), "unmanaged");
}

TEST_F(EverythingTest, AnAccountThatGetsAnotherLabelKeepsWhatItsRulesFound) {
  begin();
  ASSERT_TRUE(is("charge", "in_sync")) << daemon.log();
  daemon.stop();
  std::string text = daemon.config_text();
  for (std::size_t at = 0; (at = text.find("prod", at)) != std::string::npos;) text.replace(at, 4, "live");
  text.replace(text.find("[account.live]\n"), 15, "[account.live]\nprevious = \"prod\"\n");
  daemon.dir().write("codedriftd.toml", text);
  daemon.launch();
  daemon.wait_until_ready();
  ASSERT_TRUE(listed(2));
  EXPECT_EQ(events("watch.removed"), 0) << daemon.log();
  const Json rows = daemon.rows({"status"});
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows.at(0).at("target"), "live/ap-guangzhou/default/charge:$LATEST");
  EXPECT_EQ(rows.at(0).at("status"), "in_sync");
}

TEST_F(EverythingTest, WhatARuleHasNoPlaceForIsSaidNotToBeWatched) {
  daemon.deploy("refund", "reviewed");
  begin("max_targets = 1\nbaseline = \"first-seen\"\n");
  ASSERT_TRUE(is("charge", "in_sync")) << daemon.log();
  ASSERT_TRUE(daemon.wait_for_alert("function.unmanaged")) << daemon.log();
  EXPECT_NE(daemon.alerts().at(0).at("summary").get<std::string>().find("max_targets"), std::string::npos);
  EXPECT_EQ(row("refund"), nullptr);
  const Json inventory = daemon.query({"inventory"});
  EXPECT_EQ(inventory.at("summary").at("watched"), 1) << inventory;
  EXPECT_EQ(inventory.at("summary").at("unmanaged"), 1) << inventory;
}

TEST_F(EverythingTest, ARegionThatNoRuleNamesAnyMoreIsNotSaidToBeWatched) {
  daemon.cloud().set("ap-singapore/default/mail:$LATEST", hash_of("reviewed"));
  const std::string before = daemon.config.more;
  daemon.config.more += "[[watch]]\naccount = \"prod\"\nregions = [\"ap-guangzhou\", \"ap-singapore\"]\n";
  daemon.start();
  ASSERT_TRUE(is("mail", "unreviewed")) << daemon.log();
  daemon.config.more = before + "[[watch]]\naccount = \"prod\"\nregions = [\"ap-guangzhou\"]\n";
  daemon.write_config();
  daemon.hangup();
  EXPECT_EQ(daemon.rows({"inventory", "--function", "mail"}).at(0).at("state"), "unmanaged");
  EXPECT_EQ(daemon.rows({"inventory", "--function", "charge"}).at(0).at("state"), "watched");
}

TEST_F(EverythingTest, AContainerImageIsWatchedByItsDigest) {
  const std::string image = "ap-guangzhou/default/render:$LATEST", of = "ccr.example.com/pay/render@sha256:";
  daemon.cloud().functions().create(image, {});
  daemon.cloud().functions().set_image(image, of + hash_of("image 1"));
  begin("baseline = \"first-seen\"\nlayers = true\nnames = [\"render\"]\n");
  ASSERT_TRUE(is("render", "in_sync", "$IMAGE")) << daemon.log();
  EXPECT_TRUE(eventually([&] { return row("render", "$LATEST") == nullptr; })) << "it has no package";
  let_time_pass_at_the_cloud();
  daemon.cloud().functions().set_image(image, of + hash_of("image 2"));
  ASSERT_TRUE(daemon.wait_for_alert("drift.detected")) << daemon.log();
  EXPECT_TRUE(is("render", "drifted", "$IMAGE"));
}

TEST_F(EverythingTest, AChangeIsSeenWithoutWaitingForTheInterval) {
  begin();
  ASSERT_TRUE(is("charge", "in_sync")) << daemon.log();
  let_time_pass_at_the_cloud();
  daemon.deploy("charge", "stolen");
  ASSERT_TRUE(daemon.wait_for_alert("drift.detected")) << daemon.log();
  ASSERT_TRUE(listed(2));
  EXPECT_EQ(daemon.alerts().size(), 1U);
  EXPECT_EQ(events("function.touched"), 0) << "the change explains the write";
}

TEST_F(EverythingTest, CodeThatIsSwappedAndPutBackBetweenTwoPollsIsToldForWhatItIs) {
  begin("baseline = \"first-seen\"\ntouched = \"alert\"\n");
  ASSERT_TRUE(is("charge", "in_sync")) << daemon.log();
  ASSERT_TRUE(listed(1));
  let_code_be_old();
  let_time_pass_at_the_cloud();
  daemon.cloud().functions().swap_and_restore(Daemon::key("charge"));
  ASSERT_TRUE(daemon.wait_for_alert("function.touched")) << daemon.log();
  ASSERT_TRUE(listed(2));
  EXPECT_EQ(events("function.touched"), 1);
  EXPECT_EQ(events("drift.detected"), 0);
  EXPECT_EQ(row("charge").at("status"), "in_sync");
}

TEST_F(EverythingTest, LooksAtTheNewestChangesAloneTellOfCodeThatIsSwappedAndPutBack) {
  daemon.config.more = "[account.prod.discovery]\nevery = \"1h\"\nchanges_every = \"1s\"\n";
  begin("baseline = \"first-seen\"\ntouched = \"alert\"\n");
  ASSERT_TRUE(is("charge", "in_sync")) << daemon.log();
  ASSERT_TRUE(eventually([&] {
    Database db = sqlite::open_reader(daemon.database());
    auto q = db.query_once("SELECT count(*) FROM target WHERE modified_at_ms IS NOT NULL");
    return q.step() && q.integer(0) == 1;
  })) << daemon.log();
  let_code_be_old();
  const auto listings = [&] { return daemon.cloud().statistics().by_action["GetAccount"].calls; };
  ASSERT_TRUE(eventually([&] { return listings() == 2; })) << "one at each start";
  let_time_pass_at_the_cloud();
  daemon.cloud().functions().swap_and_restore(Daemon::key("charge"));
  ASSERT_TRUE(daemon.wait_for_alert("function.touched")) << daemon.log();
  EXPECT_EQ(listings(), 2U);
  EXPECT_EQ(events("drift.detected"), 0);
}

TEST_F(EverythingTest, AFunctionThatIsDeletedAndMadeAgainWithTheSameCodeIsTold) {
  begin();
  ASSERT_TRUE(is("charge", "in_sync")) << daemon.log();
  let_time_pass_at_the_cloud();
  daemon.cloud().functions().recreate(Daemon::key("charge"));
  ASSERT_TRUE(daemon.wait_for_alert("function.recreated")) << daemon.log();
  ASSERT_TRUE(listed(2));
  EXPECT_EQ(events("function.recreated"), 1);
  EXPECT_EQ(events("drift.detected"), 0);
}

TEST_F(EverythingTest, ALayerThatIsSwappedIsDriftOfItsFunctionAndApprovedAsCodeIs) {
  auto& functions = daemon.cloud().functions();
  functions.publish_layer("ap-guangzhou", "deps", hash_of("deps 1"));
  functions.publish_layer("ap-guangzhou", "deps", hash_of("deps 2"));
  functions.set_layers(Daemon::key("charge"), {{"deps", 1}});
  begin("baseline = \"first-seen\"\nlayers = true\n");
  ASSERT_TRUE(is("charge", "in_sync", "$LAYERS")) << daemon.log();
  let_time_pass_at_the_cloud();
  functions.set_layers(Daemon::key("charge"), {{"deps", 2}});
  ASSERT_TRUE(daemon.wait_for_alert("layer.changed")) << daemon.log();
  EXPECT_NE(daemon.alerts().at(0).at("summary").get<std::string>().find("deps:2"), std::string::npos)
      << daemon.alerts().at(0);
  ASSERT_TRUE(is("charge", "drifted", "$LAYERS"));
  EXPECT_EQ(row("charge").at("status"), "in_sync") << "its code is as it was";
  const Json changed = row("charge", "$LAYERS");
  const std::string live = changed.at("observed_sha256").get<std::string>(), now = "deps:2 sha256:" + hash_of("deps 2"),
                    before = "deps:1 sha256:" + hash_of("deps 1");
  EXPECT_EQ(changed.at("observed_value"), now);
  EXPECT_EQ(changed.at("accepted_value"), before);
  const RunResult plan = daemon.command({"plan", "--target", "charge:$LAYERS", "--out", daemon.dir() / "layers.plan"});
  const std::string shown = fmt::format("live: deps:2 {}\n      accepted: deps:1 {}\n", hash_of("deps 2").substr(0, 12),
                                        hash_of("deps 1").substr(0, 12));
  EXPECT_NE(plan.out.find("\n      " + shown), std::string::npos) << plan.out << plan.err;
  const RunResult saved = daemon.command({"show", daemon.dir() / "layers.plan"});
  EXPECT_NE(saved.out.find("\n    live: deps:2 " + hash_of("deps 2").substr(0, 12)), std::string::npos) << saved.out;
  const RunResult diff = daemon.command({"diff", "charge:$LAYERS"});
  EXPECT_NE(diff.out.find("\n-" + before + "\n+" + now + "\n"), std::string::npos) << diff.out << diff.err;
  const RunResult approved = daemon.command({"approve", "charge:$LAYERS", "--sha256", live, "--reason", "reviewed"});
  ASSERT_EQ(code_of(approved), 0) << approved.err;
  EXPECT_NE(approved.out.find(
                fmt::format("layer list {} accepted (deps:2 {}); it replaces ", live, hash_of("deps 2").substr(0, 12))),
            std::string::npos)
      << approved.out;
  EXPECT_TRUE(is("charge", "in_sync", "$LAYERS"));
  EXPECT_EQ(events("layer.changed"), 1);
}

TEST_F(EverythingTest, AnAliasThatMovesIsTold) {
  auto& functions = daemon.cloud().functions();
  functions.publish_version(Daemon::key("charge"));
  functions.publish_version(Daemon::key("charge"));
  functions.set_alias(Daemon::key("charge"), "live", {.version = "1"});
  daemon.config.interval = "1s";
  begin("baseline = \"first-seen\"\naliases = true\nversions = 1\n");
  ASSERT_TRUE(is("charge", "in_sync", "$ALIAS.live")) << daemon.log();
  ASSERT_TRUE(is("charge", "in_sync", "2"));
  EXPECT_EQ(row("charge", "1"), nullptr) << "not among the newest";
  functions.set_alias(Daemon::key("charge"), "live", {.version = "2", .other = "1", .weight = 0.1});
  ASSERT_TRUE(daemon.wait_for_alert("alias.moved")) << daemon.log();
  EXPECT_TRUE(is("charge", "drifted", "$ALIAS.live"));
  EXPECT_EQ(events("alias.moved"), 1);
  const std::string moved = "version 2, 10% to version 1";
  EXPECT_EQ(row("charge", "$ALIAS.live").at("observed_value"), moved);
  EXPECT_EQ(row("charge", "2").at("observed_value"), nullptr);
  const std::string lines = "    live: " + moved + "\n    accepted: version 1\n";
  EXPECT_NE(daemon.command({"query", "status"}).out.find("\n" + lines), std::string::npos);
  const Json history = daemon.rows({"history", "--target", "charge:$ALIAS.live"});
  ASSERT_EQ(history.size(), 2U);
  EXPECT_EQ(history.at(0).at("value"), "version 1");
  EXPECT_EQ(history.at(1).at("value"), moved);
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
  const RunResult plan = daemon.command({"plan", "--target", "charge:$ALIAS.live"});
  EXPECT_NE(plan.out.find("\n      live: " + moved + "\n      accepted: version 1\n"), std::string::npos)
      << plan.out << plan.err;
  functions.set_alias(Daemon::key("charge"), "live", {.version = "1", .other = "2", .weight = 0.07});
  const RunResult later = daemon.command({"plan", "--target", "charge:$ALIAS.live"});
  EXPECT_NE(later.out.find("\n      live: version 1, 7% to version 2\n"), std::string::npos)
      << "it is not on record: " << later.out << later.err;
}

TEST_F(EverythingTest, APlanBeforeTheFirstListingSaysWhatWouldListNow) {
  daemon.config.more += "[[watch]]\naccount = \"prod\"\nregions = [\"ap-guangzhou\"]\n";
  daemon.write_config();
  const RunResult plan = daemon.command({"plan"});
  EXPECT_EQ(code_of(plan), 1);
  EXPECT_NE(plan.err.find("what [[watch]] matches is known after the first listing"), std::string::npos) << plan.err;
  EXPECT_NE(plan.err.find("run \"codedriftd discover\""), std::string::npos) << plan.err;
}

TEST_F(EverythingTest, AnAliasThatIsDeletedIsToldAsMissingOnceAndByName) {
  auto& functions = daemon.cloud().functions();
  functions.publish_version(Daemon::key("charge"));
  functions.set_alias(Daemon::key("charge"), "live", {.version = "1"});
  functions.remove_alias(Daemon::key("charge"), "$DEFAULT");  // so that it is the last one
  begin("baseline = \"first-seen\"\naliases = true\nversions_interval = \"1s\"\n");
  ASSERT_TRUE(is("charge", "in_sync", "$ALIAS.live")) << daemon.log();
  functions.remove_alias(Daemon::key("charge"), "live");
  ASSERT_TRUE(daemon.wait_for_alert("function.missing", 1, Millis{90'000})) << daemon.log();
  const std::string summary = daemon.alerts().at(0).at("summary");
  EXPECT_NE(summary.find("charge:$ALIAS.live"), std::string::npos) << summary;
  ASSERT_TRUE(listed(3));
  EXPECT_EQ(events("function.missing"), 1);
  EXPECT_EQ(events("watch.removed"), 0);
  EXPECT_EQ(row("charge", "$ALIAS.live").at("status"), "missing");
  EXPECT_EQ(row("charge").at("status"), "in_sync");
  functions.set_alias(Daemon::key("charge"), "live", {.version = "1"});
  EXPECT_TRUE(is("charge", "in_sync", "$ALIAS.live")) << "and back";
}

TEST_F(EverythingTest, AVersionThatIsDeletedIsToldAsMissingAndOneThatNewerOnesDisplaceIsNot) {
  auto& functions = daemon.cloud().functions();
  functions.publish_version(Daemon::key("charge"));
  functions.publish_version(Daemon::key("charge"));
  begin("baseline = \"first-seen\"\nversions = 2\nversions_interval = \"1s\"\n");
  ASSERT_TRUE(is("charge", "in_sync", "1")) << daemon.log();
  ASSERT_TRUE(is("charge", "in_sync", "2"));
  functions.publish_version(Daemon::key("charge"));
  ASSERT_TRUE(is("charge", "in_sync", "3")) << daemon.log();
  ASSERT_TRUE(told("watch.removed")) << "1 is not among the newest two";
  EXPECT_EQ(row("charge", "1"), nullptr);
  EXPECT_EQ(daemon.alerts().size(), 0U);
  daemon.cloud().remove("ap-guangzhou/default/charge:2");
  ASSERT_TRUE(daemon.wait_for_alert("function.missing")) << daemon.log();
  EXPECT_NE(daemon.alerts().at(0).at("summary").get<std::string>().find("charge:2"), std::string::npos);
  ASSERT_TRUE(is("charge", "in_sync", "1")) << "one of the newest two again";
  ASSERT_TRUE(listed(3));
  EXPECT_EQ(row("charge", "2").at("status"), "missing");
  EXPECT_EQ(events("function.missing"), 1);
  EXPECT_EQ(events("watch.removed"), 1);
}

TEST_F(EverythingTest, VersionsOfANamedFunctionAreFoundLikeThoseOfOthers) {
  daemon.config.functions = {{"charge", ""}};
  begin("baseline = \"first-seen\"\nversions = 1\nversions_interval = \"1s\"\n");
  ASSERT_TRUE(is("charge", "in_sync")) << daemon.log();
  ASSERT_TRUE(listed(2));
  daemon.cloud().functions().publish_version(Daemon::key("charge"));
  EXPECT_TRUE(is("charge", "in_sync", "1")) << "no write showed it\n" << daemon.log();
}

/// Deployments between the pages of every listing: what the cloud does not have any more may be missing, nothing else.
TEST_F(EverythingTest, ListingsThatRaceWithDeploymentsMakeNothingGone) {
  for (int i = 0; i < 250; ++i) daemon.deploy(fmt::format("pay-{:03}", i), "reviewed");
  daemon.cloud().functions().race("ap-guangzhou", "default",
                                  {.insert = {"pay-aaa"}, .remove = {"pay-001"}, .times = 1'000'000});
  daemon.config.account = "requests_per_second = 1000";
  begin();
  ASSERT_TRUE(is("pay-200", "in_sync")) << daemon.log();
  ASSERT_TRUE(listed(5)) << daemon.log();
  // What is missing is asked for after what was told: who is not there now was deleted, and never comes back.
  const Json told = daemon.rows({"events", "--kind", "function.missing"});
  const Json gone = daemon.rows({"inventory", "--state", "gone"});
  const auto there = daemon.cloud().functions().all();
  for (const Json& event : told) {
    const std::string address = event.at("target");
    const std::string key = address.substr(address.find('/') + 1);
    EXPECT_FALSE(there.contains(key.substr(0, key.find(':')))) << event;
  }
  for (const Json& entry : gone)
    EXPECT_FALSE(there.contains("ap-guangzhou/default/" + entry.at("function").get<std::string>())) << entry;
}

TEST_F(EverythingTest, AFunctionThatIsGoneIsMissing) {
  daemon.deploy("refund", "reviewed");
  begin();
  ASSERT_TRUE(is("refund", "in_sync")) << daemon.log();
  daemon.cloud().remove(Daemon::key("refund"));
  ASSERT_TRUE(daemon.wait_for_alert("function.missing", 1, Millis{90'000})) << daemon.log();
  EXPECT_EQ(row("charge").at("status"), "in_sync");
}

TEST_F(EverythingTest, WithoutListingsPollingGoesOnByTheInterval) {
  daemon.config.interval = "1s";
  begin();
  ASSERT_TRUE(is("charge", "in_sync")) << daemon.log();
  daemon.cloud().set_error("ListFunctions", "UnauthorizedOperation.CAM");
  ASSERT_TRUE(daemon.wait_for_alert("discovery.failing", 1, Millis{60'000})) << daemon.log();
  daemon.deploy("charge", "stolen");
  ASSERT_TRUE(daemon.wait_for_alert("drift.detected")) << daemon.log();
  daemon.cloud().clear();
  ASSERT_TRUE(daemon.wait_for_alert("discovery.recovered", 1, Millis{60'000})) << daemon.log();
}

TEST_F(EverythingTest, ARestartGoesOnWithWhatWasFound) {
  begin();
  ASSERT_TRUE(is("charge", "in_sync")) << daemon.log();
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
  daemon.cloud().set_error("ListFunctions", "UnauthorizedOperation.CAM");
  daemon.start();
  EXPECT_NE(daemon.log().find("watching 1 function"), std::string::npos) << daemon.log();
  EXPECT_EQ(row("charge").at("watched"), true);
  EXPECT_EQ(events("function.discovered"), 1);
}

TEST_F(EverythingTest, DiscoverShowsWhatThereIsWithoutADaemonAndWritesAConfiguration) {
  daemon.deploy("refund", "reviewed");
  daemon.config.functions = {{"charge", ""}};
  daemon.write_config();
  const RunResult found = daemon.command({"discover", "--json"});
  ASSERT_EQ(code_of(found), 0) << found.err;
  const Json rows = Json::parse(found.out).at("rows");
  ASSERT_EQ(rows.size(), 2U) << found.out;
  EXPECT_EQ(rows.at(0).at("state"), "watched");
  EXPECT_EQ(rows.at(1).at("function"), "refund");
  EXPECT_EQ(rows.at(1).at("state"), "unmanaged");
  EXPECT_EQ(code_of(daemon.command({"discover", "--detailed-exitcode"})), 2);

  daemon.config.daemon = "include = [\"conf.d/*.toml\"]\n";
  daemon.config.functions.clear();
  daemon.config.account = "";
  daemon.write_config();
  std::filesystem::create_directories(daemon.dir() / "conf.d");
  const RunResult written = daemon.command(
      {"discover", "--account", "prod", "--region", "ap-guangzhou", "--write", daemon.dir() / "conf.d/found.toml"});
  ASSERT_EQ(code_of(written), 0) << written.err;
  EXPECT_EQ(code_of(daemon.command({"check"})), 0);
  daemon.start();
  EXPECT_TRUE(is("refund", "unreviewed")) << daemon.log();
}

TEST_F(EverythingTest, WhoMadeAChangeFollowsItsAlertAndIsNeverWaitedFor) {
  daemon.config.alerts = webhook_alert("ops", daemon.receiver().url(), daemon.secret_file(),
                                       "kinds = [\"drift.*\", \"change.attributed\"]\n");
  daemon.config.more += "[account.prod.audit]\nenabled = true\n";
  begin();
  ASSERT_TRUE(is("charge", "in_sync")) << daemon.log();
  let_time_pass_at_the_cloud();
  daemon.cloud().audit().clear();  // what was written when the test began is within the minutes that are looked through
  daemon.cloud().functions().set(Daemon::key("charge"), hash_of("stolen"),
                                 {.principal = "mallory", .ip = "198.51.100.9", .request_id = "r-42", .console = true});
  // A release goes on meanwhile: of the same function, and no change of its code.
  for (const char* action : {"PublishVersion", "UpdateAlias", "UpdateFunctionConfiguration"}) {
    daemon.cloud().audit().record({.action = action,
                                   .region = "ap-guangzhou",
                                   .ns = "default",
                                   .function = "charge",
                                   .more = {{"Name", "live"}}});
  }
  ASSERT_TRUE(daemon.wait_for_alert("drift.detected")) << daemon.log();
  EXPECT_EQ(row("charge").at("who"), nullptr);
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
  {  // Two minutes pass.
    Database db = sqlite::open_writer(daemon.database());
    EXPECT_EQ(db.run("UPDATE attribution SET next_at_ms = next_at_ms - 120000 WHERE next_at_ms IS NOT NULL"), 1);
  }
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_alert("change.attributed")) << daemon.log();
  const std::vector<Json> alerts = daemon.alerts();
  EXPECT_EQ(alerts.back().at("follows"), alerts.front().at("id"));
  const std::string words = alerts.back().at("summary");
  EXPECT_TRUE(words.starts_with("The only recorded code change of charge between ")) << words;
  EXPECT_TRUE(words.ends_with(": UpdateFunctionCode by sub-user mallory from 198.51.100.9 (console), request r-42."))
      << words;
  EXPECT_EQ(row("charge").at("who"), words);
  EXPECT_EQ(daemon.rows({"history", "--function", "charge"}).back().at("who"), words);
  EXPECT_NE(daemon.command({"plan", "--refresh=false"}).out.find(words), std::string::npos);
  EXPECT_NE(daemon.command({"query", "report", "--format", "markdown"}).out.find(words), std::string::npos);
  EXPECT_EQ(daemon.cloud().statistics().by_action["DescribeEvents"].calls, 1U);
}

TEST_F(EverythingTest, WhoMadeAFunctionIsToldOfOneThatSomebodyAdds) {
  daemon.config.alerts = webhook_alert("ops", daemon.receiver().url(), daemon.secret_file(),
                                       "kinds = [\"function.discovered\", \"change.attributed\"]\n");
  daemon.config.more += "[account.prod.audit]\nenabled = true\n";
  begin("");  // baseline = "review", the default of rules
  ASSERT_TRUE(is("charge", "unreviewed")) << daemon.log();
  ASSERT_TRUE(listed(1));
  daemon.cloud().functions().set(Daemon::key("planted"), hash_of("planted"),
                                 {.principal = "mallory", .ip = "198.51.100.9", .request_id = "r-7", .console = true});
  ASSERT_TRUE(is("planted", "unreviewed")) << daemon.log();
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
  {  // Two minutes pass.
    Database db = sqlite::open_writer(daemon.database());
    EXPECT_EQ(db.run("UPDATE attribution SET next_at_ms = next_at_ms - 120000 WHERE next_at_ms IS NOT NULL"), 1)
        << "nobody added the one that was there from the beginning";
  }
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_alert("change.attributed")) << daemon.log();
  const std::string words = daemon.alerts().back().at("summary");
  EXPECT_TRUE(words.starts_with("The only recorded change of planted between ")) << words;
  EXPECT_TRUE(words.ends_with(": CreateFunction by sub-user mallory from 198.51.100.9 (console), request r-7."))
      << words;
  EXPECT_EQ(row("planted").at("who"), words);
  EXPECT_EQ(row("charge").at("who"), nullptr);
  EXPECT_EQ(daemon.rows({"history", "--function", "planted"}).front().at("who"), words);
  EXPECT_NE(daemon.command({"query", "report", "--format", "markdown"}).out.find(words), std::string::npos);
}

TEST_F(EverythingTest, APlanWithoutADaemonKnowsWhatRulesMatched) {
  begin();
  ASSERT_TRUE(is("charge", "in_sync")) << daemon.log();
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
  daemon.deploy("charge", "stolen");
  const RunResult plan = daemon.command({"plan", "--detailed-exitcode"});
  EXPECT_EQ(code_of(plan), 2) << plan.out << plan.err;
}

}  // namespace
}  // namespace codedriftd::test
