#include "commands/check.h"

#include <gtest/gtest.h>

#include <deque>
#include <filesystem>
#include <sstream>

#include "base/json.h"
#include "settings/load.h"
#include "settings/schedule.h"
#include "support/temp_dir.h"

namespace codedriftd {
namespace {

using test::TempDir;

/// Answers each call, in a later turn, with what the test put there for its account and region.
class FakeApi final : public Api {
 public:
  std::map<std::string, ApiAnswer> answers;  ///< by "ACCOUNT/REGION"
  std::vector<std::string> asked;

  void start(const ApiCall& call, Callback done) override {
    asked.push_back(call.target.address());
    const ApiAnswer& there = answers.at(call.target.account + "/" + call.target.region);
    ApiAnswer copy;
    copy.observation = there.observation;
    copy.took = there.took;
    copy.clock_error = there.clock_error;
    pending_.emplace_back(std::move(copy), std::move(done));
  }
  void turn(Millis) override {
    if (pending_.empty()) return;
    auto [answer, done] = std::move(pending_.front());
    pending_.pop_front();
    done(std::move(answer));
  }
  void wake() override {}
  std::size_t in_flight() const override { return pending_.size(); }

 private:
  std::deque<std::pair<ApiAnswer, Callback>> pending_;
};

constexpr char kConfig[] = R"(
[account.prod]
[account.spare]
[defaults]
account = "prod"
region = "ap-guangzhou"
[[function]]
names = ["charge", "refund"]
[[function]]
name = "charge"
region = "ap-tokyo"
namespace = "shop"
sha256 = "5077f5203547b225b532434dd6fcf7c9897025d7581a9f3d474a7afee88bc696"
[[alert]]
name = "ops"
plugin = "webhook"
kinds = ["drift.*"]
[alert.options]
url = "https://hooks.example.com/codedrift"
)";

struct CheckRun {
  int code = -1;
  std::string out, err;
};

/// Answers each listing, in a later turn, with what the test put there for its region.
class FakeReadApi final : public ReadApi {
 public:
  std::map<std::string, ReadAnswer> answers;  ///< by "ACCOUNT/REGION"
  std::vector<std::string>* asked = nullptr;

  void start(const ReadCall& call, Callback done) override {
    const std::string region = call.account + "/" + call.region;
    if (asked != nullptr) asked->push_back(std::string(traits(call.action).name) + " " + region + " " + call.body);
    pending_.emplace_back(answers.at(region), std::move(done));
  }
  void turn(Millis) override {
    if (pending_.empty()) return;
    auto [answer, done] = std::move(pending_.front());
    pending_.pop_front();
    done(std::move(answer));
  }
  void wake() override {}
  std::size_t in_flight() const override { return pending_.size(); }

