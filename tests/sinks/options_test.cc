#include "sinks/options.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace codedriftd {
namespace {

using Options = std::map<std::string, OptionValue>;
const Place kAlert{"a.toml", 10, 1};

PluginInfo plugin() {
  PluginInfo info;
  info.name = "webhook";
  const auto option = [](const char* name, const char* help, OptionType type) {
    PluginOption made;
    made.name = name;
    made.help = help;
    made.type = type;
    return made;
  };
  PluginOption url = option("url", "the address", OptionType::string);
  url.required = url.in_file = true;
  url.max = 10;
  PluginOption secret = option("secret", "signs", OptionType::string);
  secret.secret = true;
  PluginOption timeout = option("timeout_s", "seconds", OptionType::integer);
  timeout.default_value = "15";
  timeout.min = 1;
  timeout.max = 60;
  PluginOption format = option("format", "the form", OptionType::string);
  format.default_value = "json";
  format.choices = {"json", "text"};
  const PluginOption dry = option("dry", "send nothing", OptionType::boolean);
  PluginOption tags = option("tags", "labels", OptionType::string_list);
  tags.max = 2;
  info.options = {url, secret, timeout, format, dry, tags};
  return info;
}

OptionValue at(unsigned line, decltype(OptionValue::value) value) { return {std::move(value), {"a.toml", line, 5}}; }

TEST(CheckOptions, GivesTheHostValuesDefaultsAndTheFilesOfSecrets) {
  const auto checked = check_options(plugin(),
                                     {{"url", at(11, "https://é")},
                                      {"secret_file", at(12, "hook.secret")},
                                      {"timeout_s", at(13, int64_t{60})},
                                      {"dry", at(14, true)},
                                      {"tags", at(15, std::vector<std::string>{"a", "b"})}},
                                     kAlert);
  ASSERT_TRUE(checked) << checked.error().at(0).message;
  EXPECT_EQ(checked->config_json, R"({"dry":true,"format":"json","tags":["a","b"],"timeout_s":60,"url":"https://é"})");
  ASSERT_EQ(checked->secret_files.size(), 1U);
  EXPECT_EQ(checked->secret_files[0], (std::pair<std::string, std::string>("secret", "hook.secret")));
}

TEST(CheckOptions, AnOptionThatMayStandInAFileCountsAsGiven) {
  const auto checked = check_options(plugin(), {{"url_file", at(11, "/etc/hook.url")}}, kAlert);
  ASSERT_TRUE(checked) << checked.error().at(0).message;
  EXPECT_EQ(checked->secret_files.at(0).first, "url");
  EXPECT_EQ(checked->config_json, R"({"format":"json","timeout_s":15})");
}

TEST(CheckOptions, EachMistakeIsReportedWithItsPlaceAndTheRemedy) {
  struct Case {
    const char* name;
    OptionValue value;
    const char* message;
  };
  const Case cases[] = {
      {"ulr_file", at(12, "x"), "the plugin webhook has no option ulr_file; did you mean url_file?"},
      {"zzz", at(12, "x"), "the plugin webhook has no option zzz; it knows url, url_file, secret_file, timeout_s"},
      {"timeout_s_file", at(12, "x"), "has no option timeout_s_file"},
      {"timeout_s", at(12, "15"), "timeout_s is a string; it should be an integer (seconds)"},
      {"dry", at(12, int64_t{1}), "dry is an integer; it should be a boolean"},
      {"tags", at(12, "a"), "tags is a string; it should be a list of strings"},
      {"timeout_s", at(12, int64_t{0}), "timeout_s is 0; it should be 1 to 60"},
      {"timeout_s", at(12, int64_t{61}), "timeout_s is 61; it should be 1 to 60"},
      {"tags", at(12, std::vector<std::string>{"a", "b", "c"}),
       "tags has a number of items of 3; it should be 2 at most"},
      {"format", at(12, "yaml"), "format is \"yaml\", which is none of: json, text"},
      {"format", at(12, std::string("js\0n", 4)), "format holds a zero byte"},
      {"secret", at(12, "whsec_in_clear"),
       "secret is a secret, which must not stand in the configuration; give it as secret_file"},
      {"secret_file", at(12, int64_t{1}), "secret_file should be a string: the path of a file that holds secret"},
      {"secret_file", at(12, ""), "secret_file should be a string"},
      {"url_file", at(12, "/etc/url"), "url and url_file are both given"},
  };
  for (const Case& c : cases) {
    Options options{{"url", at(11, "https://x")}};
    options.insert_or_assign(c.name, c.value);
    const auto checked = check_options(plugin(), options, kAlert);
    ASSERT_FALSE(checked) << c.message;
    ASSERT_EQ(checked.error().size(), 1U) << c.message;
    EXPECT_NE(checked.error()[0].message.find(c.message), std::string::npos) << checked.error()[0].message;
    EXPECT_EQ(checked.error()[0].place.text(), "a.toml:12:5");
    EXPECT_EQ(checked.error()[0].message.find("whsec_in_clear"), std::string::npos);
  }
}

TEST(CheckOptions, ALengthIsCountedInBytes) {
  EXPECT_FALSE(check_options(plugin(), {{"url", at(11, "éééééé")}}, kAlert));
  EXPECT_TRUE(check_options(plugin(), {{"url", at(11, "ééééé")}}, kAlert));
}

TEST(CheckOptions, AllMistakesAreReportedAtOnceInOrderOfPlace) {
  const auto checked = check_options(
      plugin(), {{"dry", at(15, "x")}, {"nonsense", at(12, "x")}, {"timeout_s", at(13, int64_t{99})}}, kAlert);
  ASSERT_FALSE(checked);
  ASSERT_EQ(checked.error().size(), 4U);
  EXPECT_EQ(checked.error()[0].place.line, 10U);
  EXPECT_EQ(checked.error()[0].message, "the plugin webhook needs the option url or url_file (the address)");
  EXPECT_EQ(checked.error()[1].place.line, 12U);
  EXPECT_EQ(checked.error()[2].place.line, 13U);
  EXPECT_EQ(checked.error()[3].place.line, 15U);
}

TEST(ParseDefault, ReadsEachTypeAndRefusesWhatDoesNotFit) {
  const auto option = [](OptionType type, const char* text) {
    PluginOption o;
    o.name = "o";
    o.type = type;
    o.default_value = text;
    return o;
  };
  EXPECT_EQ(std::get<int64_t>(*parse_default(option(OptionType::integer, "-7"))), -7);
  EXPECT_EQ(std::get<bool>(*parse_default(option(OptionType::boolean, "false"))), false);
  EXPECT_EQ(std::get<std::string>(*parse_default(option(OptionType::string, "a|b"))), "a|b");
  EXPECT_EQ(std::get<std::vector<std::string>>(*parse_default(option(OptionType::string_list, "a|b"))),
            (std::vector<std::string>{"a", "b"}));
  EXPECT_FALSE(parse_default(option(OptionType::integer, "7x")));
  EXPECT_FALSE(parse_default(option(OptionType::boolean, "yes")));
  PluginOption ranged = option(OptionType::integer, "99");
  ranged.max = 60;
  EXPECT_FALSE(parse_default(ranged));
}

TEST(DescribeOptions, SaysHowEachIsWritten) {
  const std::string text = describe_options(plugin());
  EXPECT_NE(text.find("url or url_file"), std::string::npos) << text;
  EXPECT_NE(text.find("secret_file"), std::string::npos) << text;
  EXPECT_NE(text.find("[default 15, 1 to 60]"), std::string::npos) << text;
  EXPECT_NE(text.find("one of json text"), std::string::npos) << text;
}

}  // namespace
}  // namespace codedriftd
