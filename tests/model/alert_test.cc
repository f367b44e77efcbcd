#include "model/alert.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "base/json.h"

namespace codedriftd {
namespace {

constexpr WallTime kAlertTime{Millis{1'800'000'000'123}};
constexpr char kAddress[] = "prod/ap-guangzhou/default/charge:$LATEST";

NewEvent charge_event(std::string_view kind, Severity severity = Severity::info) {
  NewEvent event;
  event.kind = kind;
  event.severity = severity;
  event.target = kAddress;
  return event;
}

TEST(Wants, WithoutKindsWhatAlertsByDefault) {
  const Subscription ops{"ops", {}, {"*"}};
  EXPECT_TRUE(wants(ops, charge_event("drift.detected", Severity::critical)));
  EXPECT_FALSE(wants(ops, charge_event("baseline.set")));
  EXPECT_FALSE(wants(ops, charge_event("watch.removed")));
  EXPECT_TRUE(wants(ops, charge_event("watch.removed", Severity::warning)));
}

TEST(Wants, KindsAndTargetsAreGlobs) {
  EXPECT_TRUE(wants({"a", {"baseline.*"}, {"*"}}, charge_event("baseline.set")));
  EXPECT_FALSE(wants({"a", {"baseline.*"}, {"*"}}, charge_event("drift.detected")));
  EXPECT_TRUE(wants({"a", {"poll.*", "drift.*"}, {"test/*", "prod/*"}}, charge_event("drift.detected")));
  EXPECT_FALSE(wants({"a", {"drift.*"}, {"test/*"}}, charge_event("drift.detected")));
  EXPECT_TRUE(wants({"a", {"drift.*"}, {}}, charge_event("drift.detected"))) << "no targets named: all";
}

TEST(Wants, WhatHasNoTargetConcernsEverybody) {
  NewEvent event = charge_event("account.failing", Severity::warning);
  event.target.reset();
  EXPECT_TRUE(wants({"a", {}, {"test/*"}}, event));
}

TEST(Wants, NothingThatIsNotAlertable) {
  NewEvent event = charge_event("poll.failing", Severity::warning);
  event.alertable = false;
  EXPECT_FALSE(wants({"a", {}, {"*"}}, event));
  EXPECT_FALSE(wants({"a", {"*"}, {"*"}}, event));
}

TEST(Wants, NothingAboutDeliveries) {
  for (const std::string_view kind : {"delivery.dead", "delivery.refused", "alert.replayed", "alert.dropped"}) {
    EXPECT_FALSE(wants({"a", {"*"}, {"*"}}, charge_event(kind))) << kind;
    EXPECT_FALSE(wants({"a", {std::string(kind)}, {"*"}}, charge_event(kind))) << kind;
  }
}

TEST(ComposeAlert, AFollowUpNamesTheAlertThatItAddsTo) {
  LoggedEvent logged{charge_event("change.attributed"), 41, "abcdefghijklmnopqrstuvwxyz", kAlertTime, sha256("leaf")};
  EXPECT_FALSE(Json::parse(compose_alert(logged, "ops-1", "ops-1/codedriftd")).contains("follows"));
  logged.event.facts.follows = "zyxwvutsrqponmlkjihgfedcba";
  EXPECT_EQ(Json::parse(compose_alert(logged, "ops-1", "ops-1/codedriftd")).at("follows"), logged.event.facts.follows);
}

TEST(ComposeAlert, CarriesEverythingItKnows) {
  LoggedEvent logged{charge_event("drift.resolved"), 41, "abcdefghijklmnopqrstuvwxyz", kAlertTime, sha256("leaf")};
  AlertFacts& facts = logged.event.facts;
  facts = {"All is well.",     "in_sync",   "drifted",   sha256("o"),
           sha256("a"),        sha256("p"), sha256("e"), kAlertTime - Millis{123},
           "returned",         "why",       "req-1",     Json{{"code", "C"}, {"message", "m"}, {"request_id", nullptr}},
           Json{{"added", 1}}, "",          "",          ""};
  const Json expected{
      {"schema", "codedriftd.alert.v1"},
      {"id", "abcdefghijklmnopqrstuvwxyz"},
      {"kind", "drift.resolved"},
      {"severity", "info"},
      {"time", "2027-01-15T08:00:00.123Z"},
      {"instance", "ops-1"},
      {"summary", "All is well."},
      {"actor", "daemon"},
      {"target",
       {{"address", kAddress},
        {"account", "prod"},
        {"region", "ap-guangzhou"},
        {"namespace", "default"},
        {"function", "charge"},
        {"qualifier", "$LATEST"}}},
      {"status", "in_sync"},
      {"previous_status", "drifted"},
      {"observed_sha256", sha256("o").hex()},
      {"accepted_sha256", sha256("a").hex()},
      {"previous_sha256", sha256("p").hex()},
      {"expected_sha256", sha256("e").hex()},
      {"drift_since", "2027-01-15T08:00:00.000Z"},
      {"resolution", "returned"},
      {"reason", "why"},
      {"error", {{"code", "C"}, {"message", "m"}, {"request_id", nullptr}}},
      {"changes", {{"added", 1}}},
      {"request_id", "req-1"},
      {"account", nullptr},
      {"region", nullptr},
      {"event_ids", Json::array({"abcdefghijklmnopqrstuvwxyz"})},
      {"log",
       {{"origin", "ops-1/codedriftd"}, {"index", 41}, {"leaf_hash", sha256("leaf").hex()}, {"checkpoint", nullptr}}},
      {"next_step", nullptr},
      {"link", nullptr},
  };
  EXPECT_EQ(Json::parse(compose_alert(logged, "ops-1", "ops-1/codedriftd")), expected);
}

TEST(ComposeAlert, WhatDoesNotApplyIsNull) {
  LoggedEvent logged{charge_event("account.failing"), 0, "id", kAlertTime, sha256("leaf")};
  logged.event.target.reset();
  const Json alert = Json::parse(compose_alert(logged, "i", "o"));
  EXPECT_EQ(alert.size(), 27U);
  for (const std::string name : {"target", "status", "previous_status", "observed_sha256", "accepted_sha256",
                                 "previous_sha256", "expected_sha256", "drift_since", "resolution", "reason", "error",
                                 "changes", "request_id", "account", "region"}) {
    ASSERT_TRUE(alert.contains(name)) << name;
    EXPECT_EQ(alert[name], nullptr) << name;
  }
}

TEST(ComposeAlert, TheSameEventGivesTheSameBytes) {
  const LoggedEvent logged{charge_event("drift.detected"), 3, "id", kAlertTime, sha256("leaf")};
  EXPECT_EQ(compose_alert(logged, "i", "o"), compose_alert(logged, "i", "o"));
}

TEST(ComposeAlert, ATargetThatIsNoAddressIsABug) {
  LoggedEvent logged{charge_event("drift.detected"), 3, "id", kAlertTime, sha256("leaf")};
  logged.event.target = "nonsense";
  EXPECT_THROW(compose_alert(logged, "i", "o"), std::logic_error);
}

TEST(Alert, SaysWhatToTypeNextAndWhereToLook) {
  const std::string address = "prod/ap-guangzhou/default/charge:$LATEST";
  const auto told = [&](const char* kind, bool with_target, std::string_view link) {
    LoggedEvent logged;
    logged.event.kind = kind;
    if (with_target) logged.event.target = address;
    return Json::parse(compose_alert(logged, "ops-1", "o", link));
  };
  EXPECT_EQ(told("drift.detected", true, "")["next_step"], "codedriftd plan --target '" + address + "'");
  EXPECT_EQ(told("poll.failing", true, "")["next_step"], "codedriftd poll '" + address + "'");
  EXPECT_EQ(told("account.failing", false, "")["next_step"], "codedriftd check --online");
  EXPECT_EQ(told("drift.resolved", true, "")["next_step"], nullptr);
  EXPECT_EQ(told("drift.detected", true, "")["link"], nullptr);
  EXPECT_EQ(told("account.failing", false, "https://x.example/{function}")["link"], nullptr);
  EXPECT_EQ(told("drift.detected", true,
                 "https://x.example/{region}/{namespace}/{function}?q={qualifier}&r={region}")["link"],
            "https://x.example/ap-guangzhou/default/charge?q=$LATEST&r=ap-guangzhou");
}

}  // namespace
}  // namespace codedriftd
