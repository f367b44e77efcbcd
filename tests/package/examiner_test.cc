#include "package/examiner.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>
#include <filesystem>
#include <thread>

#include "base/spawn.h"
#include "package/examination_wire.h"
#include "package/package_file.h"
#include "support/process.h"
#include "support/program.h"
#include "support/temp_dir.h"
#include "support/zip_writer.h"

namespace codedriftd::test {
namespace {

using namespace std::string_literals;

ExaminerJob job() { return {.program = CODEDRIFTD_BINARY_DIR "/codedriftd-examiner"}; }

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

bool has_children() { return ::waitpid(-1, nullptr, WNOHANG) != -1 || errno != ECHILD; }

/// After each test no process and no descriptor is left.
class Examiner : public testing::Test {
 protected:
  void TearDown() override {
    EXPECT_FALSE(has_children());
    EXPECT_EQ(open_descriptors(), before_);
  }
  /// A job whose examiner is a shell script.
  ExaminerJob scripted(const std::string& script) {
    const std::string program =
        folder_.write("examiner", "#!/bin/sh\n" + script + "\n", std::filesystem::perms::owner_all);
    return {.program = program};
  }
  std::string why_not(const ExaminerJob& how, int cancel_fd = -1) {
    const UniqueFd package = package_file(zip_of({{.name = "a", .content = "1"}}));
    const auto result = examine(package.get(), how, cancel_fd);
    return result ? "it was examined" : result.error().message;
  }

