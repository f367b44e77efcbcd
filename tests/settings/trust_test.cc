// [trust.NAME] and `require`: who may attest, and where nothing else is accepted.
#include <gtest/gtest.h>

#include <algorithm>

#include "settings/load.h"
#include "support/temp_dir.h"

namespace codedriftd {
namespace {

constexpr char kTwoFunctions[] =
    "[defaults]\n"
    "account = \"prod\"\n"
    "region = \"ap-guangzhou\"\n"
    "[account.prod]\n"
    "[[function]]\n"
    "names = [\"charge\", \"refund\"]\n";

Settings read_well(const std::string& text, const std::string& name = "f") {
  auto loaded = load_settings_text(name, text);
  if (!loaded) throw std::runtime_error(format_mistakes(loaded.error()));
  return std::move(loaded).value();
}

std::string mistakes_in(const std::string& text) {
  const auto loaded = load_settings_text("f", text);
  return loaded ? "none" : format_mistakes(loaded.error());
}

TEST(Trust, IsReadWithAllItsKeys) {
  const Settings settings = read_well(R"([trust.release]
public_key_file = "/keys/release.pub"
targets = ["*"]
[trust.ci]
public_key_file = "keys/ci.pub"
targets = ["prod/*", "*/charge:*"]
builder = "https://ci.example.com/*"
source = "git+https://git.example.com/shop/*"
)",
                                      "/etc/codedriftd/codedriftd.toml");
  ASSERT_EQ(settings.trust.size(), 2U);
  const TrustSettings& ci = settings.trust[0];
  EXPECT_EQ(ci.name, "ci");
  EXPECT_EQ(ci.public_key_file, "/etc/codedriftd/keys/ci.pub") << "beside the file that names it";
  EXPECT_EQ(ci.targets, (std::vector<std::string>{"prod/*", "*/charge:*"}));
  EXPECT_EQ(ci.builder, "https://ci.example.com/*");
  EXPECT_EQ(ci.source, "git+https://git.example.com/shop/*");
  EXPECT_EQ(ci.where, "/etc/codedriftd/codedriftd.toml:4");
  EXPECT_EQ(settings.places.at("trust.ci.public_key_file").line, 5U);
  const TrustSettings& release = settings.trust[1];
  EXPECT_EQ(release.name, "release");
  EXPECT_EQ(release.public_key_file, "/keys/release.pub");
  EXPECT_EQ(release.builder + release.source, "");
  EXPECT_TRUE(read_well("").trust.empty());
}

TEST(Trust, IsToldWhatIsWrongWithIt) {
  const std::string good = "[trust.ci]\npublic_key_file = \"ci.pub\"\ntargets = [\"*\"]\n";
  const std::vector<std::pair<std::string, std::string>> cases{
      {"trust = 1\n", "f:1:9: 'trust' is an integer; it must be a table for each key: [trust.NAME]"},
      {"[[trust]]\n", "f:1:1: 'trust' is a list; it must be a table for each key: [trust.NAME]"},
      {"[trust]\npublic_key_file = \"ci.pub\"\n",
       "f:2:1: \"public_key_file\" is a string; it must be a key's table: [trust.NAME], with its settings below"},
      {"[[trust.ci]]\n", "f:1:9: \"ci\" is a list; it must be a key's table: [trust.NAME], in single brackets"},
      {"[trust.\"a b\"]\npublic_key_file = \"x\"\ntargets = [\"*\"]\n", "f:1:8: trust \"a b\": it must be 1 to 32"},
      {"[trust.ci]\ntargets = [\"*\"]\n", "f:1:1: no 'public_key_file': give public_key_file = \"FILE\""},
      {"[trust.ci]\npublic_key_file = \"ci.pub\"\n", "f:1:1: no 'targets': give targets = [\"prod/*\"]"},
      {"[trust.ci]\npublic_key_file = \"\"\ntargets = [\"*\"]\n",
       "f:2:19: 'public_key_file' is \"\": it must be a path"},
      {"[trust.ci]\npublic_key_file = \"x\"\ntargets = []\n",
       "f:3:11: 'targets' is empty: write [\"*\"] for everything"},
      {"[trust.ci]\npublic_key_file = \"x\"\ntargets = [\"a b\"]\n",
       "f:3:12: 'targets' is \"a b\": no address matches this"},
      {good + "builder = \"\"\n", "f:4:11: 'builder' is \"\": it must be 1 to 1000 printable ASCII characters"},
      {good + "builder = \"a b\"\n", "f:4:11: 'builder' is \"a b\": it must be 1 to 1000"},
      {good + "source = \"https://git.example.com/*\"\n",
       "f:4:10: 'source' is \"https://git.example.com/*\": no source matches this; it must begin with \"git+\""},
      {good + "source = [\"git+x\"]\n", "f:4:10: 'source' is a list; it must be a pattern of a source in quotes"},
      {good + "keys = \"x\"\n",
       "f:4:1: unknown key 'keys'; [trust.NAME] knows public_key_file, targets, builder, source"},
      {good + "key = \"x\"\n", "f:4:1: unknown key 'key' here; it belongs in [store]"},
      {"[defaults]\nrequire = \"atested\"\n",
       "f:2:11: 'require' is \"atested\": it must be one of \"announced\", \"attested\"; did you mean \"attested\"?"},
      {"[defaults]\nrequire = true\n",
       "f:2:11: 'require' is true or false; it must be one of \"announced\", \"attested\""},
  };
  for (const auto& [text, expected] : cases) {
    const std::string mistakes = mistakes_in(text);
    EXPECT_TRUE(mistakes.starts_with(expected)) << text << "\n" << mistakes;
    EXPECT_EQ(std::count(mistakes.begin(), mistakes.end(), '\n'), 1) << text << "\n" << mistakes;
  }
  EXPECT_EQ(mistakes_in(good + "source = \"*://git.example.com/*\"\n"), "none");
}

TEST(Trust, StandsInTheMainFileOnly) {
  const test::TempDir folder;
  folder.write("conf.d/a.toml", "[trust.ci]\npublic_key_file = \"ci.pub\"\ntargets = [\"*\"]\n");
  const auto loaded = load_settings(folder.write("main.toml", "[daemon]\ninclude = [\"conf.d/*.toml\"]\n"));
  ASSERT_FALSE(loaded);
  EXPECT_EQ(format_mistakes(loaded.error()), (folder / "conf.d/a.toml") + ":1:2: [trust] may stand in " +
                                                 (folder / "main.toml") +
                                                 " only; an included file holds [[function]], [[watch]], "
                                                 "[[alert]] and [account.NAME]\n");
}

TEST(Require, IsAFunctionsOwnOrTheDefaults) {
  const auto required = [](const std::string& defaults, const std::string& function) {
    return read_well("[defaults]\naccount = \"prod\"\nregion = \"ap-guangzhou\"\n" + defaults +
                     "[account.prod]\n[[function]]\nname = \"charge\"\n" + function)
        .watches.at(0)
        .require;
  };
  EXPECT_EQ(required("", ""), Require::announced);
  EXPECT_EQ(required("require = \"attested\"\n", ""), Require::attested);
  EXPECT_EQ(required("", "require = \"attested\"\n"), Require::attested);
  EXPECT_EQ(required("require = \"attested\"\n", "require = \"announced\"\n"), Require::announced);
}

TEST(Require, WithoutAKeyForTheFunctionIsAWarningToldOnce) {
  const auto warnings = [](const std::string& text) { return format_mistakes(read_well(text).warnings); };
  const std::string all_attested = std::string(kTwoFunctions) + "[[function]]\nname = \"x\"\nrequire = \"attested\"\n";
  EXPECT_EQ(warnings(all_attested),
            "f:9:11: 'require' is \"attested\", but no [trust.NAME] has 'targets' that match "
            "prod/ap-guangzhou/default/x:$LATEST: nothing but a pin is accepted for it; add one that does\n");
  const std::string trust = "[trust.ci]\npublic_key_file = \"ci.pub\"\n";
  EXPECT_EQ(warnings(all_attested + trust + "targets = [\"prod/*\"]\n"), "");
  const std::string by_default =
      std::string(kTwoFunctions).insert(std::string("[defaults]\n").size(), "require = \"attested\"\n");
  const std::string told = warnings(by_default);
  EXPECT_TRUE(told.starts_with("f:2:11: 'require' is \"attested\", but no [trust.NAME]")) << told;
  EXPECT_EQ(std::count(told.begin(), told.end(), '\n'), 1) << told;
  EXPECT_NE(warnings(by_default + trust + "targets = [\"*/charge:*\"]\n").find("default/refund:$LATEST"),
            std::string::npos);
}

TEST(Trust, OfTargetsThatAreNotWatchedIsAWarning) {
  const std::string text =
      std::string(kTwoFunctions) + "[trust.ci]\npublic_key_file = \"ci.pub\"\ntargets = [\"prod/*\", \"test/*\"]\n";
  EXPECT_EQ(format_mistakes(read_well(text).warnings).substr(0, 78),
            "f:9:22: 'targets' of [trust.ci] has \"test/*\", which matches nothing that is wa");
}

}  // namespace
}  // namespace codedriftd
