// Completion in bash, driven as bash drives it, and in zsh and fish, against the real program and a real database.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include "e2e/daemon.h"
#include "model/kinds.h"
#include "model/verdict.h"
#include "support/process.h"
#include "support/recorded.h"

namespace codedriftd::test {
namespace {

using Lines = std::vector<std::string>;

class Completion : public testing::Test {
 protected:
  Completion() {
    std::filesystem::create_directory(dir_ / "a b");
    config_ = dir_ / "a b/codedriftd.toml";
    std::ofstream(config_) << "[daemon]\nstate_dir = \"" << r_.dir().path().string()
                           << "\"\n[account.prod]\n[defaults]\naccount = \"prod\"\nregion = \"ap-guangzhou\"\n"
                              "[[function]]\nname = \"charge\"\n[[alert]]  # people\nname = \"ops\"\nplugin = "
                              "\"webhook\"\n[alert.options]\nname = \"no name\"\n[[alert]]\nname = \"pager\"\nplugin = "
                              "\"webhook\"\n";
    r_.watch({"charge", "$odd.name-1", "prod/eu-frankfurt/pay/ship:1", "prod/ap-guangzhou/default/ship:$LATEST", "old"},
             Recorded::at(0));
    r_.watch({"charge", "$odd.name-1", "prod/eu-frankfurt/pay/ship:1", "prod/ap-guangzhou/default/ship:$LATEST"},
             Recorded::at(5));
  }

