/// The exec plugin: its decisions, and the built plugin with real commands.
#include <gtest/gtest.h>
#include <signal.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include "alert_samples.h"
#include "exec/outcome.h"
#include "sinks/process.h"
#include "support/process.h"
#include "support/program.h"
#include "support/temp_dir.h"

namespace codedriftd {
namespace {

using exec::Ending;
using std::filesystem::perms;
constexpr Millis kPlenty{30'000};
constexpr perms kScript = perms::owner_all;

TEST(ExecOutcome, FollowsTheExitStatus) {
  struct Case {
    Ending::How how;
    int code;
    codedriftd_result result;
    const char* text;
  };
  const Case cases[] = {
      {Ending::How::exited, 0, CODEDRIFTD_DELIVERED, "exit 0: words"},
      {Ending::How::exited, 75, CODEDRIFTD_RETRY, "exit 75: words"},
      {Ending::How::exited, 69, CODEDRIFTD_DESTINATION_REFUSED, "exit 69: words"},
      {Ending::How::exited, 1, CODEDRIFTD_REJECTED, "exit 1: words"},
      {Ending::How::exited, 127, CODEDRIFTD_REJECTED, "exit 127: words"},
      {Ending::How::signalled, SIGSEGV, CODEDRIFTD_RETRY, "killed by signal 11 (Segmentation fault): words"},
      {Ending::How::deadline, 0, CODEDRIFTD_RETRY, "killed: it had not ended in time: words"},
      {Ending::How::cancelled, 0, CODEDRIFTD_RETRY, "killed: the attempt was called off: words"},
      {Ending::How::not_started, ENOENT, CODEDRIFTD_DESTINATION_REFUSED,
       "could not be started: No such file or directory: words"},
      {Ending::How::not_started, ENOEXEC, CODEDRIFTD_DESTINATION_REFUSED,
       "could not be started: Exec format error: words"},
      {Ending::How::not_started, ENOMEM, CODEDRIFTD_RETRY, "could not be started: Cannot allocate memory: words"}};
  for (const Case& c : cases) {
    const auto outcome = exec::judge({c.how, c.code, "words"});
    EXPECT_EQ(outcome.result, c.result) << c.text;
    EXPECT_EQ(outcome.text, c.text);
    EXPECT_EQ(outcome.status, c.how == Ending::How::exited ? c.code : 0);
  }
  EXPECT_EQ(exec::judge({Ending::How::exited, 0, ""}).text, "exit 0");
}

TEST(ExecOptions, RefuseWhatMayNotBeRun) {
  const test::TempDir folder;
  const std::string good = folder.write("good", "", kScript);
  const std::string not_executable = folder.write("plain", "", perms::owner_read);
  const std::string open_to_all = folder.write("open", "", kScript | perms::others_write);
  folder.write("shared/script", "", kScript);
  std::filesystem::permissions(folder / "shared", perms::all);
  const auto read = [](const Json& command) {
    const auto options = exec::read_options(Json{{"command", command}, {"timeout_s", 7}}.dump());
    return options ? std::string("good") : options.error().message;
  };
  EXPECT_EQ(read({good, "--all", "a b"}), "good");
  EXPECT_NE(read({"good"}).find("absolute path"), std::string::npos);
  EXPECT_NE(read({"./good"}).find("absolute path"), std::string::npos);
  EXPECT_NE(read({folder / "none"}).find("No such file"), std::string::npos);
  EXPECT_NE(read({folder.path().string()}).find("is not a file"), std::string::npos);
  EXPECT_NE(read({not_executable}).find("cannot be run"), std::string::npos);
  EXPECT_NE(read({open_to_all}).find("chmod o-w"), std::string::npos);
  EXPECT_NE(read({folder / "shared/script"}).find("open to all"), std::string::npos);
  EXPECT_NE(read(Json::array()).find("is empty"), std::string::npos);
  EXPECT_NE(read({1}).find("strings"), std::string::npos);
  EXPECT_FALSE(exec::read_options("[]"));
}

TEST(ExecEnvironment, IsThreeVariables) {
  const auto list = exec::environment("abc", R"({"kind":"drift.detected\nX=1"})");
  ASSERT_EQ(list.size(), 3U);
  EXPECT_TRUE(list[0].starts_with("PATH=/"));
  EXPECT_EQ(list[1], "CODEDRIFTD_ALERT_ID=abc");
  EXPECT_EQ(list[2], "CODEDRIFTD_KIND=drift.detected\\u{a}X=1");
}

bool exists(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  // A zombie has ended; whoever its parent is may not have noticed yet.
  return std::getline(stat, text) && text.find(") Z ") == std::string::npos;
}

class ExecTest : public testing::Test {
 protected:
  /// Opens the plugin with a shell script as its command.
  SinkProcess& started(const std::string& script, std::vector<std::string> arguments = {}, int64_t timeout_s = 30) {
    std::vector<std::string> command{folder_.write("script", "#!/bin/sh\n" + script, kScript)};
    command.insert(command.end(), arguments.begin(), arguments.end());
    SinkSpec spec{
        "ops", CODEDRIFTD_BINARY_DIR "/codedriftd-sinkhost", CODEDRIFTD_BINARY_DIR "/plugins/exec.so", {}, {}};
    spec.options["command"] = {command, {}};
    spec.options["timeout_s"] = {timeout_s, {}};
    sink_ = std::make_unique<SinkProcess>(std::move(spec));
    const auto plugin = sink_->start();
    EXPECT_TRUE(plugin) << plugin.error().message;
    return *sink_;
  }
  DeliveryAnswer deliver(Millis timeout = kPlenty) { return sink_->deliver("abc", alert_, 1, timeout); }
  std::string file(const char* name) const { return folder_ / name; }
  std::string written(const char* name) const { return test::read_file(file(name)); }
  pid_t pid_in(const char* name) const { return static_cast<pid_t>(std::stol(written(name))); }
  /// A script that starts something in its group and something that leaves it, and waits; all of it is written when the
  /// file "grandchild" is there.
  std::string family() const {
    return "d=" + folder_.path().string() +
           "\necho $$ >$d/child\ncut -d' ' -f4 /proc/$PPID/stat >$d/host\n"
           "(setsid sh -c 'trap \"\" TERM HUP; sleep 600 & echo $! >'$d'/e; mv '$d'/e '$d'/escaped; wait' &)\n"
           "until [ -e $d/escaped ]; do sleep 0.01; done\n"
           "(trap '' TERM; sleep 600) & echo $! >$d/g\nmv $d/g $d/grandchild\nwait\n";
  }
  bool family_is_there() const {
    return test::wait_until([&] { return std::filesystem::exists(file("grandchild")); }, kPlenty);
  }
  bool family_is_gone() const {
    return test::wait_until(
        [&] { return !exists(pid_in("child")) && !exists(pid_in("grandchild")) && !exists(pid_in("escaped")); },
        kPlenty);
  }

  const test::TempDir folder_;
  std::string alert_ = test::alert_json("drift.detected").dump();
  std::unique_ptr<SinkProcess> sink_;
};

TEST_F(ExecTest, GivesTheAlertOnStdinAndNothingElseInTheEnvironment) {
  alert_.insert(alert_.size() - 1, ",\"long\":\"" + std::string(100'000, 'x') + "\"");
  ::setenv("FAKE_SECRET", "fake", 1);
  const std::string folder = folder_.path().string();
  started("cat /dev/stdin >" + folder + "/in\nenv >" + folder + "/env\npwd >" + folder +
              "/pwd\necho \"$#:$1:$2\"\nls /proc/self/fd | tr '\\n' ' ' >" + folder + "/fds\n",
          {"a b", "c;d"});
  const DeliveryAnswer answer = deliver();
  EXPECT_EQ(answer.result, DeliveryResult::delivered) << answer.text;
  EXPECT_EQ(answer.text, "exit 0: 2:a b:c;d");
  EXPECT_EQ(written("in"), alert_);
  const std::string environment = written("env");
  EXPECT_NE(environment.find("CODEDRIFTD_ALERT_ID=abc\n"), std::string::npos);
  EXPECT_NE(environment.find("CODEDRIFTD_KIND=drift.detected\n"), std::string::npos);
  EXPECT_NE(environment.find("PATH="), std::string::npos);
  EXPECT_EQ(environment.find("FAKE_SECRET"), std::string::npos) << environment;
  EXPECT_EQ(environment.find("proxy"), std::string::npos) << environment;
  EXPECT_EQ(written("pwd"), "/\n");
  EXPECT_EQ(written("fds"), "0 1 2 3 ") << "3 is the folder that ls reads";
}

TEST_F(ExecTest, FollowsTheExitStatus) {
  const std::tuple<const char*, DeliveryResult, int, const char*> cases[] = {
      {"exit 0", DeliveryResult::delivered, 0, "exit 0"},
      {"echo 'try later' >&2; exit 75", DeliveryResult::retry, 75, "exit 75: try later"},
      {"echo; echo 'no such room'; echo more; exit 69", DeliveryResult::refused, 69, "exit 69: no such room"},
      {"exit 3", DeliveryResult::rejected, 3, "exit 3"},
      {"kill -KILL $$", DeliveryResult::retry, 0, "killed by signal 9 (Killed)"},
      {"kill -SEGV $$", DeliveryResult::retry, 0, "killed by signal 11 (Segmentation fault)"},
      {"kill -TERM $$", DeliveryResult::retry, 0, "killed by signal 15 (Terminated)"},
      {"sleep 600 & trap '' TERM; kill 0; exit 0", DeliveryResult::delivered, 0, "exit 0"},
      {"printf '\\377bad'", DeliveryResult::delivered, 0, "exit 0: \uFFFDbad"}};
  for (const auto& [script, result, status, text] : cases) {
    started(script);
    const DeliveryAnswer answer = deliver();
    EXPECT_EQ(answer.result, result) << script;
    EXPECT_EQ(answer.status, status) << script;
    EXPECT_EQ(answer.text, text);
    EXPECT_TRUE(sink_->running());
  }
}

TEST_F(ExecTest, ACommandThatDoesNotReadIsDelivered) {
  alert_.insert(alert_.size() - 1, ",\"long\":\"" + std::string(100'000, 'x') + "\"");
  started("exec 0<&-; exit 0");
  EXPECT_EQ(deliver().result, DeliveryResult::delivered);
  EXPECT_TRUE(sink_->running());
}

TEST_F(ExecTest, EndlessOutputIsReadAndForgotten) {
  started("echo first; head -c 3000000 /dev/zero; exit 0");
  const DeliveryAnswer answer = deliver();
  EXPECT_EQ(answer.result, DeliveryResult::delivered) << answer.text;
  EXPECT_EQ(answer.text, "exit 0: first");
}

TEST_F(ExecTest, IsKilledAtItsDeadlineWithItsChildren) {
  started(family(), {}, 2);
  const DeliveryAnswer answer = deliver();
  EXPECT_EQ(answer.result, DeliveryResult::retry);
  EXPECT_EQ(answer.text, "killed: it had not ended in time");
  EXPECT_TRUE(family_is_there() && family_is_gone());
  EXPECT_TRUE(sink_->running()) << "the plugin goes on";
  EXPECT_EQ(deliver(Millis{1'000}).result, DeliveryResult::retry) << "the alert's own deadline";
  EXPECT_TRUE(family_is_gone());
  EXPECT_TRUE(sink_->running());
}

TEST_F(ExecTest, IsKilledWhenTheAttemptIsCalledOff) {
  started(family());
  std::thread stopper([this] {
    EXPECT_TRUE(family_is_there());
    sink_->cancel();
  });
  const DeliveryAnswer answer = deliver();
  stopper.join();
  EXPECT_EQ(answer.result, DeliveryResult::retry);
  EXPECT_EQ(answer.text, "killed: the attempt was called off");
  EXPECT_TRUE(family_is_gone());
}

TEST_F(ExecTest, DiesWithItsChildrenWhenTheHostProcessIsKilled) {
  started(family());
  std::thread killer([this] {
    EXPECT_TRUE(family_is_there());
    ::kill(pid_in("host"), SIGKILL);
  });
  EXPECT_EQ(deliver().result, DeliveryResult::retry) << "somebody else's signal is no fault of the plugin";
  killer.join();
  EXPECT_TRUE(family_is_gone());
}

TEST_F(ExecTest, WhatItLeavesBehindIsKilledWhenItEnds) {
  started(family().substr(0, family().size() - 5));  // without the wait
  EXPECT_EQ(deliver().result, DeliveryResult::delivered);
  EXPECT_TRUE(family_is_gone());
}

TEST_F(ExecTest, ACommandThatVanishedOrIsNoProgramRefuses) {
  started("exit 0");
  EXPECT_EQ(sink_->probe(kPlenty).result, DeliveryResult::delivered);
  std::filesystem::remove(file("script"));
  EXPECT_EQ(deliver().result, DeliveryResult::refused);
  EXPECT_EQ(sink_->probe(kPlenty).result, DeliveryResult::refused);
  folder_.write("script", "#!/no/such/interpreter\n", kScript);
  const DeliveryAnswer answer = deliver();
  EXPECT_EQ(answer.result, DeliveryResult::refused);
  EXPECT_EQ(answer.text, "could not be started: No such file or directory");
}

}  // namespace
}  // namespace codedriftd
