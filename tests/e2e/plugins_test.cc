/// Plugins as an operator meets them: a wrong option, a new version of a plugin.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "e2e/daemon.h"

namespace codedriftd::test {
namespace {

/// Puts a plugin of the tests into the daemon's plugin folder, as a package does: the new file takes the old one's
/// name.
void install(const Daemon& daemon, std::string_view plugin, std::string_view as) {
  const std::string folder = daemon.dir() / "plugins/";
  const std::string fresh = fmt::format("{}{}.new", folder, as);
  std::filesystem::copy_file(fmt::format("{}/tests/plugins/{}.so", CODEDRIFTD_BINARY_DIR, plugin), fresh);
  std::filesystem::rename(fresh, fmt::format("{}{}.so", folder, as));
}

std::string alert(std::string_view plugin, std::string_view mode) {
  return fmt::format("[[alert]]\nname = \"ops\"\nplugin = \"{}\"\n[alert.options]\nmode = \"{}\"\n", plugin, mode);
}

/// What the plugin answered to each attempt, in order.
std::vector<std::string> answers(const Daemon& daemon) {
  std::vector<std::pair<std::string, std::string>> found;
  for (const Json& row : daemon.rows({"alerts", "--attempts"})) {
    for (const Json& attempt : row.at("attempt_log")) {
      if (attempt.at("result") != "started") found.emplace_back(attempt.at("at"), attempt.at("words"));
    }
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> words;
  for (auto& [at, text] : found) words.push_back(std::move(text));
  return words;
}

TEST(Plugins, ANewVersionIsTakenOverOnSighupOnceTheDeliveryInFlightHasEnded) {
  Daemon daemon;
  install(daemon, "faulty", "changing");
  daemon.config.alerts = alert("changing", "slow_version");
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync")) << daemon.log();
  ASSERT_TRUE(eventually([&] { return daemon.logged("version=\"1.0 (test)\""); })) << daemon.log();

  daemon.deploy("charge", "hurried");
  ASSERT_TRUE(eventually([&] {
    const Json rows = daemon.rows({"alerts"});
    return !rows.empty() && rows[0].at("attempts") == 1;
  })) << daemon.log();
  install(daemon, "faulty_newer", "changing");
  daemon.hangup();
  ASSERT_TRUE(eventually([&] { return daemon.logged("version=2.0"); })) << daemon.log();
  EXPECT_EQ(answers(daemon), std::vector<std::string>{"1.0 (test)"}) << "the delivery in flight was not cut off";

  daemon.deploy("charge", "reviewed");
  ASSERT_TRUE(eventually([&] { return answers(daemon).size() == 2; })) << daemon.log();
  EXPECT_EQ(answers(daemon).back(), "2.0");
  EXPECT_FALSE(daemon.logged("plugin.fault")) << daemon.log();
}

TEST(Plugins, WhateverOneDoesTheDaemonPollsOnTimeAndTheOthersDeliver) {
  Daemon daemon;
  std::vector<std::string> modes{"closes",    "forks",  "forks_many", "leaks",
                                 "log_flood", "prints", "huge_text",  "close_hangs"};
#ifndef CODEDRIFTD_SANITIZED  // no limit of memory then
  modes.emplace_back("leaks_memory");
#endif
  for (const std::string& mode : modes) daemon.config.alerts += faulty_alert(mode, mode);
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync")) << daemon.log();
  const MonoTime changed = SystemClock{}.mono();
  daemon.deploy("charge", "hurried");
  ASSERT_TRUE(daemon.wait_for_alert("drift.detected")) << daemon.log();
  const auto told = std::chrono::duration_cast<Millis>(SystemClock{}.mono() - changed);
  EXPECT_LT(told, Millis{5'000}) << "a second to see it, and nothing to wait for";
  ASSERT_TRUE(daemon.wait_for_polls(5));
  const double gap = daemon.rows({"coverage", "--function", "charge"}).at(0).at("longest_gap_s").get<double>();
  EXPECT_LT(gap, 5);
  fmt::print("told after {} ms beside {} misbehaving destinations; polled every second, longest gap {:.1f} s\n",
             told.count(), modes.size(), gap);
  ASSERT_TRUE(daemon.running());
  const MonoTime asked = SystemClock{}.mono();
  EXPECT_EQ(daemon.stop(), (ExitStatus{0, 0}));
  EXPECT_LT(SystemClock{}.mono() - asked, Millis{5'000});
}

TEST(Plugins, AWrongOptionStopsTheStartAndNothingElse) {
  Daemon daemon;
  daemon.config.alerts = alert("faulty", "version") + "numbr = 3\n";
  daemon.write_config();
  daemon.launch();
  EXPECT_EQ(daemon.child().wait(kSoonEnough), (ExitStatus{78, 0}));
  EXPECT_TRUE(daemon.logged(": the plugin faulty has no option numbr; did you mean number?")) << daemon.log();
  EXPECT_FALSE(std::filesystem::exists(daemon.database())) << "nothing was begun";

  daemon.config.alerts = alert("faulty", "version");
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync")) << daemon.log();
  for (const std::string& wrong : {alert("faulty", "version") + "number = 11\n", alert("no_such_plugin", "version")}) {
    daemon.config.alerts = wrong;
    daemon.write_config();
    const std::size_t before = daemon.log_count("config.refused:");
    daemon.hangup();
    EXPECT_EQ(daemon.log_count("config.refused:"), before + 1) << daemon.log();
  }
  EXPECT_TRUE(daemon.logged("number is 11; it should be 1 to 10")) << daemon.log();
  EXPECT_TRUE(daemon.logged("the plugin \"no_such_plugin\" cannot be used: ")) << daemon.log();
  daemon.deploy("charge", "hurried");
  ASSERT_TRUE(eventually([&] { return answers(daemon) == std::vector<std::string>{"1.0 (test)"}; }))
      << "the old configuration goes on\n"
      << daemon.log();
}

}  // namespace
}  // namespace codedriftd::test
