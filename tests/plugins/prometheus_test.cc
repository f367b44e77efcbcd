#include "http_sink/prometheus.h"

#include <gtest/gtest.h>

#include "alert_samples.h"

namespace codedriftd::http_sink {
namespace {

using test::alert_json;
using test::alert_of;

const WallTime kTime = *parse_rfc3339("2026-11-24T03:04:05.678Z");
const WallTime kSince = *parse_rfc3339("2026-11-24T03:00:00.000Z");
const WallTime kNow = kTime + Millis{5'000};

PrometheusAlert only(const Json& json, WallTime now = kNow) {
  const auto alerts = prometheus_alerts(alert_of(json), {}, now);
  EXPECT_EQ(alerts.size(), 1U);
  return alerts.at(0);
}

TEST(Prometheus, WhatBelongsTogetherHasTheSameLabels) {
  struct Case {
    const char *begin, *end, *name, *severity;
  };
  constexpr Case kCases[] = {{"drift.detected", "drift.resolved", "CodeDrift", "critical"},
                             {"drift.changed", "drift.resolved", "CodeDrift", "critical"},
                             {"layer.changed", "drift.resolved", "CodeDrift", "critical"},
                             {"alias.moved", "drift.resolved", "CodeDrift", "critical"},
                             {"drift.reminder", "drift.resolved", "CodeDrift", "critical"},
                             {"function.missing", "function.returned", "CodeDriftFunctionMissing", "critical"},
                             {"poll.failing", "poll.recovered", "CodeDriftUnobserved", "warning"},
                             {"account.failing", "account.recovered", "CodeDriftAccountFailing", "warning"},
                             {"discovery.failing", "discovery.recovered", "CodeDriftDiscoveryFailing", "warning"},
                             {"storage.low", "storage.recovered", "CodeDriftStorageLow", "warning"},
                             {"storage.blocked", "storage.unblocked", "CodeDriftStorageBlocked", "warning"}};
  for (const Case& c : kCases) {
    const PrometheusAlert begin = only(alert_json(c.begin)), end = only(alert_json(c.end, "info"));
    EXPECT_EQ(begin.labels, end.labels) << c.begin;
    const std::map<std::string, std::string> labels = {
        {"alertname", c.name},      {"severity", c.severity}, {"instance", "ops-1"},  {"account", "prod"},
        {"region", "ap-guangzhou"}, {"namespace", "default"}, {"function", "charge"}, {"qualifier", "$LATEST"}};
    EXPECT_EQ(begin.labels, labels) << c.begin;
    EXPECT_TRUE(begin.firing);
    EXPECT_GT(begin.ends, kNow);
    EXPECT_FALSE(end.firing);
    EXPECT_EQ(end.ends, kTime);
    EXPECT_LE(end.starts, end.ends);
  }
}

TEST(Prometheus, TheAnnotationsSayWhatChangedInsideInOneLineAndTheLabelsDoNot) {
  const PrometheusAlert alert = only(test::changes_alert_json(test::kHostileNames));
  const std::string& summary = alert.annotations.at("summary");
  EXPECT_TRUE(
      summary.ends_with("7 files changed: index.py, <!channel>.py, a*b_[c](https://evil.example).md, "
                        "\"new\\\\u{a}line, and \\\"more\\\"\", `@all`\\u{1b}[31m and 2 more."))
      << summary;
  EXPECT_EQ(summary.find_first_of("\n\x1b"), std::string::npos);
  EXPECT_TRUE(alert.annotations.at("description").starts_with(summary + "\n"));
  EXPECT_EQ(alert.labels, only(alert_json("drift.detected")).labels) << "they are what an alert is known by";
  const std::string longest = only(test::changes_alert_json(test::long_names())).annotations.at("description");
  EXPECT_LE(longest.size(), 4'000U + 3);
  EXPECT_NE(longest.find("7 files changed: ***"), std::string::npos);
}

TEST(Prometheus, OpenDriftBeginsWhenItBeganAndHoldsLongerThanTheTimeBetweenReminders) {
  const PrometheusAlert drift = only(alert_json("drift.detected"));
  EXPECT_EQ(drift.starts, kSince);
  EXPECT_EQ(drift.ends, kNow + std::chrono::hours(48));
  // After an outage it must fire all the same.
  const WallTime late = kTime + std::chrono::hours(70);
  EXPECT_EQ(only(alert_json("drift.detected"), late).ends, late + std::chrono::hours(48));
  const auto shorter = prometheus_alerts(alert_of(alert_json("drift.reminder")), {std::chrono::hours(30), {}}, kNow);
  EXPECT_EQ(shorter.at(0).ends, kNow + std::chrono::hours(30));
  EXPECT_EQ(only(alert_json("poll.failing")).ends, kNow + kOpenHold) << "nothing reminds of that";
}

TEST(Prometheus, DriftThatWasOverBeforeItCouldBeToldIsToldAllTheSame) {
  Json json = alert_json("drift.resolved", "critical");
  json["event_ids"] = {"e1", "e2"};
  const auto alerts = prometheus_alerts(alert_of(json), {}, kNow);
  ASSERT_EQ(alerts.size(), 2U);
  EXPECT_EQ(alerts[0].labels.at("alertname"), "CodeDrift");
  EXPECT_FALSE(alerts[0].firing);
  EXPECT_EQ(alerts[1].labels.at("alertname"), "CodeDriftPassed");
  EXPECT_TRUE(alerts[1].firing);
  EXPECT_EQ(alerts[1].ends, kNow + kOnceHold);
}

TEST(Prometheus, WhatOnlyHappensIsAnAlertOfItsOwnThatEndsByItself) {
  const std::pair<const char*, const char*> kinds[] = {
      {"deploy.overdue", "CodeDriftDeployOverdue"}, {"watch.removed", "CodeDriftWatchRemoved"},
      {"baseline.set", "CodeDriftBaselineSet"},     {"delivery.dead", "CodeDriftDeliveryDead"},
      {"drift.flapping", "CodeDriftFlapping"},      {"test", "CodedriftdTest"},
      {"some.new_kind2", "CodeDriftSomeNewKind2"}};
  for (const auto& [kind, name] : kinds) {
    const PrometheusAlert alert = only(alert_json(kind, "warning"));
    EXPECT_EQ(alert.labels.at("alertname"), name);
    EXPECT_EQ(alert.labels.at("event"), "alertid1");
    EXPECT_EQ(alert.labels.at("severity"), "warning");
    EXPECT_EQ(alert.starts, kTime);
    EXPECT_EQ(alert.ends, kNow + kOnceHold);
  }
}

TEST(Prometheus, WhatIsFoundAndWhatIsWatchedBesideCodeIsTold) {
  for (const test::FoundAlert& found : test::kFoundAlerts) {
    const Json json = test::found_alert_json(found);
    const PrometheusAlert alert = only(json);
    std::map<std::string, std::string> labels = {{"alertname", found.alertname},
                                                 {"instance", "ops-1"},
                                                 {"account", "prod"},
                                                 {"region", "ap-guangzhou"},
                                                 {"severity", found.severity}};
    if (found.once) labels["event"] = "alertid1";
    if (!found.once && found.qualifier == nullptr) labels["severity"] = "warning";  // the failing's, at its end too
    if (found.qualifier != nullptr) {
      labels["namespace"] = "default";
      labels["function"] = "charge";
      labels["qualifier"] = found.qualifier;
    }
    EXPECT_EQ(alert.labels, labels) << found.kind;
    EXPECT_EQ(alert.firing, found.kind != std::string_view("discovery.recovered")) << found.kind;
    EXPECT_EQ(alert.annotations.at("summary"), json["summary"]) << found.kind;
    EXPECT_EQ(alert.annotations.at("kind"), found.kind);
    const std::string& description = alert.annotations.at("description");
    EXPECT_TRUE(description.starts_with(json["summary"].get<std::string>())) << description;
    EXPECT_EQ(description.find("\nobserved: ") != std::string::npos, found.qualifier != nullptr) << description;
    EXPECT_EQ(found.next_step != nullptr, description.find("\nnext: ") != std::string::npos) << description;
    EXPECT_EQ(description.find(" code "), std::string::npos) << "it is about no code: " << description;
  }
}

TEST(Prometheus, AChangeOfCodeThatNobodyAcceptedOpensNothing) {
  for (const char* kind : {"drift.changed", "layer.changed", "alias.moved"}) {
    Json json = alert_json(kind);
    json["accepted_sha256"] = nullptr;
    EXPECT_EQ(only(json).labels.at("alertname"), "CodeDriftUnreviewed") << kind;
  }
}

TEST(Prometheus, FlappingSaysHowItEnded) {
  const std::pair<const char*, bool> endings[] = {{"drifted", true}, {"in_sync", false}};
  for (const auto& [status, firing] : endings) {
    Json json = alert_json("drift.flapping");
    json["status"] = status;
    const auto alerts = prometheus_alerts(alert_of(json), {}, kNow);
    ASSERT_EQ(alerts.size(), 2U) << status;
    EXPECT_EQ(alerts[0].labels, only(alert_json("drift.detected")).labels);
    EXPECT_EQ(alerts[0].firing, firing) << status;
    EXPECT_EQ(alerts[1].labels.at("alertname"), "CodeDriftFlapping");
  }
}

TEST(Prometheus, AHeartbeatHoldsForAFewOfItsIntervals) {
  Json json = alert_json("heartbeat", "info");
  json["target"] = nullptr;
  json["heartbeat"] = {{"counts", {{"in_sync", 3}}}, {"oldest_success_at", nullptr}, {"log_size", 42}};
  const PrometheusAlert beat = only(json);
  EXPECT_EQ(beat.labels, (std::map<std::string, std::string>{
                             {"alertname", "CodedriftdHeartbeat"}, {"instance", "ops-1"}, {"severity", "none"}}));
  EXPECT_EQ(beat.ends, kNow + std::chrono::hours(3));
  EXPECT_NE(beat.annotations.at("description").find("\ncounts: {\"in_sync\":3}"), std::string::npos);
  EXPECT_NE(beat.annotations.at("description").find("\nlog_size: 42"), std::string::npos);
}

TEST(Prometheus, ADigestIsOneAlertForEachTargetWithTheLabelsOfASingleOne) {
  Json json = test::digest_json(0);
  json["items"] = {test::item_json("charge", "drift.detected"), test::item_json("refund", "drift.resolved"),
                   test::item_json("invoice", "deploy.overdue")};
  const auto alerts = prometheus_alerts(alert_of(json), {}, kNow);
  ASSERT_EQ(alerts.size(), 3U);
  EXPECT_EQ(alerts[0].labels, only(alert_json("drift.detected")).labels);
  EXPECT_TRUE(alerts[0].firing);
  EXPECT_EQ(alerts[1].labels.at("function"), "refund");
  EXPECT_FALSE(alerts[1].firing);
  EXPECT_LE(alerts[1].starts, alerts[1].ends);
  EXPECT_EQ(alerts[2].labels.at("event"), "alertid1-2");
}

TEST(Prometheus, AccountsWithoutATargetAreToldApartWhereTheAlertNamesThem) {
  Json json = alert_json("account.failing", "warning");
  json["target"] = nullptr;
  json["account"] = "prod";
  json["region"] = "ap-guangzhou";
  EXPECT_EQ(only(json).labels.at("account"), "prod");
  EXPECT_EQ(only(json).labels.at("region"), "ap-guangzhou");
}

TEST(Prometheus, TheDescriptionHoldsTheHashes) {
  const auto alert = only(alert_json("drift.detected"));
  EXPECT_EQ(alert.annotations.at("summary"), alert_json("")["summary"]);
  EXPECT_NE(alert.annotations.at("description").find("\nobserved: " + test::kObserved), std::string::npos);
  EXPECT_NE(alert.annotations.at("description").find("\naccepted: " + test::kAccepted), std::string::npos);
}

TEST(Prometheus, TheBodyIsWhatTheApiTakes) {
  const Json body = Json::parse(alerts_v2_body(prometheus_alerts(alert_of(alert_json("drift.resolved")), {}, kNow)));
  ASSERT_TRUE(body.is_array());
  ASSERT_EQ(body.size(), 1U);
  EXPECT_EQ(body[0].size(), 4U);
  EXPECT_EQ(body[0]["startsAt"], "2026-11-24T03:00:00.000Z");
  EXPECT_EQ(body[0]["endsAt"], "2026-11-24T03:04:05.678Z");
}

TEST(WebhookV4, HasTheMembersOfAlertmanagersOwnAndDependsOnTheAlertAlone) {
  const std::string bytes = webhook_v4_body(alert_of(alert_json("drift.detected")));
  EXPECT_EQ(webhook_v4_body(alert_of(alert_json("drift.detected"))), bytes);
  const Json body = Json::parse(bytes);
  for (const char* member : {"version", "groupKey", "truncatedAlerts", "status", "receiver", "groupLabels",
                             "commonLabels", "commonAnnotations", "externalURL", "alerts"}) {
    EXPECT_TRUE(body.contains(member)) << member;
  }
  EXPECT_EQ(body["groupLabels"]["alertname"], "CodeDrift");
  const Json& alert = body["alerts"].at(0);
  EXPECT_EQ(alert["status"], "firing");
  EXPECT_EQ(alert["endsAt"], "0001-01-01T00:00:00Z");
  EXPECT_EQ(alert["labels"], body["commonLabels"]);
  const Json resolved = Json::parse(webhook_v4_body(alert_of(alert_json("drift.resolved"))));
  EXPECT_EQ(resolved["status"], "resolved");
  EXPECT_EQ(resolved["alerts"][0]["endsAt"], "2026-11-24T03:04:05.678Z");
  EXPECT_EQ(resolved["alerts"][0]["fingerprint"], alert["fingerprint"]);
  const Json digest = Json::parse(webhook_v4_body(alert_of(test::digest_json(3))));
  EXPECT_EQ(digest["alerts"].size(), 3U);
  EXPECT_FALSE(digest["commonLabels"].contains("function"));
  EXPECT_EQ(digest["commonLabels"]["alertname"], "CodeDrift");
}

TEST(Fingerprint, IsPrometheusOwn) {
  EXPECT_EQ(fingerprint({}), "cbf29ce484222325");  // FNV-1a of nothing
  EXPECT_EQ(fingerprint({{"a", "b"}}).size(), 16U);
  EXPECT_NE(fingerprint({{"a", "bc"}}), fingerprint({{"ab", "c"}}));
}

}  // namespace
}  // namespace codedriftd::http_sink
