#include "support/simulated_functions.h"

#include <gtest/gtest.h>

#include <set>

#include "base/json.h"
#include "base/sha256.h"
#include "model/inventory.h"
#include "support/scf_client.h"

namespace codedriftd::test {
namespace {

const std::string kA(64, 'a');
const std::string kB(64, 'b');

std::vector<std::string> names_in(const Json& response, const char* list, const char* name) {
  std::vector<std::string> names;
  for (const Json& one : response.value(list, Json::array())) names.push_back(one.at(name));
  return names;
}

std::vector<std::string> functions_in(const Json& response) { return names_in(response, "Functions", "FunctionName"); }

using Names = std::vector<std::string>;

/// What ListFunctions says of one function of `default` in ap-guangzhou.
Json listed(const SimulatedScf& scf, const std::string& name) {
  for (const Json& one : call_cloud(scf, "ListFunctions", {{"Limit", 100}}).value("Functions", Json::array())) {
    if (one.at("FunctionName") == name) return one;
  }
  return {};
}

std::string address_sha(const SimulatedScf& scf, const std::string& function, const std::string& qualifier) {
  const Json answer = call_cloud(scf, "GetFunctionAddress", {{"FunctionName", function}, {"Qualifier", qualifier}});
  return code_in(answer) == "ok" ? answer.at("CodeSha256").get<std::string>() : code_in(answer);
}

/// The cloud's clock goes on, so that what is written next has another time than what was before; not so far that
/// signatures are too old for it.
void later(SimulatedScf& scf, int& times) { scf.set_clock_offset(std::chrono::seconds(10 * ++times)); }

// ---- listings ------------------------------------------------------------------------------------------------------

TEST(SimulatedFunctions, ListsANamespaceInEveryOrderPageByPage) {
  SimulatedScf scf;
  for (const int minute : {0, 1, 2, 3}) {
    scf.set_clock_offset(std::chrono::minutes(minute - 4));
    scf.functions().create("ap-guangzhou/default/" + std::string(1, "dbca"[minute]), {.sha256 = kA});
  }
  scf.set_clock_offset(std::chrono::seconds(0));
  scf.set("ap-guangzhou/default/b:$LATEST", kB);
  scf.set("ap-guangzhou/other/z:$LATEST", kB);
  const auto list = [&](const Json& parameters) { return functions_in(call_cloud(scf, "ListFunctions", parameters)); };
  EXPECT_EQ(list({{"Orderby", "FunctionName"}}), (Names{"a", "b", "c", "d"}));
  EXPECT_EQ(list({{"Orderby", "FunctionName"}, {"Order", "DESC"}, {"Limit", 3}}), (Names{"d", "c", "b"}));
  EXPECT_EQ(list({{"Orderby", "FunctionName"}, {"Order", "DESC"}, {"Limit", 3}, {"Offset", 3}}), (Names{"a"}));
  EXPECT_EQ(list({{"Orderby", "FunctionName"}, {"Offset", 9}}), Names{});
  EXPECT_EQ(list({{"Orderby", "AddTime"}}), (Names{"d", "b", "c", "a"}));
  EXPECT_EQ(list({{"Orderby", "ModTime"}, {"Order", "DESC"}}), (Names{"b", "a", "c", "d"}));
  EXPECT_EQ(list({{"Namespace", "other"}}), Names{"z"});
  EXPECT_EQ(call_cloud(scf, "ListFunctions", {{"Limit", 1}}).at("TotalCount"), 4);
  EXPECT_EQ(code_in(call_cloud(scf, "ListFunctions", {{"Namespace", "none"}})), "ResourceNotFound.Namespace");
  EXPECT_EQ(functions_in(call_cloud(scf, "ListFunctions", Json::object(), "ap-beijing")), Names{});
}

TEST(SimulatedFunctions, FiltersByTagTypeAndStatus) {
  SimulatedScf scf;
  scf.functions().create("ap-guangzhou/default/a", {.sha256 = kA, .type = "HTTP", .tags = {{"team", "pay"}}});
  scf.functions().create("ap-guangzhou/default/b", {.sha256 = kA, .tags = {{"team", "shop"}, {"env", "live"}}});
  scf.functions().create("ap-guangzhou/default/c", {.sha256 = kA, .status = "Updating"});
  const auto list = [&](const Json& filters) {
    return functions_in(call_cloud(scf, "ListFunctions", {{"Orderby", "FunctionName"}, {"Filters", filters}}));
  };
  const auto filter = [](const char* name, const Json& values) { return Json{{"Name", name}, {"Values", values}}; };
  EXPECT_EQ(list(Json::array({filter("tag-team", {"pay", "shop"})})), (Names{"a", "b"}));
  EXPECT_EQ(list({filter("tag-team", {"pay", "shop"}), filter("tag-env", {"live"})}), Names{"b"});
  EXPECT_EQ(list(Json::array({filter("Type", {"HTTP"})})), Names{"a"});
  EXPECT_EQ(list(Json::array({filter("Status", {"Updating"})})), Names{"c"});
  EXPECT_EQ(functions_in(call_cloud(scf, "ListFunctions", {{"SearchKey", "b"}})), Names{"b"});
  const Json counted = call_cloud(scf, "ListFunctions", {{"Filters", Json::array({filter("tag-env", {"live"})})}});
  EXPECT_EQ(counted.at("TotalCount"), 1);
  EXPECT_EQ(listed(scf, "b").at("Tags").at(0), (Json{{"Key", "env"}, {"Value", "live"}}));
}

TEST(SimulatedFunctions, ShowsNamespacesAndWhatTheAccountHas) {
  SimulatedScf scf;
  scf.functions().add_namespace("ap-guangzhou", "cloud1-env", "TCB");
  scf.set("ap-guangzhou/cloud1-env/b:$LATEST", kA);
  scf.set("ap-guangzhou/cloud1-env/a:$LATEST", kA);
  const Json listed_ones = call_cloud(scf, "ListNamespaces", {{"Orderby", "Name"}});
  EXPECT_EQ(names_in(listed_ones, "Namespaces", "Name"), (Names{"cloud1-env", "default"}));
  EXPECT_EQ(names_in(listed_ones, "Namespaces", "Type"), (Names{"TCB", "Default"}));
  EXPECT_EQ(listed_ones.at("TotalCount"), 2);
  const Json usage = call_cloud(scf, "GetAccount", Json::object()).at("AccountUsage");
  EXPECT_EQ(usage.at("NamespacesCount"), 2);
  EXPECT_EQ(usage.at("Namespace").at(0).at("Functions"), (Json{"a", "b"}));
  EXPECT_EQ(usage.at("Namespace").at(0).at("FunctionsCount"), 2);
  scf.functions().remove_namespace("ap-guangzhou", "cloud1-env");
  EXPECT_EQ(code_in(call_cloud(scf, "ListFunctions", {{"Namespace", "cloud1-env"}})), "ResourceNotFound.Namespace");
}

// As many as a large account has; each page is found without walking to it.
TEST(SimulatedFunctions, ServesTenThousandInFiveRegions) {
  SimulatedScf scf;
  const Names regions{"ap-guangzhou", "ap-shanghai", "ap-beijing", "ap-singapore", "eu-frankfurt"};
  for (const std::string& region : regions) {
    for (int i = 0; i < 2000; ++i)
      scf.functions().create(region + "/default/f" + std::to_string(i), {.sha256 = kA, .tags = {{"team", "pay"}}});
  }
  std::set<std::string> ids;
  for (const std::string& region : regions) {
    for (int offset = 0; offset < 2000; offset += 100) {
      const Json page =
          call_cloud(scf, "ListFunctions",
                     {{"Orderby", "FunctionName"}, {"Order", "ASC"}, {"Limit", 100}, {"Offset", offset}}, region);
      for (const Json& one : page.at("Functions")) ids.insert(one.at("FunctionId"));
      ASSERT_EQ(page.at("TotalCount"), 2000);
    }
  }
  EXPECT_EQ(ids.size(), 10000U);
}

// ---- parameters ----------------------------------------------------------------------------------------------------

TEST(SimulatedFunctions, RefusesWhatIsNotDocumented) {
  SimulatedScf scf;
  scf.set(kChargeKey, kA);
  const struct {
    const char* action;
    Json parameters;
    const char* code;
  } cases[] = {
      {"ListFunctions", {{"Limit", 101}}, "InvalidParameterValue.Limit"},
      {"ListFunctions", {{"Limit", 0}}, "InvalidParameterValue.Limit"},
      {"ListFunctions", {{"Offset", -1}}, "InvalidParameterValue.Offset"},
      {"ListFunctions", {{"Limit", "20"}}, "InvalidParameter"},
      {"ListFunctions", {{"OrderBy", "ModTime"}}, "UnknownParameter"},
      {"ListFunctions", {{"Orderby", "Name"}}, "InvalidParameterValue"},
      {"ListFunctions", {{"Order", "desc"}}, "InvalidParameterValue.Order"},
      {"ListFunctions", {{"Filters", {{{"Name", "team"}, {"Values", {"pay"}}}}}}, "InvalidParameterValue"},
      {"ListFunctions", {{"Filters", {{{"Name", "tag-team"}, {"Value", {"pay"}}}}}}, "InvalidParameter"},
      {"ListFunctions", {{"Filters", {{{"Name", "tag-team"}, {"Values", "pay"}}}}}, "InvalidParameter"},
      {"ListNamespaces", {{"Limit", 101}}, "InvalidParameterValue"},
      {"ListNamespaces", {{"Orderby", "AddTime"}}, "InvalidParameterValue"},
      {"GetAccount", {{"Namespace", "default"}}, "UnknownParameter"},
      {"ListVersionByFunction", Json::object(), "MissingParameter"},
      {"ListVersionByFunction", {{"FunctionName", "charge"}, {"Orderby", "ModTime"}}, "UnknownParameter"},
      {"ListVersionByFunction", {{"FunctionName", "charge"}, {"Limit", 101}}, "InvalidParameterValue"},
      {"ListVersionByFunction", {{"FunctionName", "none"}}, "ResourceNotFound.Function"},
      {"ListAliases", {{"FunctionName", "charge"}, {"Limit", 20}}, "InvalidParameter"},
      {"ListAliases", {{"FunctionName", "charge"}, {"Limit", "101"}}, "InvalidParameterValue"},
      {"ListAliases", {{"FunctionName", "charge"}, {"Offset", "x"}}, "InvalidParameterValue"},
      {"GetAlias", {{"FunctionName", "charge"}}, "MissingParameter"},
      {"GetAlias", {{"FunctionName", "charge"}, {"Name", "none"}}, "ResourceNotFound.Alias"},
      {"GetFunction", {{"FunctionName", "charge"}, {"ShowCode", true}}, "InvalidParameter"},
      {"GetFunction", {{"FunctionName", "charge"}, {"Qualifier", "7"}}, "ResourceNotFound.Version"},
      {"GetLayerVersion", {{"LayerName", "l"}}, "MissingParameter"},
      {"GetLayerVersion", {{"LayerName", "l"}, {"LayerVersion", "1"}}, "InvalidParameter"},
      {"GetLayerVersion", {{"LayerName", "l"}, {"LayerVersion", 1}}, "ResourceNotFound.Layer"},
  };
  for (const auto& one : cases)
    EXPECT_EQ(code_in(call_cloud(scf, one.action, one.parameters)), one.code) << one.action << one.parameters;
}

// ---- writes --------------------------------------------------------------------------------------------------------

TEST(SimulatedFunctions, MovesModTimeWithEveryWriteOfCodeAndConfiguration) {
  SimulatedScf scf;
  scf.deploy(kChargeKey, {{"index.py", "1"}});
  const std::string layered = "ap-guangzhou/default/charge";
  scf.functions().publish_layer("ap-guangzhou", "l", kA);
  const struct {
    const char* what;
    std::function<void()> write;
    bool moves;
    bool other_code;
  } cases[] = {
      {"another package",
       [&] {
         scf.deploy(kChargeKey, {{"index.py", "2"}});
       },
       true, true},
      {"packed anew", [&] { scf.repack(kChargeKey); }, true, true},
      {"swapped and restored", [&] { scf.functions().swap_and_restore(kChargeKey); }, true, false},
      {"the same hash", [&] { scf.set(kChargeKey, scf.code_sha256(kChargeKey)); }, true, false},
      {"configured", [&] { scf.functions().configure(kChargeKey, {.status = "Active"}); }, true, false},
      {"other layers",
       [&] {
         scf.functions().set_layers(layered, {{"l", 1}});
       },
       true, false},
      {"a version", [&] { scf.functions().publish_version(kChargeKey); }, false, false},
      {"an alias", [&] { scf.functions().set_alias(kChargeKey, "live", {.version = "1"}); }, false, false},
      {"a call that failed", [&] { scf.set(kChargeKey, kB, {.error = "UnauthorizedOperation.CAM"}); }, false, false},
  };
  int times = 0;
  for (const auto& one : cases) {
    const Json before = listed(scf, "charge");
    const std::string code = scf.code_sha256(kChargeKey);
    later(scf, times);
    one.write();
    const Json after = listed(scf, "charge");
    EXPECT_EQ(after.at("ModTime") != before.at("ModTime"), one.moves) << one.what;
    EXPECT_EQ(scf.code_sha256(kChargeKey) != code, one.other_code) << one.what;
    EXPECT_EQ(after.at("AddTime"), before.at("AddTime")) << one.what;
    EXPECT_EQ(after.at("FunctionId"), before.at("FunctionId")) << one.what;
  }
}

TEST(SimulatedFunctions, WritesTimesOfChinaWithoutAZone) {
  EXPECT_EQ(scf_time(0), "1970-01-01 08:00:00");
  SimulatedScf scf;
  scf.set(kChargeKey, kA);
  const auto read = parse_scf_time(listed(scf, "charge").at("ModTime").get<std::string>());
  ASSERT_TRUE(read);
  EXPECT_LT(std::chrono::abs(SystemClock().wall() - *read), std::chrono::seconds(20));
}

TEST(SimulatedFunctions, RecreatesAFunctionUnderAnotherId) {
  SimulatedScf scf;
  scf.deploy(kChargeKey, {{"index.py", "1"}});
  scf.functions().publish_version(kChargeKey);
  const Json before = listed(scf, "charge");
  const std::string code = scf.code_sha256(kChargeKey);
  int times = 0;
  later(scf, times);
  scf.functions().recreate(kChargeKey);
  const Json after = listed(scf, "charge");
  EXPECT_NE(after.at("FunctionId"), before.at("FunctionId"));
  EXPECT_NE(after.at("AddTime"), before.at("AddTime"));
  EXPECT_EQ(address_sha(scf, "charge", "$LATEST"), code);
  EXPECT_EQ(address_sha(scf, "charge", "1"), "ResourceNotFound.FunctionVersion");
}

TEST(SimulatedFunctions, KeepsVersionsAndResolvesAliases) {
  SimulatedScf scf;
  scf.deploy(kChargeKey, {{"index.py", "1"}});
  const std::string first = scf.code_sha256(kChargeKey);
  EXPECT_EQ(scf.functions().publish_version(kChargeKey), "1");
  scf.deploy(kChargeKey, {{"index.py", "2"}});
  scf.set("ap-guangzhou/default/charge:2", kB);
  scf.functions().set_alias(kChargeKey, "live", {.version = "1", .other = "2", .weight = 0.1});
  EXPECT_EQ(address_sha(scf, "charge", "1"), first);
  EXPECT_EQ(sha256(scf.package("ap-guangzhou/default/charge:1")).hex(), first) << "its package stays with it";
  EXPECT_EQ(address_sha(scf, "charge", "live"), first);
  EXPECT_EQ(address_sha(scf, "charge", "2"), kB);
  EXPECT_EQ(address_sha(scf, "charge", "$DEFAULT"), scf.code_sha256(kChargeKey));
  const Json versions = call_cloud(scf, "ListVersionByFunction", {{"FunctionName", "charge"}});
  EXPECT_EQ(versions.at("FunctionVersion"), (Json{"$LATEST", "1", "2"}));
  EXPECT_EQ(versions.at("TotalCount"), 3);
  const Json page = call_cloud(scf, "ListVersionByFunction", {{"FunctionName", "charge"}, {"Limit", 1}, {"Offset", 1}});
  EXPECT_EQ(page.at("Versions").at(0).at("Version"), "1");

  const Json aliases = call_cloud(scf, "ListAliases", {{"FunctionName", "charge"}, {"Limit", "20"}, {"Offset", "0"}});
  EXPECT_EQ(names_in(aliases, "Aliases", "Name"), (Names{"$DEFAULT", "live"}));
  const Json alias = call_cloud(scf, "GetAlias", {{"FunctionName", "charge"}, {"Name", "live"}});
  EXPECT_EQ(alias.at("FunctionVersion"), "1");
  EXPECT_EQ(alias.at("RoutingConfig").at("AdditionalVersionWeights"), Json::parse(R"([{"Version":"2","Weight":0.1}])"));
  scf.functions().set_alias(kChargeKey, "live", {.version = "2"});
  EXPECT_EQ(address_sha(scf, "charge", "live"), kB);
}

TEST(SimulatedFunctions, ShowsLayersAndImagesBesideSecretsInGetFunction) {
  SimulatedScf scf;
  scf.set(kChargeKey, kA);
  EXPECT_EQ(scf.functions().publish_layer("ap-guangzhou", "common", kA), 1);
  EXPECT_EQ(scf.functions().publish_layer("ap-guangzhou", "common", kB), 2);
  scf.functions().set_layers(kChargeKey, {{"common", 2}, {"gone", 7}});
  Json function = call_cloud(scf, "GetFunction", {{"FunctionName", "charge"}});
  EXPECT_EQ(function.at("Layers").at(0).at("LayerName"), "common");
  EXPECT_EQ(function.at("Layers").at(0).at("LayerVersion"), 2);
  EXPECT_EQ(function.at("Layers").at(1).at("LayerVersion"), 7);
  EXPECT_TRUE(function.at("ImageConfig").is_null());
  EXPECT_GT(function.at("CodeSize"), 4'000'000);
  EXPECT_EQ(function.at("FunctionId"), listed(scf, "charge").at("FunctionId"));
  EXPECT_NE(function.at("Environment").dump().find(kFunctionSecret), std::string::npos);
  EXPECT_EQ(function.at("CodeInfo"), "");
  function = call_cloud(scf, "GetFunction", {{"FunctionName", "charge"}, {"ShowCode", "TRUE"}});
  EXPECT_NE(function.at("CodeInfo").get<std::string>().find(kFunctionSecret), std::string::npos);

  const Json layer = call_cloud(scf, "GetLayerVersion", {{"LayerName", "common"}, {"LayerVersion", 2}});
  EXPECT_EQ(layer.at("CodeSha256"), kB);
  EXPECT_EQ(layer.at("Status"), "Active");
  EXPECT_NE(layer.at("Location").get<std::string>().find(kUrlSecret), std::string::npos);
  scf.set_fault("GetLayerVersion", Fault::sha_null, 1);
  EXPECT_TRUE(
      call_cloud(scf, "GetLayerVersion", {{"LayerName", "common"}, {"LayerVersion", 2}}).at("CodeSha256").is_null());

  scf.functions().set_image(kChargeKey, "ccr.example/a/b:1@sha256:" + kA);
  function = call_cloud(scf, "GetFunction", {{"FunctionName", "charge"}});
  EXPECT_EQ(function.at("ImageConfig").at("ImageUri"), "ccr.example/a/b:1@sha256:" + kA);
  scf.functions().create("ap-guangzhou/default/image", {});
  scf.functions().set_image("ap-guangzhou/default/image", "ccr.example/a/b@sha256:" + kA);
  EXPECT_EQ(address_sha(scf, "image", "$LATEST"), "FailedOperation.GetFunctionAddress");
}

// ---- what goes wrong -----------------------------------------------------------------------------------------------

TEST(SimulatedFunctions, ChangesBetweenTwoPagesSoThatNobodySeesAll) {
  SimulatedScf scf;
  for (const char* name : {"b", "c", "d", "e"})
    scf.functions().create(std::string("ap-guangzhou/default/") + name, {kA});
  scf.functions().race("ap-guangzhou", "default", {.insert = {"z"}, .remove = {"b"}});
  const auto page = [&](int offset) {
    return call_cloud(scf, "ListFunctions", {{"Orderby", "FunctionName"}, {"Limit", 2}, {"Offset", offset}});
  };
  const Json first = page(0);
  const Json second = page(2);
  EXPECT_EQ(functions_in(first), (Names{"b", "c"}));
  EXPECT_EQ(functions_in(second), (Names{"e", "z"})) << "d was never shown, and TotalCount agrees";
  EXPECT_EQ(first.at("TotalCount"), second.at("TotalCount"));
  EXPECT_EQ(functions_in(page(0)), (Names{"c", "d"})) << "once";

  scf.functions().race("ap-guangzhou", "default", {.insert = {"a"}, .times = 100});
  page(0);
  EXPECT_EQ(functions_in(page(0)), (Names{"a", "c"}));
  EXPECT_EQ(functions_in(page(0)), (Names{"a-2", "c"})) << "no two listings are alike";
  EXPECT_EQ(page(0).at("TotalCount"), 5);
}

TEST(SimulatedFunctions, SpoilsListingsAsTold) {
  SimulatedScf scf;
  for (const char* name : {"a", "b", "c", "d"})
    scf.functions().create(std::string("ap-guangzhou/default/") + name, {kA});
  const auto with = [&](const char* fault) {
    scf.set_listing_fault("ListFunctions", parse_listing_fault(fault).value(), 1);
    return call_cloud(scf, "ListFunctions", {{"Orderby", "FunctionName"}});
  };
  EXPECT_EQ(functions_in(with("short_page")), (Names{"a", "b"}));
  EXPECT_EQ(functions_in(with("empty_page")), Names{});
  EXPECT_EQ(with("total_high").at("TotalCount"), 5);
  EXPECT_EQ(with("total_low").at("TotalCount"), 3);
  EXPECT_FALSE(with("no_total").contains("TotalCount"));
  EXPECT_EQ(functions_in(with("repeated")), (Names{"a", "b", "c", "a"}));
  EXPECT_EQ(functions_in(with("odd_name")).back(), "no name\x1b[31m\n\u202e of a function");
  EXPECT_FALSE(with("no_times").at("Functions").at(0).contains("ModTime"));
  EXPECT_EQ(with("garbled").at("Functions").at(0).at("AddTime"), "yesterday, about noon");
  EXPECT_EQ(functions_in(with("none")), (Names{"a", "b", "c", "d"}));
  EXPECT_FALSE(parse_listing_fault("no_such"));
}

TEST(SimulatedFunctions, AnswersGetAccountAsOfAnEarlierMoment) {
  SimulatedScf scf;
  scf.set(kChargeKey, kA);
  const auto names = [&] {
    return call_cloud(scf, "GetAccount", Json::object()).at("AccountUsage").at("Namespace").at(0).at("Functions");
  };
  scf.functions().set_account_lag(true);
  scf.set("ap-guangzhou/default/refund:$LATEST", kA);
  EXPECT_EQ(names(), Json{"charge"});
  scf.functions().set_account_lag(false);
  EXPECT_EQ(names(), (Json{"charge", "refund"}));
}

TEST(SimulatedFunctions, GoesWrongForAnActionARegionANamespaceOrAFunction) {
  SimulatedScf scf;
  scf.set("ap-guangzhou/default/charge:$LATEST", kA);
  scf.set("ap-guangzhou/shop/charge:$LATEST", kA);
  const auto list = [&](const char* region, const char* ns) {
    return code_in(call_cloud(scf, "ListFunctions", {{"Namespace", ns}}, region));
  };
  scf.set_error("ListFunctions", "E.Action");
  scf.set_error("ap-guangzhou/ListFunctions", "E.Region");
  scf.set_error("ap-guangzhou/shop/ListFunctions", "E.Namespace", "simulated", 1);
  EXPECT_EQ(list("ap-guangzhou", "shop"), "E.Namespace");
  EXPECT_EQ(list("ap-guangzhou", "shop"), "E.Region");
  EXPECT_EQ(list("ap-beijing", "default"), "E.Action");
  EXPECT_EQ(address_sha(scf, "charge", "$LATEST"), kA) << "another action";
  scf.set_error("ap-guangzhou/default/charge/ListAliases", "E.Function");
  EXPECT_EQ(code_in(call_cloud(scf, "ListAliases", {{"FunctionName", "charge"}})), "E.Function");
  EXPECT_EQ(code_in(call_cloud(scf, "ListAliases", {{"FunctionName", "charge"}, {"Namespace", "shop"}})), "ok");
  scf.set_fault("ListAliases", Fault::truncated_json, 1);
  EXPECT_EQ(code_in(call_cloud(scf, "ListAliases", {{"FunctionName", "charge"}, {"Namespace", "shop"}})), "no answer");
  scf.clear();
  EXPECT_EQ(list("ap-guangzhou", "shop"), "ok");
}

}  // namespace
}  // namespace codedriftd::test
