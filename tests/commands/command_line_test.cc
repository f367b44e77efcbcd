#include "commands/command_line.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "support/temp_dir.h"

namespace codedriftd::test {
namespace {

struct Outcome {
  int code;
  std::string out, err;
};

Outcome run(std::vector<const char*> args) {
  args.insert(args.begin(), "codedriftd");
  std::ostringstream out, err;
  const int code = run_command_line(static_cast<int>(args.size()), args.data(), out, err);
  return {code, out.str(), err.str()};
}

TEST(CommandLine, WrongUsageIs64AndSaysWhatWouldBeRight) {
  const struct {
    std::vector<const char*> args;
    const char* says;
  } cases[] = {
      {{}, "no command given; see codedriftd --help"},
      {{"chekc"}, "unknown command 'chekc'; did you mean 'check'?"},
      {{"\x1b[31mred"}, "unknown command '\\u{1b}[31mred'"},
      {{"--config"}, "--config"},
      {{"--confg", "x", "check"}, "--confg"},
      {{"--log-level", "loud", "check"}, "--log-level loud: unknown; one of error, warning, info, debug"},
      {{"check", "--onlin"}, "unknown option --onlin; did you mean --online?"},
      {{"backup"}, "backup needs one FILE to write to"},
      {{"backup", "a", "b"}, "backup needs one FILE"},
      {{"migrate", "now"}, "too many positional options"},
  };
  for (const auto& c : cases) {
    const Outcome outcome = run(c.args);
    EXPECT_EQ(outcome.code, 64) << c.says;
    EXPECT_NE(outcome.err.find(c.says), std::string::npos) << c.says << "\nin " << outcome.err;
    EXPECT_EQ(outcome.out, "");
  }
}

TEST(CommandLine, AWrongConfigurationIs78ForEveryCommandThatReadsIt) {
  TempDir dir;
  const std::string file = dir.write("codedriftd.toml", "[daemon]\nstate_dirr = \"/nowhere\"\n");
  const std::vector<std::vector<const char*>> commands{
      {"run"}, {"check"}, {"query", "status"}, {"migrate"}, {"backup", "/nowhere/copy.db"}};
  for (auto command : commands) {
    command.insert(command.begin(), {"--config", file.c_str()});
    const Outcome outcome = run(command);
    EXPECT_EQ(outcome.code, 78) << command.back();
    EXPECT_NE(outcome.err.find("codedriftd.toml:2:1: unknown key"), std::string::npos) << outcome.err;
    EXPECT_NE(outcome.err.find("'state_dir'"), std::string::npos) << outcome.err;
  }
}

TEST(CommandLine, AConfigurationThatCannotBeReadIs78) {
  const Outcome outcome = run({"--config", "/nowhere/codedriftd.toml", "check"});
  EXPECT_EQ(outcome.code, 78);
  EXPECT_NE(outcome.err.find("/nowhere/codedriftd.toml"), std::string::npos);
}

TEST(CommandLine, HelpGoesToStdoutAndIs0) {
  const std::vector<std::vector<const char*>> helps{{"--help"},
                                                    {"help"},
                                                    {"run", "--help"},
                                                    {"check", "--help"},
                                                    {"query", "--help"},
                                                    {"query", "status", "--help"},
                                                    {"migrate", "--help"},
                                                    {"backup", "--help"}};
  for (const auto& args : helps) {
    const Outcome outcome = run(args);
    EXPECT_EQ(outcome.code, 0) << args.front();
    EXPECT_NE(outcome.out.find("codedriftd"), std::string::npos) << args.front();
    EXPECT_EQ(outcome.err, "") << args.front();
  }
}

TEST(CommandLine, SaysItsVersion) { EXPECT_EQ(run({"--version"}).out, "codedriftd " CODEDRIFTD_VERSION "\n"); }

}  // namespace
}  // namespace codedriftd::test