  /// What bash offers where `line` ends. `words`: as readline splits it, which breaks words at ":" and "=" too.
  Lines complete(const std::string& line, const Lines& words) {
    const std::string script = R"bash(
source "$1"
complete -p codedriftd >/dev/null || exit 9
COMP_LINE=$3 COMP_POINT=${#3} COMP_TYPE=9 COMP_KEY=9
COMP_WORDS=("${@:4}") COMP_CWORD=$(($# - 4))
_codedriftd "$2" "${COMP_WORDS[COMP_CWORD]}"
printf '%s\n' "${COMPREPLY[@]}"
)bash";
    Lines argv{"bash",
               "--norc",
               "-c",
               script,
               "bash",
               for_others(CODEDRIFTD_SOURCE_DIR, "scripts/codedriftd.bash-completion"),
               for_others(CODEDRIFTD_BINARY_DIR, "codedriftd"),
               line};
    argv.insert(argv.end(), words.begin(), words.end());
    const RunResult ran = run({.argv = argv, .as = as_});
    EXPECT_EQ(ran.status, (ExitStatus{0, 0})) << line;
    EXPECT_EQ(ran.err, "") << line;
    Lines offered;
    std::istringstream in(ran.out);
    for (std::string each; std::getline(in, each);) {
      if (!each.empty()) offered.push_back(each);
    }
    std::sort(offered.begin(), offered.end());
    return offered;
  }
  /// Of a line whose words are split by blanks alone.
  Lines complete(const std::string& line) {
    Lines words;
    std::istringstream in(line);
    for (std::string word; in >> word;) words.push_back(word);
    if (line.ends_with(' ')) words.emplace_back();
    return complete(line, words);
  }
  /// With the configuration before `rest`; the folder's name holds a blank.
  Lines with_config(const std::string& rest, const Lines& words) {
    const std::string quoted = "'" + config_ + "'";
    Lines all{"codedriftd", "--config", quoted};
    all.insert(all.end(), words.begin(), words.end());
    return complete("codedriftd --config " + quoted + " " + rest, all);
  }

  /// The three files as they are installed, under dir_.
  void install() {
    const std::pair<const char*, const char*> places[] = {{"bash", "bash-completion/completions/codedriftd"},
                                                          {"zsh", "zsh/site-functions/_codedriftd"},
                                                          {"fish", "fish/vendor_completions.d/codedriftd.fish"}};
    for (const auto& [shell, place] : places) {
      const std::filesystem::path file = dir_ / place;
      std::filesystem::create_directories(file.parent_path());
      std::filesystem::copy_file(fmt::format("{}/scripts/codedriftd.{}-completion", CODEDRIFTD_SOURCE_DIR, shell),
                                 file);
    }
  }
  /// The lines that a shell prints; `argv`: it, what it is to do, and the line.
  Lines said_by(Lines argv) {
    const RunResult ran =
        run({.argv = argv, .env = {{"PATH", fmt::format("{}:{}", CODEDRIFTD_BINARY_DIR, std::getenv("PATH"))}}});
    EXPECT_EQ(ran.status, (ExitStatus{0, 0})) << argv.back() << ran.err;
    EXPECT_EQ(ran.err, "") << argv.back();
    Lines said;
    std::istringstream in(ran.out);
    for (std::string each; std::getline(in, each);) said.push_back(each);
    return said;
  }
  /// What fish offers where `line` ends, with descriptions behind a tab.
  Lines fish(const std::string& line) {
    return said_by({"fish", "--no-config", "-c", "source $argv[1]; complete -C $argv[2]",
                    dir_ / "fish/vendor_completions.d/codedriftd.fish", line});
  }
  /// What zsh offers, without descriptions, and last the line with what it has completed.
  Lines zsh(const std::string& line) {
    return said_by(
        {"zsh", "-f", CODEDRIFTD_SOURCE_DIR "/tests/e2e/completion/press_tab.zsh", dir_ / "zsh/site-functions", line});
  }

  TempDir dir_;
  Recorded r_;
  std::string config_;
  std::optional<std::pair<uid_t, gid_t>> as_;
};

std::string escaped(const std::string& path) { return std::regex_replace(path, std::regex(" "), R"(\ )"); }

Lines sorted(Lines lines) {
  std::sort(lines.begin(), lines.end());
  return lines;
}

TEST_F(Completion, OffersTheProgramsOwnCommandsReportsAndVerbs) {
  const std::string help = run({.argv = {CODEDRIFTD_BINARY_DIR "/codedriftd", "--help"}}).out;
  Lines commands;
  const std::regex listed("(?:^|\n)  ([a-z]+)  ");
  for (std::sregex_iterator it(help.begin(), help.end(), listed), end; it != end; ++it) commands.push_back((*it)[1]);
  EXPECT_GE(commands.size(), 6U);
  EXPECT_EQ(complete("codedriftd "), sorted(commands));
  EXPECT_EQ(complete("codedriftd qu"), (Lines{"query"}));
  EXPECT_EQ(complete("codedriftd query "),
            sorted({"status", "history", "events", "alerts", "coverage", "inventory", "attestations", "report"}));
  EXPECT_EQ(complete("codedriftd --log-level debug alerts re"), (Lines{"replay"}));
  EXPECT_EQ(complete("codedriftd packages "), sorted({"list", "fetch", "export", "prune"}));
  EXPECT_EQ(complete("codedriftd status "), (Lines{})) << "its help lists statuses, which are no words of the command";
}

TEST_F(Completion, OffersTheOptionsOfTheCommandAtHand) {
  EXPECT_EQ(complete("codedriftd --"), sorted({"--config", "--log-level", "--color", "--help", "--version"}));
  EXPECT_EQ(complete("codedriftd check --"),
            sorted({"--online", "--all", "--plugins", "--list", "--strict", "--json", "--help"}));
  EXPECT_EQ(complete("codedriftd query status --det"), (Lines{"--detailed-exitcode"}));
  EXPECT_EQ(complete("codedriftd query history --det"), (Lines{}));
  EXPECT_EQ(complete("codedriftd query history --bo"), (Lines{"--bom"}));
  EXPECT_EQ(complete("codedriftd plan --bo"), (Lines{"--bom"}));
  EXPECT_EQ(complete("codedriftd query report --bo"), (Lines{}));
  EXPECT_EQ(complete("codedriftd alerts drop --rea"), (Lines{"--reason"}));
}

TEST_F(Completion, OffersWhatAnOptionTakes) {
  Lines statuses, kinds;
  for (const Status status : kStatuses) statuses.emplace_back(to_string(status));
  for (const std::string_view kind : kEventKinds) kinds.emplace_back(kind);
  EXPECT_EQ(complete("codedriftd query status --status "), sorted(statuses));
  EXPECT_EQ(
      complete("codedriftd query status --status=miss", {"codedriftd", "query", "status", "--status", "=", "miss"}),
      (Lines{"missing"}));
  EXPECT_EQ(complete("codedriftd query events --kind "), sorted(kinds));
  EXPECT_EQ(complete("codedriftd query status --format "), sorted({"table", "json", "ndjson", "csv", "markdown"}));
  EXPECT_EQ(complete("codedriftd --log-level "), sorted({"error", "warning", "info", "debug"}));
  EXPECT_EQ(complete("codedriftd query status --since "), (Lines{})) << "anything may stand there";
  EXPECT_EQ(with_config("query status --region ", {"query", "status", "--region", ""}),
            sorted({"ap-guangzhou", "eu-frankfurt"}));
  EXPECT_EQ(with_config("alerts test ", {"alerts", "test", ""}), sorted({"ops", "pager"}));
  EXPECT_EQ(with_config("alerts replay --to p", {"alerts", "replay", "--to", "p"}), (Lines{"pager"}));
  EXPECT_EQ(with_config("diff charge --from acc", {"diff", "charge", "--from", "acc"}), (Lines{"accepted"}));
  EXPECT_EQ(complete("codedriftd diff --to " + config_.substr(0, config_.find(' '))), (Lines{dir_ / "a b"}));
  EXPECT_EQ(complete("codedriftd packages export " + config_.substr(0, config_.find(' '))), (Lines{dir_ / "a b"}));
  EXPECT_EQ(complete("codedriftd backup " + config_.substr(0, config_.find(' '))), (Lines{dir_ / "a b"}));
}

TEST_F(Completion, OffersTargetsAsTheShellHasToReadThem) {
  const Lines all = with_config("query status ", {"query", "status", ""});
  EXPECT_EQ(all, sorted({R"(prod/ap-guangzhou/default/charge:\$LATEST)", R"(prod/ap-guangzhou/default/ship:\$LATEST)",
                         R"(prod/ap-guangzhou/default/\$odd.name-1:\$LATEST)", "prod/eu-frankfurt/pay/ship:1", "charge",
                         R"(\$odd.name-1)"}))
      << "\"ship\" is the name of two; \"old\" is no longer watched";
  // A shell that reads them gets the addresses.
  for (const std::string& offered : all) {
    const RunResult read = run({.argv = {"bash", "--norc", "-c", "printf %s " + offered}});
    EXPECT_TRUE(read.out.find('\\') == std::string::npos && !read.out.ends_with(':')) << read.out;
  }
  // Readline replaces what stands behind the last ":".
  const std::string charge = "prod/ap-guangzhou/default/charge";
  EXPECT_EQ(with_config("query history " + charge + ":", {"query", "history", charge, ":"}), (Lines{R"(\$LATEST)"}));
  EXPECT_EQ(with_config("query history " + charge + R"(:\$LA)", {"query", "history", charge, ":", R"(\$LA)"}),
            (Lines{R"(\$LATEST)"}));
  EXPECT_EQ(with_config("query status --target ch", {"query", "status", "--target", "ch"}), (Lines{"charge"}));
  // Inside quotes it is the whole word, and single ones need no escape.
  EXPECT_EQ(with_config("query history '" + charge, {"query", "history", "'" + charge}), (Lines{charge + ":$LATEST"}));
  EXPECT_EQ(with_config("query history \"" + charge, {"query", "history", "\"" + charge}),
            (Lines{charge + R"(:\$LATEST)"}));
  EXPECT_EQ(with_config("query status --all ol", {"query", "status", "--all", "ol"}), (Lines{"old"}));
}

TEST_F(Completion, InFishOffersTheSameWithWhatItMeans) {
  if (run({.argv = {"sh", "-c", "command -v fish"}}).out.empty())
    GTEST_SKIP() << "SKIPPED: there is no fish; scripts/install-deps --test installs it";
  install();
  const std::string with_config = "codedriftd --config " + escaped(config_) + " ";
  EXPECT_EQ(fish("codedriftd al"), (Lines{"alerts\treplay or drop what could not be delivered; send a test"}));
  EXPECT_EQ(fish("codedriftd query att"),
            (Lines{"attestations\twhat was announced or approved with a signed statement, and the key"}));
  EXPECT_EQ(fish("codedriftd query status --det"), (Lines{"--detailed-exitcode"}));
  EXPECT_EQ(fish("codedriftd query status --format=ma"), (Lines{"--format=markdown"}));
  EXPECT_EQ(fish("codedriftd status "), (Lines{}));
  EXPECT_EQ(fish(with_config + "alerts test "), (Lines{"ops", "pager"}));
  EXPECT_EQ(fish(with_config + "query history prod/ap-guangzhou/default/ch"),
            (Lines{"prod/ap-guangzhou/default/charge:$LATEST"}));
  EXPECT_EQ(fish("codedriftd diff --to " + config_.substr(0, config_.find(' '))), (Lines{dir_ / "a b/"}));
}

TEST_F(Completion, InZshOffersTheSame) {
  if (run({.argv = {"sh", "-c", "command -v zsh"}}).out.empty())
    GTEST_SKIP() << "SKIPPED: there is no zsh; scripts/install-deps --test installs it";
  install();
  const std::string with_config = "codedriftd --config " + escaped(config_) + " ";
  EXPECT_EQ(zsh("codedriftd al"), (Lines{"alerts", "codedriftd alerts "}));
  EXPECT_EQ(zsh("codedriftd packages "), (Lines{"export", "fetch", "list", "prune", "codedriftd packages "}));
  EXPECT_EQ(zsh("codedriftd query status --format=ma"),
            (Lines{"markdown", "codedriftd query status --format=markdown "}));
  EXPECT_EQ(zsh(with_config + "alerts test "), (Lines{"ops", "pager", with_config + "alerts test "}));
  EXPECT_EQ(zsh(with_config + "query history prod/ap-guangzhou/default/ch").back(),
            with_config + R"(query history prod/ap-guangzhou/default/charge:\$LATEST )");
  EXPECT_EQ(zsh("codedriftd diff --to " + config_.substr(0, config_.find(' '))).back(),
            "codedriftd diff --to " + escaped(dir_ / "a b/"));
}

TEST_F(Completion, IsSilentWhereTheDatabaseOrTheConfigurationCannotBeHad) {
  EXPECT_EQ(complete("codedriftd --config /nonexistent query status "), (Lines{}));
  EXPECT_EQ(complete("codedriftd --config /nonexistent alerts test "), (Lines{}));
  if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: needs root, to run as who may not read; CI runs it as root";
  std::filesystem::permissions(dir_.path(), std::filesystem::perms(0755));
  as_ = {{64'103, 64'103}};
  EXPECT_EQ(with_config("query status ", {"query", "status", ""}), (Lines{}));
  EXPECT_EQ(with_config("alerts test ", {"alerts", "test", ""}), sorted({"ops", "pager"})) << "the file can be read";
}

}  // namespace
}  // namespace codedriftd::test
