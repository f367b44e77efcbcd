#include "base/log.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "base/json.h"

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
  const std::string line = format_log_line(LogFormat::json, kTime, LogLevel::error, "e", "m", {field("a", 1)});
  EXPECT_EQ(Json::parse(line),
            (Json{{"time", kTime}, {"level", "error"}, {"event", "e"}, {"message", "m"}, {"a", "1"}}));
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

class Log : public testing::Test {
 protected:
  ~Log() override { set_log(LogLevel::info, LogFormat::text); }
};

TEST_F(Log, WritesOnlyWhatItsLevelLetsThrough) {
  set_log(LogLevel::warning, LogFormat::systemd);
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
  ::setenv("JOURNAL_STREAM", fmt::format("{}:{}", info.st_dev, info.st_ino + 1).c_str(), 1);
  EXPECT_EQ(default_log_format(), LogFormat::text) << "inherited, but stderr goes elsewhere";
  ::unsetenv("JOURNAL_STREAM");
  EXPECT_EQ(default_log_format(), LogFormat::text);
}

}  // namespace
}  // namespace codedriftd
