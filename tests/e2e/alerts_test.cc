/// `codedriftd alerts`: what could not be delivered is delivered later, or given up by somebody with a name.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "e2e/daemon.h"
#include "e2e/record.h"

namespace codedriftd::test {
namespace {

constexpr ExitStatus kDone{0, 0}, kFailed{1, 0}, kUsage{64, 0};

/// The row of `query alerts --attempts` of one alert at one destination.
Json alert_row(const Daemon& daemon, std::string_view id, std::string_view destination = "ops") {
  for (const Json& row : daemon.rows({"alerts", "--attempts"})) {
    if (row.at("id") == id && row.at("alert") == destination) return row;
  }
  return {{"state", "(no row)"}};
}
bool comes_to(const Daemon& daemon, std::string_view id, std::string_view state, std::string_view destination = "ops") {
  return eventually([&] { return alert_row(daemon, id, destination).at("state") == state; });
}
Json last_event(const Daemon& daemon, const std::string& kind) {
  const Json rows = daemon.rows({"events", "--kind", kind});
  return rows.empty() ? Json() : rows.back();
}
/// The id of the one drift.detected for ops, which came to `state`.
std::string drift(Daemon& daemon, const std::string& state) {
  EXPECT_TRUE(daemon.wait_for_status("charge", "in_sync")) << daemon.log();
  daemon.deploy("charge", "hurried");
  std::string id;
  EXPECT_TRUE(eventually([&] {
    for (const Json& row : daemon.rows({"alerts"})) {
      if (row.at("alert") == "ops" && row.at("kind") == "drift.detected" && row.at("state") == state) id = row.at("id");
    }
    return !id.empty();
  })) << daemon.rows({"alerts"}).dump(1);
  return id;
}

TEST(Alerts, ADeadAlertIsReplayedUnderTheSameIdWithTheSameBytes) {
  Daemon daemon;
  daemon.receiver().set_default({.status = 400, .body = "no such channel"});
  daemon.start();
  const std::string id = drift(daemon, "dead");
  daemon.receiver().set_default({});
  const RunResult replayed = daemon.command({"alerts", "replay", id, "--reason", "the channel is back"});
  ASSERT_EQ(replayed.status, kDone) << replayed.err;
  EXPECT_NE(replayed.out.find("1 alert will be delivered again"), std::string::npos) << replayed.out;
  ASSERT_TRUE(comes_to(daemon, id, "delivered")) << daemon.log();
  const auto requests = daemon.receiver().requests();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[1].header("webhook-id"), id);
  EXPECT_TRUE(same_bytes_under_one_id(requests, kWebhookSecret));
  const Json attempts = alert_row(daemon, id).at("attempt_log");
  ASSERT_EQ(attempts.size(), 2U);
  EXPECT_EQ(attempts[0].at("result"), "rejected");
  EXPECT_EQ(attempts[0].at("status"), 400);
  EXPECT_NE(attempts[0].at("words").get<std::string>().find("no such channel"), std::string::npos);
  EXPECT_EQ(attempts[1].at("result"), "delivered");
  const Json event = last_event(daemon, "alert.replayed");
  EXPECT_EQ(event.at("actor").get<std::string>().rfind("uid:" + std::to_string(::getuid()), 0), 0U) << event;
  EXPECT_EQ(event.at("data"), (Json{{"alert", "ops"}, {"id", id}, {"reason", "the channel is back"}}));

