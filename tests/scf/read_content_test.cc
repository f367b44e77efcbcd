#include "scf/read_content.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace codedriftd::test {
namespace {

const std::string kReadHex(64, 'c');

std::string answered(const std::string& members) { return R"({"Response":{)" + members + R"(,"RequestId":"req-7"}})"; }
template <typename Content>
Content content(const ReadAnswer& answer) {
  EXPECT_EQ(answer.error.code, "") << answer.error.message;
  EXPECT_EQ(answer.error.request_id, "req-7");
  EXPECT_EQ(answer.meaning.outcome, Outcome::observed);
  EXPECT_TRUE(answer.meaning.proves_account);
  if (const Content* held = std::get_if<Content>(&answer.content)) return *held;
  ADD_FAILURE() << "other content";
  return {};
}
template <typename Content>
Content content(Action action, const std::string& members) {
  return content<Content>(read_content(action, answered(members)));
}

TEST(ReadContent, HoldsTheNamesThatGetAccountCounts) {
  const auto usage = content<AccountUsage>(
      Action::get_account,
      R"("AccountUsage":{"NamespacesCount":2,"TotalConcurrencyMem":1,"Namespace":[)"
      R"({"Functions":["charge","refund"],"Namespace":"default","FunctionsCount":2},)"
      R"({"Functions":null,"Namespace":"empty","FunctionsCount":0,"New":{}}]},"AccountLimit":{"FunctionsCount":50})");
  ASSERT_EQ(usage.namespaces.size(), 2U);
  EXPECT_EQ(usage.namespaces[0].name, "default");
  EXPECT_EQ(usage.namespaces[0].functions, 2);
  EXPECT_EQ(usage.namespaces[0].names, (std::vector<std::string>{"charge", "refund"}));
  EXPECT_EQ(usage.namespaces[1].names, std::vector<std::string>{});
}

TEST(ReadContent, HoldsNamespacesOfEveryKind) {
  const auto page = content<NamespacePage>(
      Action::list_namespaces, R"("Namespaces":[{"Name":"default","Type":"Default"},{"Name":"env-1","Type":"TCB"}],)"
                               R"("TotalCount":7)");
  EXPECT_EQ(page.names, (std::vector<std::string>{"default", "env-1"}));
  EXPECT_EQ(page.total, 7);
}

TEST(ReadContent, HoldsFunctionsWithWhatIsTold) {
  const auto page = content<FunctionPage>(
      Action::list_functions,
      R"("Functions":[{"FunctionName":"charge","FunctionId":"lam-1","Namespace":"default","Runtime":"Python3.9",)"
      R"("Status":"Active","StatusDesc":"","StatusReasons":[],"Type":"Event","Description":"d",)"
      R"("Tags":[{"Key":"team","Value":"pay"},{"Key":"empty","Value":null}],)"
      R"("AddTime":"2026-11-01 08:00:00","ModTime":"2026-11-26 14:03:09","TotalProvisionedConcurrencyMem":null},)"
      R"({"FunctionName":"bare","FunctionId":"lam-2","Namespace":"default","Runtime":null,"Tags":null,"ModTime":"soon"}],)"
      R"("TotalCount":2)");
  FoundFunction charge{"default", "charge", "lam-1", "Event", "Python3.9", "Active", {}, {}, {}};
  charge.added_at = parse_rfc3339("2026-11-01T00:00:00Z");
  charge.modified_at = parse_rfc3339("2026-11-26T06:03:09Z");
  charge.tags = {{"team", "pay"}, {"empty", ""}};
  const FoundFunction bare{"default", "bare", "lam-2", "", "", "", {}, {}, std::nullopt};
  EXPECT_EQ(page.functions, (std::vector<FoundFunction>{charge, bare}));
  EXPECT_EQ(page.unreadable, std::vector<std::string>{});
  EXPECT_EQ(page.total, 2);
}

TEST(ReadContent, TellsTagsThatAreNotToldFromNone) {
  const auto tags = [](const std::string& member) {
    const auto page = content<FunctionPage>(
        Action::list_functions,
        R"("Functions":[{"FunctionName":"f","FunctionId":"1","Namespace":"n")" + member + R"(}],"TotalCount":1)");
    return page.functions.at(0).tags;
  };
  EXPECT_EQ(tags(""), std::nullopt);
  EXPECT_EQ(tags(R"(,"Tags":null)"), std::nullopt);
  const std::map<std::string, std::string> none;
  EXPECT_EQ(tags(R"(,"Tags":[])"), none);
}

TEST(ReadContent, SetsFunctionsApartWhoseNamesAreNoParts) {
  const auto page = content<FunctionPage>(
      Action::list_functions, R"("Functions":[{"FunctionName":"a/b","FunctionId":"1","Namespace":"default"},)"
                              R"({"FunctionName":"ok","FunctionId":"2","Namespace":"n"},)"
                              R"({"FunctionName":"\u001b[31m","FunctionId":"3","Namespace":"n"},)"
                              R"({"FunctionName":"","FunctionId":"4","Namespace":"n"},)"
                              R"({"FunctionName":")" +
                                  std::string(70, 'x') + R"(","FunctionId":"5","Namespace":"n"},)" +
                                  R"({"FunctionName":"f","FunctionId":"6","Namespace":"two words"}],"TotalCount":6)");
  ASSERT_EQ(page.functions.size(), 1U);
  EXPECT_EQ(page.functions[0].name, "ok");
  EXPECT_EQ(page.unreadable, (std::vector<std::string>{"default/a/b", "n/\\u{1b}[31m", "n/",
                                                       "n/" + std::string(70, 'x'), "two words/f"}));
}

