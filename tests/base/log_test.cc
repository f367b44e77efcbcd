#include "base/log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>

#include "base/json.h"
#include "base/unique_fd.h"
#include "support/journal_socket.h"

namespace codedriftd {
namespace {

constexpr char kTime[] = "2026-11-24T12:00:03.000Z";
// An escape, a line break, U+009B (CSI in one character), U+202E (right to left from here) and a byte that is no UTF-8.
constexpr char kHostile[] = "x\x1b[31m\ny=\"z\"\\\xc2\x9b\x7f\xe2\x80\xae\xff";

TEST(LogLine, ForPeopleHasTimeLevelEventAndFields) {
  EXPECT_EQ(
      format_log_line(LogFormat::text, kTime, LogLevel::warning, "poll.failing", "cannot be seen",
                      {field("target", "prod/f"), field("polls", 3), field("note", "two words"), field("empty", "")}),
      "2026-11-24T12:00:03.000Z warning poll.failing: cannot be seen target=prod/f polls=3 note=\"two words\" "
      "empty=\"\"");
}

TEST(LogLine, UnderSystemdHasAPriorityAndNoTime) {
  struct Row {
    LogLevel level;
    std::string_view prefix;
  };
  for (const Row& row : {Row{LogLevel::error, "<3>"}, Row{LogLevel::warning, "<4>"}, Row{LogLevel::info, "<6>"},
                         Row{LogLevel::debug, "<7>"}}) {
    EXPECT_EQ(format_log_line(LogFormat::systemd, kTime, row.level, "e", "m", {field("a", 1)}),
              std::string(row.prefix) + "e: m a=1");
  }
}

TEST(LogLine, AsJsonIsOneObject) {
  const std::string line = format_log_line(LogFormat::json, kTime, LogLevel::error, "e", "m",
                                           {field("a", 1), field("b", "1"), field("c", uint64_t{18446744073709551615U}),
                                            field("d", std::optional<std::string>()), field("f", std::optional(-7))});
  EXPECT_EQ(Json::parse(line), (Json{{"time", kTime},
                                     {"level", "error"},
                                     {"event", "e"},
                                     {"message", "m"},
                                     {"a", 1},
                                     {"b", "1"},
                                     {"c", 18446744073709551615U},
                                     {"f", -7}}));
}

TEST(LogLine, AsJsonUnderSystemdHasAPriority) {
  for (const LogLevel level : {LogLevel::error, LogLevel::warning, LogLevel::info, LogLevel::debug}) {
    EXPECT_EQ(format_log_line(LogFormat::systemd_json, kTime, level, "e", "m", {field("a", 1)}),
              fmt::format("<{}>", static_cast<int>(level)) +
                  format_log_line(LogFormat::json, kTime, level, "e", "m", {field("a", 1)}));
  }
}

TEST(LogLine, SaysNothingOfWhatIsAbsent) {
  const std::optional<std::string> target;
  EXPECT_EQ(format_log_line(LogFormat::systemd, kTime, LogLevel::info, "e", "m", {field("target", target)}), "<6>e: m");
  EXPECT_EQ(format_log_line(LogFormat::systemd, kTime, LogLevel::info, "e", "m",
                            {field("target", std::optional<std::string>("prod/f"))}),
            "<6>e: m target=prod/f");
}

TEST(LogLine, ForeignTextForgesNoLineAndNoField) {
  const std::string safe = "x\\u{1b}[31m\\u{a}y=\"z\"\\\\u{9b}\\u{7f}\\u{202e}\xEF\xBF\xBD";
  const std::string quoted = "\"x\\\\u{1b}[31m\\\\u{a}y=\\\"z\\\"\\\\\\\\u{9b}\\\\u{7f}\\\\u{202e}\xEF\xBF\xBD\"";
  EXPECT_EQ(format_log_line(LogFormat::text, kTime, LogLevel::info, "e", kHostile, {field("f", kHostile)}),
            std::string(kTime) + " info e: " + safe + " f=" + quoted);
  EXPECT_EQ(format_log_line(LogFormat::systemd, kTime, LogLevel::info, "e", kHostile, {field("f", kHostile)}),
            "<6>e: " + safe + " f=" + quoted);
  const std::string line =
      format_log_line(LogFormat::json, kTime, LogLevel::info, "e", kHostile, {field("f", kHostile)});
  EXPECT_EQ(line.find_first_of("\x1b\n\xff"), std::string::npos) << line;
  for (const char* raw : {"\xc2\x9b", "\x7f", "\xe2\x80\xae"}) EXPECT_EQ(line.find(raw), std::string::npos) << line;
  EXPECT_EQ(Json::parse(line)["f"], "x\x1b[31m\ny=\"z\"\\\xc2\x9b\x7f\xe2\x80\xae\xEF\xBF\xBD");
}

TEST(LogLine, AsJsonIsCut) {
  const std::string line = format_log_line(LogFormat::json, kTime, LogLevel::info, "e", std::string(10'000, 'm'), {});
  EXPECT_EQ(Json::parse(line)["message"].get<std::string>().size(), 4000U);
}

TEST(LogLevelName, IsOneOfFour) {
  EXPECT_EQ(parse_log_level("error"), LogLevel::error);
  EXPECT_EQ(parse_log_level("warning"), LogLevel::warning);
  EXPECT_EQ(parse_log_level("info"), LogLevel::info);
  EXPECT_EQ(parse_log_level("debug"), LogLevel::debug);
  EXPECT_EQ(parse_log_level("warn"), std::nullopt);
  EXPECT_EQ(parse_log_level(""), std::nullopt);
}

constexpr char kNoJournal[] = "/nonexistent/journal/socket";

class Log : public testing::Test {
 protected:
  ~Log() override { set_log(LogLevel::info, LogFormat::text); }
};

TEST_F(Log, WritesOnlyWhatItsLevelLetsThrough) {
  set_log(LogLevel::warning, LogFormat::systemd, kNoJournal);
  EXPECT_TRUE(log_enabled(LogLevel::error));
  EXPECT_TRUE(log_enabled(LogLevel::warning));
  EXPECT_FALSE(log_enabled(LogLevel::info));
  testing::internal::CaptureStderr();
  log(LogLevel::warning, "poll.failing", "cannot be seen", {field("target", "prod/f")});
  log(LogLevel::info, "quiet", "not written");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "<4>poll.failing: cannot be seen target=prod/f\n");
}

TEST_F(Log, IsSystemdsFormOnlyWhenStderrIsTheJournal) {
  struct stat info {};
  ASSERT_EQ(::fstat(STDERR_FILENO, &info), 0);
  ::setenv("JOURNAL_STREAM", fmt::format("{}:{}", info.st_dev, info.st_ino).c_str(), 1);
  EXPECT_EQ(default_log_format(), LogFormat::systemd);
  EXPECT_EQ(json_log_format(), LogFormat::systemd_json);
  ::setenv("JOURNAL_STREAM", fmt::format("{}:{}", info.st_dev, info.st_ino + 1).c_str(), 1);
  EXPECT_EQ(default_log_format(), LogFormat::text) << "inherited, but stderr goes elsewhere";
  ::unsetenv("JOURNAL_STREAM");
  EXPECT_EQ(default_log_format(), LogFormat::text);
  EXPECT_EQ(json_log_format(), LogFormat::json);
}

class JournalledLog : public Log {
 protected:
  std::string stderr_of_a_line(const std::string& message, const std::string& socket) {
    set_log(LogLevel::info, LogFormat::systemd, socket);
    testing::internal::CaptureStderr();
    log(LogLevel::error, "drift.detected", message,
        {field("seq", 7), field("target", "prod/f"), field("region", std::optional<std::string>())});
    return testing::internal::GetCapturedStderr();
  }
};

TEST_F(JournalledLog, HasTheLineItsPriorityAndItsFields) {
  test::JournalSocket journal;
  EXPECT_EQ(stderr_of_a_line("a\nb", journal.path()), "");
  EXPECT_EQ(journal.next(), journal_datagram({{"MESSAGE", "drift.detected: a\\u{a}b seq=7 target=prod/f"},
                                              {"PRIORITY", "3"},
                                              {"SYSLOG_FACILITY", "3"},
                                              {"SYSLOG_IDENTIFIER", "codedriftd"},
                                              {"CODEDRIFTD_EVENT", "drift.detected"},
                                              {"CODEDRIFTD_SEQ", "7"},
                                              {"CODEDRIFTD_TARGET", "prod/f"}}));
}

TEST_F(JournalledLog, IsTextOnStderrWhereTheJournalDoesNotTakeIt) {
  test::JournalSocket journal;
  EXPECT_EQ(stderr_of_a_line("m", kNoJournal), "<3>drift.detected: m seq=7 target=prod/f\n");
  const std::string long_one(1'000'000, 'x');
  EXPECT_EQ(stderr_of_a_line(long_one, journal.path()), "<3>drift.detected: " + long_one + " seq=7 target=prod/f\n");
  EXPECT_EQ(journal.next(), std::nullopt);
}

TEST_F(JournalledLog, IsNotForOtherFormats) {
  test::JournalSocket journal;
  for (const LogFormat format : {LogFormat::text, LogFormat::json, LogFormat::systemd_json}) {
    set_log(LogLevel::info, format, journal.path());
    testing::internal::CaptureStderr();
    log(LogLevel::info, "e", "m");
    EXPECT_NE(testing::internal::GetCapturedStderr(), "");
    EXPECT_EQ(journal.next(), std::nullopt);
  }
}

/// Stderr that nobody reads until the test does.
class UnreadLog : public Log {
 protected:
  void stderr_is(int write_end) {
    const UniqueFd given(write_end);
    ASSERT_GE(::dup2(given.get(), STDERR_FILENO), 0);
  }
  ~UnreadLog() override { ::dup2(stderr_.get(), STDERR_FILENO); }

  /// More than any of them holds.
  static void log_a_megabyte() {
    for (int i = 0; i < 1'000; ++i) log(LogLevel::info, "line", std::string(1'000, 'x'), {field("number", i)});
  }
  std::string read_all(int fd) {
    std::string all;
    pollfd readable{fd, POLLIN, 0};
    char block[4096];
    while (::poll(&readable, 1, 0) > 0) {
      const ssize_t got = ::read(fd, block, sizeof block);
      if (got <= 0) break;
      all.append(block, static_cast<std::size_t>(got));
    }
    return all;
  }
  /// Lines come whole, in order and once; what is missing is told.
  void expect_lines_and_the_number_of_the_lost(int fd) {
    set_log(LogLevel::info, LogFormat::json);
    log_a_megabyte();
    std::string all = read_all(fd);
    log(LogLevel::info, "line", "afterwards", {field("number", 1'000)});  // behind the rest of one that was begun
    all += read_all(fd);
    std::istringstream lines(all);
    int next = 0, lost = 0;
    for (std::string line; std::getline(lines, line);) {
      const Json parsed = Json::parse(line, nullptr, false);
      ASSERT_TRUE(parsed.is_object()) << line;
      if (parsed.at("event") == "log.dropped") {
        lost = std::stoi(parsed.at("message").get<std::string>());
        next += lost;
      } else {
        EXPECT_EQ(parsed.at("number"), next++);
      }
    }
    EXPECT_GT(lost, 100);
    EXPECT_EQ(next, 1'001);
  }

 private:
  const UniqueFd stderr_{::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)};
};

TEST_F(UnreadLog, InAPipeHoldsNobodyUpAndTellsLaterHowManyLinesWereLost) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd read_end(ends[0]);
  stderr_is(ends[1]);
  expect_lines_and_the_number_of_the_lost(read_end.get());
}

TEST_F(UnreadLog, InASocketAsTheJournalsDoesTheSame) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const UniqueFd read_end(ends[0]);
  stderr_is(ends[1]);
  expect_lines_and_the_number_of_the_lost(read_end.get());
}

TEST_F(UnreadLog, OnATerminalThatIsStoppedDoesTheSame) {
  const UniqueFd read_end(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_TRUE(read_end.valid());
  ASSERT_EQ(::grantpt(read_end.get()), 0);
  ASSERT_EQ(::unlockpt(read_end.get()), 0);
  const int terminal = ::open(::ptsname(read_end.get()), O_RDWR | O_NOCTTY | O_CLOEXEC);
  ASSERT_GE(terminal, 0);
  termios raw{};
  ASSERT_EQ(::tcgetattr(terminal, &raw), 0);
  ::cfmakeraw(&raw);
  ASSERT_EQ(::tcsetattr(terminal, TCSANOW, &raw), 0);
  stderr_is(terminal);
  expect_lines_and_the_number_of_the_lost(read_end.get());
}

TEST_F(UnreadLog, ThatIsClosedIsNoReasonToStop) {
  ::close(STDERR_FILENO);
  log_a_megabyte();
}

}  // namespace
}  // namespace codedriftd
