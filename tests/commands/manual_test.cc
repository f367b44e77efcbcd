// The man pages and the program say the same: what one knows, the other explains.
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "commands/command_line.h"
#include "settings/keys.h"
#include "support/process.h"

namespace codedriftd {
namespace {

using Words = std::set<std::string>;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string page_file(const std::string& name) { return std::string(CODEDRIFTD_SOURCE_DIR) + "/docs/" + name; }

/// The lines of one `.Sh` of a man page.
std::vector<std::string> page_section(const std::string& page, const std::string& heading) {
  std::ifstream in(page_file(page));
  std::vector<std::string> lines;
  bool inside = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(".Sh ")) inside = line == ".Sh " + heading;
    if (inside) lines.push_back(line);
  }
  return lines;
}

/// The outermost items of a list in a man page: what stands after `.It`, and all lines of the item, that one too.
struct Item {
  std::string head;
  std::vector<std::string> lines;
};
std::vector<Item> items(const std::vector<std::string>& lines) {
  std::vector<Item> all;
  int depth = 0;
  for (const std::string& line : lines) {
    if (line.starts_with(".El")) --depth;
    if (depth == 1 && line.starts_with(".It ")) all.push_back({line.substr(4), {}});
    if (depth >= 1 && !all.empty()) all.back().lines.push_back(line);
    if (line.starts_with(".Bl")) ++depth;
  }
  return all;
}

/// The arguments of every `macro` in the lines: "Fl -online" has "-online", "Fl a , b" has "a" and "b".
Words arguments(const std::vector<std::string>& lines, const std::string& macro) {
  Words found;
  for (const std::string& line : lines) {
    if (!line.starts_with('.')) continue;
    std::istringstream words(line.substr(1));
    bool wanted = false;
    for (std::string word; words >> word;) {
      const bool is_macro = word.size() == 2 && std::isupper(static_cast<unsigned char>(word[0])) != 0 &&
                            std::islower(static_cast<unsigned char>(word[1])) != 0;
      if (is_macro) {
        wanted = word == macro;
      } else if (wanted && word.find_first_of("abcdefghijklmnopqrstuvwxyz") != std::string::npos) {
        found.insert(word);
      }
    }
  }
  return found;
}

/// The long options of an item, without dashes: mdoc writes "--online" as "Fl -online".
Words options_in_page(const std::vector<std::string>& lines) {
  Words options;
  for (const std::string& word : arguments(lines, "Fl")) {
    if (word.starts_with('-')) options.insert(word.substr(1));
  }
  return options;
}

/// "alerts replay" of "Cm alerts replay Oo Ar ID …".
std::string command_of(const std::string& head) {
  std::istringstream words(head);
  std::string word, command;
  words >> word;
  if (word != "Cm") return {};
  while (words >> word && std::islower(static_cast<unsigned char>(word[0])) != 0)
    command += (command.empty() ? "" : " ") + word;
  return command;
}

/// What the program says to `words --help`.
std::string help(const std::string& words) {
  std::vector<std::string> args{"codedriftd"};
  std::istringstream in(words);
  for (std::string word; in >> word;) args.push_back(word);
  args.emplace_back("--help");
  std::vector<const char*> argv;
  for (const std::string& arg : args) argv.push_back(arg.c_str());
  std::ostringstream out, err;
  return run_command_line(static_cast<int>(argv.size()), argv.data(), out, err) == 0 ? out.str() : std::string();
}

/// The options that a help text explains, each at the beginning of a line: "  --since, --until T  only where …".
Words options_in_help(const std::string& text) {
  static const std::regex kLine(R"(^ +((?:-[a-z]|--[a-z0-9-]+|\[|\]|[A-Z]+…?|,| )+).*)");
  static const std::regex kOption(R"(--([a-z][a-z0-9-]*))");
  Words options;
  for (const std::string& line : lines_of(text)) {
    std::smatch match;
    if (line.find_first_not_of(' ') == std::string::npos || line[line.find_first_not_of(' ')] != '-') continue;
    if (!std::regex_match(line, match, kLine)) continue;
    const std::string names = match[1];
    for (std::sregex_iterator it(names.begin(), names.end(), kOption), end; it != end; ++it) options.insert((*it)[1]);
  }
  options.erase("help");
  return options;
}

Words options_mentioned(const std::string& text) {
  static const std::regex kOption(R"(--([a-z][a-z0-9-]*))");
  Words options;
  for (std::sregex_iterator it(text.begin(), text.end(), kOption), end; it != end; ++it) options.insert((*it)[1]);
  return options;
}

/// The words that a help text lists: "  status     each function now …".
Words listed(const std::string& text) {
  static const std::regex kListed(R"(^  ([a-z]+)  +\S.*)");
  Words words;
  for (const std::string& line : lines_of(text)) {
    std::smatch match;
    if (std::regex_match(line, match, kListed)) words.insert(match[1]);
  }
  return words;
}

/// Every command, and every verb of one, with its help.
const std::map<std::string, std::string>& commands() {
  static const std::map<std::string, std::string> all = [] {
    std::map<std::string, std::string> found;
    for (const std::string& command : listed(help(""))) {
      const std::string own = help(command);
      found[command] = own;
      for (const std::string& word : listed(own)) {
        const std::string of_word = help(command + " " + word);
        if (!of_word.empty() && of_word != own) found[command + " " + word] = of_word;
      }
    }
    return found;
  }();
  return all;
}