TEST(ReadContent, GivesPagesAsTheyAreTwiceListedFunctionsToo) {
  const std::string twice = R"({"FunctionName":"charge","FunctionId":"lam-1","Namespace":"default"})";
  const auto page =
      content<FunctionPage>(Action::list_functions, R"("Functions":[)" + twice + "," + twice + R"(],"TotalCount":1)");
  EXPECT_EQ(page.functions.size(), 2U);
  EXPECT_EQ(page.total, 1);
  EXPECT_TRUE(content<FunctionPage>(Action::list_functions, R"("Functions":[],"TotalCount":0)").functions.empty());
  EXPECT_TRUE(content<FunctionPage>(Action::list_functions, R"("Functions":null,"TotalCount":3)").functions.empty());
}

TEST(ReadContent, HoldsPublishedVersionsAndCountsTheRest) {
  const auto page = content<VersionPage>(
      Action::list_versions, R"("FunctionVersion":["$LATEST","2","1"],"Versions":[{"Version":"$LATEST","Status":null},)"
                             R"({"Version":"2","Description":null},{"Version":"1"}],"TotalCount":3)");
  EXPECT_EQ(page.versions, (std::vector<std::string>{"2", "1"}));
  EXPECT_EQ(page.entries, 3U);
  EXPECT_EQ(page.total, 3);
}

TEST(ReadContent, TakesThePlainNumbersWhereTheListOfVersionsIsNull) {
  for (const char* versions : {R"("Versions":null,"TotalCount":null,)", ""}) {
    const auto page =
        content<VersionPage>(Action::list_versions, versions + std::string(R"("FunctionVersion":["$LATEST","2","1"])"));
    EXPECT_EQ(page.versions, (std::vector<std::string>{"2", "1"}));
    EXPECT_EQ(page.entries, 3U);
    EXPECT_EQ(page.total, 3);
  }
}

TEST(ReadContent, HoldsWhereAliasesLead) {
  struct Case {
    const char* members;
    AliasRoute route;
  };
  for (
      const Case& c : {
          Case{R"("FunctionVersion":"7")", {"7", "", ""}},
          Case{R"("FunctionVersion":"$LATEST","RoutingConfig":null)", {"$LATEST", "", ""}},
          Case{R"("FunctionVersion":"7","RoutingConfig":{})", {"7", "", ""}},
          Case{R"("FunctionVersion":"7","RoutingConfig":{"AdditionalVersionWeights":null,"AddtionVersionMatchs":[]})",
               {"7", "", ""}},
          Case{R"("FunctionVersion":"7","RoutingConfig":{"AdditionalVersionWeights":[{"Version":"8","Weight":0.1}]})",
               {"7", "8", "10%"}},
          Case{R"("FunctionVersion":"7","RoutingConfig":{"AdditionalVersionWeights":[{"Version":"8","Weight":0.07}]})",
               {"7", "8", "7%"}},
          Case{R"("FunctionVersion":"7","RoutingConfig":{"AdditionalVersionWeights":[{"Version":"8","Weight":0.005}]})",
               {"7", "8", "0.5%"}},
          Case{
              R"("FunctionVersion":"7","RoutingConfig":{"AdditionalVersionWeights":[{"Version":"$LATEST","Weight":1}]})",
              {"7", "$LATEST", "100%"}},
          Case{R"("FunctionVersion":"7","RoutingConfig":{"AddtionVersionMatchs":[{"Version":"8",)"
               R"("Key":"invoke.headers.User","Method":"exact","Expression":"al\nice"}]})",
               {"7", "8", R"(invoke.headers.User exact "al\u{a}ice")"}},
      }) {
    const std::string members = std::string(R"("Name":"live",)") + c.members;
    EXPECT_EQ(content<FoundAlias>(Action::get_alias, members).route, c.route) << c.members;
    const auto page = content<AliasPage>(Action::list_aliases, R"("Aliases":[{)" + members + R"(}],"TotalCount":5)");
    ASSERT_EQ(page.aliases.size(), 1U);
    EXPECT_EQ(page.aliases[0].name, "live");
    EXPECT_EQ(page.aliases[0].route, c.route);
    EXPECT_EQ(page.total, 5);
  }
}

