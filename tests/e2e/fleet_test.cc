/// Several daemons with one record: one of them works, and whatever happens to it or to the server, another goes on.
#include "e2e/fleet.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <thread>

#include "e2e/page.h"
#include "e2e/record.h"

namespace codedriftd::test {
namespace {

class FleetFaults : public testing::Test {
 protected:
  explicit FleetFaults(Fleet::Options options = {}) : fleet_(std::move(options)) {}
  void SetUp() override {
    ASSERT_NO_THROW(fleet_.start());
    ASSERT_EQ(fleet_.holder(), 0U);
  }

  void deploy(std::size_t function, std::string_view code) {
    fleet_.cloud().set(Daemon::key(Fleet::function(function)), hash_of(code));
  }
  /// A drift to this code is in the record, once, and was told of, once.
  void expect_told_once(std::string_view code) {
    EXPECT_TRUE(fleet_.wait_for_drift_told(code)) << fleet_.logs();
    const std::vector<std::string> ids = fleet_.drifts_to(code);
    ASSERT_EQ(ids.size(), 1U) << code;
    EXPECT_EQ(fleet_.times_told(ids.front()), 1) << code;
  }
  /// What holds after any fault. `on_waking`: calls that a member which was paused may have been about to send: it had
  /// looked whether it may just before it was stopped, and nothing of its own runs before they are out.
  void expect_whole(std::size_t on_waking = 0) {
    EXPECT_TRUE(fleet_.whole());
    EXPECT_TRUE(same_bytes_under_one_id(fleet_.receiver().requests(), kWebhookSecret));
    EXPECT_LE(Fleet::of_others(fleet_.calls(), fleet_.take_overs("lane/")).size(), on_waking)
        << "calls of who does not hold the lease";
    EXPECT_EQ(Fleet::of_others(fleet_.deliveries(), fleet_.take_overs("alert/")).size(), 0U)
        << "deliveries of who does not hold the lease";
    const ScfStatistics cloud = fleet_.cloud().statistics();
    EXPECT_EQ(cloud.refused, 0U);
    EXPECT_EQ(cloud.rejected, 0U);
    for (const char* invented : {"poll.failing", "target.missing", "record.restored"})
      EXPECT_EQ(fleet_.count(invented), 0) << invented;
  }
  /// From the last call of a member to the next one by another.
  Millis silence_after(std::size_t member) const {
    const std::vector<Fleet::Act> calls = fleet_.calls();
    const auto last = std::find_if(calls.rbegin(), calls.rend(), [&](const auto& c) { return c.member == member; });
    if (last == calls.rend() || last == calls.rbegin()) return Millis{0};
    return std::chrono::duration_cast<Millis>(std::prev(last)->at - last->at);
  }
  bool wait_for_log(std::size_t member, std::string_view text, std::size_t more, Millis at_most = kSoonEnough) {
    return eventually([&] { return fleet_.daemon(member).log_count(text) >= more; }, at_most);
  }

