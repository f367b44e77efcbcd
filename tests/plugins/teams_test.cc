#include <gtest/gtest.h>

#include "alert_samples.h"
#include "base/json.h"
#include "base/text.h"
#include "teams/request.h"

namespace codedriftd::teams {
namespace {

constexpr const char* kUrl =
    "https://prod-01.westeurope.logic.example/workflows/fake0001/triggers/manual/paths/invoke?sig=fake-sig-0001";

std::unique_ptr<http_sink::Destination> workflow() { return open(Json{{"url", kUrl}}.dump()).value(); }

std::vector<std::string> lines_of(const Json& alert, unsigned length) {
  std::vector<std::string> lines;
  const Json shown = card(test::alert_of(alert), length);
  for (const Json& block : shown["body"]) lines.push_back(block["inlines"][0]["text"]);
  return lines;
}

TEST(Teams, SendsAnAdaptiveCard) {
  const auto request = workflow()->make_request({"id", test::alert_json("drift.detected").dump()}, 0, WallTime{});
  ASSERT_TRUE(request);
  EXPECT_EQ(request->url, kUrl);
  const Json body = Json::parse(request->body);
  EXPECT_EQ(body["type"], "message");
  ASSERT_EQ(body["attachments"].size(), 1U);
  EXPECT_EQ(body["attachments"][0]["contentType"], "application/vnd.microsoft.card.adaptive");
  const Json& shown = body["attachments"][0]["content"];
  EXPECT_EQ(shown["type"], "AdaptiveCard");
  EXPECT_EQ(shown["version"], "1.2");
  EXPECT_EQ(shown["msteams"]["width"], "full");
  const Json& title = shown["body"][0]["inlines"][0];
  EXPECT_EQ(title["text"], "critical: drift.detected, ops-1");
  EXPECT_EQ(title["color"], "Attention");
  const auto lines = lines_of(test::alert_json("drift.detected"), 0);
  ASSERT_GE(lines.size(), 4U);
  EXPECT_TRUE(lines[1].starts_with("prod/ap-guangzhou/default/charge:$LATEST runs code")) << lines[1];
  EXPECT_NE(std::find(lines.begin(), lines.end(), "observed: " + test::kObserved), lines.end());
  EXPECT_FALSE(workflow()->make_request({"id", "{}"}, 0, WallTime{}));
}

TEST(Teams, AllTextStandsInTextRunsWhichAreNoMarkdown) {
  Json alert = test::alert_json("drift.detected");
  alert["summary"] = "<at>all</at> **x** [here](https://evil.example)\nnext";
  const Json body = card(test::alert_of(alert), 0)["body"];
  for (const Json& block : body) {
    EXPECT_EQ(block["type"], "RichTextBlock");
    EXPECT_EQ(block["inlines"][0]["type"], "TextRun");
  }
  EXPECT_EQ(body[1]["inlines"][0]["text"], "<at>all</at> **x** [here](https://evil.example)\\u{a}next");
}

TEST(Teams, KeepsItsLimitInBytesAtEveryLengthAndEachLengthIsShorter) {
  Json hostile = test::alert_json("drift.detected");
  hostile["summary"] = std::string(60'000, '"');
  hostile["reason"] = std::string(60'000, '\\');
  hostile["error"] = {{"code", std::string(60'000, '"')}, {"message", "x"}};
  hostile["instance"] = std::string(5'000, '"');
  Json beat = hostile;
  for (int i = 0; i < 500; ++i) beat["heartbeat"][std::to_string(i)] = "\"\"";  // many short lines
  Json wide = hostile;
  std::string summary = test::kAddress;
  for (int i = 0; i < 5'000; ++i) summary += "数";
  wide["summary"] = summary;
  for (const Json& alert : {test::alert_json("drift.detected"), hostile, beat, wide, test::digest_json(50),
                            test::digest_json(50, std::string(61, 'x')), test::digest_json(400)}) {
    std::size_t longer = kBodyBytes + 1;
    for (unsigned length = 0; length < workflow()->lengths(); ++length) {
      const auto request = workflow()->make_request({"id", alert.dump()}, length, WallTime{});
      ASSERT_TRUE(request);
      EXPECT_LT(request->body.size(), longer) << length;
      longer = request->body.size();
      for (const std::string& line : lines_of(alert, length)) EXPECT_TRUE(valid_utf8(line));
    }
    EXPECT_EQ(lines_of(alert, 2).size(), 2U) << "a title and one line";
  }
}

TEST(Teams, ADigestNamesEveryTarget) {
  for (unsigned length = 0; length < 2; ++length) {
    const std::string text = card(test::alert_of(test::digest_json(50)), length).dump();
    for (int i = 0; i < 50; ++i) {
      EXPECT_NE(text.find("charge-" + std::to_string(i)), std::string::npos) << i << " at length " << length;
    }
  }
}

TEST(Teams, TheStatusAndTheErrorInTheBodySayWhatCameOfIt) {
  struct Case {
    int status;
    const char* body;
    codedriftd_result result;
    uint32_t retry_after_ms = 0;
    bool too_long = false;
  };
  constexpr Case kCases[] = {
      {202, "", CODEDRIFTD_DELIVERED},
      {200, "1", CODEDRIFTD_DELIVERED},
      {200, "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429 with ...",
       CODEDRIFTD_RETRY, 60'000},
      {200, "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 413 with ...",
       CODEDRIFTD_REJECTED, 0, true},
      {200, "Microsoft Teams endpoint returned HTTP error 404", CODEDRIFTD_DESTINATION_REFUSED},
      {400, R"({"error":{"code":"WorkflowTriggerIsNotEnabled","message":"state 'Disabled'"}})",
       CODEDRIFTD_DESTINATION_REFUSED},
      {400, R"({"error":{"code":"TriggerInputSchemaMismatch","message":"x"}})", CODEDRIFTD_REJECTED},
      {400, "[]", CODEDRIFTD_REJECTED},
      {401, R"({"error":{"code":"DirectApiAuthorizationRequired"}})", CODEDRIFTD_DESTINATION_REFUSED},
      {404, R"({"error":{"code":"WorkflowNotFound"}})", CODEDRIFTD_DESTINATION_REFUSED},
      {413, "", CODEDRIFTD_REJECTED, 0, true},
      {429, "", CODEDRIFTD_RETRY},
      {502, "", CODEDRIFTD_RETRY}};
  for (const Case& c : kCases) {
    HttpResponse response;
    response.status = c.status;
    response.body = c.body;
    const auto outcome = workflow()->judge(response, WallTime{});
    EXPECT_EQ(outcome.result, c.result) << c.status << " " << c.body;
    EXPECT_EQ(outcome.retry_after_ms, c.retry_after_ms) << c.status << " " << c.body;
    EXPECT_EQ(outcome.too_long, c.too_long) << c.status << " " << c.body;
    EXPECT_EQ(outcome.status, c.status);
  }
  HttpResponse throttled;
  throttled.status = 429;
  throttled.headers = {{"retry-after", "13"}};
  EXPECT_EQ(workflow()->judge(throttled, WallTime{}).retry_after_ms, 13'000U);
}

TEST(Teams, ItsAddressIsShownNowhere) {
  HttpResponse response;
  response.status = 404;
  response.body = "no workflow at ?sig=fake-sig-0001";
  EXPECT_EQ(workflow()->judge(response, WallTime{}).text, "HTTP 404: no workflow at ?***");
}

}  // namespace
}  // namespace codedriftd::teams