TEST(ReadContent, TellsLongRulesOfAnAliasApartAndKeepsThemShort) {
  const auto rule = [](const std::string& expression) {
    return content<FoundAlias>(Action::get_alias,
                               R"("Name":"live","FunctionVersion":"7","RoutingConfig":{"AddtionVersionMatchs":[{)"
                               R"("Version":"8","Key":"invoke.headers.User","Method":"range","Expression":")" +
                                   expression + R"("}]})")
        .route.split;
  };
  const std::string one = rule(std::string(5000, 'x') + "1");
  EXPECT_LT(one.size(), 600U);
  EXPECT_NE(one, rule(std::string(5000, 'x') + "2"));
  EXPECT_EQ(one, rule(std::string(5000, 'x') + "1"));
}

TEST(ReadContent, CountsAliasesThatCannotBeAskedForAndTakesANullTotal) {
  const auto page = content<AliasPage>(
      Action::list_aliases,
      R"("Aliases":[{"Name":"a b","FunctionVersion":"1"},{"Name":"$DEFAULT","FunctionVersion":"$LATEST"}],"TotalCount":null)");
  ASSERT_EQ(page.aliases.size(), 1U);
  EXPECT_EQ(page.aliases[0].name, "$DEFAULT");
  EXPECT_EQ(page.entries, 2U);
  EXPECT_EQ(page.total, 2);
  std::string full;
  for (int i = 0; i < 100; ++i) full += fmt::format(R"({}{{"Name":"a{}","FunctionVersion":"1"}})", i > 0 ? "," : "", i);
  EXPECT_EQ(read_content(Action::list_aliases, answered(R"("Aliases":[)" + full + R"(],"TotalCount":null)")).error.code,
            "Client.BadAnswer")
      << "whether another page follows cannot be known";
}

TEST(ReadContent, TakesAnEmptyListOfAliasesWhereSomethingSaysThatItIsEmpty) {
  for (const char* none :
       {R"("Aliases":[],"TotalCount":null)", R"("Aliases":[])", R"("Aliases":null,"TotalCount":0)"}) {
    const auto page = content<AliasPage>(Action::list_aliases, none);
    EXPECT_EQ(page.entries, 0U) << none;
    EXPECT_EQ(page.total, 0) << none;
  }
}

TEST(ReadContent, HoldsLayersInTheirOrderAndImages) {
  const std::string base =
      R"("FunctionId":"lam-1","Status":"Active","CodeSize":4468203,"ModTime":"2026-11-26 14:03:09",)";
  const auto detail = content<FunctionDetail>(
      Action::get_function, base + R"("ImageConfig":{"ImageType":"","ImageUri":""},"Layers":[)"
                                   R"({"LayerName":"deps","LayerVersion":3,"Status":"Active","CompatibleRuntimes":[]},)"
                                   R"({"LayerName":"agent","LayerVersion":12}])");
  ASSERT_EQ(detail.layers.size(), 2U);
  EXPECT_EQ(detail.layers[0].name, "deps");
  EXPECT_EQ(detail.layers[0].version, 3);
  EXPECT_EQ(detail.layers[1].name, "agent");
  EXPECT_EQ(detail.status, "Active");
  EXPECT_EQ(detail.image_uri, "");
  EXPECT_TRUE(content<FunctionDetail>(Action::get_function, R"("Status":"Active","Layers":[])").layers.empty())
      << "what nobody uses may be missing";
  for (const char* none : {R"("Layers":[])", R"("Layers":null,"ImageConfig":null)"}) {
    EXPECT_TRUE(content<FunctionDetail>(Action::get_function, base + none).layers.empty()) << none;
  }
  const auto image =
      content<FunctionDetail>(Action::get_function, base + R"("ImageConfig":{"ImageUri":"ccr.example/a:1@sha256:x"})");
  EXPECT_EQ(image.image_uri, "ccr.example/a:1@sha256:x");
}