 private:
  std::deque<std::pair<ReadAnswer, Callback>> pending_;
};

CheckRun check(const std::string& text, CheckOptions options = {}, std::unique_ptr<Api> api = nullptr,
               std::unique_ptr<ReadApi> read_api = nullptr) {
  const TempDir dir;
  options.sinkhost = CODEDRIFTD_BINARY_DIR "/codedriftd-sinkhost";
  for (const char* plugin : {"plugins/webhook.so", "tests/plugins/faulty.so", "tests/plugins/faulty_loading.so"}) {
    const std::filesystem::path file = std::filesystem::path(CODEDRIFTD_BINARY_DIR) / plugin;
    std::filesystem::create_symlink(file, dir / file.filename().string());
  }
  const std::string file = dir.write("c.toml", "[daemon]\nplugin_dir = \"" + dir.path().string() + "\"\n" + text);
  std::ostringstream out;
  std::ostringstream err;
  CheckRun run;
  run.code = run_check(
      file, options, [&](const Settings&) { return std::move(api); },
      [&](const Settings&) { return std::move(read_api); }, out, err);
  run.out = out.str();
  run.err = err.str();
  return run;
}

bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(Check, PrintsWhatWouldBeWatchedAndWhoWouldBeTold) {
  const CheckRun run = check(kConfig);
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(run.err, "");
  EXPECT_TRUE(says(run.out, "c.toml: valid\n")) << run.out;
  EXPECT_TRUE(says(run.out, "Would watch 3 targets:")) << run.out;
  EXPECT_TRUE(says(run.out, "  prod     ap-guangzhou  default    2\n")) << run.out;
  EXPECT_TRUE(says(run.out, "  prod     ap-tokyo      shop       1\n")) << run.out;
  EXPECT_TRUE(says(run.out, "prod/ap-tokyo/shop/charge:$LATEST         5m        15m          pinned 5077f5203547\n"))
      << run.out;
  EXPECT_TRUE(says(run.out, "  prod     ap-guangzhou ap-tokyo  GetFunctionAddress  0.010    15       0.1 %\n"))
      << run.out;
  EXPECT_TRUE(says(run.out, "  ops    webhook  drift.*  *        -\n")) << run.out;
  EXPECT_TRUE(says(run.out, "warning: account 'spare' is defined, and no function uses it")) << run.out;
  EXPECT_FALSE(says(run.out, "cannot be delivered")) << run.out;
  EXPECT_FALSE(says(run.out, "cannot be met")) << run.out;
}

TEST(Check, SaysWhetherPackagesAreLookedIntoAndWhatIsKept) {
  EXPECT_TRUE(says(check(kConfig).out,
                   "\nPackages of up to 100MiB from .myqcloud.com are looked into; their lists of files are kept.\n"));
  EXPECT_TRUE(
      says(check(std::string("[packages]\nkeep = \"off\"\n") + kConfig).out, "\nPackages are not looked into.\n"));
  const std::string files =
      "[packages]\nkeep = \"files\"\nmax_total = \"1GiB\"\nhosts = [\"a.example\", \".b.example\"]\n";
  EXPECT_TRUE(
      says(check(files + kConfig).out,
           "\nPackages of up to 100MiB from a.example, .b.example are looked into; their contents are kept, 1GiB "
           "at most.\n"));
  EXPECT_TRUE(says(check(std::string(kConfig) + "[[function]]\nname = \"packed\"\ncontent = "
                                                "\"h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"\n")
                       .out,
                   "pinned h1:47DEQpj8HBSa\n"));
}

TEST(Check, ListsManyTargetsOnlyWhenAsked) {
  std::string text = std::string(kConfig) + "[[function]]\nnames = [";
  for (int i = 0; i < 60; ++i) text += "\"many-" + std::to_string(i) + "\", ";
  text += "]\n";
  EXPECT_FALSE(says(check(text).out, "many-7:"));
  EXPECT_TRUE(says(check(text).out, "--list lists every target"));
  EXPECT_TRUE(says(check(text, {.list_all = true}).out, "prod/ap-guangzhou/default/many-7:$LATEST"));
}

TEST(Check, WarnsOfAScheduleThatCannotBeMet) {
  const CheckRun run = check(
      "[account.prod]\nrequests_per_second = 0.1\n[[function]]\nnames = [\"a\", \"b\"]\naccount = \"prod\"\nregion = "
      "\"r\"\n"
      "interval = \"10s\"\nstale_after = \"15s\"\n");
  EXPECT_EQ(run.code, 0) << "the configuration is valid";
  EXPECT_TRUE(
      says(run.out,
           "warning: prod/r: the schedule cannot be met: 2 targets at 0.2 calls/s against a limit of 0.1/s; intervals "
           "shorter than 21s become about that long, and 2 targets would be stale between polls; raise interval to at "
           "least 21s or "
           "requests_per_second to 1\n"))
      << run.out;
}

TEST(Check, ShowsTheDemandOfAllRegionsTogether) {
  const CheckRun run = check(
      "[defaults]\naccount = \"prod\"\ninterval = \"10s\"\n[account.prod]\n[[function]]\nnames = [\"a\", "
      "\"b\"]\nregion = "
      "\"r1\"\n[[function]]\nname = \"a\"\nregion = \"r2\"\n");
  EXPECT_TRUE(says(run.out, "  prod     r1 r2   GetFunctionAddress  0.300    15       2.0 %\n")) << run.out;
}

TEST(Check, NamesAProxySettingThatCannotBeReadAndNothingOfItsValue) {
  ::setenv("HTTPS_PROXY", "http://bob:S3cret/Pass@10.9.8.8:3128", 1);
  const CheckRun run = check(kConfig);
  ::unsetenv("HTTPS_PROXY");
  EXPECT_EQ(run.code, 0);
  EXPECT_TRUE(says(run.out, "warning: the environment's HTTPS_PROXY cannot be read as a proxy: ")) << run.out;
  for (const char* part : {"bob", "S3cret", "10.9.8.8"}) EXPECT_FALSE(says(run.out + run.err, part)) << run.out;
}

TEST(Check, TellsWhatARuleMatchesAndWhatItCosts) {
  const CheckRun run = check(R"([account.prod]
[[watch]]
account = "prod"
regions = ["ap-guangzhou", "ap-tokyo"]
names = ["pay-*"]
except = ["*-dev"]
tags = { team = "pay" }
versions = 3
layers = true
)");
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_TRUE(says(run.out,
                   "c.toml:4:\n  account     prod\n  regions     ap-guangzhou ap-tokyo\n"
                   "  namespaces  *\n  names       pay-*\n  except      *-dev\n  tags        team=pay\n"
                   "  baseline    review\n  max_targets 2000\n"
                   "Each function costs:\n"
                   "  CALLS/DAY  ACTION                 FOR\n"
                   "  288        GetFunctionAddress     $LATEST, every 5m\n"
                   "  1          ListVersionByFunction  which versions it has, every 1d\n"
                   "  1          GetFunctionAddress     each of 3 versions, every 1d\n"
                   "  1          GetFunction            whether it is an image, every 1d\n"
                   "  288        GetFunction            its layers, every 5m\n"
                   "  24         GetLayerVersion        each layer of all functions together\n"
                   "The rate limit has room for 4364 functions of this kind.\n"))
      << run.out;
  EXPECT_TRUE(says(run.out,
                   "\nDiscovery in account prod, 2 regions:\n"
                   "  CALLS/DAY  ACTION          FOR\n"
                   "  288        GetAccount      each listing, every 10m, of 2 regions\n"
                   "  288        ListNamespaces  each listing\n"
                   "  288        ListFunctions   each listing, namespace and 100 functions in it\n"
                   "  11520      ListFunctions   each look at changes, every 15s, and namespace\n"
                   "The rate limit of ListFunctions has room for 548 namespaces in each region.\n"
                   "A change is seen within about 17s: the look, and a poll at once; where the look\n"
                   "fails, within the interval. A new function is found within 10m.\n"))
      << run.out;
  EXPECT_FALSE(says(run.out, "nothing is watched")) << run.out;
  EXPECT_FALSE(says(run.out, "no function uses it")) << run.out;
  std::istringstream lines(run.out.substr(0, run.out.find("\nPackages")));
  for (std::string line; std::getline(lines, line);) {
    if (says(line, "c.toml")) continue;  // the folder's name is what it is
    EXPECT_LE(line.size(), 80U) << line;
  }
  EXPECT_FALSE(says(check(kConfig).out, "Discovery")) << "there is none";
}

TEST(Check, CountsWithTheLimitThatThePaceOfListingsHas) {
  EXPECT_EQ(kListFunctionsUsed, traits(Action::list_functions).documented_limit * kShareOfLimit);
  EXPECT_EQ(kGetFunctionAddress, traits(Action::get_function_address).name);
  for (const Action action : kAllActions) {
    if (action == Action::get_function_address || action == Action::describe_events) continue;
    EXPECT_EQ(calls_used(traits(action).name), usable_by_polls(action)) << traits(action).name;
  }
  for (const TargetKind kind : {TargetKind::code, TargetKind::layers, TargetKind::image, TargetKind::alias})
    EXPECT_EQ(polled_with(kind), traits(actions_of(kind).front()).name);
}

TEST(Check, WarnsOfAliasesThatDoNotFitAndOfRulesThatHaveNoRoom) {
  std::string text =
      "[account.prod]\nrequests_per_second = 20\n[defaults]\naccount = \"prod\"\nregion = \"r\"\n[[watch]]\nnames = "
      "[\"x\"]\naliases = true\nmax_targets = 5000\n[[function]]\nqualifier = \"$ALIAS.live\"\ninterval = "
      "\"1s\"\nnames = "
      "[";
  for (int i = 0; i < 30; ++i) text += "\"f" + std::to_string(i) + "\", ";
  const CheckRun run = check(text + "]\n");
  EXPECT_TRUE(says(run.out,
                   "warning: prod/r: the schedule cannot be met: 30 targets at 30.0 calls/s against the 15/s that are "
                   "used of the limit of GetAlias; intervals shorter than 3s become about that long; raise interval to "
                   "at least 3s\n"))
      << run.out;
  EXPECT_TRUE(says(run.out, "  prod     r       GetAlias  30.000   15       204.1 %\n")) << run.out;
  EXPECT_TRUE(says(
      run.out, "The rate limit of GetAlias has room for 0 functions of this kind, which is fewer than\nmax_targets"))
      << run.out;
  const Json json = parse_json(check(text + "]\n", {.json = true}).out);
  EXPECT_EQ(json.at("paces").at(0).at("action"), "GetAlias");
  EXPECT_EQ(json.at("paces").at(0).at("fits"), false);
  const Json& costs = json.at("rule_costs").at(0);
  EXPECT_EQ(costs.at("max_targets"), 5'000);
  EXPECT_EQ(costs.at("room"), 0);
  EXPECT_EQ(costs.at("room_action"), "GetAlias");
  EXPECT_EQ(costs.at("calls_per_day").at(1).at("action"), "ListAliases");
}

TEST(Check, OnlineAsksWhatDiscoveryBeginsWith) {
  const auto listing = [](const std::string& error) {
    ReadAnswer answer;
    answer.meaning.outcome = error.empty() ? Outcome::observed : Outcome::denied;
    if (error.empty()) answer.content = NamespacePage{{"default", "shop"}, 2};
    if (!error.empty()) answer.error = {error, "not\x1b allowed", "req-7"};
    return answer;
  };
  const std::string config = "[account.prod]\n[[watch]]\naccount = \"prod\"\nregions = [\"ap-tokyo\", \"ap-seoul\"]\n";
  for (const bool json : {false, true}) {
    for (const std::string error : {"", "UnauthorizedOperation"}) {
      SCOPED_TRACE(json);
      SCOPED_TRACE(error);
      std::vector<std::string> asked;
      auto api = std::make_unique<FakeReadApi>();
      api->asked = &asked;
      api->answers["prod/ap-tokyo"] = listing("");
      api->answers["prod/ap-seoul"] = listing(error);
      const CheckRun run = check(config, {.online = true, .json = json}, std::make_unique<FakeApi>(), std::move(api));
      EXPECT_EQ(run.code, error.empty() ? 0 : 1);
      ASSERT_EQ(asked.size(), 2U);
      EXPECT_TRUE(asked[0].starts_with("ListNamespaces prod/ap-seoul {")) << asked[0];
      if (json) {
        const Json rows = parse_json(run.out).at("online_discovery");
        EXPECT_EQ(rows.at(1).at("namespaces"), 2);
        EXPECT_EQ(rows.at(0).at("code"), error.empty() ? Json() : Json(error));
      } else {
        EXPECT_TRUE(says(run.out, "\nDiscovery's first call for each account and region (2):\n")) << run.out;
        EXPECT_TRUE(says(run.out, "  prod/ap-tokyo: ok, 2 namespaces\n")) << run.out;
        EXPECT_TRUE(says(run.out, error.empty()
                                      ? "  prod/ap-seoul: ok, 2 namespaces\n"
                                      : "  prod/ap-seoul: denied (UnauthorizedOperation: not\\u{1b} allowed), "
                                        "request req-7; `codedriftd policy` prints what it needs\n"))
            << run.out;
      }
    }
  }
}

TEST(Check, WarnsOfADiscoveryThatDoesNotFit) {
  std::string text =
      "[account.prod]\nrequests_per_second = 1\n[account.prod.discovery]\nchanges_every = \"1s\"\n[[watch]]\n"
      "account = \"prod\"\nregions = [";
  for (int i = 0; i < 25; ++i) text += "\"r" + std::to_string(i) + "\", ";
  const CheckRun run = check(text + "]\n");
  EXPECT_TRUE(
      says(run.out,
           "warning: account 'prod': looking for changes in 25 regions every 1s leaves room for 2 namespaces in "
           "each, and 5 are usual; beyond that changes are seen later; raise changes_every to at least 2s\n"))
      << run.out;
  EXPECT_TRUE(says(run.out,
                   "The rate limit has room for 294 functions of this kind, which is fewer than\n"
                   "max_targets: beyond that intervals get longer.\n"))
      << run.out;
}

TEST(Check, PrintsRulesAndDiscoveryAsJson) {
  const CheckRun run =
      check("[account.prod]\n[[watch]]\naccount = \"prod\"\nregions = [\"ap-tokyo\"]\n", {.json = true});
  const Json json = parse_json(run.out);
  ASSERT_FALSE(json.is_discarded()) << run.out;
  EXPECT_EQ(json.at("rules"), 1);
  const Json& discovery = json.at("discovery").at(0);
  EXPECT_EQ(discovery.at("account"), "prod");
  EXPECT_EQ(discovery.at("regions"), Json::array({"ap-tokyo"}));
  EXPECT_EQ(discovery.at("seen_within_ms"), 17'000);
  EXPECT_EQ(discovery.at("namespaces"), 1'097);
  EXPECT_EQ(discovery.at("fits"), true);
  EXPECT_EQ(discovery.at("calls_per_day").at(3).at("action"), "ListFunctions");
  EXPECT_EQ(discovery.at("calls_per_day").at(3).at("calls"), 5'760.0);
}

TEST(Check, WarnsOfWhatIsMissing) {
  const CheckRun run = check("");
  EXPECT_EQ(run.code, 0);
  EXPECT_TRUE(says(run.out, "warning: nothing is watched")) << run.out;
  EXPECT_TRUE(says(run.out, "warning: no [[alert]]: drift would not be reported to anybody")) << run.out;
}

TEST(Check, HoldsOptionsAgainstThePluginsOwnTable) {
  const CheckRun run = check(
      "[[alert]]\nname = \"a\"\nplugin = \"gone\"\n"
      "[[alert]]\nname = \"b\"\nplugin = \"webhook\"\n[alert.options]\nurll = \"https://hooks.example.com\"\n");
  EXPECT_EQ(run.code, 78);
  EXPECT_EQ(run.out, "");
  EXPECT_TRUE(says(run.err, "c.toml:5:10: the plugin \"gone\" cannot be used: ")) << run.err;
  EXPECT_TRUE(says(run.err, "/gone.so: No such file or directory; install it, or set plugin_dir in [daemon]\n"))
      << run.err;
  EXPECT_TRUE(says(run.err, "c.toml:6:1: the plugin webhook needs the option url or url_file")) << run.err;
  EXPECT_TRUE(says(run.err, "c.toml:10:8: the plugin webhook has no option urll; did you mean url?\n")) << run.err;
}

TEST(Check, WarnsOfASecretFileThatItCannotRead) {
  const CheckRun run = check(std::string(kConfig) + "secret_file = \"/no/such/secret\"\n");
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_TRUE(says(run.out, "c.toml:22:15: secret_file cannot be read here: /no/such/secret: cannot be opened"))
      << run.out;
}

TEST(Check, FailsWhenAPluginCrashes) {
  const CheckRun run = check("[[alert]]\nname = \"a\"\nplugin = \"faulty_loading\"\n");
  EXPECT_EQ(run.code, 1);
  EXPECT_TRUE(says(run.out, "Alerts go to 1 destination:")) << run.out;
  EXPECT_TRUE(says(run.err, "c.toml:5:10: the plugin \"faulty_loading\" cannot be used: ")) << run.err;
}

TEST(CheckPlugins, ListsThePluginsWithTheirVersionsAndOptions) {
  const CheckRun run = check("", {.plugins = true});
  EXPECT_EQ(run.code, 0) << "a plugin that nobody uses is no mistake";
  EXPECT_TRUE(says(run.out, "\n3 plugins in ")) << run.out;
  EXPECT_TRUE(says(run.out, "/faulty.so\nfaulty 1.0 (test) (plugin interface 1.0, alerts up to codedriftd.alert.v1)\n"))
      << run.out;
  EXPECT_TRUE(says(run.out, "  number                   integer         a number [default 7, 1 to 10]\n")) << run.out;
  EXPECT_TRUE(says(run.out, "/faulty_loading.so\n  cannot be used: the plugin's process was killed by signal 6"))
      << run.out;
  EXPECT_TRUE(says(run.out, "url or url_file")) << run.out;
}

TEST(CheckPlugins, ListsThemAlsoWhenOptionsAreWrong) {
  const CheckRun run = check(std::string(kConfig) + "ul = \"\"\n", {.plugins = true});
  EXPECT_EQ(run.code, 78);
  EXPECT_TRUE(says(run.out, "url or url_file")) << run.out;
  EXPECT_TRUE(says(run.err, "has no option ul")) << run.err;
}

TEST(CheckPlugins, SaysWhenThereIsNoFolder) {
  std::ostringstream out;
  Settings settings;
  settings.plugin_dir = "/no/such/folder";
  print_plugins(settings, "/no/such/host", out);
  EXPECT_TRUE(says(out.str(), "there are no plugins: /no/such/folder: No such file or directory")) << out.str();
}

TEST(Check, TellsMistakesOnStderr) {
  const CheckRun run = check("[deamon]\n[[function]]\n", {.online = true});
  EXPECT_EQ(run.code, 78);
  EXPECT_EQ(run.out, "");
  EXPECT_TRUE(says(run.err, "c.toml:3:2: unknown key 'deamon'; did you mean 'daemon'?\n")) << run.err;
  EXPECT_TRUE(says(run.err, "c.toml:4:1: no 'name'")) << run.err;
}

ApiAnswer answered(Outcome outcome, const std::string& code, std::optional<Millis> clock_error) {
  ApiAnswer answer;
  answer.observation.outcome = outcome;
  if (!code.empty()) answer.observation.error = {code, "words of the cloud", "req-1"};
  answer.took = Millis{120};
  answer.clock_error = clock_error;
  return answer;
}

TEST(CheckOnline, MakesOneCallForEachAccountAndRegion) {
  auto api = std::make_unique<FakeApi>();
  api->answers["prod/ap-guangzhou"] = answered(Outcome::observed, "", Millis{0});
  api->answers["prod/ap-tokyo"] = answered(Outcome::observed, "", Millis{-2'340});
  FakeApi* watched = api.get();
  std::ostringstream out;
  const auto loaded = load_settings_text("c", kConfig);
  ASSERT_TRUE(loaded);
  print_online(ask_each_region(*loaded, *watched), false, out);
  EXPECT_EQ(watched->asked, (std::vector<std::string>{"prod/ap-guangzhou/default/charge:$LATEST",
                                                      "prod/ap-tokyo/shop/charge:$LATEST"}));
  EXPECT_TRUE(says(out.str(), "  prod/ap-guangzhou/default/charge:$LATEST: ok, 120 ms, clock right\n")) << out.str();
  EXPECT_TRUE(says(out.str(), "  prod/ap-tokyo/shop/charge:$LATEST: ok, 120 ms, clock 2.3 s slow\n")) << out.str();
}

TEST(CheckOnline, FailsWhenACallWasRefusedOrFailed) {
  struct Case {
    Outcome outcome;
    int code;
    std::string says;
  };
  for (const Case& c : std::vector<Case>{
           {Outcome::observed, 0, "ok, 120 ms"},
           {Outcome::missing, 0, "answered: there is no such function, version or namespace (X.Y: words"},
           {Outcome::updating, 0, "answered: the function is being deployed (X.Y: words"},
           {Outcome::denied, 1, "denied (X.Y: words of the cloud), request req-1, 120 ms, clock 400.0 s fast"},
           {Outcome::failed, 1, "failed (X.Y: words of the cloud), request req-1"}}) {
    auto api = std::make_unique<FakeApi>();
    api->answers["prod/ap-guangzhou"] =
        answered(c.outcome, c.outcome == Outcome::observed ? "" : "X.Y", Millis{400'000});
    api->answers["prod/ap-tokyo"] = answered(Outcome::observed, "", std::nullopt);
    const CheckRun run = check(kConfig, {.online = true}, std::move(api));
    EXPECT_EQ(run.code, c.code);
    EXPECT_TRUE(says(run.out, c.says)) << run.out;
    EXPECT_TRUE(says(run.out, "ok, 120 ms, clock unknown\n")) << run.out;
  }
}

TEST(CheckOnline, PrintsForeignWordsHarmlessly) {
  auto api = std::make_unique<FakeApi>();
  for (const char* region : {"prod/ap-guangzhou", "prod/ap-tokyo"})
    api->answers[region] = answered(Outcome::failed, "Bad\x1b[31m", std::nullopt);
  const CheckRun run = check(kConfig, {.online = true}, std::move(api));
  EXPECT_TRUE(says(run.out, "Bad\\u{1b}[31m")) << run.out;
  EXPECT_FALSE(says(run.out, "\x1b")) << run.out;
}

TEST(Check, HasThePluginOpenEachDestinationWithoutSending) {
  const TempDir dir;
  const std::string no_certificate = dir.write("ca.pem", "not a certificate\n");
  struct Case {
    std::string options, says;
  };
  const std::string good = "url = \"https://hooks.example.com/x\"\n";
  for (const Case& c :
       std::vector<Case>{{"url = \"hooks.example.com/x\"\n", "c.toml:7:7: webhook: url: "},
                         {"url = \"http://hooks.example.com/x\"\n", "c.toml:7:7: webhook: url: "},
                         {good + "ca_file = \"/no/such.pem\"\n",
                          "c.toml:8:11: webhook: ca_file: /no/such.pem: cannot be read: No such file or directory\n"},
                         {good + "ca_file = \"" + no_certificate + "\"\n",
                          "c.toml:8:11: webhook: ca_file: " + no_certificate + ": holds no certificate in PEM"},
                         {good + "headers = [\"no colon\"]\n", "c.toml:8:11: webhook: headers: each one should be"},
                         {good + "secret_file = \"" + dir.write("secret", "whsec_short") + "\"\n",
                          "c.toml:8:15: webhook: secret_file should hold"}}) {
    const CheckRun run = check("[[alert]]\nname = \"a\"\nplugin = \"webhook\"\n[alert.options]\n" + c.options);
    EXPECT_EQ(run.code, 78) << c.options;
    EXPECT_TRUE(says(run.err, c.says)) << run.err;
  }
}

TEST(Check, LoadsTheCertificatesThatAnAccountNames) {
  const CheckRun run = check("[account.prod]\nca_file = \"/no/such.pem\"\n");
  EXPECT_EQ(run.code, 78);
  EXPECT_TRUE(says(run.err, "c.toml:4:11: 'ca_file': /no/such.pem: cannot be read: No such file or directory\n"))
      << run.err;
  EXPECT_EQ(check("[account.prod]\nca_file = \"/etc/ssl/certs/ca-certificates.crt\"\n").code, 0);
}

TEST(Check, LooksAtTheKeysWhoseAttestationsAreBelieved) {
  const CheckRun run = check("[trust.ci]\npublic_key_file = \"/no/such.pub\"\ntargets = [\"*\"]\n");
  EXPECT_EQ(run.code, 78);
  EXPECT_TRUE(says(run.err, "'public_key_file': /no/such.pub: cannot be read: No such file or directory\n")) << run.err;
}

constexpr char kDoubtful[] = R"(
[account.prod]
[defaults]
account = "prod"
region = "ap-guangzou"
[[function]]
names = ["charge", "refund"]
[[alert]]
name = "ops"
plugin = "webhook"
targets = ["chrage", "prod/*"]
[alert.options]
url = "https://hooks.example.com/codedrift"
[control]
approve = ["root", "nobody-of-that-name", "%no-such-group"]
)";

TEST(Check, WarnsOfWhatIsAllowedAndHardlyMeant) {
  const CheckRun run = check(kDoubtful);
  EXPECT_EQ(run.code, 0) << run.err;
  for (const char* warning :
       {"c.toml:7:10: 'region' is \"ap-guangzou\", which is not a known region; did you mean \"ap-guangzhou\"?\n",
        "c.toml:13:12: 'targets' of alert 'ops' has \"chrage\", which matches nothing that is watched; did you mean "
        "\"*/charge:*\"?\n",
        "c.toml:17:20: [control] names nobody-of-that-name, which is not a user of this machine: it allows nobody\n",
        "c.toml:17:43: [control] names %no-such-group, which is not a group of this machine: it allows nobody\n"})
    EXPECT_TRUE(says(run.out, std::string("/") + warning)) << warning << run.out;
  EXPECT_FALSE(says(run.out, "prod/*\", which")) << run.out;
}

TEST(Check, StrictMakesEveryWarningAnError) {
  const CheckRun run = check(kDoubtful, {.strict = true});
  EXPECT_EQ(run.code, 78);
  EXPECT_TRUE(says(run.err, "codedriftd: 4 warnings; with --strict that is an error\n")) << run.err;
  EXPECT_EQ(check("[daemon.x]\n", {.strict = true}).code, 78);
  const CheckRun good =
      check(std::string(kConfig) + "[[function]]\nname = \"x\"\naccount = \"spare\"\n", {.strict = true});
  EXPECT_EQ(good.code, 0) << good.err << good.out;
}

TEST(Check, JsonHoldsMistakesAndWarningsWithTheirPlaces) {
  const CheckRun doubtful = check(kDoubtful, {.json = true});
  EXPECT_EQ(doubtful.code, 0);
  const Json found = parse_json(doubtful.out);
  EXPECT_EQ(found.at("schema"), "codedriftd.check.v1");
  EXPECT_EQ(found.at("valid"), true);
  EXPECT_EQ(found.at("functions"), 2);
  ASSERT_EQ(found.at("warnings").size(), 4U);
  EXPECT_EQ(found.at("warnings").at(0).at("line"), 7);
  const Json wrong = parse_json(check("[deamon]\n", {.json = true}).out);
  EXPECT_EQ(wrong.at("valid"), false);
  EXPECT_EQ(wrong.at("mistakes").at(0).at("column"), 2);
}

TEST(CheckOnline, AllAsksForEachFunctionAndOneThatIsNotThereIsAFailure) {
  auto api = std::make_unique<FakeApi>();
  api->answers["prod/ap-guangzhou"] = answered(Outcome::observed, "", Millis{0});
  api->answers["prod/ap-tokyo"] = answered(Outcome::missing, "ResourceNotFound.Function", Millis{0});
  const CheckRun run = check(kConfig, {.online = true, .all = true}, std::move(api));
  EXPECT_EQ(run.code, 1);
  EXPECT_TRUE(says(run.out,
                   "\n3 functions asked for:\n  prod/ap-tokyo/shop/charge:$LATEST: answered: there is no such "
                   "function"))
      << run.out;
  EXPECT_TRUE(says(run.out, "  2 answered with a hash\n")) << run.out;
}

TEST(CheckOnline, WithNothingWatchedCallsNobody) {
  const CheckRun run = check("", {.online = true}, std::make_unique<FakeApi>());
  EXPECT_EQ(run.code, 0);
  EXPECT_TRUE(says(run.out, "One call for each account and region (0):")) << run.out;
}

}  // namespace
}  // namespace codedriftd