  Fleet fleet_;
};

TEST_F(FleetFaults, AfterAKillAnotherTakesOverAndTellsWhatWasDeployedMeanwhileOnce) {
  deploy(0, "before");
  expect_told_once("before");
  fleet_.daemon(0).kill();
  const WallTime killed = fleet_.now();
  deploy(1, "meanwhile");
  EXPECT_EQ(fleet_.wait_for_holder_after(0, kTakenOverWithin), 1U) << fleet_.logs();
  const WallTime taken = fleet_.now();
  expect_told_once("meanwhile");
  expect_told_once("before");
  EXPECT_EQ(fleet_.count("fleet.left"), 1);
  std::printf("taken over %lld ms after a kill\n",
              static_cast<long long>(std::chrono::duration_cast<Millis>(taken - killed).count()));

  fleet_.launch(0);
  ASSERT_TRUE(fleet_.daemon(0).child().wait_for_output("daemon.ready", kSoonEnough)) << fleet_.logs();
  ASSERT_TRUE(wait_for_log(0, "fleet.joined", 1)) << fleet_.logs();
  EXPECT_EQ(fleet_.holder(), 1U) << "who comes back takes nothing away";
  expect_whole();
}

TEST_F(FleetFaults, AStopHandsTheWorkOverAtOnce) {
  const WallTime begun = fleet_.now();
  EXPECT_EQ(fleet_.daemon(0).stop(), (ExitStatus{0, 0}));
  const WallTime ended = fleet_.now();
  EXPECT_EQ(fleet_.wait_for_holder_after(0), 1U) << fleet_.logs();
  const Millis took = std::chrono::duration_cast<Millis>(fleet_.now() - ended);
  ASSERT_TRUE(fleet_.wait_for_call(1));
  const Millis silence = silence_after(0);
  std::printf("a stop took %lld ms, the lease was held %lld ms later, and nobody called for %lld ms\n",
              static_cast<long long>(std::chrono::duration_cast<Millis>(ended - begun).count()),
              static_cast<long long>(took.count()), static_cast<long long>(silence.count()));
  EXPECT_LT(took, Millis{4'000});
  EXPECT_LT(silence, kFleetTimeToLive) << "nobody has to wait for who said that it stops";
  deploy(0, "afterwards");
  expect_told_once("afterwards");
  EXPECT_EQ(fleet_.count("fleet.left"), 1);
  expect_whole();
}

TEST_F(FleetFaults, OneThatWasPausedJoinsAnewAndDoesNothingAsWhoItWas) {
  fleet_.daemon(0).child().signal(SIGSTOP);
  const WallTime paused = fleet_.now();
  EXPECT_EQ(fleet_.wait_for_holder_after(0), 1U) << fleet_.logs();
  deploy(0, "meanwhile");
  expect_told_once("meanwhile");
  std::this_thread::sleep_for(Millis{20'000} - (fleet_.now() - paused));
  deploy(1, "on waking");
  fleet_.daemon(0).child().signal(SIGCONT);
  EXPECT_TRUE(wait_for_log(0, "fleet.joined", 2)) << fleet_.logs();
  EXPECT_EQ(fleet_.holder(), 1U);
  expect_told_once("on waking");
  expect_whole(1);

  EXPECT_EQ(fleet_.daemon(1).stop(), (ExitStatus{0, 0}));
  EXPECT_TRUE(fleet_.wait_for_holder(0)) << "as the new member that it is: " << fleet_.logs();
  deploy(2, "at last");
  expect_told_once("at last");
  expect_whole(1);
}

TEST_F(FleetFaults, OneThatIsCutOffEndsItsWorkBeforeAnotherBegins) {
  fleet_.way(0).cut();
  const WallTime cut = fleet_.now();
  deploy(0, "meanwhile");
  EXPECT_EQ(fleet_.wait_for_holder_after(0), 1U) << fleet_.logs();
  const Millis taken = std::chrono::duration_cast<Millis>(fleet_.now() - cut);
  expect_told_once("meanwhile");
  const Millis silence = silence_after(0);
  std::printf("taken over %lld ms after the way was cut, and nobody called for %lld ms\n",
              static_cast<long long>(taken.count()), static_cast<long long>(silence.count()));
  EXPECT_GT(silence, Millis{1'000}) << "it stops two seconds before it may be taken for dead";
  fleet_.way(0).mend();
  EXPECT_TRUE(wait_for_log(0, "fleet.joined", 2)) << fleet_.logs();
  EXPECT_EQ(fleet_.holder(), 1U);
  deploy(1, "afterwards");
  expect_told_once("afterwards");
  expect_whole();
}

TEST_F(FleetFaults, AServerThatIsAwayMakesAllUnreadyAndNothingElse) {
  const auto readiness = [&](std::size_t member) {
    return ask_page(fleet_.daemon(member).status_page() + "/readyz?verbose");
  };
  for (std::size_t member : {0U, 1U}) EXPECT_EQ(readiness(member).status, 200) << readiness(member).body;
  const std::ptrdiff_t before = fleet_.count("fleet.joined");
  const WallTime away = fleet_.now();
  fleet_.server().crash();
  deploy(0, "meanwhile");
  for (std::size_t member : {0U, 1U}) {
    const auto says_so = [&] { return readiness(member).body.find("FAIL record: ") != std::string::npos; };
    EXPECT_TRUE(eventually(says_so)) << Fleet::host(member) << ": " << readiness(member).body;
    EXPECT_EQ(readiness(member).status, 503);
  }
  std::this_thread::sleep_for(Millis{25'000} - (fleet_.now() - away));
  const std::vector<Fleet::Act> calls = fleet_.calls();
  EXPECT_GT(fleet_.now() - calls.back().at, Millis{5'000}) << "nobody polls what cannot be recorded";
  for (std::size_t member : {0U, 1U}) EXPECT_TRUE(fleet_.daemon(member).running()) << fleet_.logs();
  fleet_.server().start();
  const WallTime back = fleet_.now();
  expect_told_once("meanwhile");
  std::printf("told %lld ms after the server was back\n",
              static_cast<long long>(std::chrono::duration_cast<Millis>(fleet_.now() - back).count()));
  for (std::size_t member : {0U, 1U}) {
    EXPECT_TRUE(eventually([&] { return readiness(member).status == 200; }))
        << Fleet::host(member) << readiness(member).body << fleet_.logs();
  }
  EXPECT_LE(fleet_.count("fleet.joined"), before + 2);
  expect_whole();
}

TEST_F(FleetFaults, OneThatStandsByDoesWhatCommandsWantAndTakesAnotherConfiguration) {
  Daemon& standby = fleet_.daemon(1);
  deploy(0, "hurried");
  expect_told_once("hurried");
  const RunResult approved =
      standby.command({"approve", Fleet::function(0), "--sha256", hash_of("hurried"), "--reason", "reviewed"});
  EXPECT_EQ(code_of(approved), 0) << approved.out << approved.err;
  const RunResult suspended =
      standby.command({"suspend", Fleet::function(1), "--until", "1h", "--reason", "maintenance"});
  EXPECT_EQ(code_of(suspended), 0) << suspended.out << suspended.err;
  EXPECT_TRUE(fleet_.daemon(0).wait_for_status(Fleet::function(0), "in_sync"));
  deploy(1, "in maintenance");
  EXPECT_TRUE(fleet_.daemon(0).wait_for_status(Fleet::function(1), "drifted")) << fleet_.daemon(0).status("f1");

  for (Daemon* asked : {&standby, &fleet_.daemon(0)}) {
    const RunResult polled = asked->command({"poll", Fleet::function(0)});
    EXPECT_EQ(code_of(polled), 0) << polled.out << polled.err;
  }
  EXPECT_FALSE(fleet_.wait_for_call(1, Millis{500})) << "it leaves that to who holds the lane";

  const RunResult reloaded = standby.command({"reload"});
  EXPECT_EQ(code_of(reloaded), 0) << reloaded.out << reloaded.err;
  standby.child().signal(SIGHUP);
  EXPECT_TRUE(wait_for_log(1, "config.reloaded", 2)) << standby.log();
  standby.dir().write("codedriftd.toml", "[daemn]\n");
  standby.child().signal(SIGHUP);
  EXPECT_TRUE(wait_for_log(1, "config.mistake", 1)) << standby.log();
  standby.write_config();
  EXPECT_TRUE(standby.running());
  EXPECT_EQ(fleet_.holder(), 0U);

  EXPECT_EQ(fleet_.daemon(0).stop(), (ExitStatus{0, 0}));
  EXPECT_TRUE(fleet_.wait_for_holder(1)) << fleet_.logs();
  deploy(2, "afterwards");
  expect_told_once("afterwards");
  const std::vector<std::string> held = fleet_.drifts_to("in maintenance");
  ASSERT_EQ(held.size(), 1U);
  EXPECT_EQ(fleet_.times_told(held.front()), 0) << "by whom suspended it does not matter";
  expect_whole();
}

/// Two accounts, two destinations: each of two members has one of them.
class FleetShared : public FleetFaults {
 protected:
  FleetShared() : FleetFaults({.members = 2, .functions = 4, .second_account = true}) {}

  void expect_shared_out() {
    for (const char* lease : {"lane/prod", "alert/audit"})
      EXPECT_TRUE(eventually([&] { return fleet_.holder(lease) == 0U; })) << lease << fleet_.logs();
    for (const char* lease : {"lane/second", "alert/ops"})
      EXPECT_TRUE(eventually([&] { return fleet_.holder(lease) == 1U; })) << lease << fleet_.logs();
  }
  void deploy_second(std::size_t function, std::string_view code) {
    fleet_.cloud().set(Daemon::key(Fleet::second_function(function)), hash_of(code));
  }
  /// Of the acts that have this in what they are about.
  static std::vector<Fleet::Act> about(std::vector<Fleet::Act> acts, std::string_view what) {
    std::erase_if(acts, [&](const Fleet::Act& act) { return act.what.find(what) == std::string::npos; });
    return acts;
  }
  void expect_each_by_its_holder() {
    EXPECT_TRUE(fleet_.whole());
    const std::pair<const char*, const char*> lanes[] = {{"/f", "lane/prod"}, {"/g", "lane/second"}};
    for (const auto& [functions, lane] : lanes) {
      const std::vector<Fleet::Act> calls = about(fleet_.calls(), functions);
      EXPECT_GT(calls.size(), 10U) << lane;
      EXPECT_EQ(Fleet::of_others(calls, fleet_.take_overs(lane)).size(), 0U) << lane;
    }
    std::vector<Fleet::Act> to_ops = fleet_.deliveries();
    std::erase_if(to_ops, [](const Fleet::Act& act) { return act.what.ends_with("/audit"); });
    EXPECT_EQ(Fleet::of_others(to_ops, fleet_.take_overs("alert/ops")).size(), 0U);
    EXPECT_EQ(Fleet::of_others(about(fleet_.deliveries(), "/audit"), fleet_.take_overs("alert/audit")).size(), 0U);
    EXPECT_LE(fleet_.cloud().statistics().busiest_second_sent, 20U) << "the key of each is the same for both accounts";
    EXPECT_EQ(fleet_.cloud().statistics().refused, 0U);
  }
  /// By both destinations.
  void expect_told_by_both(std::string_view code) {
    const auto told = [&] {
      const std::vector<std::string> ids = fleet_.drifts_to(code);
      return ids.size() == 1 && fleet_.times_told(ids.front()) == 2;
    };
    EXPECT_TRUE(eventually(told)) << code << fleet_.logs();
  }
};

TEST_F(FleetShared, EachDoesItsShareAndTakesTheRestOfWhoDies) {
  expect_shared_out();
  deploy(0, "in the first account");
  deploy_second(0, "in the second account");
  expect_told_by_both("in the first account");
  expect_told_by_both("in the second account");

  for (std::size_t asked : {0U, 1U}) {
    for (const std::string& function : {Fleet::function(1), Fleet::second_function(1)}) {
      const RunResult polled = fleet_.daemon(asked).command({"poll", function});
      EXPECT_EQ(code_of(polled), 0) << asked << function << polled.out << polled.err;
    }
    const RunResult plan = fleet_.daemon(asked).command({"plan", "--format", "json"});
    EXPECT_EQ(code_of(plan), 0) << plan.out << plan.err;
    EXPECT_EQ(Json::parse(plan.out).at("rows").size(), 8U);
  }
  expect_each_by_its_holder();

  fleet_.daemon(1).kill();
  deploy_second(1, "meanwhile");
  for (const char* lease : {"lane/second", "alert/ops"})
    EXPECT_TRUE(eventually([&] { return fleet_.holder(lease) == 0U; })) << lease;
  expect_told_by_both("meanwhile");

  fleet_.launch(1);
  expect_shared_out();
  deploy_second(2, "at last");
  expect_told_by_both("at last");
  expect_each_by_its_holder();
}

}  // namespace
}  // namespace codedriftd::test