TEST(ReadContent, HoldsALayersHashAndNotItsLink) {
  const auto layer =
      content<LayerVersion>(Action::get_layer_version,
                            R"("CodeSha256":")" + kReadHex +
                                R"(","Location":"https://cos.example/?sign=FAKE","Status":"Active","LayerVersion":3)");
  EXPECT_EQ(layer.sha256.hex(), kReadHex);
  EXPECT_EQ(layer.status, "Active");
}

struct BadCase {
  Action action;
  std::string members;
  const char* complaint;
};

TEST(ReadContent, NamesTheMemberThatIsNotAsDocumented) {
  const std::string function = R"("FunctionName":"f","FunctionId":"1","Namespace":"n")";
  const std::string detail = R"("Status":"Active","Layers":)";
  const std::string alias = R"("Name":"a","FunctionVersion":"7","RoutingConfig":)";
  const BadCase cases[] = {
      {Action::get_account, R"("AccountLimit":{})", "AccountUsage is missing"},
      {Action::get_account, R"("AccountUsage":null)", "AccountUsage is null"},
      {Action::get_account, R"("AccountUsage":[])", "AccountUsage is not an object"},
      {Action::get_account, R"("AccountUsage":{})", "AccountUsage.Namespace is missing"},
      {Action::get_account, R"("AccountUsage":{"Namespace":[{"Namespace":"n","FunctionsCount":-1,"Functions":[]}]})",
       "AccountUsage.Namespace[0].FunctionsCount is not a whole number from 0 on"},
      {Action::get_account, R"("AccountUsage":{"Namespace":[{"Namespace":"n","FunctionsCount":1,"Functions":[7]}]})",
       "AccountUsage.Namespace[0].Functions is not a list of strings"},
      {Action::list_namespaces, R"("Namespaces":[])", "TotalCount is missing"},
      {Action::list_namespaces, R"("TotalCount":1)", "Namespaces is missing"},
      {Action::list_namespaces, R"("Namespaces":[{"Name":7}],"TotalCount":1)", "Namespaces[0].Name is not a string"},
      {Action::list_functions, R"("Functions":[],"TotalCount":-1)", "TotalCount is not a whole number from 0 on"},
      {Action::list_functions, R"("Functions":[],"TotalCount":"1")", "TotalCount is not a whole number from 0 on"},
      {Action::list_functions, R"("Functions":[],"TotalCount":1.5)", "TotalCount is not a whole number from 0 on"},
      {Action::list_functions, R"("Functions":[],"TotalCount":18446744073709551615)",
       "TotalCount is not a whole number from 0 on"},
      {Action::list_functions, R"("Functions":{},"TotalCount":1)", "Functions is not a list"},
      {Action::list_functions, R"("Functions":[null],"TotalCount":1)", "Functions[0] is not an object"},
      {Action::list_functions,
       R"("Functions":[{)" + function + R"(},{"FunctionName":"f","Namespace":"n"}],"TotalCount":1)",
       "Functions[1].FunctionId is missing"},
      {Action::list_functions, R"("Functions":[{"FunctionId":"1","Namespace":"n"}],"TotalCount":1)",
       "Functions[0].FunctionName is missing"},
      {Action::list_functions, R"("Functions":[{"FunctionName":"f","FunctionId":"1","Namespace":null}],"TotalCount":1)",
       "Functions[0].Namespace is null"},
      {Action::list_functions, R"("Functions":[{)" + function + R"(,"ModTime":7}],"TotalCount":1)",
       "Functions[0].ModTime is not a string"},
      {Action::list_functions, R"("Functions":[{)" + function + R"(,"Tags":{"a":"b"}}],"TotalCount":1)",
       "Functions[0].Tags is not a list"},
      {Action::list_functions, R"("Functions":[{)" + function + R"(,"Tags":[{"Value":"b"}]}],"TotalCount":1)",
       "Functions[0].Tags[0].Key is missing"},
      {Action::list_versions, R"("Versions":[{"Version":"live"}],"TotalCount":1)", "Versions[0].Version is no version"},
      {Action::list_versions, R"("Versions":[{"Version":7}],"TotalCount":1)", "Versions[0].Version is not a string"},
      {Action::list_versions, R"("TotalCount":1)", "FunctionVersion is missing"},
      {Action::list_versions, R"("Versions":null,"FunctionVersion":["1","x"],"TotalCount":2)",
       "FunctionVersion is no version"},
      {Action::list_aliases, R"("TotalCount":1)", "Aliases is missing"},
      {Action::list_aliases, R"("Aliases":null,"TotalCount":null)",
       "Aliases is null, and TotalCount does not say that there are none"},
      {Action::list_aliases, R"("Aliases":null)", "Aliases is null, and TotalCount does not say that there are none"},
      {Action::list_aliases, R"("Aliases":[{"Name":"a"}],"TotalCount":1)", "Aliases[0].FunctionVersion is missing"},
      {Action::get_alias, R"("FunctionVersion":"7")", "Name is missing"},
      {Action::get_alias, R"("Name":"a","FunctionVersion":"")", "FunctionVersion is no version"},
      {Action::get_alias, alias + "7", "RoutingConfig is not an object"},
      {Action::get_alias, alias + R"({"AdditionalVersionWeights":[{"Version":"8"}]})",
       "RoutingConfig.AdditionalVersionWeights[0].Weight is missing"},
      {Action::get_alias, alias + R"({"AdditionalVersionWeights":[{"Version":"8","Weight":"0.1"}]})",
       "RoutingConfig.AdditionalVersionWeights[0].Weight is not a number"},
      {Action::get_alias, alias + R"({"AdditionalVersionWeights":[{"Version":"8","Weight":1.1}]})",
       "RoutingConfig.AdditionalVersionWeights[0].Weight is not between 0 and 1"},
      {Action::get_alias, alias + R"({"AdditionalVersionWeights":[{"Version":"8","Weight":-0.1}]})",
       "RoutingConfig.AdditionalVersionWeights[0].Weight is not between 0 and 1"},
      {Action::get_alias,
       alias + R"({"AdditionalVersionWeights":[{"Version":"8","Weight":0.1},{"Version":"9","Weight":0.1}]})",
       "RoutingConfig.AdditionalVersionWeights[1].Version is a second one beside FunctionVersion: there may be one"},
      {Action::get_alias, alias + R"({"AddtionVersionMatchs":[{"Version":"8","Key":"k","Method":"exact"}]})",
       "RoutingConfig.AddtionVersionMatchs[0].Expression is missing"},
      {Action::get_function, R"("Layers":[])", "Status is missing"},
      {Action::get_function, R"("Status":"Active")", "Layers is missing"},
      {Action::get_function, detail + R"([{"LayerName":"two words","LayerVersion":1}])",
       "Layers[0].LayerName is no name of a layer"},
      {Action::get_function, detail + R"([{"LayerName":"a\n","LayerVersion":1}])",
       "Layers[0].LayerName is no name of a layer"},
      {Action::get_function, detail + R"([{"LayerName":"a","LayerVersion":"1"}])",
       "Layers[0].LayerVersion is not a whole number from 0 on"},
      {Action::get_function, detail + "[1]", "Layers[0] is not an object"},
      {Action::get_function, detail + R"([],"ImageConfig":[])", "ImageConfig is not an object"},
      {Action::get_function, detail + R"([],"ImageConfig":{"ImageUri":7})", "ImageConfig.ImageUri is not a string"},
      {Action::get_layer_version, R"("Status":"Active")", "CodeSha256 is missing"},
      {Action::get_layer_version, R"("Status":"Active","CodeSha256":"abc")", "CodeSha256 is not 64 hex digits"},
      {Action::get_layer_version, R"("CodeSha256":")" + kReadHex + "\"", "Status is missing"},
  };
  for (const BadCase& c : cases) {
    const ReadAnswer answer = read_content(c.action, answered(c.members));
    EXPECT_EQ(answer.error, (PollError{"Client.BadAnswer", std::string("the answer's ") + c.complaint, "req-7"}))
        << c.members;
    EXPECT_EQ(answer.meaning.outcome, Outcome::failed);
    EXPECT_TRUE(std::holds_alternative<std::monostate>(answer.content));
  }
}

