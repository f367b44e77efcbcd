#include "support/simulated_audit.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "support/scf_client.h"

namespace codedriftd::test {
namespace {

const std::string kHash(64, 'a');

int64_t unix_now() { return to_ms(SystemClock().wall()) / 1000; }

Json look(const SimulatedScf& scf, Json parameters = Json::object()) {
  if (!parameters.contains("StartTime")) parameters["StartTime"] = unix_now() - 3600;
  if (!parameters.contains("EndTime")) parameters["EndTime"] = unix_now() + 60;
  if (!parameters.contains("MaxResults")) parameters["MaxResults"] = 50;
  return call_cloud(scf, "DescribeEvents", parameters);
}

/// The names of the events, newest first.
std::vector<std::string> events_in(const Json& response) {
  std::vector<std::string> names;
  for (const Json& event : response.value("Events", Json::array())) names.push_back(event.at("EventName"));
  return names;
}

using EventNames = std::vector<std::string>;

Json attributes(const std::vector<std::pair<std::string, std::string>>& wanted) {
  Json list = Json::array();
  for (const auto& [key, value] : wanted) list.push_back({{"AttributeKey", key}, {"AttributeValue", value}});
  return {{"LookupAttributes", list}};
}

std::size_t count_events(const SimulatedScf& scf, const std::vector<std::pair<std::string, std::string>>& wanted) {
  return events_in(look(scf, attributes(wanted))).size();
}

TEST(SimulatedAudit, RecordsWhoWroteWhat) {
  SimulatedScf scf;
  scf.set(kChargeKey, kHash,
          {.principal = "mallory", .ip = "198.51.100.9", .key_id = "FAKE-KEY-9", .request_id = "FAKE-R-1"});
  const Json event = look(scf).at("Events").at(0);
  EXPECT_EQ(event.at("EventName"), "CreateFunction");
  EXPECT_EQ(event.at("Username"), "mallory");
  EXPECT_EQ(event.at("SourceIPAddress"), "198.51.100.9");
  EXPECT_EQ(event.at("SecretId"), "FAKE-KEY-9");
  EXPECT_EQ(event.at("RequestID"), "FAKE-R-1");
  EXPECT_EQ(event.at("ResourceRegion"), "ap-guangzhou");
  EXPECT_EQ(event.at("Resources"), (Json{{"ResourceType", "scf"}, {"ResourceName", "charge"}}));
  EXPECT_TRUE(event.at("EventTime").is_string());
  EXPECT_LT(std::abs(std::stoll(event.at("EventTime").get<std::string>()) - unix_now()), 20);

  const Json call = Json::parse(event.at("CloudAuditEvent").get<std::string>());
  EXPECT_EQ(call.at("userIdentity").at("type"), "CAMUser");
  EXPECT_EQ(call.at("userIdentity").at("userName"), "mallory");
  EXPECT_EQ(call.at("eventType"), "ApiCall");
  EXPECT_EQ(call.at("apiErrorCode"), "");
  EXPECT_NE(call.at("userIdentity").at("sessionContext").dump().find(kAuditSecret), std::string::npos);
  const Json parameters = Json::parse(call.at("requestParameters").get<std::string>());
  EXPECT_EQ(parameters.at("FunctionName"), "charge");
  EXPECT_EQ(parameters.at("Namespace"), "default");
  EXPECT_NE(parameters.at("Code").dump().find(kAuditSecret), std::string::npos);
}

TEST(SimulatedAudit, TellsTheConsoleAndCallsThatFailedApart) {
  SimulatedScf scf;
  scf.set(kChargeKey, kHash);
  scf.audit().clear();
  scf.set(kChargeKey, std::string(64, 'b'), {.type = "Root", .console = true, .error = "UnauthorizedOperation.CAM"});
  const Json event = look(scf).at("Events").at(0);
  EXPECT_EQ(event.at("Username"), "root");
  EXPECT_EQ(event.at("SecretId"), "");
  EXPECT_NE(event.at("ErrorCode"), 0);
  const Json call = Json::parse(event.at("CloudAuditEvent").get<std::string>());
  EXPECT_EQ(call.at("eventType"), "ConsoleCall");
  EXPECT_EQ(call.at("apiErrorCode"), "UnauthorizedOperation.CAM");
  EXPECT_EQ(scf.code_sha256(kChargeKey), kHash) << "a call that failed changes nothing";
}

TEST(SimulatedAudit, HasARecordOfEveryKindOfWrite) {
  SimulatedScf scf;
  SimulatedFunctions& cloud = scf.functions();
  cloud.create("ap-guangzhou/default/a", {.sha256 = kHash});
  const struct {
    EventNames events;
    std::function<void()> write;
  } cases[] = {
      {{"UpdateFunctionCode"},
       [&] {
         scf.deploy("ap-guangzhou/default/a", {{"f", "1"}});
       }},
      {{"UpdateFunctionCode"}, [&] { scf.repack("ap-guangzhou/default/a"); }},
      {{"UpdateFunctionCode", "UpdateFunctionCode"}, [&] { cloud.swap_and_restore("ap-guangzhou/default/a"); }},
      {{"UpdateFunctionConfiguration"}, [&] { cloud.configure("ap-guangzhou/default/a", {}); }},
      {{"UpdateFunctionConfiguration"},
       [&] {
         cloud.set_layers("ap-guangzhou/default/a", {{"l", 1}});
       }},
      {{"UpdateFunctionCode"}, [&] { cloud.set_image("ap-guangzhou/default/a", "x"); }},
      {{"PublishVersion"}, [&] { cloud.publish_version("ap-guangzhou/default/a"); }},
      {{"PublishVersion"}, [&] { scf.set("ap-guangzhou/default/a:2", kHash); }},
      {{"CreateAlias"}, [&] { cloud.set_alias("ap-guangzhou/default/a", "live", {.version = "1"}); }},
      {{"UpdateAlias"}, [&] { cloud.set_alias("ap-guangzhou/default/a", "live", {.version = "2"}); }},
      {{"DeleteAlias"}, [&] { cloud.remove_alias("ap-guangzhou/default/a", "live"); }},
      {{"DeleteFunctionVersion"}, [&] { scf.remove("ap-guangzhou/default/a:2"); }},
      {{"PublishLayerVersion"}, [&] { cloud.publish_layer("ap-guangzhou", "l", kHash); }},
      {{"CreateFunction", "DeleteFunction"}, [&] { cloud.recreate("ap-guangzhou/default/a"); }},
      {{"DeleteFunction"}, [&] { scf.remove("ap-guangzhou/default/a:$LATEST"); }},
      {{"CreateNamespace"}, [&] { cloud.add_namespace("ap-guangzhou", "n"); }},
      {{"DeleteNamespace"}, [&] { cloud.remove_namespace("ap-guangzhou", "n"); }},
  };
  for (const auto& one : cases) {
    scf.audit().clear();
    one.write();
    EXPECT_EQ(events_in(look(scf)), one.events);
  }
}

TEST(SimulatedAudit, ShowsRecordsLateOrNever) {
  SimulatedScf scf;
  scf.audit().set_delay(std::chrono::hours(1));
  scf.set(kChargeKey, kHash);
  EXPECT_EQ(events_in(look(scf)), EventNames{});
  scf.audit().set_delay(Millis{0});
  EXPECT_EQ(events_in(look(scf)), EventNames{"CreateFunction"});
  scf.audit().drop(1);
  scf.set(kChargeKey, kHash);
  EXPECT_EQ(events_in(look(scf)), EventNames{"CreateFunction"}) << "the log has a gap";
  scf.set(kChargeKey, kHash);
  EXPECT_EQ(events_in(look(scf)).size(), 2U);
}

TEST(SimulatedAudit, HoldsAllKeysAndOneOfSeveralNames) {
  SimulatedScf scf;
  scf.set(kChargeKey, kHash);
  scf.set(kChargeKey, kHash, {.ip = "198.51.100.9"});
  scf.functions().configure(kChargeKey, {});
  scf.audit().record({.action = "GetFunction", .region = "ap-guangzhou", .function = "charge", .read = true});
  EXPECT_EQ(count_events(scf, {}), 4U);
  EXPECT_EQ(count_events(scf, {{"ActionType", "Write"}}), 3U);
  EXPECT_EQ(count_events(scf, {{"EventName", "UpdateFunctionCode"}}), 1U);
  EXPECT_EQ(count_events(scf, {{"EventName", "UpdateFunctionCode"}, {"EventName", "CreateFunction"}}), 2U);
  EXPECT_EQ(count_events(scf, {{"EventName", "CreateFunction"}, {"SourceIPAddress", "198.51.100.9"}}), 0U);
  EXPECT_EQ(count_events(scf, {{"ResourceType", "scf"}, {"ResourceName", "charge"}, {"ActionType", "Write"}}), 3U);
  EXPECT_EQ(count_events(scf, {{"ResourceType", "cvm"}}), 0U);
}

TEST(SimulatedAudit, PagesWithATokenUntilTheListIsOver) {
  SimulatedScf scf;
  const int64_t then = unix_now() - 100;
  for (int i = 0; i < 7; ++i)
    scf.audit().record({.action = "E" + std::to_string(i), .region = "ap-guangzhou", .time = then + i});
  EventNames all;
  Json parameters{{"StartTime", then}, {"EndTime", then + 5}, {"MaxResults", 2}};
  for (int calls = 0; calls < 5; ++calls) {
    const Json page = look(scf, parameters);
    for (const std::string& name : events_in(page)) all.push_back(name);
    if (page.at("ListOver").get<bool>()) break;
    parameters["NextToken"] = page.at("NextToken");
  }
  EXPECT_EQ(all, (EventNames{"E5", "E4", "E3", "E2", "E1", "E0"})) << "newest first, both ends included";
  parameters["NextToken"] = 99;
  EXPECT_EQ(code_in(look(scf, parameters)), "InvalidParameterValue");
}

TEST(SimulatedAudit, RefusesQueriesBeyondItsBounds) {
  SimulatedScf scf;
  constexpr int64_t kOneDay = 86400;
  const int64_t now = unix_now();
  const struct {
    Json parameters;
    const char* code;
  } cases[] = {
      {{{"StartTime", now - 89 * kOneDay}, {"EndTime", now - 60 * kOneDay}}, "ok"},
      {{{"StartTime", now - 91 * kOneDay}, {"EndTime", now - 80 * kOneDay}}, "InvalidParameterValue.Time"},
      {{{"StartTime", now}, {"EndTime", now - 1}}, "InvalidParameter.Time"},
      {{{"StartTime", now - 30 * kOneDay}, {"EndTime", now}}, "LimitExceeded.OverTime"},
      {{{"MaxResults", 51}}, "InvalidParameterValue.MaxResult"},
      {{{"NextToken", "1"}}, "InvalidParameter"},
      {{{"Limit", 10}}, "UnknownParameter"},
      {attributes({{"Username", "x"}}), "InvalidParameterValue.attributeKey"},
  };
  for (const auto& one : cases) EXPECT_EQ(code_in(look(scf, one.parameters)), one.code) << one.parameters;
  EXPECT_EQ(code_in(call_cloud(scf, "DescribeEvents", {{"StartTime", now}})), "MissingParameter");
}

TEST(SimulatedAudit, WantsToBeSignedForByItsOwnName) {
  SimulatedScf scf;
  const auto code = [&](const std::string& action, const std::string& version, const std::string& service) {
    ScfClientRequest request{.action = action, .version = version, .service = service, .body = "{}"};
    Headers headers = signed_headers(request, "127.0.0.1:" + std::to_string(scf.port()));
    headers.emplace_back("Connection", "close");
    const std::string bytes = raw_exchange(scf.port(), http_post(headers, "{}")).bytes;
    return code_in(Json::parse(bytes.substr(bytes.find("\r\n\r\n") + 4)).at("Response"));
  };
  EXPECT_EQ(code("DescribeEvents", "2019-03-19", "scf"), "AuthFailure.SignatureFailure");
  EXPECT_EQ(code("DescribeEvents", "2018-04-16", "cloudaudit"), "NoSuchVersion");
  EXPECT_EQ(code("DescribeEvents", "2019-03-19", "cloudaudit"), "MissingParameter");
  EXPECT_EQ(code("ListFunctions", "2018-04-16", "cloudaudit"), "AuthFailure.SignatureFailure");
  EXPECT_EQ(code("ListFunctions", "2018-04-16", "scf"), "ok");
}

}  // namespace
}  // namespace codedriftd::test
