#include <gtest/gtest.h>

#include "alert_samples.h"
#include "base/text.h"
#include "slack/request.h"

namespace codedriftd::slack {
namespace {

constexpr const char* kUrl = "https://hooks.slack.example/services/T0FAKE1234/B0FAKE1234/fakefakefakefake";

std::unique_ptr<http_sink::Destination> opened() { return open(Json{{"url", kUrl}}.dump()).value(); }

/// Every text of the payload.
std::vector<std::string> texts(const Json& payload) {
  std::vector<std::string> list{payload["text"]};
  if (payload.contains("blocks")) {
    for (const Json& block : payload["blocks"]) list.push_back(block["text"]["text"]);
  }
  return list;
}

TEST(Slack, SendsPlainTextThatIsNoMarkup) {
  Json alert = test::alert_json("drift.detected");
  alert["summary"] = "<!channel> *bold* & <https://evil.example|click>";
  const Json body = Json::parse(payload(test::alert_of(alert), 0));
  EXPECT_EQ(body["mrkdwn"], false);
  ASSERT_GE(body["blocks"].size(), 2U);
  EXPECT_EQ(body["blocks"][0]["type"], "header");
  EXPECT_EQ(body["blocks"][0]["text"]["text"], "critical: drift.detected, ops-1");
  for (const Json& block : body["blocks"]) {
    EXPECT_EQ(block["text"]["type"], "plain_text");
    EXPECT_EQ(block["text"]["emoji"], false);
  }
  for (const std::string& text : texts(body)) EXPECT_EQ(text.find_first_of("<>"), std::string::npos) << text;
  const std::string section = body["blocks"][1]["text"]["text"];
  EXPECT_TRUE(section.starts_with("&lt;!channel&gt; *bold* &amp; &lt;https://evil.example|click&gt;")) << section;
  EXPECT_NE(section.find("target: " + std::string(test::kAddress)), std::string::npos);
  EXPECT_NE(section.find("observed: " + test::kObserved), std::string::npos);
}

TEST(Slack, WhatIsFoundAndWhatIsWatchedBesideCodeIsTold) {
  for (const test::FoundAlert& found : test::kFoundAlerts) {
    const Json json = test::found_alert_json(found);
    for (unsigned length = 0; length < 2; ++length) {
      const std::vector<std::string> all = texts(Json::parse(payload(test::alert_of(json), length)));
      const std::string head = std::string(found.severity) + ": " + found.kind + ", ops-1",
                        summary = escaped(json["summary"].get<std::string>());
      EXPECT_EQ(all.front(), head + "\n" + summary);
      if (length > 0) continue;
      ASSERT_EQ(all.size(), 3U);
      EXPECT_EQ(all[1], head);
      EXPECT_TRUE(all[2].starts_with(summary + "\n")) << all[2];
      const std::string target = "\ntarget: prod/ap-guangzhou/default/charge:";
      EXPECT_EQ(all[2].find(target + (found.qualifier == nullptr ? "" : found.qualifier)) != std::string::npos,
                found.qualifier != nullptr)
          << all[2];
      EXPECT_EQ(all[2].find(std::string("\nnext: ") + (found.next_step == nullptr ? "" : found.next_step) + "\n") !=
                        std::string::npos ||
                    all[2].ends_with(std::string("\nnext: ") + (found.next_step == nullptr ? "" : found.next_step)),
                found.next_step != nullptr)
          << all[2];
      EXPECT_EQ(all[2].find(" code "), std::string::npos) << "it is about no code: " << all[2];
    }
  }
}

TEST(Slack, ALongListOfLayersIsToldWhole) {
  std::string before, now;
  for (int i = 1; i <= 5; ++i) {
    before += std::string(40, 'l') + std::to_string(i) + ":1 111111111111, ";
    now += std::string(40, 'l') + std::to_string(i) + ":2 222222222222, ";
  }
  Json alert = test::found_alert_json(test::kFoundAlerts[0]);
  alert["summary"] =
      "prod/ap-guangzhou/default/charge:$LAYERS: the layers of charge changed, from " + before + "to " + now;
  const std::string section = texts(Json::parse(payload(test::alert_of(alert), 0))).back();
  EXPECT_TRUE(section.starts_with(alert["summary"].get<std::string>() + "\n")) << section;
}

TEST(Slack, TheSummarySaysWhatChangedInsideWithFiveNamesThatAreNoMarkup) {
  for (unsigned length = 0; length < 2; ++length) {
    const Json body = Json::parse(payload(test::alert_of(test::changes_alert_json(test::kHostileNames)), length));
    std::string all;
    for (const std::string& text : texts(body)) all += text + "\n";
    EXPECT_NE(all.find("7 files changed: index.py, &lt;!channel&gt;.py, a*b_[c](https://evil.example).md, "
                       "\"new\\\\u{a}line, and \\\"more\\\"\", `@all`\\u{1b}[31m and 2 more."),
              std::string::npos)
        << all;
    EXPECT_EQ(all.find_first_of("<>\x1b"), std::string::npos) << all;
    EXPECT_EQ(all.find("sixth.py"), std::string::npos) << all;
    const std::string longest =
        texts(Json::parse(payload(test::alert_of(test::changes_alert_json(test::long_names())), length))).back();
    EXPECT_NE(longest.find("7 files changed: ***"), std::string::npos) << longest;
    EXPECT_LE(longest.size(), kTextBytes);
  }
}

TEST(Slack, KeepsItsLimitsWhateverTheAlert) {
  Json hostile = test::alert_json("drift.detected");
  hostile["summary"] = std::string(60'000, '&');
  hostile["instance"] = std::string(500, '<');
  hostile["reason"] = std::string(60'000, '>');
  Json wide = hostile;
  wide["summary"] = "";
  for (int i = 0; i < 5'000; ++i) wide["summary"] = wide["summary"].get<std::string>() + "数";
  for (const Json& alert : {hostile, wide, test::digest_json(50, std::string(60, 'x')), test::digest_json(400)}) {
    for (unsigned length = 0; length < 2; ++length) {
      const Json body = Json::parse(payload(test::alert_of(alert), length));
      for (const std::string& text : texts(body)) {
        EXPECT_LE(text.size(), kTextBytes);
        EXPECT_TRUE(valid_utf8(text));
        EXPECT_FALSE(text.empty());
      }
      if (length > 0) continue;
      EXPECT_LE(body["blocks"].size(), kMostBlocks);
      EXPECT_LE(body["blocks"][0]["text"]["text"].get<std::string>().size(), kHeaderBytes);
    }
  }
}

TEST(Slack, ADigestNamesEveryTargetAtEitherLength) {
  const auto alert = test::alert_of(test::digest_json(50));
  for (unsigned length = 0; length < 2; ++length) {
    std::string all;
    for (const std::string& text : texts(Json::parse(payload(alert, length)))) all += text + "\n";
    for (int i = 0; i < 50; ++i) {
      EXPECT_NE(all.find("charge-" + std::to_string(i)), std::string::npos) << i << " at length " << length;
    }
  }
}

TEST(Slack, WhatIsAcknowledgedIsDeliveredUnlessItIsAKnownError) {
  struct Case {
    int status;
    const char* body;
    codedriftd_result result;
    uint32_t retry_after_ms = 0;
    bool too_long = false;
  };
  constexpr Case kCases[] = {{200, "ok", CODEDRIFTD_DELIVERED},
                             {200, "ok\n", CODEDRIFTD_DELIVERED},
                             {200, R"({"ok":true})", CODEDRIFTD_DELIVERED},
                             {200, "", CODEDRIFTD_DELIVERED},
                             {200, "OK", CODEDRIFTD_DELIVERED},
                             {200, R"({"success":true})", CODEDRIFTD_DELIVERED},
                             {200, "<html>thank you</html>", CODEDRIFTD_DELIVERED},
                             {202, "ok", CODEDRIFTD_DELIVERED},
                             {204, "", CODEDRIFTD_DELIVERED},
                             {200, R"({"ok":false,"error":"something"})", CODEDRIFTD_REJECTED},
                             {200, R"({"ok":false,"error":"invalid_auth"})", CODEDRIFTD_DESTINATION_REFUSED},
                             {200, "no_service", CODEDRIFTD_DESTINATION_REFUSED},
                             {200, "invalid_payload\n", CODEDRIFTD_REJECTED},
                             {200, R"({"ok":false,"error":"msg_too_long"})", CODEDRIFTD_REJECTED, 0, true},
                             {200, R"({"ok":false,"error":"internal_error"})", CODEDRIFTD_RETRY},
                             {200, R"({"retry_after":7,"ok":false,"error":"rate_limited"})", CODEDRIFTD_RETRY, 7'000},
                             {429, R"({"retry_after":1,"ok":false,"error":"rate_limited"})", CODEDRIFTD_RETRY, 1'000},
                             {429, "", CODEDRIFTD_RETRY},
                             {400, "invalid_payload", CODEDRIFTD_REJECTED},
                             {400, "invalid_blocks", CODEDRIFTD_REJECTED, 0, true},
                             {400, "msg_too_long", CODEDRIFTD_REJECTED, 0, true},
                             {413, "", CODEDRIFTD_REJECTED, 0, true},
                             {403, "invalid_token", CODEDRIFTD_DESTINATION_REFUSED},
                             {403, "action_prohibited", CODEDRIFTD_DESTINATION_REFUSED},
                             {404, "no_service", CODEDRIFTD_DESTINATION_REFUSED},
                             {410, "channel_is_archived", CODEDRIFTD_DESTINATION_REFUSED},
                             {302, "", CODEDRIFTD_DESTINATION_REFUSED},
                             {500, "rollup_error", CODEDRIFTD_RETRY}};
  const auto slack = opened();
  for (const Case& c : kCases) {
    HttpResponse response;
    response.status = c.status;
    response.body = c.body;
    const auto outcome = slack->judge(response, WallTime{});
    EXPECT_EQ(outcome.result, c.result) << c.status << " " << c.body;
    EXPECT_EQ(outcome.retry_after_ms, c.retry_after_ms) << c.status << " " << c.body;
    EXPECT_EQ(outcome.too_long, c.too_long) << c.status << " " << c.body;
  }
  HttpResponse limited;
  limited.status = 429;
  limited.headers = {{"retry-after", "30"}};
  EXPECT_EQ(slack->judge(limited, WallTime{}).retry_after_ms, 30'000U);
  HttpResponse endless;
  endless.failure = HttpFailure::too_large;
  endless.status_before_body = 200;
  EXPECT_EQ(slack->judge(endless, WallTime{}).result, CODEDRIFTD_DELIVERED);
  HttpResponse other;
  other.status = 200;
  other.body = "OK";
  EXPECT_EQ(slack->judge(other, WallTime{}).text,
            "HTTP 200: OK (not \"ok\": taken for delivered because of the status alone)");
}

TEST(Slack, ItsAddressIsShownNowhere) {
  HttpResponse response;
  response.status = 404;
  response.body = std::string("no such hook: ") + kUrl + ", B0FAKE1234, fakefakefakefake";
  const std::string text = opened()->judge(response, WallTime{}).text;
  EXPECT_EQ(text, "HTTP 404: no such hook: ***, ***, ***");
  const auto wrong = open(R"({"url":"http://hooks.slack.example/services/fakefakefakefake"})");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message.find("fakefake"), std::string::npos) << wrong.error().message;
}

TEST(Slack, PostsJson) {
  const auto request = opened()->make_request({"id", test::alert_json("drift.detected").dump()}, 0, WallTime{});
  ASSERT_TRUE(request);
  EXPECT_EQ(request->method, "POST");
  EXPECT_EQ(request->url, kUrl);
  EXPECT_EQ(request->headers.at(0).value, "application/json; charset=utf-8");
  EXPECT_FALSE(opened()->make_request({"id", "{}"}, 0, WallTime{}));
}

}  // namespace
}  // namespace codedriftd::slack
