#include <gtest/gtest.h>

#include "alert_samples.h"
#include "base/text.h"
#include "wecom/request.h"

namespace codedriftd::wecom {
namespace {

constexpr const char* kUrl = "https://qyapi.weixin.example/cgi-bin/webhook/send?key=fake-key-0001-not-real";

std::unique_ptr<http_sink::Destination> opened() { return open(Json{{"url", kUrl}}.dump()).value(); }

TEST(WeCom, SendsMarkdown) {
  const auto request = opened()->make_request({"id", test::alert_json("drift.detected").dump()}, 0, WallTime{});
  ASSERT_TRUE(request);
  EXPECT_EQ(request->url, kUrl);
  const Json body = Json::parse(request->body);
  EXPECT_EQ(body["msgtype"], "markdown");
  const std::string text = body["markdown"]["content"];
  EXPECT_TRUE(
      text.starts_with("**<font color=\"warning\">critical: drift.detected, ops-1</font>**\n"
                       "`prod/ap-guangzhou/default/charge:$LATEST` runs code"))
      << text;
  EXPECT_NE(text.find("\n> observed: `" + test::kObserved + "`"), std::string::npos) << text;
  EXPECT_FALSE(opened()->make_request({"id", "{}"}, 0, WallTime{}));
}

TEST(WeCom, NothingFromOutsideIsMarkup) {
  EXPECT_EQ(http_sink::markdown_escaped("*a* _b_ [c](d) <@all> `e` # ~ |f| g\\"),
            "\\*a\\* \\_b\\_ \\[c\\](d) \\<@all\\> \\`e\\` \\# \\~ \\|f\\| g\\\\");
  EXPECT_EQ(http_sink::markdown_code("a_b*c"), "`a_b*c`");
  EXPECT_EQ(http_sink::markdown_code("a`b"), "`a'b`");
  EXPECT_EQ(http_sink::markdown_code(""), "");
  Json alert = test::alert_json("drift.detected");
  alert["summary"] = "<@all> [here](https://evil.example)\n# Title";
  alert["reason"] = "`x` **y**";
  const std::string text = content(test::alert_of(alert), 0);
  EXPECT_NE(text.find("\\<@all\\> \\[here\\](https://evil.example)\\\\u{a}\\# Title"), std::string::npos) << text;
  EXPECT_NE(text.find("reason: \\`x\\` \\*\\*y\\*\\*"), std::string::npos) << text;
}

TEST(WeCom, WhatIsFoundAndWhatIsWatchedBesideCodeIsTold) {
  for (const test::FoundAlert& found : test::kFoundAlerts) {
    const Json json = test::found_alert_json(found);
    for (unsigned length = 0; length < 3; ++length) {
      const std::string text = content(test::alert_of(json), length);
      const std::string color = found.severity == std::string_view("info") ? "info" : "warning";
      const std::string head = "**<font color=\"" + color + "\">" + http_sink::markdown_escaped(found.severity) + ": " +
                               http_sink::markdown_escaped(found.kind) + ", ops-1</font>**";
      EXPECT_TRUE(text.starts_with(head)) << text;
      if (length > 0) continue;  // what is cut then is cut of every kind
      const std::string address =
          found.qualifier == nullptr ? "" : std::string("prod/ap-guangzhou/default/charge:") + found.qualifier;
      EXPECT_TRUE(text.starts_with(head + "\n" +
                                   (test::behind_address(found) ? http_sink::markdown_code(address) : "") +
                                   http_sink::markdown_escaped(found.says)))
          << text;
      EXPECT_EQ(text.find("\n> target: " + http_sink::markdown_code(address)) != std::string::npos, !address.empty())
          << text;
      EXPECT_EQ(text.find("\n> next: ") != std::string::npos, found.next_step != nullptr) << text;
      if (found.next_step != nullptr) {
        EXPECT_NE(text.find("\n> next: " + http_sink::markdown_code(found.next_step)), std::string::npos) << text;
      }
      EXPECT_EQ(text.find(" code "), std::string::npos) << "it is about no code: " << text;
    }
  }
}

TEST(WeCom, TheSummarySaysWhatChangedInsideWithFiveNamesThatAreNoMarkup) {
  const std::string text = content(test::alert_of(test::changes_alert_json(test::kHostileNames)), 0);
  EXPECT_NE(text.find("7 files changed: index.py, \\<!channel\\>.py, a\\*b\\_\\[c\\](https://evil.example).md, "
                      "\"new\\\\\\\\u{a}line, and \\\\\"more\\\\\"\", \\`@all\\`\\\\u{1b}\\[31m and 2 more."),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find("sixth.py"), std::string::npos) << text;
  for (unsigned length = 0; length < 3; ++length) {
    const std::string longest = content(test::alert_of(test::changes_alert_json(test::long_names())), length);
    EXPECT_LE(longest.size(), kContentBytes);
    const bool has_summary = length < 2;  // the last resort is one line with the name
    EXPECT_EQ(longest.find("7 files changed: \\*\\*") != std::string::npos, has_summary) << longest;
  }
}

TEST(WeCom, KeepsItsLimitInBytesAtEveryLengthAndEachLengthIsShorter) {
  Json hostile = test::alert_json("drift.detected");
  hostile["summary"] = std::string(60'000, '*');
  hostile["reason"] = std::string(60'000, '_');
  hostile["error"] = {{"code", std::string(60'000, '`')}, {"message", "x"}};
  hostile["instance"] = std::string(5'000, '[');
  Json wide = hostile;
  std::string summary = test::kAddress;
  for (int i = 0; i < 5'000; ++i) summary += "数";
  wide["summary"] = summary;
  for (const Json& alert : {test::alert_json("drift.detected"), hostile, wide, test::digest_json(50),
                            test::digest_json(50, std::string(61, 'x')), test::digest_json(400)}) {
    std::size_t longer = kContentBytes + 1;
    for (unsigned length = 0; length < 3; ++length) {
      const std::string text = content(test::alert_of(alert), length);
      EXPECT_LT(text.size(), longer) << length;
      EXPECT_TRUE(valid_utf8(text));
      EXPECT_FALSE(text.empty());
      longer = text.size();
    }
    EXPECT_EQ(content(test::alert_of(alert), 2).find('\n'), std::string::npos);
  }
}

TEST(WeCom, ADigestNamesEveryTargetUntilOneLineIsAllThatIsLeft) {
  const auto alert = test::alert_of(test::digest_json(50));
  for (unsigned length = 0; length < 2; ++length) {
    const std::string text = content(alert, length);
    for (int i = 0; i < 50; ++i) {
      EXPECT_NE(text.find("charge-" + std::to_string(i)), std::string::npos) << i << " at length " << length;
    }
  }
  EXPECT_NE(content(alert, 2).find("50 functions"), std::string::npos) << content(alert, 2);
}

TEST(WeCom, TheErrcodeSaysWhatCameOfIt) {
  struct Case {
    int status;
    const char* body;
    codedriftd_result result;
    uint32_t retry_after_ms = 0;
    bool too_long = false;
  };
  constexpr Case kCases[] = {
      {200, R"({"errcode":0,"errmsg":"ok"})", CODEDRIFTD_DELIVERED},
      {200, R"({"errcode":45009,"errmsg":"api freq out of limit"})", CODEDRIFTD_RETRY, 60'000},
      {200, R"({"errcode":40058,"errmsg":"markdown.content exceed max length 4096"})", CODEDRIFTD_REJECTED, 0, true},
      {200, R"({"errcode":93000,"errmsg":"invalid webhook url"})", CODEDRIFTD_DESTINATION_REFUSED},
      {200, R"({"errcode":93008,"errmsg":"not in group"})", CODEDRIFTD_DESTINATION_REFUSED},
      {200, R"({"errcode":40001,"errmsg":"invalid credential"})", CODEDRIFTD_DESTINATION_REFUSED},
      {200, R"({"errcode":44004,"errmsg":"empty content"})", CODEDRIFTD_REJECTED},
      {200, R"({"errcode":-1,"errmsg":"system busy"})", CODEDRIFTD_RETRY},
      {200, R"({"errcode":123456,"errmsg":"new"})", CODEDRIFTD_REJECTED},
      {200, R"({"errcode":"0"})", CODEDRIFTD_DELIVERED},
      {200, R"({"errcode":0.5})", CODEDRIFTD_DELIVERED},
      {200, R"({"errmsg":"ok"})", CODEDRIFTD_DELIVERED},
      {200, "ok", CODEDRIFTD_DELIVERED},
      {200, "", CODEDRIFTD_DELIVERED},
      {200, "[0]", CODEDRIFTD_DELIVERED},
      {200, R"({"errcode":0)", CODEDRIFTD_DELIVERED},
      {204, "", CODEDRIFTD_DELIVERED},
      {403, R"({"errcode":0})", CODEDRIFTD_DESTINATION_REFUSED},
      {502, "", CODEDRIFTD_RETRY}};
  const auto wecom = opened();
  for (const Case& c : kCases) {
    HttpResponse response;
    response.status = c.status;
    response.body = c.body;
    const auto outcome = wecom->judge(response, WallTime{});
    EXPECT_EQ(outcome.result, c.result) << c.status << " " << c.body;
    EXPECT_EQ(outcome.retry_after_ms, c.retry_after_ms) << c.body;
    EXPECT_EQ(outcome.too_long, c.too_long) << c.body;
    EXPECT_EQ(outcome.status, c.status);
  }
  HttpResponse endless;
  endless.failure = HttpFailure::too_large;
  endless.status_before_body = 200;
  EXPECT_EQ(wecom->judge(endless, WallTime{}).result, CODEDRIFTD_DELIVERED);
  HttpResponse other;
  other.status = 200;
  other.body = "ok";
  EXPECT_EQ(wecom->judge(other, WallTime{}).text,
            "HTTP 200: ok (not an errcode: taken for delivered because of the status alone)");
}

TEST(WeCom, ItsKeyIsShownNowhere) {
  HttpResponse response;
  response.status = 200;
  response.body = R"({"errcode":93000,"errmsg":"no robot has fake-key-0001-not-real"})";
  EXPECT_EQ(opened()->judge(response, WallTime{}).text, R"(HTTP 200: {"errcode":93000,"errmsg":"no robot has ***"})");
}

}  // namespace
}  // namespace codedriftd::wecom
