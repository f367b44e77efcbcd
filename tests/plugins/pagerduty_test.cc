#include <gtest/gtest.h>

#include <set>

#include "alert_samples.h"
#include "base/json.h"
#include "base/text.h"
#include "pagerduty/request.h"

namespace codedriftd::pagerduty {
namespace {

constexpr const char* kUrl = "https://events.pagerduty.example/v2/enqueue";
constexpr const char* kKey = "fakekey0001fakekey0002fakekey003";

std::unique_ptr<http_sink::Destination> service() {
  return open(Json{{"url", kUrl}, {"routing_key", kKey}}.dump()).value();
}

std::vector<Json> events_of(const Json& alert) {
  const std::string json = alert.dump();
  std::vector<Json> events;
  const std::size_t parts = service()->parts({"id", json});
  for (std::size_t part = 0; part < parts; ++part) {
    const auto request = service()->make_request({"id", json, part}, 0, from_ms(1'700'000'000'000));
    EXPECT_TRUE(request);
    if (request) events.push_back(Json::parse(request->body));
  }
  return events;
}

TEST(PagerDuty, TriggersAnIncident) {
  Json alert = test::alert_json("drift.detected");
  alert["link"] = "https://console.example/charge";
  const auto events = events_of(alert);
  ASSERT_EQ(events.size(), 1U);
  const Json& sent = events[0];
  EXPECT_EQ(sent["routing_key"], kKey);
  EXPECT_EQ(sent["event_action"], "trigger");
  EXPECT_EQ(sent["client"], "codedriftd");
  EXPECT_EQ(sent["links"][0]["href"], "https://console.example/charge");
  const Json& payload = sent["payload"];
  EXPECT_EQ(payload["summary"], alert["summary"]);
  EXPECT_EQ(payload["source"], test::kAddress);
  EXPECT_EQ(payload["severity"], "critical");
  EXPECT_EQ(payload["timestamp"], "2026-11-24T03:00:00.000Z") << "since when";
  EXPECT_EQ(payload["component"], "charge");
  EXPECT_EQ(payload["group"], "prod/ap-guangzhou/default");
  EXPECT_EQ(payload["class"], "CodeDrift");
  EXPECT_EQ(payload["custom_details"]["alert_id"], "alertid1");
  EXPECT_NE(payload["custom_details"]["description"].get<std::string>().find("observed: " + test::kObserved),
            std::string::npos);
  EXPECT_FALSE(service()->make_request({"id", "{}"}, 0, WallTime{}));
}

TEST(PagerDuty, TheEndFindsItsBeginning) {
  const auto key_of = [](const char* kind) { return events_of(test::alert_json(kind)).at(0)["dedup_key"]; };
  const Json drift = key_of("drift.detected");
  EXPECT_LE(drift.get<std::string>().size(), 255U);
  for (const char* kind : {"drift.changed", "drift.reminder", "drift.resolved"}) EXPECT_EQ(key_of(kind), drift) << kind;
  const Json resolved = events_of(test::alert_json("drift.resolved", "info")).at(0);
  EXPECT_EQ(resolved["event_action"], "resolve");
  EXPECT_EQ(resolved["dedup_key"], drift);
  EXPECT_FALSE(resolved.contains("payload"));
  EXPECT_NE(key_of("function.missing"), drift);
  EXPECT_EQ(key_of("function.returned"), key_of("function.missing"));
  Json other = test::alert_json("drift.detected");
  other["target"] = test::target_json("refund");
  EXPECT_NE(events_of(other).at(0)["dedup_key"], drift);
}

TEST(PagerDuty, WhatOnlyHappensIsAnIncidentOfItsOwn) {
  Json first = test::alert_json("deploy.overdue", "warning"), second = first;
  second["id"] = "alertid2";
  const Json one = events_of(first).at(0), two = events_of(second).at(0);
  EXPECT_EQ(one["event_action"], "trigger");
  EXPECT_EQ(one["payload"]["severity"], "warning");
  EXPECT_NE(one["dedup_key"], two["dedup_key"]);
  EXPECT_EQ(events_of(first).at(0)["dedup_key"], one["dedup_key"]) << "the same in every attempt";
}

TEST(PagerDuty, ADigestIsAnEventForEachTarget) {
  Json digest = test::digest_json(3);
  digest["items"][1]["kind"] = "drift.resolved";
  const auto events = events_of(digest);
  ASSERT_EQ(events.size(), 3U);
  std::set<Json> keys;
  for (const Json& sent : events) keys.insert(sent["dedup_key"]);
  EXPECT_EQ(keys.size(), 3U);
  EXPECT_EQ(events[0]["event_action"], "trigger");
  EXPECT_EQ(events[1]["event_action"], "resolve");
  EXPECT_EQ(events[2]["payload"]["component"], "charge-2");
}

TEST(PagerDuty, AHeartbeatPagesNobody) {
  const auto refused = service()->make_request({"id", test::alert_json("heartbeat", "info").dump()}, 0, WallTime{});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("leave heartbeat out of this [[alert]]"), std::string::npos);
}

TEST(PagerDuty, TheSummaryKeepsItsLimit) {
  for (const std::string& unit : {std::string("x"), std::string("数"), std::string("\"")}) {
    Json alert = test::alert_json("drift.detected");
    std::string summary;
    for (int i = 0; i < 5'000; ++i) summary += unit;
    alert["summary"] = summary;
    const std::string shown = events_of(alert).at(0)["payload"]["summary"];
    EXPECT_LE(shown.size(), kSummaryBytes);
    EXPECT_TRUE(valid_utf8(shown));
  }
  Json none = test::alert_json("drift.detected");
  none["summary"] = nullptr;
  EXPECT_EQ(events_of(none).at(0)["payload"]["summary"], "drift.detected") << "it must not be empty";
}

TEST(PagerDuty, TheStatusSaysWhatCameOfIt) {
  struct Case {
    int status;
    const char* body;
    codedriftd_result result;
    uint32_t retry_after_ms = 0;
  };
  constexpr Case kCases[] = {
      {202, R"({"status":"success","message":"Event processed","dedup_key":"k"})", CODEDRIFTD_DELIVERED},
      {400, R"({"status":"invalid event","errors":["Length of 'summary' is incorrect"]})", CODEDRIFTD_REJECTED},
      {400, R"({"status":"invalid event","errors":["Invalid routing key"]})", CODEDRIFTD_DESTINATION_REFUSED},
      {400, R"({"status":"invalid event","errors":["'routing_key' is missing or blank"]})",
       CODEDRIFTD_DESTINATION_REFUSED},
      {403, "", CODEDRIFTD_DESTINATION_REFUSED},
      {404, "", CODEDRIFTD_DESTINATION_REFUSED},
      {429, "", CODEDRIFTD_RETRY, 120'000},
      {500, "", CODEDRIFTD_RETRY},
      {503, "", CODEDRIFTD_RETRY}};
  for (const Case& c : kCases) {
    HttpResponse response;
    response.status = c.status;
    response.body = c.body;
    const auto outcome = service()->judge(response, WallTime{});
    EXPECT_EQ(outcome.result, c.result) << c.status << " " << c.body;
    EXPECT_EQ(outcome.retry_after_ms, c.retry_after_ms) << c.status;
  }
  HttpResponse often;
  often.status = 429;
  often.headers = {{"retry-after", "300"}};
  EXPECT_EQ(service()->judge(often, WallTime{}).retry_after_ms, 300'000U);
  HttpResponse repeats;
  repeats.status = 400;
  repeats.body = std::string("no service has ") + kKey;
  EXPECT_EQ(service()->judge(repeats, WallTime{}).text, "HTTP 400: no service has ***");
}

TEST(PagerDuty, ARoutingKeyHas32LettersAndDigits) {
  for (const char* key : {"", "short", "fakekey0001fakekey0002fakekey0034", "fakekey0001 fakekey0002fakekey03"}) {
    const auto refused = open(Json{{"url", kUrl}, {"routing_key", key}}.dump());
    ASSERT_FALSE(refused) << key;
    EXPECT_TRUE(refused.error().message.starts_with("routing_key_file: should hold the integration key"))
        << refused.error().message;
  }
}

}  // namespace
}  // namespace codedriftd::pagerduty
