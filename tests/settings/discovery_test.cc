// [[watch]], [account.NAME.discovery] and [account.NAME.audit]: what is read, and what is wrong.
#include <gtest/gtest.h>

#include <algorithm>

#include "settings/load.h"
#include "support/temp_dir.h"

namespace codedriftd {
namespace {

constexpr char kProd[] = "[account.prod]\n[defaults]\naccount = \"prod\"\nregion = \"ap-tokyo\"\n";

Settings ruled(const std::string& text) {
  auto loaded = load_settings_text("f", text);
  if (!loaded) throw std::runtime_error(format_mistakes(loaded.error()));
  return std::move(loaded).value();
}
std::string warnings_of_rules(const std::string& text) { return format_mistakes(ruled(text).warnings); }

using Texts = std::vector<std::string>;

TEST(Watch, NeedsNothingButAnAccountAndARegion) {
  const Settings settings = ruled(std::string(kProd) + "[[watch]]\n");
  ASSERT_EQ(settings.rules.size(), 1U);
  const WatchRule& rule = settings.rules[0].rule;
  EXPECT_EQ(rule.where, "f:5");
  EXPECT_EQ(rule.account, "prod");
  EXPECT_EQ(rule.regions, Texts{"ap-tokyo"});
  EXPECT_EQ(rule.namespaces, Texts{"*"});
  EXPECT_EQ(rule.names, Texts{"*"});
  EXPECT_TRUE(rule.except.empty());
  EXPECT_TRUE(rule.tags.empty());
  EXPECT_EQ(rule.versions, 0U);
  EXPECT_FALSE(rule.aliases);
  EXPECT_FALSE(rule.layers);
  EXPECT_EQ(rule.max_targets, 2000U);
  const WatchSettings& watch = settings.rules[0].watch;
  EXPECT_EQ(watch.target.account, "prod");
  EXPECT_EQ(watch.where, "f:5");
  EXPECT_EQ(watch.baseline, Baseline::review) << "what somebody plants is not trusted on sight";
  EXPECT_EQ(watch.interval, Millis{300'000});
  EXPECT_EQ(watch.stale_after, Millis{900'000});
  EXPECT_FALSE(watch.touched_alerts);
  EXPECT_EQ(settings.rules[0].versions_interval, Millis{86'400'000});
}

TEST(Watch, ReadsEveryKey) {
  const Settings settings = ruled(R"([account.prod]
[[watch]]
account = "prod"
regions = ["ap-guangzhou", "ap-singapore", "ap-guangzhou"]
namespaces = ["default", "env-*"]
names = ["pay-*", "ledger?"]
except = ["*-dev"]
versions = 3
versions_interval = "12h"
aliases = true
layers = true
max_targets = 50
interval = "1h"
stale_after = "4h"
deploy_grace = "2h"
baseline = "first-seen"
same_content = "tell"
ignore = ["*.pyc"]
require = "attested"
touched = "alert"
[watch.tags]
team = "pay"
"cost center" = "*"
)");
  const WatchRule& rule = settings.rules.at(0).rule;
  EXPECT_EQ(rule.regions, (Texts{"ap-guangzhou", "ap-singapore"})) << "each once";
  EXPECT_EQ(rule.namespaces, (Texts{"default", "env-*"}));
  EXPECT_EQ(rule.names, (Texts{"pay-*", "ledger?"}));
  EXPECT_EQ(rule.except, Texts{"*-dev"});
  EXPECT_EQ(rule.tags, (std::map<std::string, std::string>{{"cost center", "*"}, {"team", "pay"}}));
  EXPECT_EQ(rule.versions, 3U);
  EXPECT_TRUE(rule.aliases);
  EXPECT_TRUE(rule.layers);
  EXPECT_EQ(rule.max_targets, 50U);
  EXPECT_EQ(settings.rules[0].versions_interval, Millis{12 * 3'600'000});
  const WatchSettings& watch = settings.rules[0].watch;
  EXPECT_EQ(watch.interval, Millis{3'600'000});
  EXPECT_EQ(watch.stale_after, Millis{4 * 3'600'000});
  EXPECT_EQ(watch.deploy_grace, Millis{2 * 3'600'000});
  EXPECT_EQ(watch.baseline, Baseline::first_seen);
  EXPECT_FALSE(watch.same_content_accepted);
  EXPECT_EQ(watch.ignore, Texts{"*.pyc"});
  EXPECT_EQ(watch.require, Require::attested);
  EXPECT_TRUE(watch.touched_alerts);
}

TEST(Watch, TakesTheDefaultsButNeverTheirBaseline) {
  const Settings settings = ruled(
      "[account.prod]\n[defaults]\naccount = \"prod\"\nregion = \"ap-tokyo\"\nnamespace = \"shop\"\nqualifier = \"3\"\n"
      "baseline = \"first-seen\"\ninterval = \"1m\"\ntouched = \"alert\"\n[[watch]]\n[[watch]]\ntouched = \"info\"\n"
      "[[function]]\nname = \"a\"\n");
  ASSERT_EQ(settings.rules.size(), 2U);
  EXPECT_EQ(settings.rules[0].watch.baseline, Baseline::review);
  EXPECT_EQ(settings.rules[0].watch.interval, Millis{60'000});
  EXPECT_EQ(settings.rules[0].watch.stale_after, Millis{180'000});
  EXPECT_TRUE(settings.rules[0].watch.touched_alerts);
  EXPECT_EQ(settings.rules[0].rule.namespaces, Texts{"*"});
  EXPECT_FALSE(settings.rules[1].watch.touched_alerts);
  EXPECT_EQ(settings.watches.at(0).baseline, Baseline::first_seen);
  EXPECT_TRUE(settings.watches.at(0).touched_alerts);
  EXPECT_EQ(settings.watches.at(0).where, "f:13");
}

TEST(Watch, MayStandInAnIncludedFile) {
  const test::TempDir dir;
  dir.write("conf.d/found.toml", "[[watch]]\nnames = [\"pay-*\"]\n");
  const auto loaded =
      load_settings(dir.write("main.toml", "[daemon]\ninclude = [\"conf.d/*.toml\"]\n" + std::string(kProd)));
  ASSERT_TRUE(loaded) << format_mistakes(loaded.error());
  ASSERT_EQ(loaded->rules.size(), 1U);
  EXPECT_EQ(loaded->rules[0].rule.where, (dir / "conf.d/found.toml") + ":1");
}

struct RuleCase {
  std::string text, expected;  ///< the beginning of the only mistake
};
void expect_mistakes(const std::string& before, const std::vector<RuleCase>& cases) {
  for (const RuleCase& c : cases) {
    const auto loaded = load_settings_text("f", before + c.text);
    const std::string mistakes = loaded ? "none" : format_mistakes(loaded.error());
    EXPECT_TRUE(mistakes.starts_with(c.expected)) << c.text << "\n" << mistakes;
    EXPECT_EQ(std::count(mistakes.begin(), mistakes.end(), '\n'), 1) << c.text << "\n" << mistakes;
  }
}

TEST(Watch, IsToldWhatIsWrongWithIt) {
  expect_mistakes(
      std::string(kProd) + "[[watch]]\n",
      {
          {"account = \"prd\"\n", "f:6:11: account 'prd' is not defined; did you mean 'prod'?"},
          {"region = \"ap-tokyo\"\n", "f:6:1: unknown key 'region'; did you mean 'regions'?"},
          {"name = \"a\"\n", "f:6:1: unknown key 'name'; did you mean 'names'?"},
          {"namespace = \"a\"\n", "f:6:1: unknown key 'namespace'; did you mean 'namespaces'?"},
          {"qualifier = \"1\"\n", "f:6:1: unknown key 'qualifier' here; it belongs in [defaults] or [[function]]"},
          {"sha256 = \"1\"\n", "f:6:1: unknown key 'sha256' here; it belongs in [[function]]"},
          {"regions = []\n", "f:6:11: 'regions' is empty: list at least one region"},
          {"regions = [\"ap-*\"]\n", "f:6:12: 'regions' is \"ap-*\": a pattern stands for no region"},
          {"regions = \"ap-tokyo\"\n", "f:6:11: 'regions' is a string; it must be a list, each element a region"},
          {"namespaces = []\n", "f:6:14: 'namespaces' is empty: list a pattern, or leave it out for all"},
          {"namespaces = [\"a b\"]\n", "f:6:15: 'namespaces' is \"a b\": no name matches this"},
          {"names = []\n", "f:6:9: 'names' is empty: list a pattern, or leave it out for all functions"},
          {"names = [\"\"]\n", "f:6:10: 'names' is \"\": no name matches this; it must be 1 to 100 letters"},
          {"names = [\"prod/*\"]\n", "f:6:10: 'names' is \"prod/*\": it must be the name alone"},
          {"names = [\"charge:1\"]\n", "f:6:10: 'names' is \"charge:1\": it must be the name alone"},
          {"except = [\"[a]\"]\n", "f:6:11: 'except' is \"[a]\": no name matches this"},
          {"tags = \"pay\"\n", "f:6:8: 'tags' is a string; it must be a table, written tags = { KEY = \"VALUE\" }"},
          {"tags = {}\n", "f:6:8: 'tags' is empty: name a tag that functions have to have, or leave it out"},
          {"tags = { team = 1 }\n",
           "f:6:17: tag 'team' is an integer; it must be a pattern of its value in quotes, such as \"pay\""},
          {"tags = { team = \"a\\nb\" }\n", "f:6:17: tag 'team' is \"a\\u{a}b\": no tag has such a value"},
          {"tags = { \"\" = \"a\" }\n", "f:6:10: tag '': a tag's key has 1 to 127 bytes"},
          {"versions = 101\n", "f:6:12: 'versions' is 101: it must be from 0 to 100"},
          {"versions = \"latest\"\n", "f:6:12: 'versions' is a string; it must be a whole number"},
          {"versions_interval = \"0\"\n", "f:6:21: 'versions_interval' is \"0\": it must be from 1s to 365d"},
          {"aliases = \"yes\"\n", "f:6:11: 'aliases' is a string; it must be true or false"},
          {"layers = 1\n", "f:6:10: 'layers' is an integer; it must be true or false"},
          {"max_targets = 0\n", "f:6:15: 'max_targets' is 0: it must be from 1 to 1000000"},
          {"stale_after = \"1m\"\n", "f:6:15: 'stale_after' is 1m, shorter than the interval of 5m"},
          {"baseline = \"reviewed\"\n",
           "f:6:12: 'baseline' is \"reviewed\": it must be one of \"first-seen\", \"review\""},
          {"touched = true\n", "f:6:11: 'touched' is true or false; it must be one of \"alert\", \"info\""},
          {"layer = true\n", "f:6:1: unknown key 'layer'; did you mean 'layers'?"},
      });
  expect_mistakes("", {
                          {"[watch]\n", "f:1:1: 'watch' is a table; it must be a list of tables: [[watch]] for each"},
                          {"[account.prod]\n[[watch]]\naccount = \"prod\"\n",
                           "f:2:1: no 'regions': give regions = [\"ap-guangzhou\"] (or others) here, or region in "
                           "[defaults]"},
                          {"[[watch]]\nregions = [\"ap-tokyo\"]\n", "f:1:1: no 'account': give account = \"NAME\""},
                      });
}

TEST(Watch, OfARegionThatIsNotKnownIsAWarning) {
  EXPECT_EQ(warnings_of_rules(std::string(kProd) + "[[watch]]\nregions = [\"ap-tokyo\", \"ap-tokio\"]\n"),
            "f:6:24: 'region' is \"ap-tokio\", which is not a known region; did you mean \"ap-tokyo\"?\n");
}

TEST(Watch, SwitchesTheDiscoveryOfItsAccountOn) {
  const Settings settings =
      ruled(std::string(kProd) + "[account.other]\n[account.prod.discovery]\nevery = \"1h\"\n[[watch]]\n");
  EXPECT_TRUE(settings.accounts.at("prod").discovery.enabled);
  EXPECT_EQ(settings.accounts.at("prod").discovery.every, Millis{3'600'000});
  EXPECT_FALSE(settings.accounts.at("other").discovery.enabled);
  expect_mistakes(kProd, {{"[account.prod.discovery]\nenabled = false\n[[watch]]\n[[watch]]\nnames = [\"a\"]\n",
                           "f:6:11: 'enabled' is false, and the [[watch]] at f:7:1 watches what is found in account "
                           "'prod'; remove this line, or that [[watch]]"}});
  EXPECT_FALSE(
      ruled(std::string(kProd) + "[account.prod.discovery]\nenabled = false\n").accounts.at("prod").discovery.enabled);
}

TEST(Discovery, IsReadWithItsDefaults) {
  const DiscoverySettings defaults = ruled("[account.prod.discovery]\n").accounts.at("prod").discovery;
  EXPECT_FALSE(defaults.enabled);
  EXPECT_EQ(defaults.every, Millis{600'000});
  EXPECT_EQ(defaults.changes_every, Millis{15'000});
  EXPECT_TRUE(defaults.report_unmanaged);
  const DiscoverySettings all = ruled(
                                    "[account.prod.discovery]\nenabled = true\nevery = \"1m\"\nchanges_every = "
                                    "\"1s\"\nreport_unmanaged = false\n")
                                    .accounts.at("prod")
                                    .discovery;
  EXPECT_TRUE(all.enabled);
  EXPECT_EQ(all.every, Millis{60'000});
  EXPECT_EQ(all.changes_every, Millis{1'000});
  EXPECT_FALSE(all.report_unmanaged);
  EXPECT_EQ(ruled("[account.sim]\nendpoint = \"http://127.0.0.1:1\"\n[account.sim.discovery]\nevery = \"1s\"\n")
                .accounts.at("sim")
                .discovery.every,
            Millis{1'000})
      << "a simulated endpoint may be listed as often as one likes";
}

TEST(Discovery, IsToldWhatIsWrongWithIt) {
  expect_mistakes(
      "[account.prod]\n",
      {
          {"discovery = true\n",
           "f:2:13: 'discovery' is true or false; it must be a table, written [account.prod.discovery]"},
          {"[account.prod.discovery]\nenabled = 1\n", "f:3:11: 'enabled' is an integer; it must be true or false"},
          {"[account.prod.discovery]\nevery = \"59s\"\n", "f:3:9: 'every' is \"59s\": it must be from 1m to 365d"},
          {"[account.prod.discovery]\nchanges_every = \"999ms\"\n",
           "f:3:17: 'changes_every' is \"999ms\": it must be from 1s to 365d"},
          {"[account.prod.discovery]\nreport_unmanaged = \"no\"\n", "f:3:20: 'report_unmanaged' is a string"},
          {"[account.prod.discovery]\ninterval = \"5m\"\n", "f:3:1: unknown key 'interval' here; it belongs in"},
          {"[account.prod.discovery]\nchange_every = \"5m\"\n",
           "f:3:1: unknown key 'change_every'; did you mean 'changes_every'?"},
          {"audit = true\n", "f:2:9: 'audit' is true or false; it must be a table, written [account.prod.audit]"},
          {"[account.prod.audit]\nendpoint = \"http://audit.example.com\"\n", "f:3:12: 'endpoint' is \"http://audit."},
          {"[account.prod.audit]\nendpoint = \"https://audit.example.com/x\"\n",
           "f:3:12: 'endpoint' is \"https://audit.example.com/x\": it must be scheme and host only"},
          {"[account.prod.audit]\ndeploy_principals = \"ci\"\n",
           "f:3:21: 'deploy_principals' is a string; it must be a list, each element a user's or a role's name"},
          {"[account.prod.audit]\ndeploy_principals = [\"\"]\n",
           "f:3:22: 'deploy_principals' is \"\": it must be 1 to 128 characters"},
          {"[account.prod.audit]\nenable = true\n", "f:3:1: unknown key 'enable'; did you mean 'enabled'?"},
      });
}

TEST(Discovery, WithoutARegionToListIsAWarning) {
  const std::string enabled = "[account.prod.discovery]\nenabled = true\n";
  EXPECT_EQ(warnings_of_rules("[account.prod]\n" + enabled),
            "f:1:1: discovery of account 'prod' lists nothing: its regions are those of its [[watch]] and "
            "[[function]], and there is none\n");
  EXPECT_EQ(warnings_of_rules(kProd + enabled + "[[function]]\nname = \"a\"\n"), "");
}

TEST(Audit, IsReadWithItsDefaults) {
  const AuditSettings defaults = ruled("[account.prod]\n").accounts.at("prod").audit;
  EXPECT_FALSE(defaults.enabled);
  EXPECT_EQ(defaults.endpoint, "");
  EXPECT_TRUE(defaults.deploy_principals.empty());
  const AuditSettings all = ruled(
                                "[account.prod.audit]\nenabled = true\nendpoint = \"https://audit.example.com/\"\n"
                                "deploy_principals = [\"ci-deploy\", \"release bot\"]\n")
                                .accounts.at("prod")
                                .audit;
  EXPECT_TRUE(all.enabled);
  EXPECT_EQ(all.endpoint, "https://audit.example.com");
  EXPECT_EQ(all.deploy_principals, (Texts{"ci-deploy", "release bot"}));
}

TEST(Watch, CountsForPatternsOfAddressesAsWhatMayBeWatched) {
  const struct {
    const char* glob;
    bool may_match;
  } cases[] = {
      {"*", true},
      {"prod/*", true},
      {"*/pay-*", true},
      {"prod/ap-tokyo/default/charge:$LATEST", true},
      {"prod/*/charge:*", true},
      {"pr?d/ap-*/x/y:1", true},
      {"*:$LAYERS", true},
      {"prod/ap-guangzhou/*", false},
      {"test/*", false},
      {"charge", false},
      {"prod", false},
      {"prod/ap-tokyo/charge", false},
      {"prod/ap-tokyo/", false},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.glob);
    const std::string targets = "targets = [\"" + std::string(c.glob) + "\"]\n";
    const std::string alert = "[[watch]]\nnames = [\"pay-*\"]\n[[alert]]\nname = \"a\"\nplugin = \"p\"\n" + targets;
    const std::string trust = "[[watch]]\n[trust.ci]\npublic_key_file = \"k\"\n" + targets;
    const std::string require = trust + "[[watch]]\nrequire = \"attested\"\n";
    EXPECT_EQ(warnings_of_rules(kProd + alert).empty(), c.may_match) << warnings_of_rules(kProd + alert);
    EXPECT_EQ(warnings_of_rules(kProd + trust).empty(), c.may_match) << warnings_of_rules(kProd + trust);
    EXPECT_EQ(warnings_of_rules(kProd + require)
                      .find("f:10:11: 'require' is \"attested\", but no [trust.NAME] has "
                            "'targets' that match what the [[watch]] at f:9:1 may watch") == std::string::npos,
              c.may_match)
        << warnings_of_rules(kProd + require);
  }
}

}  // namespace
}  // namespace codedriftd
