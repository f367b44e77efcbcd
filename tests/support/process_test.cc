#include "support/process.h"

#include <gtest/gtest.h>
#include <signal.h>

#include "support/program.h"
#include "support/temp_dir.h"

namespace codedriftd::test {
namespace {

RunResult shell(const std::string& script, ChildOptions options = {}) {
  options.argv = {"sh", "-c", script};
  return run(std::move(options), Millis{10000});
}

TEST(Child, TellsHowItEndedAndWhatItWrote) {
  const RunResult result = shell("echo out; echo err >&2; exit 7");
  EXPECT_EQ(result.status, (ExitStatus{7, 0}));
  EXPECT_EQ(result.out, "out\n");
  EXPECT_EQ(result.err, "err\n");
}

TEST(Child, CapturesMoreThanAPipeHolds) { EXPECT_EQ(shell("head -c 300000 /dev/zero").out.size(), 300000u); }

TEST(Child, GetsStdinFolderAndEnvironment) {
  const TempDir folder;
  const RunResult result =
      shell("cat; pwd; echo $A-$HOME-$B",
            {.env = {{"A", "1"}}, .unset = {"HOME"}, .folder = folder.path(), .stdin_text = "in\n"});
  EXPECT_EQ(result.out, "in\n" + folder.path().string() + "\n1--\n");
  ::setenv("INHERITED", "yes", 1);
  EXPECT_EQ(shell("echo $INHERITED").out, "yes\n");
  EXPECT_EQ(shell("echo $INHERITED", {.clear_env = true}).out, "\n");
}

TEST(Child, WritesToFilesWhenTold) {
  const TempDir folder;
  shell("echo out; echo err >&2", {.stdout_file = folder / "log", .stderr_file = folder / "log"});
  EXPECT_EQ(read_file(folder / "log"), "out\nerr\n");
}

TEST(Child, CannotBeStartedWithoutAProgram) {
  EXPECT_THROW(Child({.argv = {"/no/such/program"}}), std::runtime_error);
  EXPECT_THROW(Child({.argv = {"true"}, .folder = "/no/such/folder"}), std::runtime_error);
}

TEST(Child, IsWaitedForSignalledAndKilled) {
  Child child({.argv = {"sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done"}});
  ASSERT_TRUE(child.wait_for_output("ready", Millis{5000}));
  EXPECT_TRUE(child.running());
  EXPECT_FALSE(child.wait(Millis{10}));
  EXPECT_EQ(child.terminate(Millis{100}), (ExitStatus{-1, SIGKILL}));
  EXPECT_FALSE(child.wait_for_output("more", Millis{5000})) << "it ended without";
}

TEST(Child, DiesWithItsObject) {
  pid_t pid = 0;
  {
    Child child({.argv = {"sleep", "1000"}});
    pid = child.pid();
    EXPECT_EQ(::kill(pid, 0), 0);
  }
  EXPECT_NE(::kill(pid, 0), 0);
}

TEST(Child, HasUnblockedSignals) {
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &blocked, &before);
  Child child({.argv = {"sleep", "1000"}});
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  EXPECT_EQ(child.terminate(), (ExitStatus{-1, SIGTERM}));
}

TEST(Child, RunsAsAnotherUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const RunResult result = shell("id -u; id -g; id -G", {.as = {{65534, 65533}}});
  EXPECT_EQ(result.out, "65534\n65533\n65533\n");
}

TEST(Run, KillsWhatDoesNotEndInTime) {
  const RunResult result = run({.argv = {"sh", "-c", "echo begun; exec sleep 1000"}}, Millis{300});
  EXPECT_FALSE(result.status);
  EXPECT_EQ(result.out, "begun\n");
}

}  // namespace
}  // namespace codedriftd::test
