#include "model/message.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace codedriftd::test {
namespace {

struct Told {
  std::string kind = "drift.detected", severity = "critical", time = "2026-11-24T00:00:00.000Z", id = "first";
  std::string function = "charge", previous_status = "in_sync", previous = "aa";
};
std::string alert(const Told& told) {
  const OrderedJson json{{"schema", "codedriftd.alert.v1"},
                         {"id", told.id},
                         {"kind", told.kind},
                         {"severity", told.severity},
                         {"time", told.time},
                         {"instance", "ops-1"},
                         {"summary", told.function + " " + told.kind + "."},
                         {"actor", "config"},
                         {"target", {{"address", "prod/r/default/" + told.function + ":$LATEST"}}},
                         {"status", "drifted"},
                         {"previous_status", told.previous_status},
                         {"observed_sha256", "o-" + told.id},
                         {"accepted_sha256", "acc"},
                         {"previous_sha256", told.previous},
                         {"event_ids", {told.id}},
                         {"log", {{"origin", "o"}, {"index", 7}}}};
  return json_line(json);
}

const std::string kDetected = alert({});
const std::string kResolved = alert({.kind = "drift.resolved",
                                     .severity = "info",
                                     .time = "2026-11-24T00:05:00.000Z",
                                     .id = "second",
                                     .previous_status = "drifted",
                                     .previous = "bb"});

TEST(Message, ToldTogetherIsWhatIsOfOneFamily) {
  const struct {
    std::string_view a, b;
    bool together;
  } table[] = {{"drift.detected", "drift.resolved", true},        {"drift.reminder", "drift.changed", true},
               {"function.missing", "function.returned", true},   {"function.returned", "function.missing", true},
               {"function.missing", "function.recreated", false}, {"function.recreated", "function.missing", false},
               {"function.recreated", "function.touched", false}, {"function.missing", "drift.detected", false},
               {"poll.failing", "poll.recovered", true},          {"function.returned", "drift.detected", false},
               {"drift.detected", "poll.failing", false},         {"delivery.dead", "delivery.dead", false},
               {"watch.removed", "watch.removed", false},         {"test", "test", false}};
  for (const auto& row : table) EXPECT_EQ(told_together(row.a, row.b), row.together) << row.a << " " << row.b;
}

TEST(Message, DetectedAndResolvedBecomeOneThatSaysBoth) {
  const auto told = Json::parse(compose_series({kDetected, kResolved}, "own"));
  EXPECT_EQ(told["id"], "own");
  EXPECT_EQ(told["kind"], "drift.resolved");
  EXPECT_EQ(told["severity"], "critical") << "the worst of it";
  EXPECT_EQ(told["event_ids"], (Json{"first", "second"}));
  EXPECT_EQ(told["previous_status"], "in_sync") << "from before the first";
  EXPECT_EQ(told["previous_sha256"], "aa");
  EXPECT_EQ(told["observed_sha256"], "o-second");
  EXPECT_EQ(told["summary"],
            "At 2026-11-24T00:00:00.000Z: charge drift.detected. Then, at 2026-11-24T00:05:00.000Z: charge "
            "drift.resolved.");
  const auto three = Json::parse(compose_series({kDetected, kResolved, kResolved}, "own"));
  EXPECT_NE(three["summary"].get<std::string>().find("Then (1 more in between), at"), std::string::npos);
  EXPECT_EQ(three["event_ids"], (Json{"first", "second"})) << "each once";
}

TEST(Message, FlappingSaysHowOftenAndHowItEnded) {
  const auto told = Json::parse(compose_flapping({kDetected, kResolved, kDetected}, "own", 0, std::nullopt));
  EXPECT_EQ(told["kind"], "drift.flapping");
  EXPECT_EQ(told["id"], "own");
  EXPECT_NE(told["summary"].get<std::string>().find("3 drift events"), std::string::npos);
  EXPECT_NE(told["summary"].get<std::string>().find("Last: charge drift.detected."), std::string::npos);
  EXPECT_NE(told["summary"].get<std::string>().find("were held until it was quiet"), std::string::npos);
  const auto goes_on = Json::parse(compose_flapping({kDetected, kResolved}, "own", 40, Millis{6 * 3'600'000}));
  EXPECT_NE(goes_on["summary"].get<std::string>().find("42 drift events"), std::string::npos) << goes_on["summary"];
  EXPECT_NE(goes_on["summary"].get<std::string>().find("at the latest after 6h"), std::string::npos);
  const auto one = Json::parse(compose_flapping({kDetected}, "own", 0, Millis{6 * 3'600'000}));
  EXPECT_NE(one["summary"].get<std::string>().find("one drift event at 2026-11-24T00:00:00.000Z"), std::string::npos)
      << one["summary"];
}

TEST(Message, ADigestSaysInWordsWhatItsFunctionsHaveInCommon) {
  const auto summary = [](const std::vector<std::string>& kinds) {
    std::vector<std::vector<std::string>> by_target;
    for (const std::string& kind : kinds)
      by_target.push_back({Json{
          {"kind", kind},
          {"severity", "info"},
          {"time", "t"},
          {"summary", "s"},
          {"event_ids", Json::array()},
          {"next_step",
           nullptr}}.dump()});
    return Json::parse(compose_digest(by_target, "own", kDigestKind))["summary"].get<std::string>();
  };
  EXPECT_EQ(summary({"drift.reminder", "drift.reminder"}), "2 functions are still drifted.");
  EXPECT_EQ(summary({"drift.resolved", "drift.detected", "drift.detected"}),
            "2 functions have drifted, 1 is no longer drifted.");
  EXPECT_EQ(summary({"function.missing", "deploy.arrived"}), "1 function is missing, 1 has an alert deploy.arrived.");
  EXPECT_EQ(summary({"delivery.dead", "delivery.dead"}), "2 functions have an alert that was given up.");
}

TEST(Message, ADigestNamesEveryTargetAndEveryEvent) {
  const auto told = Json::parse(compose_digest(
      {{kDetected, kResolved}, {alert({.id = "third", .function = "refund"})}, {alert({.id = "4", .function = "x"})}},
      "own", kDigestKind));
  EXPECT_EQ(told["id"], "own");
  EXPECT_EQ(told["kind"], "digest");
  EXPECT_EQ(told["target"], nullptr);
  EXPECT_EQ(told["status"], nullptr);
  EXPECT_EQ(told["severity"], "critical");
  EXPECT_EQ(told["actor"], "daemon");
  EXPECT_EQ(told["instance"], "ops-1");
  EXPECT_EQ(told["time"], "2026-11-24T00:05:00.000Z") << "of the newest";
  EXPECT_EQ(told["summary"], "2 functions have drifted, 1 is no longer drifted.");
  EXPECT_EQ(told["event_ids"], (Json{"first", "second", "third", "4"}));
  ASSERT_EQ(told["items"].size(), 3U);
  EXPECT_EQ(told["items"][0]["target"], "prod/r/default/charge:$LATEST");
  EXPECT_EQ(told["items"][0]["kind"], "drift.resolved");
  EXPECT_EQ(told["items"][0]["event_ids"], (Json{"first", "second"}));
  EXPECT_EQ(told["items"][1]["target"], "prod/r/default/refund:$LATEST");
  EXPECT_EQ(told["items"][1]["observed_sha256"], "o-third");
}

TEST(Message, DamagedBytesAreAnError) {
  for (const std::string& bytes : {std::string("no json"), std::string("[]"), std::string("{\"kind\":\"x\"}")}) {
    EXPECT_THROW(compose_series({bytes}, "id"), std::runtime_error) << bytes;
    EXPECT_THROW(compose_digest({{bytes}}, "id", kDigestKind), std::runtime_error) << bytes;
  }
}

}  // namespace
}  // namespace codedriftd::test