/// The options that the page explains for each command and verb.
std::map<std::string, Words> commands_in_page() {
  std::map<std::string, Words> found;
  for (const Item& item : items(page_section("codedriftd.8", "COMMANDS")))
    found[command_of(item.head)].merge(options_in_page(item.lines));
  return found;
}

TEST(Manual, OfTheProgramHasItsCommands) {
  ASSERT_GE(commands().size(), 14U) << "the help texts were not understood";
  Words of_program, of_page;
  for (const auto& [command, text] : commands()) of_program.insert(command.substr(0, command.find(' ')));
  for (const auto& [command, options] : commands_in_page()) of_page.insert(command.substr(0, command.find(' ')));
  EXPECT_EQ(of_page, of_program);
  for (const auto& [command, options] : commands_in_page())
    EXPECT_TRUE(commands().contains(command)) << "docs/codedriftd.8 explains what there is not: " << command;
}

TEST(Manual, OfTheProgramExplainsEveryOptionOfEveryCommand) {
  const auto page = commands_in_page();
  std::size_t compared = 0;
  for (const auto& [command, text] : commands()) {
    EXPECT_TRUE(text.ends_with('\n') && !text.ends_with("\n\n")) << command << " --help ends without a newline";
    const auto entry = page.find(command);
    const auto whole = page.find(command.substr(0, command.find(' ')));
    for (const std::string& option : options_in_help(text)) {
      ++compared;
      EXPECT_TRUE((entry != page.end() && entry->second.contains(option)) ||
                  (whole != page.end() && whole->second.contains(option)))
          << "docs/codedriftd.8 does not explain: " << command << " --" << option;
    }
  }
  EXPECT_GE(compared, 60U);
}

TEST(Manual, OfTheProgramExplainsNoOptionThatThereIsNot) {
  for (const auto& [command, options] : commands_in_page()) {
    Words known;
    for (const auto& [name, text] : commands()) {
      if (name == command || name.starts_with(command + " ")) known.merge(options_mentioned(text));
    }
    for (const std::string& option : options) EXPECT_TRUE(known.contains(option)) << command << " --" << option;
  }
}

TEST(Manual, OfTheProgramExplainsTheOptionsBeforeTheCommand) {
  Words expected = options_in_help(help(""));
  expected.insert("help");
  EXPECT_EQ(options_in_page(page_section("codedriftd.8", "DESCRIPTION")), expected);
}

TEST(Manual, OfTheProgramHasItsExitCodes) {
  Words of_page, of_program;
  for (const Item& item : items(page_section("codedriftd.8", "EXIT STATUS"))) of_page.insert(item.head);
  const std::string text = help("");
  const std::regex number(R"(\b(\d+)\b)");
  const std::string codes = text.substr(text.find("Exit codes:"));
  for (std::sregex_iterator it(codes.begin(), codes.end(), number), end; it != end; ++it) of_program.insert((*it)[1]);
  EXPECT_EQ(of_page, of_program);
}

TEST(Manual, OfTheConfigurationHasEveryKeyInItsSectionAndNoOther) {
  static const std::regex kKey("[a-z0-9_]+");
  std::map<std::string, Words> page;
  for (const Item& item : items(page_section("codedriftd.toml.5", "DESCRIPTION"))) {
    for (const std::string& word : arguments(item.lines, "Li")) {
      if (std::regex_match(word, kKey)) page[item.head.substr(3)].insert(word);
    }
  }
  const Words defaults = page["[defaults]"];
  for (const KnownSection* section : known_sections()) {
    if (section->title.empty()) continue;  // its keys are the sections
    Words expected;
    for (const std::string_view key : section->keys) {
      // What is a section of its own has an entry of its own.
      if (key != "credentials" && key != "discovery" && key != "audit" && key != "options") expected.emplace(key);
    }
    Words found = page[std::string(section->title)];
    if (section == &kFunctionKeys)
      found.insert(defaults.begin(), defaults.end());  // "each key may stand in a function"
    for (const std::string& key : defaults) {          // "and every key of [defaults] but ..."
      if (section == &kWatchKeys && expected.contains(key)) found.insert(key);
    }
    EXPECT_EQ(found, expected) << section->title;
    page.erase(std::string(section->title));
  }
  for (const auto& [title, keys] : page) ADD_FAILURE() << "there is no section " << title;
}

TEST(Manual, IsGoodMdoc) {
  if (::access("/usr/bin/groff", X_OK) != 0) GTEST_SKIP() << "SKIPPED: needs groff (scripts/install-deps --test)";
  for (const char* page : {"codedriftd.8", "codedriftd.toml.5"}) {
    const auto ran = test::run({.argv = {"groff", "-mdoc", "-Tascii", "-ww", "-z", page_file(page)}});
    EXPECT_EQ(ran.status, (test::ExitStatus{0, 0})) << page;
    EXPECT_EQ(ran.err, "") << page;
  }
}

}  // namespace
}  // namespace codedriftd