TEST(ReadContent, RefusesMoreLayersThanAFunctionCanHave) {
  std::string layers;
  for (int i = 0; i < 51; ++i)
    layers += fmt::format(R"({}{{"LayerName":"l{}","LayerVersion":1}})", i > 0 ? "," : "", i);
  const ReadAnswer answer = read_content(
      Action::get_function, answered(R"("FunctionId":"1","Status":"Active","CodeSize":1,"Layers":[)" + layers + "]"));
  EXPECT_EQ(answer.error.message, "the answer's Layers has more than 50 entries");
}

TEST(ReadContent, CallsWhatIsNoAnswerABadOne) {
  for (const Action action : kAllActions) {
    if (action == Action::get_function_address) continue;
    for (const std::string& body :
         {std::string(), std::string("{}"), std::string("[]"), std::string("<html>"), std::string(R"({"Response":[]})"),
          std::string(R"({"Response":{"RequestId":"r"}})"), answered(R"("TotalCount":1)") + "x",
          answered("\"A\":\"\xff\""), answered(R"("Error":{})"), answered(R"("Error":{"Code":"Client.Clock"})")}) {
      const ReadAnswer answer = read_content(action, body);
      EXPECT_EQ(answer.error.code, "Client.BadAnswer") << traits(action).name << body;
      EXPECT_TRUE(std::holds_alternative<std::monostate>(answer.content));
    }
  }
}

