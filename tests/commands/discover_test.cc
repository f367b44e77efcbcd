#include "commands/discover.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "base/json.h"
#include "commands/discover_rules.h"
#include "commands/options/discover_options.h"
#include "discovery/scripted_read_api.h"
#include "settings/expand.h"
#include "settings/load.h"
#include "support/manual_clock.h"
#include "support/temp_dir.h"

namespace codedriftd {
namespace {

using test::ManualClock;
using test::TempDir;
using Words = std::vector<std::string>;

FoundFunction found_function(std::string ns, std::string name) {
  FoundFunction function;
  function.ns = std::move(ns);
  function.function_id = "lam-" + name;
  function.name = std::move(name);
  return function;
}

constexpr char kDiscoverConfig[] = R"([daemon]
include = ["conf.d/*.toml"]
[account.prod]
[[function]]
account = "prod"
region = "ap-guangzhou"
name = "charge"
[[alert]]
name = "ops"
plugin = "jsonl"
)";

class DiscoverTest : public testing::Test {
 protected:
  struct Ran {
    int code;
    std::string out, err;
  };
  DiscoverTest() {
    std::filesystem::create_directory(dir_ / "conf.d");
    std::ofstream(config()) << kDiscoverConfig;
    for (const char* name : {"charge", "refund"}) cloud_["ap-guangzhou"].add("default", name);
    cloud_["ap-singapore"].add("default", "mail");
  }
  std::string config() const { return dir_ / "codedriftd.toml"; }
  Settings load() const {
    auto settings = load_settings(config());
    if (!settings) throw std::runtime_error(format_mistakes(settings.error()));
    return std::move(settings).value();
  }
  /// A region that is not there is refused.
  std::unique_ptr<ReadApi> make_api() {
    auto api = std::make_unique<test::ScriptedReadApi>(clock_);
    api->answer_with = [this](const ReadCall& call) -> std::optional<ReadAnswer> {
      const auto region = cloud_.find(call.region);
      return region == cloud_.end() ? test::read_refused("UnauthorizedOperation") : region->second.answer(call);
    };
    return api;
  }
  Ran discover(const Words& args) {
    std::ostringstream out, err;
    const int code = run_discover(
        args, [&] { return load(); }, [&](const Settings&) { return make_api(); }, clock_, {}, out, err);
    return {code, out.str(), err.str()};
  }
  std::string text_of(const std::string& file) const {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  TempDir dir_;
  ManualClock clock_;
  std::map<std::string, test::Catalogue> cloud_;  ///< by region
};

TEST_F(DiscoverTest, ListsWhatTheConfigurationNamesWithoutADaemonOrARecord) {
  const Ran ran = discover({"--json"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  const Json json = Json::parse(ran.out);
  EXPECT_EQ(json.at("schema"), "codedriftd.discover.v1");
  ASSERT_EQ(json.at("rows").size(), 2U);
  EXPECT_EQ(json.at("rows")[0].at("function"), "charge");
  EXPECT_EQ(json.at("rows")[0].at("state"), "watched");
  EXPECT_EQ(json.at("rows")[1].at("state"), "unmanaged");
  EXPECT_EQ(json.at("summary").at("coverage"), 0.5);
  EXPECT_TRUE(discover({}).out.ends_with("\n2 found, 1 watched (50.00 %): 1 unmanaged\n"));
}

TEST_F(DiscoverTest, ARegionThatIsNotConfiguredIsListedWhenItIsNamed) {
  const Json json = Json::parse(discover({"--region", "ap-singapore", "--json"}).out);
  ASSERT_EQ(json.at("rows").size(), 1U);
  EXPECT_EQ(json.at("rows")[0].at("function"), "mail");
}

TEST_F(DiscoverTest, TheDetailedExitCodeTellsWhatIsUnmanagedAndWhatCouldNotBeRead) {
  EXPECT_EQ(discover({"--detailed-exitcode"}).code, 2);
  EXPECT_EQ(discover({"--detailed-exitcode", "--function", "charge"}).code, 0);
  const Words both{"--region", "ap-guangzhou", "--region", "ap-moon"};
  Words args = both;
  args.insert(args.end(), {"--detailed-exitcode", "--function", "charge"});
  EXPECT_EQ(discover(args).code, 3) << "a region that could not be read may have another";
  EXPECT_EQ(discover(both).code, 0);
}

TEST_F(DiscoverTest, WhatCannotBeListedAtAllIsAFailureThatSaysWhy) {
  const Ran ran = discover({"--region", "ap-moon"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.out.find("prod in ap-moon: could not be listed: UnauthorizedOperation: simulated"), std::string::npos)
      << ran.out;
  EXPECT_NE(ran.err.find("no region could be listed"), std::string::npos);
  EXPECT_NE(discover({"--account", "nobody"}).err.find("no such account; there is prod"), std::string::npos);
  EXPECT_EQ(discover({"--account", "nobody"}).code, 1);
  EXPECT_EQ(discover({"nobody"}).code, 1);
}

TEST_F(DiscoverTest, WrongUsageIs64AndSaysWhatWouldBeRightBeforeAnythingIsRead) {
  struct Case {
    Words args;
    std::string says;
  };
  for (const Case& c : {Case{{"--regoin", "x"}, "did you mean --region?"}, Case{{"--force"}, "goes with --write"},
                        Case{{"--write", ""}, "--write needs the name of a file"},
                        Case{{"--state", "gon"}, "did you mean gone?"}, Case{{"--bom"}, "--format csv alone"}}) {
    std::ostringstream out, err;
    const auto none = []() -> Settings { throw std::logic_error("asked for the configuration"); };
    EXPECT_EQ(run_discover(c.args, none, {}, clock_, {}, out, err), 64);
    EXPECT_NE(err.str().find(c.says), std::string::npos) << err.str();
    EXPECT_EQ(out.str(), "");
  }
}

TEST_F(DiscoverTest, WritesAConfigurationThatWatchesAllOfIt) {
  const std::string file = dir_ / "conf.d/watch.toml";
  const mode_t before = ::umask(022);
  const Ran ran = discover({"--write", file});
  ::umask(before);
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.err.find("1 [[watch]] for prod, 1 function more than before"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("part of the configuration"), std::string::npos);
  struct stat info {};
  ASSERT_EQ(::stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0644U) << "the service is another user";
  EXPECT_EQ(discover({"--detailed-exitcode"}).code, 0) << "nothing is unmanaged any more";
  EXPECT_EQ(load().rules.size(), 1U);

  EXPECT_EQ(discover({"--write", file}).code, 1) << "it is there";
  const Ran again = discover({"--write", file, "--force"});
  EXPECT_EQ(again.code, 0);
  EXPECT_NE(again.err.find("is not written"), std::string::npos) << "nothing is unmanaged";
}

TEST_F(DiscoverTest, WhatIsWrittenWhereNothingReadsItSaysSo) {
  const std::string file = dir_ / "elsewhere.toml";
  const Ran ran = discover({"--write", file});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.err.find("not part of the configuration yet"), std::string::npos) << ran.err;
}

TEST_F(DiscoverTest, AConfigurationThatCannotBeReadWithItIsLeftAsItWas) {
  const std::string file = dir_ / "conf.d/watch.toml";
  int loads = 0;
  const auto broken_second = [&] {
    if (++loads > 1) throw std::runtime_error("a reload would refuse it");
    return load();
  };
  const auto run_with = [&](const Words& args) {
    loads = 0;
    std::ostringstream out, err;
    EXPECT_THROW(run_discover(
                     args, broken_second, [&](const Settings&) { return make_api(); }, clock_, {}, out, err),
                 std::runtime_error);
    return err.str();
  };
  EXPECT_NE(run_with({"--write", file}).find("was taken away again"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(file));
  std::ofstream(file) << "# mine\n";
  EXPECT_NE(run_with({"--write", file, "--force"}).find("is as it was"), std::string::npos);
  EXPECT_EQ(text_of(file), "# mine\n");
}

TEST_F(DiscoverTest, WhatWouldBeReadBeforeARuleOfTheSameRegionIsRefusedAndNamesIt) {
  const std::string mine = dir_ / "conf.d/watch.toml";
  std::ofstream(mine) << "# mine\n[[watch]]\naccount = \"prod\"\nregions = [\"ap-guangzhou\"]\n"
                         "names = [\"char*\"]\nlayers = true\n";
  const std::string early = dir_ / "conf.d/more.toml";
  const Ran ran = discover({"--write", early});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("read before the [[watch]] at " + mine + ":2,"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("a name that sorts after it"), std::string::npos) << ran.err;
  EXPECT_FALSE(std::filesystem::exists(early));
  std::ofstream(early) << "# before\n";
  EXPECT_EQ(discover({"--write", early, "--force"}).code, 1);
  EXPECT_EQ(text_of(early), "# before\n");

  EXPECT_EQ(discover({"--write", dir_ / "conf.d/x.toml"}).code, 0) << "it sorts after it";
  EXPECT_EQ(discover({"--region", "ap-singapore", "--write", dir_ / "conf.d/a.toml"}).code, 0) << "another region";
  EXPECT_EQ(load().rules.size(), 3U);
}

// ---- what is listed -----------------------------------------------------------------------------------------------

TEST(PlacesToList, AreTheRegionsOfFunctionsAndRulesAndThoseNamedInFull) {
  Settings settings;
  for (const char* name : {"prod", "test"}) settings.accounts[name].name = name;
  settings.watches.resize(1);
  settings.watches.front().target = {"prod", "ap-guangzhou", "default", "charge", "$LATEST"};
  settings.rules.resize(1);
  settings.rules.front().rule.account = "prod";
  settings.rules.front().rule.regions = {"ap-singapore"};
  const auto places = [&](const Words& accounts, const Words& regions) {
    Selection selection;
    selection.accounts = accounts;
    selection.regions = regions;
    const auto found = places_to_list(settings, selection);
    if (!found) return found.error().message;
    std::string words;
    for (const AccountRegion& place : *found) words += place.account + "/" + place.region + " ";
    return words;
  };
  EXPECT_EQ(places({}, {}), "prod/ap-guangzhou prod/ap-singapore ");
  EXPECT_EQ(places({}, {"*-singapore"}), "prod/ap-singapore ") << "a pattern names nothing new";
  EXPECT_EQ(places({"test"}, {"ap-tokyo"}), "test/ap-tokyo ");
  EXPECT_EQ(places({}, {"ap-tokyo"}), "prod/ap-tokyo test/ap-tokyo ");
  EXPECT_NE(places({"test"}, {}).find("no region of test is known"), std::string::npos);
  EXPECT_NE(places({"x"}, {}).find("no such account; there is prod, test"), std::string::npos);
  settings.accounts.clear();
  EXPECT_NE(places({}, {}).find("no account"), std::string::npos);
}

// ---- what is written ----------------------------------------------------------------------------------------------

Listing listed(std::string account, std::string region, std::vector<FoundFunction> functions) {
  Listing made;
  made.account = std::move(account);
  made.region = std::move(region);
  made.complete = true;
  made.functions = std::move(functions);
  return made;
}

TEST(RulesFor, HaveOneWatchForEachAccountWithItsRegionsAndWithoutWhatIsExcluded) {
  WatchPlan plan;
  plan.rules.resize(1);
  plan.rules.front().account = "prod";
  plan.rules.front().regions = {"ap-guangzhou"};
  plan.rules.front().names = {"pay-*"};
  plan.rules.front().except = {"*-dev"};
  Listing failed = listed("prod", "ap-moon", {});
  failed.complete = false;
  const WrittenRules rules = rules_for(
      {listed("prod", "ap-singapore", {found_function("default", "mail")}), failed,
       listed("prod", "ap-guangzhou", {found_function("default", "pay-dev"), found_function("pay", "pay-out")}),
       listed("test", "ap-guangzhou", {})},
      plan, WallTime{Millis{1795478400000}});
  EXPECT_EQ(rules.accounts, (Words{"prod", "test"}));
  EXPECT_EQ(rules.functions, 1U);
  EXPECT_EQ(rules.text, R"(# Written by "codedriftd discover" from what was there at 2026-11-24T00:00:00.000Z.

# 1 function found in ap-singapore (1); by namespace: default (1)
[[watch]]
account = "prod"
regions = ["ap-singapore"]
namespaces = ["*"]  # also those that are made later
names = ["*"]
baseline = "review"  # nothing is trusted on first sight; "first-seen" accepts what is live now

# 2 functions found in ap-guangzhou (2); by namespace: default (1), pay (1)
[[watch]]
account = "prod"
regions = ["ap-guangzhou"]
namespaces = ["*"]  # also those that are made later
names = ["*"]
except = ["pay-dev"]
baseline = "review"  # nothing is trusted on first sight; "first-seen" accepts what is live now

# 0 functions found in ap-guangzhou (0)
[[watch]]
account = "test"
regions = ["ap-guangzhou"]
namespaces = ["*"]  # also those that are made later
names = ["*"]
baseline = "review"  # nothing is trusted on first sight; "first-seen" accepts what is live now
)");
  EXPECT_EQ(rules_for({listed("prod", "ap-guangzhou", {found_function("pay", "pay-out")})}, plan, {}).text, "")
      << "all of it is watched";
}

TEST(RulesFor, LeaveOutANameOnlyInTheNamespacesThatItIsExcludedIn) {
  WatchPlan plan;
  plan.rules.resize(1);
  plan.rules.front().account = "prod";
  plan.rules.front().regions = {"ap-guangzhou", "ap-tokyo"};
  plan.rules.front().names = {"job"};
  plan.rules.front().except = {"job"};
  const std::vector<FoundFunction> functions{found_function("default", "job"), found_function("default", "mail"),
                                             found_function("pay", "job"), found_function("pay", "mail"),
                                             found_function("test", "mail")};
  const struct {
    const char* what;
    std::vector<std::string> namespaces;
    std::size_t rules;
    const char *excluded, *watched;  ///< a namespace in which it is, and one in which it is not
  } cases[] = {{"in one that is there", {"default"}, 2, "default", "pay"},
               {"in those of today, all that have it", {"default", "pay", "test"}, 1, "pay", "made-later"},
               {"in all", {"*"}, 1, "pay", nullptr}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    plan.rules.front().namespaces = c.namespaces;
    const WrittenRules rules =
        rules_for({listed("prod", "ap-guangzhou", functions), listed("prod", "ap-tokyo", functions)}, plan, {});
    auto settings = load_settings_text("c.toml", "[account.prod]\n" + rules.text);
    ASSERT_TRUE(settings) << format_mistakes(settings.error());
    WatchPlan both = watch_plan(*settings);
    both.rules.insert(both.rules.begin(), plan.rules.begin(), plan.rules.end());
    const auto state = [&](const char* ns, const char* name) {
      return judge("prod", "ap-tokyo", found_function(ns, name), both).state;
    };
    EXPECT_EQ(state(c.excluded, "job"), InventoryState::excluded);
    EXPECT_EQ(state("test", "mail"), InventoryState::watched);
    if (c.watched != nullptr) {
      EXPECT_NE(state(c.watched, "job"), InventoryState::excluded) << "nobody said so";
    } else {
      EXPECT_EQ(state("made-later", "mail"), InventoryState::watched);
    }
    EXPECT_EQ(rules.rules, settings->rules.size());
  }
}

TEST(RulesFor, ThatTheySayCanBeRead) {
  std::vector<FoundFunction> many;
  for (int i = 0; i < 2'500; ++i) many.push_back(found_function("default", "f" + std::to_string(i)));
  const WrittenRules rules = rules_for({listed("prod", "ap-guangzhou", std::move(many))}, {}, {});
  auto settings =
      load_settings_text("c.toml", "[account.prod]\n[[alert]]\nname = \"a\"\nplugin = \"jsonl\"\n" + rules.text);
  ASSERT_TRUE(settings) << format_mistakes(settings.error());
  ASSERT_EQ(settings->rules.size(), 1U);
  EXPECT_EQ(settings->rules.front().rule.max_targets, 4'000U) << "there is room for more than were found";
}

}  // namespace
}  // namespace codedriftd
