#include "commands/policy.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "base/json.h"
#include "commands/options/usage.h"
#include "settings/load.h"

namespace codedriftd {
namespace {

struct PolicyRun {
  int code = -1;
  std::string out, err;
  std::set<std::string> actions;
};

PolicyRun policy_for(const std::vector<std::string>& args, const std::string& config) {
  std::ostringstream out, err;
  PolicyRun run;
  run.code = run_policy(
      args, [&] { return load_settings_text("f", config); }, out, err);
  run.out = out.str();
  run.err = err.str();
  const Json json = parse_json(run.out);
  if (json.is_discarded()) return run;
  EXPECT_EQ(json.at("version"), "2.0");
  for (const Json& statement : json.at("statement")) {
    EXPECT_EQ(statement.size(), 3U);
    EXPECT_EQ(statement.at("effect"), "allow");
    EXPECT_EQ(statement.at("resource"), Json::array({"*"}));
    for (const Json& action : statement.at("action"))
      EXPECT_TRUE(run.actions.insert(action.get<std::string>()).second) << action;
  }
  return run;
}

TEST(Policy, IsWhatTheOptionsOrTheConfigurationNeed) {
  const std::set<std::string> hashes{"scf:GetFunctionAddress"},
      discover{"scf:GetAccount", "scf:ListNamespaces", "scf:ListFunctions"}, versions{"scf:ListVersionByFunction"},
      aliases{"scf:ListAliases", "scf:GetAlias"}, layers{"scf:GetFunction", "scf:GetLayerVersion"},
      who{"cloudaudit:DescribeEvents"};
  const std::string prod = "[account.prod]\n[defaults]\naccount = \"prod\"\nregion = \"ap-tokyo\"\n";
  const std::string everything =
      prod + "[account.prod.audit]\nenabled = true\n[[watch]]\nlayers = true\naliases = true\nversions = 2\n";
  const struct {
    const char* what;
    std::vector<std::string> args;
    std::string config;
    std::vector<std::set<std::string>> expected;
  } cases[] = {
      {"an empty configuration", {}, "", {hashes}},
      {"functions", {}, prod + "[[function]]\nname = \"a\"\n", {hashes}},
      {"an alias that is named",
       {},
       prod + "[[function]]\nname = \"a\"\nqualifier = \"$ALIAS.b\"\n",
       {hashes, {"scf:GetAlias"}}},
      {"layers that are named", {}, prod + "[[function]]\nname = \"a\"\nqualifier = \"$LAYERS\"\n", {hashes, layers}},
      {"an image that is named",
       {},
       prod + "[[function]]\nname = \"a\"\nqualifier = \"$IMAGE\"\n",
       {hashes, {"scf:GetFunction"}}},
      {"a rule", {}, prod + "[[watch]]\n", {hashes, discover}},
      {"a rule with versions", {}, prod + "[[watch]]\nversions = 1\n", {hashes, discover, versions}},
      {"a rule with aliases", {}, prod + "[[watch]]\naliases = true\n", {hashes, discover, aliases}},
      {"a rule with layers", {}, prod + "[[watch]]\nlayers = true\n", {hashes, discover, layers}},
      {"two rules",
       {},
       prod + "[[watch]]\nversions = 1\n[[watch]]\naliases = true\nnames = [\"a\"]\n",
       {hashes, discover, versions, aliases}},
      {"discovery without a rule", {}, prod + "[account.prod.discovery]\nenabled = true\n", {hashes, discover}},
      {"the audit log", {}, prod + "[account.prod.audit]\nenabled = true\n", {hashes, who}},
      {"all of it", {}, everything, {hashes, discover, versions, aliases, layers, who}},
      {"--discover", {"--discover"}, "", {hashes, discover, versions, aliases}},
      {"--layers", {"--layers"}, "", {hashes, layers}},
      {"--who", {"--who"}, "", {hashes, who}},
      {"all options", {"--discover", "--layers", "--who"}, "", {hashes, discover, versions, aliases, layers, who}},
      {"options do not read the configuration", {"--who"}, "no = toml", {hashes, who}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    std::set<std::string> expected;
    for (const auto& part : c.expected) expected.insert(part.begin(), part.end());
    const PolicyRun run = policy_for(c.args, c.config);
    EXPECT_EQ(run.code, 0);
    EXPECT_EQ(run.actions, expected) << run.out;
    EXPECT_EQ(run.err, "");
  }
}

TEST(Policy, IsJsonThatCanBePastedAsItIs) {
  EXPECT_EQ(policy({}), R"({
  "version": "2.0",
  "statement": [
    {
      "effect": "allow",
      "action": [
        "scf:GetFunctionAddress"
      ],
      "resource": [
        "*"
      ]
    }
  ]
}
)");
}

TEST(Policy, OfAConfigurationThatCannotBeReadIsTheLeastAndThatIsSaid) {
  const PolicyRun run = policy_for({}, "[daemon]\nstate_dir = 3\n");
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(run.actions, std::set<std::string>{"scf:GetFunctionAddress"});
  EXPECT_TRUE(
      run.err.starts_with("codedriftd policy: the configuration cannot be used (f:2:13: 'state_dir' is an "
                          "integer; "))
      << run.err;
}

TEST(Policy, OfTheFirstConfigurationInTheReadmeIsTheOneThatStandsThere) {
  std::ifstream in(CODEDRIFTD_SOURCE_DIR "/README.md");
  const std::string readme{std::istreambuf_iterator<char>(in), {}};
  const auto block = [&](const std::string& after, const std::string& fence) {
    const std::size_t begin = readme.find(fence + "\n", readme.find(after)) + fence.size() + 1;
    return readme.substr(begin, readme.find("```", begin) - begin);
  };
  std::set<std::string> told;
  const Json written = parse_json(block("They need this CAM policy", "```json"));
  for (const Json& statement : written.at("statement")) {
    for (const Json& action : statement.at("action")) told.insert(action.get<std::string>());
  }
  EXPECT_EQ(policy_for({}, block("## A first real configuration", "```toml")).actions, told);
  EXPECT_EQ(told.size(), 4U);
}

TEST(Policy, TakesNothingElse) {
  EXPECT_THROW(policy_for({"--discovery"}, ""), UsageError);
  EXPECT_THROW(policy_for({"prod"}, ""), UsageError);
}

}  // namespace
}  // namespace codedriftd