TEST(ReadContent, TakesTheApisErrorsAsAPollDoes) {
  const ReadAnswer refused = read_content(
      Action::list_functions, answered(R"("Error":{"Code":"RequestLimitExceeded","Message":"slow\u0007"})"));
  EXPECT_EQ(refused.error, (PollError{"RequestLimitExceeded", "slow\a", "req-7"}));
  EXPECT_TRUE(refused.meaning.slow_down && refused.meaning.retry_soon);
  const ReadAnswer missing = read_content(
      Action::list_functions, answered(R"("Error":{"Code":"ResourceNotFound.Namespace","Message":""})"), 404);
  EXPECT_EQ(missing.meaning.outcome, Outcome::missing);
  const ReadAnswer overloaded = read_content(Action::list_functions, answered(R"("Functions":[],"TotalCount":0)"), 503);
  EXPECT_EQ(overloaded.error.code, "Client.HttpStatus");
  EXPECT_TRUE(overloaded.meaning.retry_soon);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(overloaded.content));
}

TEST(ReadContent, IsNotForTheCallThatReadAnswerReads) {
  EXPECT_THROW(read_content(Action::get_function_address, answered(R"("Url":"")")), std::logic_error);
}

TEST(ReadAnswerOf, NamesWhatWentWrongOnTheWayAndBlamesTheClock) {
  constexpr WallTime kReceived{Millis{1'795'478'400'000}};  // 2026-11-24T00:00:00Z
  HttpResponse lost;
  lost.failure = HttpFailure::timeout;
  lost.failure_text = "too late";
  lost.took = Millis{400};
  const ReadAnswer timeout = read_answer_of(Action::get_account, lost, kReceived);
  EXPECT_EQ(timeout.error, (PollError{"Client.Timeout", "too late", ""}));
  EXPECT_TRUE(timeout.meaning.retry_soon);
  EXPECT_EQ(timeout.took, Millis{400});

  HttpResponse expired;
  expired.status = 200;
  expired.body = answered(R"("Error":{"Code":"AuthFailure.SignatureExpire","Message":"m"})");
  expired.headers = {{"date", "Mon, 23 Nov 2026 23:50:00 GMT"}};
  const ReadAnswer blamed = read_answer_of(Action::get_account, expired, kReceived);
  EXPECT_EQ(blamed.error.code, "Client.Clock");
  EXPECT_EQ(blamed.meaning.outcome, Outcome::denied);
  ASSERT_TRUE(blamed.clock_error);
  EXPECT_GT(*blamed.clock_error, Millis{598'000});
}

// ---- secrets
// ---------------------------------------------------------------------------------------------------------

}  // namespace
}  // namespace codedriftd::test
