#include "commands/command_line.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "audit/format/table.h"
#include "audit/format/width.h"
#include "support/temp_dir.h"

namespace codedriftd::test {
namespace {

struct CommandOutcome {
  int code;
  std::string out, err;
};

CommandOutcome run(std::vector<const char*> args) {
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
      {{"check", "file.toml"}, "check takes no file name; use codedriftd --config FILE check"},
      {{"check", "--all"}, "--all goes with --online"},
      {{"--color", "blue", "check"}, "--color blue: unknown; one of auto, always, never"},
      {{"status", "--watch=5"}, "--watch takes a time of 1s or more"},
      {{"help", "chekc"}, "did you mean 'check'?"},
      {{"show"}, "show takes one PLAN"},
      {{"suspend", "prod/*", "--reason", "x"}, "with --count N"},
      {{"suspend", "--list", "charge"}, "takes no TARGET"},
      {{"expect", "charge", "--withdraw", "--valid", "2h", "--reason", "x"},
       "--withdraw and --valid do not go together"},
      {{"expect", "charge", "--sha256", "x", "--reason", "x"}, "--reason is for expect --withdraw alone"},
      {{"expect", "charge", "--valid", "100d"}, "--valid 100d is too long; at most 30d"},
      {{"diff"}, "diff takes one TARGET"},
      {{"packages"}, "packages needs a verb: list, fetch, export or prune"},
      {{"packages", "prune", "--all"}, "packages prune needs a --reason"},
      {{"digest"}, "digest takes one FILE.zip or DIR"},
      {{"digest", "a", "b"}, "digest takes one FILE.zip or DIR"},
      {{"digest", "a", "--hex", "--manifest"}, "--hex and --manifest do not go together"},
      {{"digest", "a", "--hex", "--json"}, "--hex and --json do not go together"},
      {{"digest", "a", "--manifst"}, "did you mean --manifest?"},
      {{"migrate", "now"}, "nothing but options is taken here"},
  };
  for (const auto& c : cases) {
    const CommandOutcome outcome = run(c.args);
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
    const CommandOutcome outcome = run(command);
    EXPECT_EQ(outcome.code, 78) << command.back();
    EXPECT_NE(outcome.err.find("codedriftd.toml:2:1: unknown key"), std::string::npos) << outcome.err;
    EXPECT_NE(outcome.err.find("'state_dir'"), std::string::npos) << outcome.err;
  }
}

TEST(CommandLine, AConfigurationThatCannotBeReadIs78) {
  const CommandOutcome outcome = run({"--config", "/nowhere/codedriftd.toml", "check"});
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
    const CommandOutcome outcome = run(args);
    EXPECT_EQ(outcome.code, 0) << args.front();
    EXPECT_NE(outcome.out.find("codedriftd"), std::string::npos) << args.front();
    EXPECT_EQ(outcome.err, "") << args.front();
  }
}

TEST(CommandLine, OptionsOfTheProgramMayStandBehindTheCommand) {
  const CommandOutcome outcome = run({"check", "--config", "/nowhere/codedriftd.toml"});
  EXPECT_EQ(outcome.code, 78);
  EXPECT_EQ(outcome.err, "/nowhere/codedriftd.toml: cannot be read: No such file or directory\n");
  EXPECT_EQ(run({"query", "status", "--config=/nowhere/codedriftd.toml"}).code, 78);
}

TEST(CommandLine, SaysItsVersionWithCommitAndSchema) {
  const std::string version = run({"--version"}).out;
  EXPECT_TRUE(version.starts_with("codedriftd " CODEDRIFTD_VERSION " (")) << version;
  EXPECT_NE(version.find("database schema "), std::string::npos) << version;
  EXPECT_EQ(run({"version"}).out, version);
}

TEST(CommandLine, HelpOfACommandIsItsHelp) {
  EXPECT_EQ(run({"help", "check"}).out, run({"check", "--help"}).out);
  EXPECT_EQ(run({"help", "query", "status"}).out, run({"query", "status", "--help"}).out);
  EXPECT_EQ(run({"status", "--help"}).out, run({"query", "status", "--help"}).out);
  EXPECT_NE(run({"check", "--help"}).out.find("  -h, --help  "), std::string::npos);
}

TEST(CommandLine, AdoptedIsAConfigurationThatNoFileIsNamedFor) {
  // Each reads the configuration, which is not there: what is adopted was understood.
  EXPECT_EQ(run({"--config", "/nowhere/a.toml", "adopt", "--config"}).code, 78);
  EXPECT_EQ(run({"adopt", "--config", "/nowhere/a.toml", "--config", "--yes"}).code, 78);
  EXPECT_EQ(run({"adopt", "--config", "--config=/nowhere/a.toml"}).code, 78);
  const CommandOutcome named = run({"adopt", "--config", "/nowhere/a.toml"});
  EXPECT_EQ(named.code, 64);
  EXPECT_NE(named.err.find("it says what is adopted"), std::string::npos) << named.err;
}

TEST(CommandLine, NoHelpTextIsWiderThan80Columns) {
  std::vector<std::vector<const char*>> helps{{"--help"},
                                              {"query", "--help"},
                                              {"alerts", "--help"},
                                              {"help", "version"},
                                              {"alerts", "drop", "--help"},
                                              {"alerts", "test", "--help"},
                                              {"alerts", "replay", "--help"}};
  for (const char* command : {"run", "check", "plan", "show", "approve", "expect", "suspend", "resume", "poll",
                              "reload", "migrate", "move", "adopt", "backup", "status", "digest", "discover"})
    helps.push_back({command, "--help"});
  for (const char* report : {"history", "events", "alerts", "coverage", "inventory", "report"})
    helps.push_back({"query", report, "--help"});
  for (const auto& args : helps) {
    const CommandOutcome outcome = run(args);
    EXPECT_EQ(outcome.code, 0) << args.front();
    std::istringstream lines(outcome.out);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(display_width(line), 80U) << line;
  }
}

TEST(CommandLine, WhatCannotBePrintedIsAFailureOfEveryCommand) {
  for (const std::vector<const char*>& args : {std::vector<const char*>{"codedriftd", "--help"},
                                               {"codedriftd", "version"},
                                               {"codedriftd", "query", "--help"}}) {
    std::ostringstream out, err;
    out.setstate(std::ios::badbit);
    EXPECT_EQ(run_command_line(static_cast<int>(args.size()), args.data(), out, err), 1) << args.back();
    EXPECT_NE(err.str().find("standard output cannot be written"), std::string::npos) << err.str();
  }
}

}  // namespace
}  // namespace codedriftd::test
