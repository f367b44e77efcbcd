/// [alert.options] against the plugins' own tables, before anything is opened.
#include "sinks/destinations.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "settings/load.h"
#include "support/temp_dir.h"

namespace codedriftd {
namespace {

const std::string kHost = CODEDRIFTD_BINARY_DIR "/codedriftd-sinkhost";
const std::string kTestPlugins = CODEDRIFTD_BINARY_DIR "/tests/plugins";

class DestinationsTest : public testing::Test {
 protected:
  void add(const std::string& name, const std::string& from = "") {
    std::filesystem::create_symlink(kTestPlugins + "/" + (from.empty() ? name : from) + ".so",
                                    folder_ / (name + ".so"));
  }
  /// The report on some [[alert]]s; the first stands in line 3.
  DestinationReport report(const std::string& alerts) {
    const auto settings =
        load_settings_text("c.toml", fmt::format("[daemon]\nplugin_dir = \"{}\"\n", folder_.path().string()) + alerts);
    EXPECT_TRUE(settings) << format_mistakes(settings.error());
    return check_destinations(*settings, kHost, Looking::as_the_service);
  }
  const test::TempDir folder_;
};

TEST_F(DestinationsTest, WhatIsRightHasNothingToReport) {
  add("faulty");
  const std::string token = folder_.write("token", "fake-token");
  const auto found = report(fmt::format(
      "[[alert]]\nname = \"a\"\nplugin = \"faulty\"\n[alert.options]\nnumber = 3\ntoken_file = \"{}\"\n", token));
  EXPECT_EQ(format_mistakes(found.mistakes) + format_mistakes(found.faults) + format_mistakes(found.warnings), "");
  const auto none = report("");
  EXPECT_TRUE(none.mistakes.empty() && none.faults.empty() && none.warnings.empty());
}

TEST_F(DestinationsTest, TellsEveryMistakeOfEveryAlertWithItsPlace) {
  add("faulty");
  const auto found = report(
      "[[alert]]\nname = \"a\"\nplugin = \"faulty\"\n[alert.options]\nnumbr = 3\nnumber = 11\ntoken = \"clear\"\n"
      "[[alert]]\nname = \"b\"\nplugin = \"faulti\"\n"
      "[[alert]]\nname = \"c\"\nplugin = \"faulty\"\n[alert.options]\nmode = true\n");
  EXPECT_EQ(format_mistakes(found.mistakes),
            fmt::format("c.toml:7:9: the plugin faulty has no option numbr; did you mean number?\n"
                        "c.toml:8:10: number is 11; it should be 1 to 10\n"
                        "c.toml:9:9: token is a secret, which must not stand in the configuration; give it as "
                        "token_file, the path of a file that holds it\n"
                        "c.toml:12:10: the plugin \"faulti\" cannot be used: {}/faulti.so: No such file or directory; "
                        "did you mean \"faulty\"?\n"
                        "c.toml:17:8: mode is a boolean; it should be a string (what to do wrong)\n",
                        folder_.path().string()));
  EXPECT_TRUE(found.faults.empty());
}

TEST_F(DestinationsTest, APluginThatCannotBeUsedIsAMistakeWithItsRemedy) {
  add("no_entry");
  std::filesystem::copy_file(kTestPlugins + "/faulty.so", folder_ / "open.so");
  ASSERT_EQ(::chmod((folder_ / "open.so").c_str(), 0777), 0);
  const std::pair<const char*, const char*> cases[] = {
      {"nowhere", "No such file or directory; install it, or set plugin_dir in [daemon]"},
      {"no_entry", "is not an alert plugin, it does not define codedriftd_sink_v1"},
      {"open", "lets others change it; chmod go-w"}};
  for (const auto& [name, message] : cases) {
    const auto found = report(fmt::format("[[alert]]\nname = \"a\"\nplugin = \"{}\"\n", name));
    ASSERT_EQ(found.mistakes.size(), 1U) << name;
    EXPECT_EQ(found.mistakes[0].place.text(), "c.toml:5:10");
    EXPECT_NE(found.mistakes[0].message.find(message), std::string::npos) << found.mistakes[0].message;
  }
}

TEST_F(DestinationsTest, APluginThatCrashesWhenItIsAskedIsAFaultAndNoMistake) {
  add("faulty_loading");
  const auto found = report("[[alert]]\nname = \"a\"\nplugin = \"faulty_loading\"\n");
  EXPECT_TRUE(found.mistakes.empty());
  ASSERT_EQ(found.faults.size(), 1U);
  EXPECT_EQ(found.faults[0].place.text(), "c.toml:5:10");
  EXPECT_NE(found.faults[0].message.find("while loading it"), std::string::npos) << found.faults[0].message;
}

TEST_F(DestinationsTest, ASecretFileThatCannotBeReadIsAWarning) {
  add("faulty");
  for (const char* file : {"/no/such/file", "relative.secret"}) {
    const auto found = report(
        fmt::format("[[alert]]\nname = \"a\"\nplugin = \"faulty\"\n[alert.options]\ntoken_file = \"{}\"\n", file));
    EXPECT_TRUE(found.mistakes.empty());
    ASSERT_EQ(found.warnings.size(), 1U) << file;
    EXPECT_EQ(found.warnings[0].place.text(), "c.toml:7:14");
    EXPECT_NE(found.warnings[0].message.find("token_file cannot be read here: "), std::string::npos);
    EXPECT_NE(found.warnings[0].message.find(file), std::string::npos) << found.warnings[0].message;
  }
}

TEST_F(DestinationsTest, EachDestinationIsOpenedAndWhatCameOfItIsTold) {
  add("faulty");
  struct Case {
    const char* mode;
    std::vector<Mistake> DestinationReport::*list;
    const char* says;
  };
  for (const Case& c :
       {Case{"open_rejects", &DestinationReport::mistakes, "c.toml:3:1: faulty: not with these options"},
        Case{"open_later", &DestinationReport::warnings,
             "c.toml:3:1: faulty: cannot be opened at the moment: come back later"},
        Case{"open_crashes", &DestinationReport::faults, "c.toml:3:1: faulty: cannot be opened: "}}) {
    const auto found =
        report(fmt::format("[[alert]]\nname = \"a\"\nplugin = \"faulty\"\n[alert.options]\nmode = \"{}\"\n", c.mode));
    ASSERT_EQ((found.*c.list).size(), 1U) << c.mode;
    EXPECT_TRUE(format_mistakes(found.*c.list).starts_with(c.says)) << format_mistakes(found.*c.list);
    EXPECT_EQ(found.mistakes.size() + found.warnings.size() + found.faults.size(), 1U);
  }
}

TEST_F(DestinationsTest, FindsEveryPluginAndSaysWhyOneCannotBeUsed) {
  add("b", "faulty");
  add("a", "no_entry");
  folder_.write("readme.txt", "");
  const auto found = find_plugins(folder_.path().string(), kHost);
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_EQ(found->size(), 2U);
  EXPECT_EQ((*found)[0].file, folder_ / "a.so");
  ASSERT_FALSE((*found)[0].info);
  EXPECT_NE((*found)[0].info.error().message.find("does not define"), std::string::npos);
  ASSERT_TRUE((*found)[1].info);
  EXPECT_EQ((*found)[1].info->name, "faulty");
  const auto none = find_plugins("/no/such/folder", kHost);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().message, "/no/such/folder: No such file or directory");
}

}  // namespace
}  // namespace codedriftd
