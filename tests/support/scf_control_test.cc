#include "support/scf_control.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "support/scf_client.h"

namespace codedriftd::test {
namespace {

const std::string kOneHash(64, 'a');

class ScfControlTest : public testing::Test {
 protected:
  Json control(const std::string& verb, const Json& parameters) { return control_cloud(scf, verb, parameters); }
  Json function() {
    const Json all = control("functions", Json::object()).at("functions");
    return all.empty() ? Json() : all.at(0);
  }

  SimulatedScf scf{{.control_port = 0}};
  const std::string target = "ap-guangzhou/default/charge";
};

TEST_F(ScfControlTest, WritesFunctionsAsTold) {
  control("create", {{"target", target}, {"sha256", kOneHash}, {"type", "HTTP"}, {"tags", {{"team", "pay"}}}});
  EXPECT_EQ(function().at("sha256"), kOneHash);
  const Json id = function().at("function_id");
  EXPECT_TRUE(control("recreate", {{"target", target}}).at("done"));
  EXPECT_NE(function().at("function_id"), id);
  EXPECT_EQ(control("publish_version", {{"target", target}}).at("version"), "1");
  control("set_alias",
          {{"target", target}, {"alias", "live"}, {"version", "1"}, {"other", "$LATEST"}, {"weight", 0.2}});
  EXPECT_EQ(function().at("versions"), Json{1});
  EXPECT_EQ(function().at("aliases"), Json{"live"});
  const Json matched = {{"target", target},
                        {"alias", "live"},
                        {"version", "1"},
                        {"other", "$LATEST"},
                        {"match", {"invoke.headers.User", "exact", "beta"}}};
  control("set_alias", matched);
  const Json alias = call_cloud(scf, "GetAlias", {{"FunctionName", "charge"}, {"Name", "live"}});
  EXPECT_EQ(alias.at("RoutingConfig").at("AddtionVersionMatchs").at(0).at("Expression"), "beta");
  EXPECT_TRUE(control("remove_alias", {{"target", target}, {"alias", "live"}}).at("done"));
  EXPECT_EQ(control("publish_layer", {{"region", "ap-guangzhou"}, {"layer", "l"}, {"sha256", kOneHash}}).at("version"),
            1);
  control("set_layers", {{"target", target}, {"layers", {{{"name", "l"}, {"version", 1}}}}});
  EXPECT_EQ(call_cloud(scf, "GetFunction", {{"FunctionName", "charge"}}).at("Layers").at(0).at("LayerName"), "l");
  control("set_image", {{"target", target}, {"image_uri", "x@sha256:" + kOneHash}});
  EXPECT_EQ(function().at("image_uri"), "x@sha256:" + kOneHash);
  control("configure", {{"target", target}, {"status", "Updating"}});
  EXPECT_EQ(function().at("status"), "Updating");
  EXPECT_TRUE(control("swap_and_restore", {{"target", target}}).at("done"));
  control("deploy", {{"target", target}, {"files", {{"index.py", "1"}}}});
  EXPECT_NO_THROW(scf.package(target + ":$LATEST")) << "without a qualifier it is $LATEST";
  EXPECT_TRUE(control("add_namespace", {{"region", "ap-guangzhou"}, {"namespace", "env"}, {"type", "TCB"}}).at("done"));
  EXPECT_TRUE(control("remove_namespace", {{"region", "ap-guangzhou"}, {"namespace", "env"}}).at("done"));
  control("remove", {{"target", target}});
  EXPECT_TRUE(function().is_null());
}

TEST_F(ScfControlTest, SaysWhoWrote) {
  control("set", {{"target", target}, {"sha256", kOneHash}, {"by", {{"principal", "mallory"}, {"console", true}}}});
  control("audit_record", {{"action", "UpdateFunctionCode"}, {"target", target}, {"by", {{"error", "E"}}}});
  const int64_t now = to_ms(SystemClock().wall()) / 1000;
  const auto events = [&] {
    return call_cloud(scf, "DescribeEvents", {{"StartTime", now - 60}, {"EndTime", now + 60}}).at("Events");
  };
  EXPECT_EQ(events().size(), 2U);
  EXPECT_NE(events().dump().find("mallory"), std::string::npos);
  control("audit_delay", {{"seconds", 3600}});
  EXPECT_EQ(events().size(), 0U);
  control("audit_delay", {{"seconds", 0}});
  control("audit_drop", {{"count", 1}});
  control("set", {{"target", target}, {"sha256", kOneHash}});
  EXPECT_EQ(events().size(), 2U);
  control("audit_clear", Json::object());
  EXPECT_EQ(events().size(), 0U);
  EXPECT_TRUE(control("set", {{"target", target}, {"sha256", kOneHash}, {"by", {{"name", "x"}}}}).is_null());
}

TEST_F(ScfControlTest, MakesListingsGoWrongAndCountsThem) {
  for (const char* name : {"a", "b"})
    control("create", {{"target", std::string("ap-guangzhou/default/") + name}, {"sha256", kOneHash}});
  const Json first{{"Orderby", "FunctionName"}, {"Limit", 1}};
  control("listing_race", {{"region", "ap-guangzhou"}, {"namespace", "default"}, {"insert", {"c"}}, {"remove", {"a"}}});
  call_cloud(scf, "ListFunctions", first);
  EXPECT_EQ(call_cloud(scf, "ListFunctions", first).at("Functions").at(0).at("FunctionName"), "b");
  control("listing_fault", {{"target", "ap-guangzhou/default/ListFunctions"}, {"fault", "total_high"}, {"times", 1}});
  EXPECT_EQ(call_cloud(scf, "ListFunctions", first).at("TotalCount"), 3);
  EXPECT_TRUE(control("account_lag", {{"lag", true}}).at("done"));
  control("rates", {{"per_second", {{"ListFunctions", 0}}}});
  EXPECT_EQ(code_in(call_cloud(scf, "ListFunctions", first)), "RequestLimitExceeded.UinLimitExceeded");
  EXPECT_TRUE(control("rates", {{"documented", true}}).at("done"));
  EXPECT_EQ(code_in(call_cloud(scf, "ListFunctions", first)), "ok");
  const Json counted = control("statistics", Json::object()).at("by_action").at("ListFunctions");
  EXPECT_EQ(counted.at("calls"), 4);
  EXPECT_EQ(counted.at("refused"), 1);
  EXPECT_TRUE(control("rates", {{"per_second", {{"NoSuchAction", 1}}}}).is_null());
  EXPECT_TRUE(control("listing_fault", {{"target", "*"}, {"fault", "no_such"}}).is_null());
  EXPECT_TRUE(control("recreate", {{"target", "ap-guangzhou/default/none"}}).is_null());
  EXPECT_TRUE(control("set", {{"target", "no target"}, {"sha256", kOneHash}}).is_null());
}

}  // namespace
}  // namespace codedriftd::test