 private:
  TempDir folder_;
  std::size_t before_ = open_descriptors();
};

TEST_F(Examiner, FindsWhatTheReaderFinds) {
  const std::string bytes = zip_of({{.name = "lib/a\0\xff.py"s, .content = std::string(200'000, 'a'), .mode = 0755},
                                    {.name = "/b", .content = "b", .deflate = false}});
  const UniqueFd package = package_file(bytes);
  ASSERT_EQ(::lseek(package.get(), 7, SEEK_SET), 7);
  const auto result = examine(package.get(), job());
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(*result, read_bytes(bytes));
  EXPECT_EQ(result->files.size(), 2U);
  EXPECT_EQ(::lseek(package.get(), 0, SEEK_CUR), 7);  // it is the caller's
}

TEST_F(Examiner, SaysWhyAPackageIsAmbiguous) {
  const auto result = examine(package_file("no zip, but long enough for one").get(), job());
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->ambiguous, "it is no zip, or was cut off: it has no end record");
}

TEST_F(Examiner, HoldsTheLimitsItIsGiven) {
  ExaminerJob small = job();
  small.limits.files = 1;
  const std::string bytes = zip_of({{.name = "a"}, {.name = "b"}});
  const auto result = examine(package_file(bytes).get(), small);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->ambiguous, "it has 2 entries; 1 are read");
  small.limits.package = 50;
  EXPECT_EQ(examine(package_file(bytes).get(), small)->package_bytes, bytes.size());
}

TEST_F(Examiner, ExtractsOneFile) {
  const std::string large(3'000'000, 'x');
  const UniqueFd package = package_file(zip_of({{.name = "a\0b"s, .content = large}, {.name = "empty"}}));
  EXPECT_EQ(*extract(package.get(), "a\0b"s, large.size(), job()), large);
  EXPECT_EQ(*extract(package.get(), "empty", 0, job()), "");
  EXPECT_EQ(extract(package.get(), "a\0b"s, 10, job()).error().message, "\"a\\u{0}b\" has 3000000 bytes; 10 are shown");
  EXPECT_EQ(extract(package.get(), "c", 10, job()).error().message, "the package has no file \"c\"");
  EXPECT_EQ(extract(package_file("x").get(), "c", 10, job()).error().message,
            "the package is ambiguous: it is no zip: it is shorter than an end record");
}

TEST_F(Examiner, SeveralWorkAtATime) {
  const std::string bytes = zip_of({{.name = "a", .content = std::string(100'000, 'a')}});
  std::vector<std::string> wrong(8);
  {
    std::vector<std::jthread> threads;
    for (std::string& problem : wrong) {
      threads.emplace_back([&problem, &bytes] {
        const auto result = examine(package_file(bytes).get(), job());
        if (!result) problem = result.error().message;
      });
    }
  }
  EXPECT_EQ(wrong, std::vector<std::string>(8));
}

TEST_F(Examiner, WhatIsNoFileIsAnError) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd in(ends[0]), out(ends[1]);
  EXPECT_EQ(examine(in.get(), job()).error().message, "the package could not be read: the package is no file");
}

TEST_F(Examiner, AMissingProgramIsAnError) {
  EXPECT_EQ(why_not({.program = "/nowhere/examiner"}),
            "/nowhere/examiner could not be started: posix_spawn: No such file or directory");
}

TEST_F(Examiner, HowItEndedIsToldWhenItDidNotEndWell) {
  EXPECT_EQ(why_not(scripted("kill -SEGV $$")), "the examiner was killed by signal 11 (Segmentation fault)");
  EXPECT_EQ(why_not(scripted("exit 3")), "the examiner ended with status 3");
  EXPECT_EQ(why_not(scripted("printf E; exit 3")), "the examiner ended with status 3");
}

TEST_F(Examiner, ItIsKilledAtItsDeadlineWithWhatItStarted) {
  ExaminerJob slow = scripted("sleep 1000 & wait");
  slow.deadline = Millis{50};
  EXPECT_EQ(why_not(slow), "the examiner took longer than 50 ms and was killed");
  // Also when it has closed its end of the socket.
  slow = scripted("exec >&- 1<&-; exec sleep 1000");
  slow.deadline = Millis{300};
  EXPECT_EQ(why_not(slow), "the examiner took longer than 300 ms and was killed");
  slow = scripted("yes");
  slow.deadline = Millis{300};
  slow.limits.files = 400'000'000;  // so that it cannot say too much before
  EXPECT_EQ(why_not(slow), "the examiner took longer than 300 ms and was killed");
}

TEST_F(Examiner, ItIsStoppedWhenCancelled) {
  const UniqueFd cancel(::eventfd(1, EFD_CLOEXEC));
  EXPECT_EQ(why_not(scripted("sleep 1000"), cancel.get()), "the examiner was stopped");
}

TEST_F(Examiner, AnAnswerThatNoExaminerGivesIsAnError) {
  EXPECT_EQ(why_not(scripted("true")), "the examiner's answer cannot be read: it is of no known kind");
  EXPECT_EQ(why_not(scripted("printf X")), "the examiner's answer cannot be read: it is of no known kind");
  EXPECT_EQ(why_not(scripted("printf Cabc")), "the examiner's answer cannot be read: it is of no known kind");
  EXPECT_EQ(why_not(scripted("printf E")), "the examiner's answer cannot be read: its head is cut off");
  EXPECT_EQ(why_not(scripted("printf 'Ecodedriftd examination 2\\n'")),
            "the examiner's answer cannot be read: it is of another version");
  EXPECT_EQ(why_not(scripted("printf 'F\\033[31mred'")), "\\u{1b}[31mred");
  ExaminerJob talker = scripted("yes");
  talker.limits.files = 1;
  EXPECT_EQ(why_not(talker), "the examiner said too much");
}

TEST_F(Examiner, AnAnswerOfAnotherPackageIsAnError) {
  const TempDir folder;
  const std::string other = folder.write("answer", "E" + encode(Examination{}));
  EXPECT_EQ(why_not(scripted("cat " + other)), "the examiner's answer is of another package");
}

TEST_F(Examiner, ItInheritsNothingElse) {
  const UniqueFd leaks(::open("/dev/null", O_RDONLY));  // not close-on-exec
  ::setenv("CODEDRIFTD_TEST_VARIABLE", "visible", 1);
  const std::string told =
      why_not(scripted("printf F; for fd in /proc/self/fd/*; do printf '%s ' ${fd##*/}; done; "
                       "printf '|%s|' \"$CODEDRIFTD_TEST_VARIABLE\"; readlink /proc/$$/fd/2"));
  ::unsetenv("CODEDRIFTD_TEST_VARIABLE");
  // 10 is the shell's own, the script, and 3 the folder that it looks into.
#ifdef CODEDRIFTD_SANITIZED
  EXPECT_TRUE(told.starts_with("0 1 10 2 3 ||")) << told;  // a sanitizer reports on 2
#else
  EXPECT_EQ(told, "0 1 10 2 3 ||/dev/null\\u{a}");
#endif
}

#ifndef CODEDRIFTD_SANITIZED
/// An examiner started by hand, with a request and its answer still to be read.
struct Started {
  UniqueFd socket;
  pid_t pid = -1;
};
Started start_examiner(const UniqueFd& package, const ExaminerRequest& request,
                       const std::vector<std::string>& variables = {}) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) throw std::runtime_error("socketpair failed");
  Started started{UniqueFd(pair[0])};
  const UniqueFd theirs(pair[1]);
  Spawn spawn;
  spawn.give(package, kExaminerPackage);
  spawn.give(theirs, kExaminerSocket);
  const std::string program = job().program;
  started.pid = spawn.start(program, {program, std::string(kExaminerArgument), std::to_string(::getpid())}, variables);
  const std::string bytes = encode(request);
  EXPECT_EQ(::send(started.socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  ::shutdown(started.socket.get(), SHUT_WR);
  return started;
}

TEST_F(Examiner, WhileItReadsItIsLimited) {
  // It stands still where this reads no more of its answer.
  const UniqueFd package = package_file(zip_of({{.name = "a", .content = std::string(2'000'000, 'a')}}));
  const Started started = start_examiner(package, {{}, ExtractRequest{"a", 2'000'000}});
  char first = 0;
  EXPECT_EQ(::recv(started.socket.get(), &first, 1, 0), 1);
  EXPECT_EQ(first, 'C');
  const std::string folder = "/proc/" + std::to_string(started.pid);
  const std::string status = read_file(folder + "/status"), limits = read_file(folder + "/limits");
  for (const char* line : {"Seccomp:\t2\n", "NoNewPrivs:\t1\n", "Threads:\t1\n"})
    EXPECT_NE(status.find(line), std::string::npos) << line << status;
  for (const char* line :
       {"Max file size             0                    0 ", "Max core file size        0 ",
        "Max open files            3 ", "Max processes             0 ", "Max address space         268435456 "})
    EXPECT_NE(limits.find(line), std::string::npos) << line << limits;
  EXPECT_EQ(end_in_words(kill_and_reap(started.pid)), "was killed by signal 9 (Killed)");
}

/// How the examiner ends that makes this call where it should read the package.
std::string end_after(const std::string& call) {
  const UniqueFd package = package_file(zip_of({{.name = "a"}}));
  const Started started = start_examiner(
      package, {}, {"FORBIDDEN=" + call, "LD_PRELOAD=" CODEDRIFTD_BINARY_DIR "/tests/forbidden_call.so"});
  char piece[100];
  while (::recv(started.socket.get(), piece, sizeof piece, 0) > 0) {
  }
  EXPECT_TRUE(wait_until([&] { return !still_runs(started.pid); }, Millis{30'000}));
  return end_in_words(kill_and_reap(started.pid));
}

TEST_F(Examiner, ACallThatReadingDoesNotNeedEndsIt) {
  for (const char* call :
       {"open", "socket", "clone", "execve", "kill", "write to another", "map code", "map the package"})
    EXPECT_EQ(end_after(call), "was killed by signal 31 (Bad system call)") << call;
  EXPECT_EQ(end_after("no call"), "ended with status 7");  // what it may do it does
}
#endif

TEST_F(Examiner, StartedByHandItSaysWhatItIs) {
  const RunResult result = run({.argv = {CODEDRIFTD_BINARY_DIR "/codedriftd-examiner"}});
  EXPECT_EQ(code_of(result), 64);
  EXPECT_NE(result.err.find("not meant to be started by hand"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace codedriftd::test
