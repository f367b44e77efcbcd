#include "model/event.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

#include "base/json.h"
#include "model/kinds.h"

namespace codedriftd {
namespace {

constexpr WallTime kEventTime{Millis{1'800'000'000'123}};

NewEvent event_of(std::string_view kind, Severity severity = Severity::info) {
  NewEvent event;
  event.kind = kind;
  event.severity = severity;
  return event;
}

TEST(Event, AlertsByDefaultAsTheContractsColumnSays) {
  const std::vector<std::string_view> alerting{
      "drift.detected",  "drift.changed",     "drift.resolved",      "function.missing",   "function.returned",
      "poll.failing",    "poll.recovered",    "account.failing",     "account.recovered",  "deploy.overdue",
      "record.restored", "package.mismatch",  "function.recreated",  "function.unmanaged", "layer.changed",
      "alias.moved",     "discovery.failing", "discovery.recovered", "storage.low",        "storage.recovered",
      "storage.blocked", "storage.unblocked", "store.rolled_back",   "function.touched"};  // where it is alertable: as
                                                                                           // its target is configured
  for (const std::string_view kind : kEventKinds) {
    const bool listed = std::find(alerting.begin(), alerting.end(), kind) != alerting.end();
    EXPECT_EQ(alerts_by_default(event_of(kind)), listed) << kind;
  }
}

TEST(Event, RemovalsAndLoadsAlertOnlyAsWarnings) {
  for (const std::string_view kind : {"watch.removed", "config.loaded"}) {
    EXPECT_FALSE(alerts_by_default(event_of(kind, Severity::info))) << kind;
    EXPECT_TRUE(alerts_by_default(event_of(kind, Severity::warning))) << kind;
  }
  EXPECT_FALSE(alerts_by_default(event_of("control.denied", Severity::warning)));
}

TEST(Event, KnowsWhatIsAboutDriftAndWhatOpensIt) {
  std::string about, telling;
  for (const std::string_view kind : kEventKinds) {
    if (about_drift(kind)) (about += ' ') += kind;
    if (tells_of_drift(kind)) (telling += ' ') += kind;
  }
  EXPECT_EQ(about, " drift.detected drift.changed drift.resolved alias.moved layer.changed");
  EXPECT_EQ(telling, " drift.detected drift.changed alias.moved layer.changed");
  EXPECT_TRUE(about_drift(kReminderKind));
  EXPECT_FALSE(tells_of_drift(kReminderKind));
}

TEST(Event, KnowsWhatIsAboutDelivery) {
  for (const std::string_view kind : {"delivery.dead", "delivery.refused", "alert.replayed", "alert.dropped"}) {
    EXPECT_TRUE(about_delivery(kind)) << kind;
  }
  for (const std::string_view kind : {"drift.detected", "deploy.arrived", "delivery", "alert"}) {
    EXPECT_FALSE(about_delivery(kind)) << kind;
  }
}

TEST(Event, BodyIsCanonicalAndHasExactlyItsTenMembers) {
  NewEvent event = event_of("baseline.set");
  event.actor = "uid:1001(alice)";
  event.target = "prod/r/default/f:1";
  event.data = Json{{"source", "pin"}, {"accepted_sha256", nullptr}};
  event.facts.summary = "not part of the body";
  const std::string body =
      R"json({"actor":"uid:1001(alice)","data":{"accepted_sha256":null,"source":"pin"},"id":"abc","kind":"baseline.set",)json"
      R"json("log":"ops-1/codedriftd","seq":7,"severity":"info","target":"prod/r/default/f:1",)json"
      R"json("time":"2027-01-15T08:00:00.123Z","v":1})json";
  EXPECT_EQ(event_body(event, "ops-1/codedriftd", 7, "abc", kEventTime), body);
}

TEST(Event, WithoutATargetItIsNull) {
  const Json body = Json::parse(event_body(event_of("daemon.stopped"), "o", 0, "i", kEventTime));
  EXPECT_EQ(body["target"], nullptr);
  EXPECT_EQ(body["data"], Json::object());
  EXPECT_EQ(body["actor"], "daemon");
}

TEST(Event, BodiesBeyondTheLimitAreRefused) {
  NewEvent event = event_of("baseline.set");
  const std::size_t rest = event_body(event, "o", 0, "i", kEventTime).size() + std::string(R"("x":"")").size();
  event.data = Json{{"x", std::string(60'000 - rest, 'x')}};
  EXPECT_EQ(event_body(event, "o", 0, "i", kEventTime).size(), 60'000U);
  event.data = Json{{"x", std::string(60'001 - rest, 'x')}};
  EXPECT_THROW(event_body(event, "o", 0, "i", kEventTime), std::length_error);
}

TEST(Event, FloatsAreRefused) {
  NewEvent event = event_of("clock.stepped");
  event.data = Json{{"by_s", 1.5}};
  EXPECT_THROW(event_body(event, "o", 0, "i", kEventTime), std::logic_error);
}

TEST(Event, LeafIsHashedAsInRfc6962) {
  // RFC 6962 2.1: MTH({d(0)}) = SHA-256(0x00 || d(0)); of the empty leaf it is well known.
  EXPECT_EQ(leaf_hash("").hex(), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
  EXPECT_EQ(leaf_hash("body"), sha256(std::string("\0body", 5)));
}

TEST(Severity, HasTheContractsNames) {
  EXPECT_EQ(to_string(Severity::info), "info");
  EXPECT_EQ(to_string(Severity::warning), "warning");
  EXPECT_EQ(to_string(Severity::critical), "critical");
}

}  // namespace
}  // namespace codedriftd