  const RunResult again = daemon.command({"alerts", "replay", id});
  EXPECT_EQ(again.status, kFailed);
  EXPECT_NE(again.err.find("no dead or dropped alert"), std::string::npos) << again.err;
  EXPECT_EQ(daemon.stop(), kDone);
  EXPECT_TRUE(whole_record(daemon.database()));
  EXPECT_FALSE(std::filesystem::exists(daemon.dir() / "run/control.sock"));
}

TEST(Alerts, APendingAlertIsGivenUpWithAReasonAndMayBeReplayed) {
  Daemon daemon;
  daemon.receiver().set_default({.status = 503});
  daemon.start();
  const std::string id = drift(daemon, "pending");
  EXPECT_EQ(daemon.command({"alerts", "drop", id}).status, kUsage);
  const RunResult dropped = daemon.command({"alerts", "drop", "--alert", "ops", "--reason", "seen in the incident"});
  ASSERT_EQ(dropped.status, kDone) << dropped.err;
  ASSERT_TRUE(comes_to(daemon, id, "dropped"));
  EXPECT_EQ(last_event(daemon, "alert.dropped").at("data").at("reason"), "seen in the incident");
  daemon.receiver().set_default({});
  ASSERT_EQ(daemon.command({"alerts", "replay", "--target", "charge"}).status, kDone);
  ASSERT_TRUE(comes_to(daemon, id, "delivered")) << daemon.log();
  EXPECT_TRUE(same_bytes_under_one_id(daemon.receiver().requests(), kWebhookSecret));
}

TEST(Alerts, WhatOneCouldNotDeliverGoesToAnotherAndOpenDriftToOneThatIsNew) {
  Receiver pager;
  Daemon daemon;
  daemon.receiver().set_default({.status = 400});
  const std::string ops = daemon.config.alerts;
  daemon.config.alerts = ops + webhook_alert("pager", pager.url(), daemon.secret_file(), "kinds = [\"account.*\"]");
  daemon.start();
  const std::string id = drift(daemon, "dead");
  ASSERT_EQ(daemon.command({"alerts", "replay", "--alert", "ops", "--to", "pager"}).status, kDone);
  ASSERT_TRUE(comes_to(daemon, id, "delivered", "pager")) << daemon.log();
  EXPECT_EQ(alert_row(daemon, id).at("state"), "dead");
  ASSERT_GE(pager.count(), 1U);
  EXPECT_EQ(pager.requests()[0].header("webhook-id"), id);
  EXPECT_EQ(pager.requests()[0].body, daemon.receiver().requests()[0].body);

  // It wants to hear of drift only from here on: what is open it was not told of.
  const RunResult deaf = daemon.command({"alerts", "replay", "--open", "--to", "pager"});
  EXPECT_EQ(deaf.status, kFailed);
  EXPECT_NE(deaf.err.find("pager wants to hear of"), std::string::npos) << deaf.err;
  daemon.config.alerts = ops + webhook_alert("pager", pager.url(), daemon.secret_file());
  daemon.write_config();
  daemon.hangup();
  pager.clear();
  const RunResult told = daemon.command({"alerts", "replay", "--open", "--to", "pager"});
  ASSERT_EQ(told.status, kDone) << told.err;
  EXPECT_NE(told.out.find("1 target"), std::string::npos) << told.out;
  ASSERT_TRUE(pager.wait_for(1, kSoonEnough)) << daemon.log();
  const Json alert = Json::parse(pager.requests()[0].body).at("data");
  EXPECT_EQ(alert.at("target").at("address"), Daemon::address("charge"));
  EXPECT_EQ(alert.at("observed_sha256"), hash_of("hurried"));

  const RunResult unknown = daemon.command({"alerts", "replay", "--open", "--to", "pagre"});
  EXPECT_EQ(unknown.status, kUsage);
  EXPECT_NE(unknown.err.find("did you mean pager?"), std::string::npos) << unknown.err;
}

TEST(Alerts, ATestSaysWhetherItArrivedAndInTheReceiversWords) {
  Daemon daemon;
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync")) << daemon.log();
  const RunResult heard = daemon.command({"alerts", "test", "ops"});
  ASSERT_EQ(heard.status, kDone) << heard.out << heard.err;
  EXPECT_NE(heard.out.find("ops took test"), std::string::npos) << heard.out;
  EXPECT_EQ(daemon.alerts().back().at("kind"), "test");
  daemon.receiver().set_default({.status = 422, .body = "what is this?"});
  const RunResult refused = daemon.command({"alerts", "test", "ops", "--json"});
  ASSERT_EQ(refused.status, kFailed) << refused.out;
  const Json answer = Json::parse(refused.out);
  EXPECT_EQ(answer.at("state"), "dead");
  EXPECT_EQ(answer.at("status"), 422);
  EXPECT_NE(answer.at("words").get<std::string>().find("what is this?"), std::string::npos);
  EXPECT_EQ(daemon.command({"alerts", "test", "oops"}).status, kUsage);
}

TEST(Alerts, WithoutADaemonTheCommandDoesItItself) {
  Daemon daemon;
  daemon.receiver().set_default({.status = 400});
  daemon.start();
  const std::string id = drift(daemon, "dead");
  EXPECT_EQ(daemon.stop(), kDone);
  daemon.receiver().set_default({});
  const RunResult heard = daemon.command({"alerts", "test", "ops"});
  ASSERT_EQ(heard.status, kDone) << heard.out << heard.err;
  EXPECT_EQ(daemon.alerts().back().at("kind"), "test");
  EXPECT_EQ(daemon.receiver().count(), 2U);
  const RunResult replayed = daemon.command({"alerts", "replay", id});
  ASSERT_EQ(replayed.status, kDone) << replayed.err;
  EXPECT_NE(replayed.out.find("no daemon runs"), std::string::npos) << replayed.out;
  EXPECT_EQ(alert_row(daemon, id).at("state"), "pending");
  daemon.start();
  ASSERT_TRUE(comes_to(daemon, id, "delivered")) << daemon.log();
  EXPECT_TRUE(same_bytes_under_one_id(daemon.receiver().requests(), kWebhookSecret));
  EXPECT_EQ(daemon.stop(), kDone);
  const RunResult dropped = daemon.command({"alerts", "drop", id, "--reason", "too late"});
  EXPECT_EQ(dropped.status, kFailed) << dropped.out;
  EXPECT_TRUE(whole_record(daemon.database()));
}

TEST(Alerts, TheSocketOfADaemonThatWasKilledIsNotInTheWayOfTheNext) {
  Daemon daemon;
  daemon.start();
  daemon.kill();
  EXPECT_TRUE(std::filesystem::exists(daemon.dir() / "run/control.sock"));
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync")) << daemon.log();
  EXPECT_FALSE(daemon.logged("control.unavailable")) << daemon.log();
  EXPECT_EQ(daemon.command({"alerts", "test", "ops"}).status, kDone);
}

TEST(Alerts, ADaemonThatCannotListenThereWatchesAllTheSame) {
  Daemon daemon;
  daemon.dir().write("run", "a file where the folder should be");
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync")) << daemon.log();
  EXPECT_TRUE(daemon.logged("control.unavailable"));
  const RunResult refused = daemon.command({"alerts", "test", "ops"});
  EXPECT_EQ(refused.status, kFailed);
  EXPECT_NE(refused.err.find("control.sock"), std::string::npos) << refused.err;
}

TEST(Alerts, WhoMayNotAskIsTurnedAwayAndRecorded) {
  if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: needs root, to run programs as three users; CI runs it as root";
  constexpr std::pair<uid_t, gid_t> kOwner{64'101, 64'100}, kReader{64'102, 64'100}, kStranger{64'103, 64'103};
  Daemon daemon;
  daemon.run_as(kOwner);
  daemon.receiver().set_default({.status = 400});
  daemon.start();
  const std::string id = drift(daemon, "dead");
  const std::vector<std::string> drop{"alerts", "drop", id, "--reason", "nobody should see this"};

  const RunResult reader = daemon.command(drop, kReader);
  EXPECT_EQ(reader.status, kFailed);
  EXPECT_NE(reader.err.find("the daemon sees you as uid:64102; [control] drop"), std::string::npos) << reader.err;
  const Json denied = last_event(daemon, "control.denied");
  ASSERT_TRUE(denied.is_object());
  EXPECT_EQ(denied.at("actor"), "uid:64102");
  EXPECT_EQ(denied.at("severity"), "warning");
  EXPECT_EQ(
      denied.at("data"),
      (Json{{"uid", 64'102}, {"verb", "alerts.drop"}, {"target", nullptr}, {"reason", "not permitted by [control]"}}));
  const RunResult stranger = daemon.command(drop, kStranger);
  EXPECT_EQ(stranger.status, kFailed);
  EXPECT_NE(stranger.err.find("as root"), std::string::npos) << stranger.err;
  EXPECT_EQ(alert_row(daemon, id).at("state"), "dead");

  EXPECT_EQ(daemon.command(drop, kOwner).status, kDone);
  EXPECT_EQ(last_event(daemon, "alert.dropped").at("actor"), "uid:64101");
  daemon.receiver().set_default({});
  EXPECT_EQ(daemon.command({"alerts", "replay", id}).status, kDone);
  EXPECT_EQ(last_event(daemon, "alert.replayed").at("actor"), "uid:0(root)");
  EXPECT_TRUE(comes_to(daemon, id, "delivered")) << daemon.log();

  // Without a daemon: root acts as the owner, and nothing becomes root's; others cannot write.
  EXPECT_EQ(daemon.stop(), kDone);
  EXPECT_EQ(daemon.command({"alerts", "test", "ops"}, kReader).status, kFailed);
  const RunResult heard = daemon.command({"alerts", "test", "ops"});
  EXPECT_EQ(heard.status, kDone) << heard.out << heard.err;
  for (const auto& entry : std::filesystem::directory_iterator(daemon.state_dir())) {
    struct stat info {};
    ASSERT_EQ(::stat(entry.path().c_str(), &info), 0) << entry;
    EXPECT_EQ(info.st_uid, kOwner.first) << entry;
  }
  daemon.start();
  EXPECT_TRUE(daemon.wait_for_polls(1));
}

}  // namespace
}  // namespace codedriftd::test
