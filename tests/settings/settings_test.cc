#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <time.h>

#include <algorithm>
#include <filesystem>

#include "settings/load.h"
#include "support/temp_dir.h"

namespace codedriftd {
namespace {

using test::TempDir;

constexpr char kSmall[] =
    "[defaults]\n"
    "account = \"prod\"\n"
    "region = \"ap-guangzhou\"\n"
    "[account.prod]\n"
    "[[function]]\n"
    "name = \"charge\"\n";

Settings good(const std::string& text) {
  auto loaded = load_settings_text("test.toml", text);
  if (!loaded) throw std::runtime_error(format_mistakes(loaded.error()));
  return std::move(loaded).value();
}

TEST(Settings, NeedSixLinesAndHaveDefaultsForTheRest) {
  const Settings settings = good(kSmall);
  ASSERT_EQ(settings.watches.size(), 1U);
  const WatchSettings& watch = settings.watches[0];
  EXPECT_EQ(watch.target.address(), "prod/ap-guangzhou/default/charge:$LATEST");
  EXPECT_EQ(watch.interval, Millis{300'000});
  EXPECT_EQ(watch.stale_after, Millis{900'000});
  EXPECT_EQ(watch.deploy_grace, Millis{3'600'000});
  EXPECT_EQ(watch.baseline, Baseline::first_seen);
  EXPECT_FALSE(watch.pin);
  EXPECT_FALSE(watch.content);
  EXPECT_TRUE(watch.same_content_accepted);
  EXPECT_TRUE(watch.ignore.empty());
  EXPECT_EQ(settings.disk_floor, 268'435'456U);
  EXPECT_EQ(settings.packages.keep, PackageSettings::Keep::manifest);
  EXPECT_EQ(settings.packages.limits, PackageLimits{});
  EXPECT_EQ(settings.packages.limits.package, 104'857'600U);
  EXPECT_EQ(settings.packages.max_total, 2'147'483'648U);
  EXPECT_EQ(settings.packages.hosts, std::vector<std::string>{".myqcloud.com"});
  EXPECT_EQ(settings.packages.explain_within, Millis{10'000});
  EXPECT_EQ(settings.packages.examine_within, Millis{60'000});
  EXPECT_EQ(settings.packages_folder(), "/var/lib/codedriftd/packages");
  EXPECT_EQ(settings.accounts.at("prod").endpoint, "https://scf.intl.tencentcloudapi.com");
  EXPECT_EQ(settings.database(), "/var/lib/codedriftd/codedriftd.db");
  EXPECT_FALSE(settings.log_format);
  EXPECT_FALSE(settings.instance.empty());
  EXPECT_EQ(settings.log_origin, settings.instance + "/codedriftd");
  EXPECT_EQ(settings.file, "test.toml");
  EXPECT_EQ(settings.digest.size(), 64U);
}

TEST(Settings, ReadEveryKey) {
  const Settings settings = good(R"(
[daemon]
state_dir = "/s"
runtime_dir = "/r"
plugin_dir = "/p"
log_format = "json"
instance = "ops-1"
[log]
origin = "ops/log"
[http]
listen = ""
[account.a]
endpoint = "http://127.0.0.1:8080/"
requests_per_second = 500.5
timeout = "250ms"
ca_file = "/ca.pem"
previous = "older"
[account.a.credentials]
source = "files"
secret_id_file = "id"
secret_key_file = "/key"
token_file = "token"
[account.b.credentials]
source = "profile"
file = "/f"
profile = "audit"
[account.c.credentials]
source = "cvm-role"
role = "reader"
endpoint = "http://10.0.0.1/"
[[function]]
names = ["two", "one"]
account = "b"
region = "ap-tokyo"
namespace = "shop"
qualifier = "3"
interval = "1s"
baseline = "review"
stale_after = "2s"
deploy_grace = "7d"
sha256 = "5077F5203547b225b532434dd6fcf7c9897025d7581a9f3d474a7afee88bc696"
[[alert]]
name = "ops"
plugin = "webhook"
kinds = ["drift.*"]
targets = ["b/*", "*:3"]
fallback = "pager"
give_up_after = "2s"
[alert.options]
url = "https://hooks.example.com"
retries = 3
loud = true
headers = ["a", "b"]
[[alert]]
name = "pager"
plugin = "file"
)");
  EXPECT_EQ(settings.state_dir + settings.runtime_dir + settings.plugin_dir, "/s/r/p");
  EXPECT_EQ(settings.log_format, LogFormat::json);
  EXPECT_EQ(settings.instance, "ops-1");
  EXPECT_EQ(settings.log_origin, "ops/log");
  EXPECT_EQ(settings.http.listen, "");

  const AccountSettings& a = settings.accounts.at("a");
  EXPECT_EQ(a.name, "a");
  EXPECT_EQ(a.endpoint, "http://127.0.0.1:8080");
  EXPECT_DOUBLE_EQ(a.requests_per_second, 500.5);
  EXPECT_EQ(a.timeout, Millis{250});
  EXPECT_EQ(a.ca_file, "/ca.pem");
  EXPECT_EQ(a.previous, "older");
  EXPECT_EQ(a.credentials.source, CredentialSettings::Source::files);
  EXPECT_EQ(a.credentials.secret_id_file + a.credentials.secret_key_file + a.credentials.token_file, "id/keytoken");
  const CredentialSettings& b = settings.accounts.at("b").credentials;
  EXPECT_EQ(b.source, CredentialSettings::Source::profile);
  EXPECT_EQ(b.profile_file + b.profile, "/faudit");
  const CredentialSettings& c = settings.accounts.at("c").credentials;
  EXPECT_EQ(c.source, CredentialSettings::Source::cvm_role);
  EXPECT_EQ(c.role, "reader");
  EXPECT_EQ(c.metadata_endpoint, "http://10.0.0.1");

  ASSERT_EQ(settings.watches.size(), 2U);
  EXPECT_EQ(settings.watches[0].target.address(), "b/ap-tokyo/shop/one:3");
  EXPECT_EQ(settings.watches[1].target.address(), "b/ap-tokyo/shop/two:3");
  const WatchSettings& watch = settings.watches[0];
  EXPECT_EQ(watch.interval, Millis{1'000});
  EXPECT_EQ(watch.stale_after, Millis{2'000});
  EXPECT_EQ(watch.deploy_grace, Millis{7 * 86'400'000});
  EXPECT_EQ(watch.baseline, Baseline::review);
  EXPECT_EQ(watch.pin->hex(), "5077f5203547b225b532434dd6fcf7c9897025d7581a9f3d474a7afee88bc696");
  EXPECT_EQ(watch.pin_where, "test.toml:41");

  ASSERT_EQ(settings.alerts.size(), 2U);
  const AlertSettings& alert = settings.alerts[0];
  EXPECT_EQ(alert.subscription.name, "ops");
  EXPECT_EQ(alert.subscription.kinds, std::vector<std::string>{"drift.*"});
  EXPECT_EQ(alert.subscription.targets, (std::vector<std::string>{"b/*", "*:3"}));
  EXPECT_EQ(alert.plugin, "webhook");
  EXPECT_EQ(alert.fallback, "pager");
  EXPECT_EQ(alert.give_up_after, Millis{2'000});
  EXPECT_EQ(alert.place.text(), "test.toml:42:1");
  ASSERT_EQ(alert.options.size(), 4U);
  EXPECT_EQ(std::get<std::string>(alert.options.at("url").value), "https://hooks.example.com");
  EXPECT_EQ(std::get<int64_t>(alert.options.at("retries").value), 3);
  EXPECT_TRUE(std::get<bool>(alert.options.at("loud").value));
  EXPECT_EQ(std::get<std::vector<std::string>>(alert.options.at("headers").value),
            (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(alert.options.at("url").place.text(), "test.toml:50:7");
  EXPECT_TRUE(settings.alerts[1].subscription.kinds.empty());
  EXPECT_EQ(settings.alerts[1].subscription.targets, std::vector<std::string>{"*"});
}

TEST(Settings, SayHowPackagesAreLookedInto) {
  const Settings settings = good(R"(
[packages]
keep = "files"
max_package = "5MiB"
max_unpacked = "1GiB"
max_files = 7
max_total = "1TiB"
hosts = [".cos.example.com", "127.0.0.1", "::1"]
explain_within = "0"
examine_within = "5m"
)");
  const PackageSettings& packages = settings.packages;
  EXPECT_EQ(packages.keep, PackageSettings::Keep::files);
  EXPECT_EQ(packages.limits, (PackageLimits{5U << 20, 1U << 30, 7}));
  EXPECT_EQ(packages.max_total, uint64_t{1} << 40);
  EXPECT_EQ(packages.hosts, (std::vector<std::string>{".cos.example.com", "127.0.0.1", "::1"}));
  EXPECT_EQ(packages.explain_within, Millis{0});
  EXPECT_EQ(packages.examine_within, Millis{300'000});
  EXPECT_EQ(good("[packages]\nkeep = \"off\"\n").packages.keep, PackageSettings::Keep::off);
  EXPECT_TRUE(settings.warnings.empty());
  const Settings small = good("[packages]\nkeep = \"files\"\nmax_total = \"1MiB\"\n");
  ASSERT_EQ(small.warnings.size(), 1U);
  EXPECT_EQ(small.warnings[0].place.text(), "test.toml:3:13");
  EXPECT_EQ(small.warnings[0].message,
            "'max_total' is 1MiB, less than 'max_package', 100MiB: a package between the two is not kept");
}

TEST(Settings, SayWhatCountsAsAFunctionsContent) {
  const Settings settings = good(R"([account.p]
[defaults]
account = "p"
region = "ap-tokyo"
same_content = "tell"
ignore = ["node_modules/**", "*.pyc", "a..b", "..."]
[[function]]
name = "a"
[[function]]
name = "b"
same_content = "accept"
ignore = []
content = "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
)");
  ASSERT_EQ(settings.watches.size(), 2U);
  const WatchSettings &a = settings.watches[0], &b = settings.watches[1];
  EXPECT_FALSE(a.same_content_accepted);
  EXPECT_EQ(a.ignore, (std::vector<std::string>{"node_modules/**", "*.pyc", "a..b", "..."}));
  EXPECT_FALSE(a.content);
  EXPECT_TRUE(b.same_content_accepted);
  EXPECT_TRUE(b.ignore.empty()) << "an empty list takes back what the defaults leave out";
  EXPECT_EQ(b.content->text(), "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
  EXPECT_EQ(b.pin_where, "test.toml:13");
  EXPECT_FALSE(b.pin);
}

TEST(Settings, OfAFunctionWinOverTheDefaults) {
  const Settings settings = good(std::string(kSmall) + R"(
[[function]]
name = "charge"
region = "ap-tokyo"
interval = "10s"
[[function]]
name = "refund"
interval = "1h"
)");
  ASSERT_EQ(settings.watches.size(), 3U);
  EXPECT_EQ(settings.watches[2].target.region, "ap-tokyo");
  EXPECT_EQ(settings.watches[2].interval, Millis{10'000});
  EXPECT_EQ(settings.watches[2].stale_after, Millis{60'000}) << "one minute at least";
  EXPECT_EQ(settings.watches[1].stale_after, Millis{3 * 3'600'000}) << "three intervals";
}

TEST(Settings, TakeAVeryLowRateLimit) {
  const Settings settings = good("[account.a]\nrequests_per_second = 0.001\n");
  EXPECT_DOUBLE_EQ(settings.accounts.at("a").requests_per_second, 0.001);
}

TEST(Settings, SayHowMuchSpaceIsLittle) {
  EXPECT_EQ(good("[daemon]\ndisk_floor = \"1GiB\"\n").disk_floor, uint64_t{1} << 30);
  EXPECT_EQ(good("[daemon]\ndisk_floor = \"0\"\n").disk_floor, 0U);
}

TEST(Settings, MayWatchNothing) { EXPECT_TRUE(good("").watches.empty()); }

TEST(Settings, DigestTellsTextsApart) {
  EXPECT_EQ(good(kSmall).digest, good(kSmall).digest);
  EXPECT_NE(good(kSmall).digest, good(std::string(kSmall) + "\n").digest);
}

std::string functions(std::size_t count, bool one_list) {
  std::string text = "[defaults]\naccount = \"prod\"\nregion = \"ap-guangzhou\"\n[account.prod]\n";
  if (one_list) text += "[[function]]\nnames = [\n";
  for (std::size_t i = 0; i < count; ++i) {
    const std::string name = "\"function-" + std::to_string(i) + "\"";
    text += one_list ? name + ",\n" : "[[function]]\nname = " + name + "\n";
  }
  return one_list ? text + "]\n" : text;
}

/// Of this thread alone, so that a busy machine does not count.
double cpu_seconds() {
  timespec used{};
  EXPECT_EQ(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used), 0);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

#ifdef CODEDRIFTD_SANITIZED
constexpr double kMostSeconds = 10;
#else
constexpr double kMostSeconds = 1;
#endif

TEST(Settings, HoldTenThousandFunctionsAndLoadThemInUnderASecond) {
  for (const bool one_list : {false, true}) {
    const std::string text = functions(10'000, one_list);
    const double begun = cpu_seconds();
    const Settings settings = good(text);
    const double took = cpu_seconds() - begun;
    EXPECT_LT(took, kMostSeconds);
    RecordProperty(one_list ? "seconds_one_list" : "seconds_one_by_one", std::to_string(took));
    EXPECT_EQ(settings.watches.size(), 10'000U);
    EXPECT_TRUE(std::is_sorted(settings.watches.begin(), settings.watches.end(),
                               [](const auto& a, const auto& b) { return a.target < b.target; }));
  }
}

// ---- files -----------------------------------------------------------------------------------------------------

std::string mistakes_of_file(const std::string& file) {
  const auto loaded = load_settings(file);
  return loaded ? "none" : format_mistakes(loaded.error());
}

TEST(SettingsFiles, IncludeOthersSortedAndOnce) {
  const TempDir dir;
  const std::string main =
      dir.write("main.toml",
                "[daemon]\ninclude = [\"conf.d/*.toml\", \"conf.d/b.toml\", \"*.toml\", \"none/*.toml\", "
                "\"conf.d/nothing*\"]\n[defaults]\nregion = \"ap-guangzhou\"\n");
  dir.write("conf.d/b.toml", "[[alert]]\nname = \"second\"\nplugin = \"x\"\n[account.prod]\n");
  dir.write("conf.d/a.toml",
            "[[alert]]\nname = \"first\"\nplugin = \"x\"\n[[function]]\nname = \"f\"\naccount = \"prod\"\n");
  dir.write("conf.d/.hidden.toml", "not = read\n");
  std::filesystem::create_directory(dir.path() / "conf.d" / "folder.toml");
  const auto loaded = load_settings(main);
  ASSERT_TRUE(loaded) << mistakes_of_file(main);
  ASSERT_EQ(loaded->alerts.size(), 2U);
  EXPECT_EQ(loaded->alerts[0].subscription.name, "first");
  EXPECT_EQ(loaded->alerts[1].subscription.name, "second");
  EXPECT_EQ(loaded->alerts[1].place.text(), dir / "conf.d/b.toml" + ":1:1");
  ASSERT_EQ(loaded->watches.size(), 1U);
  EXPECT_EQ(loaded->watches[0].target.address(), "prod/ap-guangzhou/default/f:$LATEST");

  const std::string before = loaded->digest;
  dir.write("conf.d/b.toml", "[[alert]]\nname = \"third\"\nplugin = \"x\"\n[account.prod]\n");
  EXPECT_NE(load_settings(main)->digest, before) << "an included file counts";
}

TEST(SettingsFiles, TellWhatCannotBeIncluded) {
  const TempDir dir;
  const std::string main = dir.write("main.toml", "[daemon]\ninclude = [\"gone.toml\", \"more.toml\"]\n");
  dir.write("more.toml", "[daemon]\ninclude = [\"x\"]\n[defaults]\nregion = \"r\"\n[functions]\n");
  const std::string mistakes = mistakes_of_file(main);
  const std::string more = dir / "more.toml";
  EXPECT_NE(mistakes.find(main + ":2:12: 'include' names \"" + (dir / "gone.toml") + "\", which does not exist"),
            std::string::npos)
      << mistakes;
  EXPECT_NE(
      mistakes.find(more + ":1:2: an included file includes no others, and [daemon] may stand in " + main + " only"),
      std::string::npos)
      << mistakes;
  EXPECT_NE(mistakes.find(more + ":3:2: [defaults] may stand in " + main + " only"), std::string::npos) << mistakes;
  EXPECT_NE(mistakes.find(more + ":5:2: unknown key 'functions'; did you mean 'function'?"), std::string::npos)
      << mistakes;
}

TEST(SettingsFiles, TellMistakesOfAllFilesInTheOrderTheyAreRead) {
  const TempDir dir;
  const std::string main =
      dir.write("z.toml",
                "[daemon]\ninclude = [\"*.d.toml\"]\nstate_dir = 3\n[[function]]\nname = \"f\"\naccount = \"prod\"\n"
                "region = \"r\"\n[[alert]]\nname = \"a\"\nplugin = \"x\"\nfallback = \"elsewhere\"\n");
  dir.write("a.d.toml", "[[function]]\nname = = 3\n");  // may have held account and alert: nothing is said of them
  dir.write("b.d.toml", "[[alert]]\nname = \"B\"\nplugin = \"x\"\n");
  const std::string mistakes = mistakes_of_file(main);
  const std::size_t first = mistakes.find(main + ":3:13: 'state_dir' is an integer; it must be an absolute path");
  const std::size_t second = mistakes.find(dir / "a.d.toml" + ":2:8: not valid TOML: ");
  const std::size_t third = mistakes.find(dir / "b.d.toml" + ":2:8: 'name' is \"B\": it must be 1 to 32 lower-case");
  EXPECT_LT(first, second) << mistakes;
  EXPECT_LT(second, third) << mistakes;
  EXPECT_NE(third, std::string::npos) << mistakes;
  EXPECT_EQ(std::count(mistakes.begin(), mistakes.end(), '\n'), 3) << mistakes;
}

TEST(SettingsFiles, NameTheFirstPlaceOfATwin) {
  const TempDir dir;
  const std::string main = dir.write("m.toml", "[daemon]\ninclude = [\"b.d.toml\"]\n" + std::string(kSmall));
  dir.write("b.d.toml", "[account.prod]\n[[function]]\nnames = [\"x\", \"charge\"]\n");
  const std::string mistakes = mistakes_of_file(main);
  EXPECT_NE(mistakes.find(dir / "b.d.toml" + ":1:1: account 'prod' is defined already, at " + main + ":6:1"),
            std::string::npos)
      << mistakes;
  EXPECT_NE(mistakes.find(dir / "b.d.toml" + ":3:15: prod/ap-guangzhou/default/charge:$LATEST is watched already, at " +
                          main + ":8:8"),
            std::string::npos)
      << mistakes;
}

TEST(Settings, ALinkIsAnAddressWithPlacesThatAreKnown) {
  const std::string pattern =
      "https://console.example/{account}/{region}/{namespace}/{function}?v={qualifier}&a={address}";
  EXPECT_EQ(good("[daemon]\nlink = \"" + pattern + "\"\n" + kSmall).link, pattern);
  EXPECT_EQ(good("[daemon]\nlink = \"\"\n" + std::string(kSmall)).link, "");
  for (const auto& [link, why] : {std::pair<const char*, const char*>{"console.example/{function}", "https://"},
                                  {"https://console.example/{name}", "in braces there can be"},
                                  {"https://console.example/{function", "in braces there can be"},
                                  {"https://console.example/a b", "without spaces"}}) {
    const auto loaded = load_settings_text("f", fmt::format("[daemon]\nlink = \"{}\"\n{}", link, kSmall));
    ASSERT_FALSE(loaded) << link;
    const std::string mistakes = format_mistakes(loaded.error());
    EXPECT_TRUE(mistakes.starts_with("f:2:8: 'link'")) << mistakes;
    EXPECT_NE(mistakes.find(why), std::string::npos) << mistakes;
  }
}

TEST(SettingsFiles, ThatCannotBeReadAreOneMistake) {
  const TempDir dir;
  EXPECT_EQ(mistakes_of_file(dir / "gone.toml"), dir / "gone.toml" + ": cannot be read: No such file or directory\n");
  EXPECT_EQ(
      mistakes_of_file(dir.path().string()),
      dir.path().string() + ": is a folder: a configuration is read again on reload, so it has to be a regular file\n");
  EXPECT_EQ(mistakes_of_file("/dev/zero"),
            "/dev/zero: is a device: a configuration is read again on reload, so it has to be a regular file\n");
}

TEST(SettingsFiles, ThatArePipesOrSocketsAreRefusedAndNotWaitedFor) {
  const TempDir dir;
  ASSERT_EQ(::mkfifo((dir / "pipe").c_str(), 0600), 0);
  EXPECT_NE(mistakes_of_file(dir / "pipe").find("/pipe: is a pipe: "), std::string::npos);
  EXPECT_NE(mistakes_of_file(dir.path()).find(": is a folder: "), std::string::npos);
  dir.write("with.toml", fmt::format("[daemon]\ninclude = [\"pipe\"]\n{}", kSmall));
  EXPECT_NE(mistakes_of_file(dir / "with.toml").find("/pipe: is a pipe: "), std::string::npos);
  std::filesystem::create_symlink(dir / "pipe", dir / "link.toml");
  EXPECT_NE(mistakes_of_file(dir / "link.toml").find("is a pipe: "), std::string::npos);
}

TEST(SettingsFiles, NamesAreFoundInOddFolders) {
  const TempDir dir;
  const std::string main = dir.write("[a]*?/m.toml", "[daemon]\ninclude = [\"*.d.toml\"]\n");
  dir.write("[a]*?/x.d.toml", "[[alert]]\nname = \"x\"\nplugin = \"x\"\n");
  ASSERT_TRUE(load_settings(main)) << mistakes_of_file(main);
  EXPECT_EQ(load_settings(main)->alerts.size(), 1U);
}

TEST(Settings, WhoMaySuspendMayResumeUnlessTheFileSaysOtherwise) {
  using Names = std::vector<std::string>;
  const auto resume = [](const std::string& control) {
    return load_settings_text("f", "[control]\n" + control)->control.allowed.find("resume")->second;
  };
  EXPECT_EQ(resume(""), (Names{"root", "%codedriftd-ops"}));
  EXPECT_EQ(resume("suspend = [\"alice\"]\n"), (Names{"alice"}));
  EXPECT_EQ(resume("suspend = [\"alice\"]\nresume = [\"root\"]\n"), (Names{"root"}));
}

TEST(Settings, AnIncludeThatMatchesNothingIsAWarning) {
  const test::TempDir dir;
  const std::string main = dir.write("c.toml", "[daemon]\ninclude = [\"conf.d/*.toml\"]\n");
  const auto loaded = load_settings(main);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(format_mistakes(loaded->warnings),
            main + ":2:12: 'include' \"" + dir.path().string() + "/conf.d/*.toml\" matches no file\n");
}

TEST(Settings, AFileWithAByteOrderMarkIsReadLikeAnother) {
  EXPECT_TRUE(load_settings_text("f", "\xEF\xBB\xBF[daemon]\ninstance = \"ops-1\"\n"));
  const auto wrong = load_settings_text("f", "\xEF\xBB\xBF[daemon]\nx = 1\n");
  ASSERT_FALSE(wrong);
  EXPECT_TRUE(format_mistakes(wrong.error()).starts_with("f:2:1: ")) << format_mistakes(wrong.error());
}

}  // namespace
}  // namespace codedriftd
