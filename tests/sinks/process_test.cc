/// SinkProcess against a plugin that does everything wrong (tests/plugins/faulty_sink.c).
#include "sinks/process.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include "support/process.h"
#include "support/temp_dir.h"

namespace codedriftd {
namespace {

const std::string kHost = CODEDRIFTD_BINARY_DIR "/codedriftd-sinkhost";
const std::string kPlugins = CODEDRIFTD_BINARY_DIR "/tests/plugins/";
constexpr Millis kPlenty{30'000};
constexpr Millis kShort{200};

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

/// State and parent of a process, from /proc; state 'X' if there is none.
struct ProcessState {
  char state = 'X';
  pid_t parent = -1;
};
ProcessState process_state(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string number, name;
  ProcessState found;
  stat >> number >> name >> found.state >> found.parent;
  return stat ? found : ProcessState{};
}

/// The one child of this process; 0 if there is none.
pid_t only_child() {
  std::ifstream children("/proc/self/task/" + std::to_string(::gettid()) + "/children");
  pid_t pid = 0;
  children >> pid;
  return pid;
}

/// Fails if a test leaves a descriptor open or a child unreaped.
class SinkProcessTest : public testing::Test {
 protected:
  void TearDown() override {
    sink_.reset();
    EXPECT_EQ(open_descriptors(), descriptors_);
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
    EXPECT_EQ(errno, ECHILD);
  }

  SinkSpec spec(const std::string& mode) {
    SinkSpec spec{"ops", kHost, kPlugins + "faulty.so", {}, {"a.toml", 3, 1}};
    spec.options["mode"] = {mode, {"a.toml", 4, 1}};
    return spec;
  }
  SinkProcess& make(SinkSpec spec) {
    sink_ = std::make_unique<SinkProcess>(std::move(spec));
    return *sink_;
  }
  SinkProcess& started(const std::string& mode) {
    make(spec(mode));
    const auto plugin = sink_->start();
    EXPECT_TRUE(plugin) << plugin.error().message;
    EXPECT_TRUE(sink_->running());
    return *sink_;
  }

  std::unique_ptr<SinkProcess> sink_;
  const std::size_t descriptors_ = open_descriptors();
};

TEST_F(SinkProcessTest, DescribesOpensAndDelivers) {
  SinkProcess& sink = make(spec("echo"));
  const auto plugin = sink.start();
  ASSERT_TRUE(plugin) << plugin.error().message;
  EXPECT_EQ(plugin->name, "faulty");
  EXPECT_EQ(plugin->version, "1.0 (test)");
  EXPECT_EQ(plugin->per_minute, 60U);
  EXPECT_TRUE(plugin->can_probe);
  const DeliveryAnswer answer = sink.deliver("id-1", "{\"a\":1}", 3, kPlenty);
  EXPECT_EQ(answer.result, DeliveryResult::delivered);
  EXPECT_EQ(answer.status, 299);
  EXPECT_EQ(answer.text, R"(id-1|{"a":1}|3|{"mode":"echo","number":7})");
  EXPECT_EQ(sink.probe(kPlenty).text, "probed");
  sink.stop();
  EXPECT_FALSE(sink.running());
  EXPECT_EQ(sink.deliver("id-1", "{}", 1, kPlenty).result, DeliveryResult::fault);
  EXPECT_TRUE(sink.start()) << "it can be started again";
}

TEST_F(SinkProcessTest, TheHostReadsSecretFilesAtEveryStart) {
  const test::TempDir folder;
  SinkSpec with_secret = spec("echo");
  with_secret.options["token_file"] = {folder.write("token", "fake-1\n"), {"a.toml", 5, 1}};
  SinkProcess& sink = make(std::move(with_secret));
  ASSERT_TRUE(sink.start());
  EXPECT_NE(sink.deliver("i", "{}", 1, kPlenty).text.find(R"("token":"fake-1")"), std::string::npos);
  sink.stop();
  folder.write("token", "fake-2\n");
  ASSERT_TRUE(sink.start());
  EXPECT_NE(sink.deliver("i", "{}", 1, kPlenty).text.find(R"("token":"fake-2")"), std::string::npos);
  sink.stop();
  std::filesystem::permissions(folder / "token", std::filesystem::perms::all);
  const auto refused = sink.start();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, StartFailure::Kind::refused);
  EXPECT_NE(refused.error().message.find("token_file: "), std::string::npos) << refused.error().message;
}

TEST_F(SinkProcessTest, KnowsWhetherAFileItWasOpenedWithIsAnotherOneNow) {
  const test::TempDir folder;
  SinkSpec with_files = spec("echo");
  with_files.options["token_file"] = {folder.write("token", "fake-token-1\n"), {"a.toml", 5, 1}};
  SinkProcess& sink = make(std::move(with_files));
  ASSERT_TRUE(sink.start());
  EXPECT_FALSE(sink.files_changed());
  folder.write("token", "fake-token-2\n");
  EXPECT_TRUE(sink.files_changed());
  sink.stop();
  ASSERT_TRUE(sink.start());
  EXPECT_FALSE(sink.files_changed()) << "it was opened with the new one";
  std::filesystem::rename(folder.write("renewed", "fake-token-2\n"), folder / "token");
  EXPECT_TRUE(sink.files_changed()) << "as agents write: another file under the name";
}

TEST_F(SinkProcessTest, TheLongestAlertArrivesWholeAndALongerOneIsRejected) {
  SinkProcess& sink = started("length");
  const DeliveryAnswer answer = sink.deliver(std::string(64, 'i'), std::string(kMaxAlertBytes, 'x'), 1, kPlenty);
  EXPECT_EQ(answer.result, DeliveryResult::delivered);
  EXPECT_EQ(answer.text, std::to_string(kMaxAlertBytes));
  EXPECT_EQ(sink.deliver("i", std::string(kMaxAlertBytes + 1, 'x'), 1, kPlenty).result, DeliveryResult::rejected);
  EXPECT_TRUE(sink.running());
}

TEST_F(SinkProcessTest, PassesOnWhatThePluginAnswers) {
  const std::pair<const char*, DeliveryResult> cases[] = {
      {"later", DeliveryResult::retry}, {"rejects", DeliveryResult::rejected}, {"refuses", DeliveryResult::refused}};
  for (const auto& [mode, result] : cases) {
    SinkProcess& sink = started(mode);
    const DeliveryAnswer answer = sink.deliver("i", "{}", 1, kPlenty);
    EXPECT_EQ(answer.result, result) << mode;
    EXPECT_TRUE(sink.running());
    if (result == DeliveryResult::retry) {
      EXPECT_EQ(answer.retry_after, Millis{90'000});
      EXPECT_EQ(answer.status, 429);
      EXPECT_EQ(answer.text, "busy");
    }
    if (result == DeliveryResult::refused) {
      EXPECT_EQ(sink.probe(kPlenty).result, DeliveryResult::refused);
    }
  }
}

TEST_F(SinkProcessTest, NobodyIsToldToComeBackLaterThanTomorrow) {
  const DeliveryAnswer answer = started("in_weeks").deliver("i", "{}", 1, kPlenty);
  EXPECT_EQ(answer.result, DeliveryResult::retry);
  EXPECT_EQ(answer.retry_after, std::chrono::hours(24));
  const auto plugin = make(spec("open_in_weeks")).start();
  ASSERT_FALSE(plugin);
  EXPECT_EQ(plugin.error().kind, StartFailure::Kind::retry);
  EXPECT_EQ(plugin.error().retry_after, std::chrono::hours(24));
}

TEST_F(SinkProcessTest, AWrongOptionIsReportedWithItsPlaceBeforeOpen) {
  SinkSpec wrong = spec("open_crashes");
  wrong.options["numbr"] = {int64_t{1}, {"a.toml", 7, 9}};
  SinkProcess& sink = make(std::move(wrong));
  const auto started = sink.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().kind, StartFailure::Kind::mistakes);
  ASSERT_EQ(started.error().mistakes.size(), 1U);
  EXPECT_EQ(started.error().mistakes[0].place.text(), "a.toml:7:9");
  EXPECT_NE(started.error().mistakes[0].message.find("did you mean number?"), std::string::npos);
  EXPECT_FALSE(sink.running());
}

TEST_F(SinkProcessTest, SaysWhyItCouldNotStart) {
  struct Case {
    std::string plugin, mode;
    StartFailure::Kind kind;
    const char* message;
  };
  const Case cases[] = {
      {"faulty.so", "open_rejects", StartFailure::Kind::refused, "not with these options"},
      {"faulty.so", "open_later", StartFailure::Kind::retry, "come back later"},
      {"faulty.so", "open_crashes", StartFailure::Kind::fault, "killed by signal 6"},
      {"faulty.so", "open_gives_nothing", StartFailure::Kind::fault, "without an instance"},
      {"faulty_table.so", "echo", StartFailure::Kind::refused, "struct_size is 8; it should be"},
      {"no_entry.so", "echo", StartFailure::Kind::refused, "does not define codedriftd_sink_v1"},
      {"no_such.so", "echo", StartFailure::Kind::refused, "No such file"},
  };
  for (const Case& c : cases) {
    SinkSpec wanted = spec(c.mode);
    wanted.plugin = kPlugins + c.plugin;
    SinkProcess& sink = make(std::move(wanted));
    const auto plugin = sink.start();
    ASSERT_FALSE(plugin) << c.message;
    EXPECT_EQ(plugin.error().kind, c.kind) << c.message;
    EXPECT_NE(plugin.error().message.find(c.message), std::string::npos) << plugin.error().message;
    EXPECT_FALSE(sink.running());
    if (c.kind == StartFailure::Kind::retry) {
      EXPECT_EQ(plugin.error().retry_after, Millis{7'000});
    }
  }
  SinkSpec nowhere = spec("echo");
  nowhere.sinkhost = "/no/such/program";
  const auto plugin = make(std::move(nowhere)).start();
  ASSERT_FALSE(plugin);
  EXPECT_NE(plugin.error().message.find("/no/such/program could not be started"), std::string::npos);
  SinkSpec stranger = spec("echo");
  stranger.sinkhost = "/bin/true";
  EXPECT_FALSE(make(std::move(stranger)).start()) << "a program that is no host";
}

TEST_F(SinkProcessTest, EveryWayToDieIsAFaultThatSaysHow) {
  const std::pair<const char*, const char*> cases[] = {
      {"crash", "killed by signal 6"},
#ifndef CODEDRIFTD_SANITIZED  // a sanitizer turns the signal into an exit
      {"segv", "killed by signal 11"},
#endif
      {"exit", "ended with status 0"}, {"forks_many", "killed by signal 6"}, {"nonsense", "sent nonsense: not a frame"},
      {"closes", "killed by signal 9"}};
  for (const auto& [mode, text] : cases) {
    SinkProcess& sink = started(mode);
    const DeliveryAnswer answer = sink.deliver("i", "{}", 1, kPlenty);
    EXPECT_EQ(answer.result, DeliveryResult::fault) << mode;
    EXPECT_NE(answer.text.find(text), std::string::npos) << answer.text;
    EXPECT_FALSE(sink.running());
    EXPECT_TRUE(sink.start()) << "it can be started again after " << mode;
  }
}

TEST_F(SinkProcessTest, AResultThatIsNoneIsAFaultButTheProcessGoesOn) {
  SinkProcess& sink = started("garbage_result");
  const DeliveryAnswer answer = sink.deliver("i", "{}", 1, kPlenty);
  EXPECT_EQ(answer.result, DeliveryResult::fault);
  EXPECT_NE(answer.text.find("returned 42"), std::string::npos);
  EXPECT_TRUE(sink.running());
}

TEST_F(SinkProcessTest, AHangIsKilledAfterTheDeadlineAndTheGrace) {
  for (const char* mode : {"hang", "log_forever"}) {
    SinkProcess& sink = started(mode);
    const MonoTime before = SystemClock{}.mono();
    const DeliveryAnswer answer = sink.deliver("i", "{}", 1, kShort);
    const auto took = SystemClock{}.mono() - before;
    EXPECT_EQ(answer.result, DeliveryResult::fault) << mode;
    EXPECT_NE(answer.text.find("gave no answer by its deadline"), std::string::npos) << answer.text;
    EXPECT_GE(took, kShort + kCancelGrace);
    EXPECT_LT(took, kShort + kCancelGrace + Millis{5'000});
    EXPECT_FALSE(sink.running());
  }
}

TEST_F(SinkProcessTest, AHangThatEndsWhenAskedIsARetry) {
  SinkProcess& sink = started("hang_politely");
  const DeliveryAnswer answer = sink.deliver("i", "{}", 1, kShort);
  EXPECT_EQ(answer.result, DeliveryResult::retry);
  EXPECT_EQ(answer.text, "asked to stop");
  EXPECT_TRUE(sink.running());
}

TEST_F(SinkProcessTest, ACancelIsOverWhenTheCallIs) {
  SinkProcess& sink = started("hang_once");
  EXPECT_EQ(sink.deliver("i", "{}", 1, kShort).text, "cancelled");
  EXPECT_EQ(sink.deliver("i", "{}", 2, kPlenty).text, "free");
}

TEST_F(SinkProcessTest, AnotherThreadCanCancelForGood) {
  for (const char* mode : {"hang_politely", "hang"}) {
    SinkProcess& sink = started(mode);
    const MonoTime before = SystemClock{}.mono();
    std::jthread other([&sink] { sink.cancel(); });
    EXPECT_EQ(sink.deliver("i", "{}", 1, kPlenty).result, DeliveryResult::retry) << mode;
    other.join();
    EXPECT_EQ(sink.deliver("i", "{}", 1, kPlenty).result,
              sink.running() ? DeliveryResult::retry : DeliveryResult::fault);
    sink.stop();
    EXPECT_LT(SystemClock{}.mono() - before, Millis{5'000}) << mode;
    EXPECT_FALSE(sink.start());
  }
}

TEST_F(SinkProcessTest, ACloseThatHangsIsKilled) {
  SinkProcess& sink = started("close_hangs");
  sink.stop();
  EXPECT_FALSE(sink.running());
}

TEST_F(SinkProcessTest, AFloodOfLogLinesIsCutAndCounted) {
  for (const char* mode : {"log_flood", "prints"}) {
    SinkProcess& sink = started(mode);
    testing::internal::CaptureStderr();
    EXPECT_EQ(sink.deliver("i", "{}", 1, kPlenty).result, DeliveryResult::delivered) << mode;
    sink.stop();
    const std::string lines = testing::internal::GetCapturedStderr();
    const auto count = std::count(lines.begin(), lines.end(), '\n');
    EXPECT_GE(count, 20) << mode;
    EXPECT_LT(count, 800) << mode;  // twenty a second, on a slow machine for a long time
    EXPECT_NE(lines.find("log lines of the plugin were dropped"), std::string::npos) << mode;
    EXPECT_NE(lines.find("alert=ops"), std::string::npos);
  }
}

TEST_F(SinkProcessTest, TextsAreCutAndCleaned) {
  EXPECT_EQ(started("huge_text").deliver("i", "{}", 1, kPlenty).text, std::string(1000, 'x'));
  EXPECT_EQ(started("bad_text").deliver("i", "{}", 1, kPlenty).text, "\uFFFD\uFFFD ok");
}

TEST_F(SinkProcessTest, WhatThePluginStartedEndsWithIt) {
  SinkProcess& sink = started("forks");
  const pid_t grandchild = std::stoi(sink.deliver("i", "{}", 1, kPlenty).text);
  ASSERT_GT(grandchild, 0);
  ASSERT_EQ(::kill(grandchild, 0), 0);
  sink.stop();
  // Adopted by init, which may take its time to reap it.
  const auto gone = [&] { return process_state(grandchild).state == 'X' || process_state(grandchild).state == 'Z'; };
  EXPECT_TRUE(test::wait_until(gone, kPlenty));
}

TEST_F(SinkProcessTest, ThePluginGetsNothingItWasNotGiven) {
  const UniqueFd inheritable(::dup(STDERR_FILENO));  // not close-on-exec
  ::setenv("https_proxy", "http://proxy.example:3128", 1);
  ::setenv("TENCENTCLOUD_SECRET_KEY", "fake-key", 1);
  const std::string text = started("lists").deliver("i", "{}", 1, kPlenty).text;
  ::unsetenv("https_proxy");
  ::unsetenv("TENCENTCLOUD_SECRET_KEY");
  EXPECT_TRUE(text.starts_with("0 1 2 3 4 ")) << text;
  EXPECT_NE(text.find("https_proxy=http://proxy.example:3128"), std::string::npos) << text;
  EXPECT_EQ(text.find("fake-key"), std::string::npos) << text;
  EXPECT_EQ(text.find("PATH="), std::string::npos) << text;
#ifndef CODEDRIFTD_SANITIZED
  EXPECT_EQ(text.find("0 1 2 3 4 5"), std::string::npos) << text;
#endif
}

TEST_F(SinkProcessTest, DescriptorsAreLimited) {
  const DeliveryAnswer answer = started("leaks").deliver("i", "{}", 1, kPlenty);
  EXPECT_EQ(answer.result, DeliveryResult::delivered);
  EXPECT_LT(std::stoi(answer.text), 64);
}

#ifndef CODEDRIFTD_SANITIZED  // a sanitizer maps terabytes, so there is no limit then
TEST_F(SinkProcessTest, MemoryIsLimited) {
  const DeliveryAnswer answer = started("leaks_memory").deliver("i", "{}", 1, kPlenty);
  EXPECT_EQ(answer.result, DeliveryResult::retry) << "what is left is enough to say so: " << answer.text;
  EXPECT_LT(std::stoi(answer.text), 512);
  EXPECT_GT(std::stoi(answer.text), 300);
}
#endif

TEST_F(SinkProcessTest, TheProcessIsLimitedBeforeThePluginIsLoaded) {
  const std::string text = started("limits").deliver("i", "{}", 1, kPlenty).text;
#ifdef CODEDRIFTD_SANITIZED
  EXPECT_TRUE(text.starts_with("core 0, files 64, ")) << text;
#else
  EXPECT_TRUE(text.starts_with("core 0, files 64, MiB 512, ")) << text;
#endif
  EXPECT_TRUE(text.ends_with("no new privileges 1, death signal 9, group 1")) << text;
}

TEST_F(SinkProcessTest, WritingToSomebodyWhoIsGoneIsAnErrorAndNotTheEnd) {
  EXPECT_EQ(started("writes_to_nobody").deliver("i", "{}", 1, kPlenty).text, "Broken pipe");
}

TEST_F(SinkProcessTest, ARelativeSecretFileIsFoundThoughThePluginDoesNotKnowWhere) {
  const test::TempDir folder;
  folder.write("token", "fake-3\n");
  ::setenv("CREDENTIALS_DIRECTORY", folder.path().c_str(), 1);
  SinkSpec with_secret = spec("echo");
  with_secret.options["token_file"] = {"token", {"a.toml", 5, 1}};
  SinkProcess& sink = make(std::move(with_secret));
  const auto plugin = sink.start();
  const std::string token = plugin ? sink.deliver("i", "{}", 1, kPlenty).text : "";
  const std::string variables = started("lists").deliver("i", "{}", 1, kPlenty).text;
  ::unsetenv("CREDENTIALS_DIRECTORY");
  ASSERT_TRUE(plugin) << plugin.error().message;
  EXPECT_NE(token.find("fake-3"), std::string::npos) << token;
  EXPECT_EQ(variables.find("CREDENTIALS_DIRECTORY"), std::string::npos) << variables;
}

TEST_F(SinkProcessTest, AProcessThatDiesWhileIdleIsNoticed) {
  SinkProcess& sink = started("forks");
  // The host process is the parent of what the plugin started.
  const pid_t grandchild = std::stoi(sink.deliver("i", "{}", 1, kPlenty).text);
  ASSERT_EQ(::kill(process_state(grandchild).parent, SIGSEGV), 0);
  EXPECT_TRUE(test::wait_until([&] { return !sink.running(); }, kPlenty));
  EXPECT_FALSE(sink.ended_from_outside()) << "it looks like its own fault";
  EXPECT_TRUE(sink.start());
}

TEST_F(SinkProcessTest, WhatSomebodyElsesSignalEndedIsNoFaultOfThePlugin) {
  for (const int signal : {SIGTERM, SIGKILL, SIGINT, SIGHUP}) {
    SinkProcess& sink = started("forks");
    const pid_t grandchild = std::stoi(sink.deliver("i", "{}", 1, kPlenty).text);
    ASSERT_EQ(::kill(process_state(grandchild).parent, signal), 0);
    EXPECT_TRUE(test::wait_until([&] { return !sink.running(); }, kPlenty));
    EXPECT_TRUE(sink.ended_from_outside()) << signal;
    ASSERT_TRUE(sink.start());
    EXPECT_FALSE(sink.ended_from_outside());
  }
}

TEST_F(SinkProcessTest, ASignalFromOutsideDuringADeliveryIsARetryThatCountsForNothing) {
  for (const int signal : {SIGTERM, SIGKILL}) {
    SinkProcess& sink = started("hang");
    const pid_t host = only_child();
    ASSERT_GT(host, 0);
    std::jthread killer([&] {
      // Wherever the call is by then, it has not come back: nothing answers but the signal.
      ::kill(host, signal);
    });
    const DeliveryAnswer answer = sink.deliver("i", "{}", 1, kPlenty);
    EXPECT_EQ(answer.result, DeliveryResult::retry) << answer.text;
    EXPECT_TRUE(answer.interrupted);
    EXPECT_TRUE(sink.ended_from_outside());
    EXPECT_NE(answer.text.find(fmt::format("killed by signal {}", signal)), std::string::npos) << answer.text;
  }
}

TEST_F(SinkProcessTest, SecretsThatThePluginTellsAreMaskedInTheLogAndInItsWords) {
  const test::TempDir folder;
  SinkSpec with_secret = spec("tells_all");
  with_secret.options["token_file"] = {folder.write("token", "Bearer fake-token-0001\n"), {"a.toml", 5, 1}};
  SinkProcess& sink = make(std::move(with_secret));
  ASSERT_TRUE(sink.start());
  testing::internal::CaptureStderr();
  const DeliveryAnswer answer = sink.deliver("i", "{}", 1, kPlenty);
  sink.stop();
  const std::string lines = testing::internal::GetCapturedStderr();
  EXPECT_NE(lines.find("printed "), std::string::npos) << lines;
  EXPECT_NE(lines.find("***"), std::string::npos) << lines;
  EXPECT_EQ(lines.find("fake-token"), std::string::npos) << lines;
  EXPECT_EQ(answer.text.find("fake-token"), std::string::npos) << answer.text;
  EXPECT_NE(answer.text.find(R"("token":"***")"), std::string::npos) << answer.text;
}

/// From now on this thread, and what it starts, has no pidfd_open: as a container's filter from before that call has
/// it.
void filter_out_pidfd_open(int error) {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_open, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{std::size(program), program};
  ASSERT_EQ(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  ASSERT_EQ(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), 0) << std::strerror(errno);
  ASSERT_LT(::syscall(SYS_pidfd_open, ::getpid(), 0), 0);
}

TEST_F(SinkProcessTest, WorksWithoutPidfdOpen) {
  for (const int error : {ENOSYS, EPERM}) {
    std::jthread([&] {
      filter_out_pidfd_open(error);
      EXPECT_EQ(started("echo").deliver("i", "{}", 1, kPlenty).result, DeliveryResult::delivered);
      sink_->stop();
      EXPECT_EQ(started("crash").deliver("i", "{}", 1, kPlenty).result, DeliveryResult::fault);
      EXPECT_FALSE(sink_->running());
      EXPECT_EQ(started("hang").deliver("i", "{}", 1, kShort).result, DeliveryResult::fault);
      SinkProcess& sink = started("forks");
      const pid_t grandchild = std::stoi(sink.deliver("i", "{}", 1, kPlenty).text);
      ASSERT_EQ(::kill(process_state(grandchild).parent, SIGKILL), 0);
      EXPECT_TRUE(test::wait_until([&] { return !sink.running(); }, kPlenty));
    }).join();
  }
}

TEST_F(SinkProcessTest, TheHostDiesWithTheThreadThatStartedIt) {
  std::string text;
  std::jthread([&] {
    SinkProcess& sink = started("forks");
    text = sink.deliver("i", "{}", 1, kPlenty).text;
  }).join();
  EXPECT_TRUE(test::wait_until([&] { return !sink_->running(); }, kPlenty));
}

TEST_F(SinkProcessTest, APluginCanBeDescribedWithoutBeingOpened) {
  const auto plugin = describe_plugin(kHost, kPlugins + "faulty.so");
  ASSERT_TRUE(plugin) << plugin.error().message;
  EXPECT_EQ(plugin->options.size(), 3U);
  EXPECT_TRUE(plugin->options[2].secret);
  const std::pair<std::string, StartFailure::Kind> cases[] = {
      {"relative.so", StartFailure::Kind::refused},
      {kPlugins + "no_entry.so", StartFailure::Kind::refused},
      {kPlugins + "faulty_loading.so", StartFailure::Kind::fault}};  // it crashes before it can be asked
  for (const auto& [file, kind] : cases) {
    const auto failed = describe_plugin(kHost, file);
    ASSERT_FALSE(failed) << file;
    EXPECT_EQ(failed.error().kind, kind) << failed.error().message;
  }
  // One that answers before it is looked at for the first time is in time, however little there was.
  auto late = describe_plugin(kHost, kPlugins + "faulty.so", Millis{0});
  for (int tries = 0; late && tries < 100; ++tries) late = describe_plugin(kHost, kPlugins + "faulty.so", Millis{0});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, StartFailure::Kind::fault);
}

TEST(Sinkhost, StartedByHandSaysWhatItIs) {
  for (const std::vector<std::string>& argv :
       {std::vector<std::string>{kHost}, {kHost, "--serve", kPlugins + "faulty.so", "1"}, {kHost, "--help"}}) {
    const auto result = test::run({.argv = argv});
    EXPECT_EQ(result.status, (test::ExitStatus{64, 0}));
    EXPECT_NE(result.err.find("not meant to be started by hand"), std::string::npos) << result.err;
  }
}

TEST(Sinkhost, DescribesAPluginForPeople) {
  const auto result = test::run({.argv = {kHost, "--describe", kPlugins + "faulty.so"}});
  EXPECT_EQ(result.status, (test::ExitStatus{0, 0}));
  EXPECT_NE(result.out.find("faulty 1.0 (test) (plugin interface 1.0"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("token_file"), std::string::npos) << result.out;
  const auto wrong = test::run({.argv = {kHost, "--describe", "/no/such.so"}});
  EXPECT_EQ(wrong.status, (test::ExitStatus{1, 0}));
  EXPECT_NE(wrong.err.find("/no/such.so"), std::string::npos) << wrong.err;
}

}  // namespace
}  // namespace codedriftd
