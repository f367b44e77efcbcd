#include <gtest/gtest.h>

#include "alert_samples.h"
#include "base/json.h"
#include "base/text.h"
#include "feishu/request.h"

namespace codedriftd::feishu {
namespace {

constexpr const char* kUrl = "https://open.feishu.example/open-apis/bot/v2/hook/fake-bot-0001-not-real";
constexpr const char* kSecret = "SECthis-is-secret";

std::unique_ptr<http_sink::Destination> feishu_bot(const Json& more = Json::object()) {
  Json config{{"url", kUrl}};
  config.update(more);
  return open(config.dump()).value();
}

std::string text_of(const Json& alert, unsigned length) {
  return card(test::alert_of(alert), length)["elements"][0]["text"]["content"];
}

TEST(Feishu, SendsACardOfPlainText) {
  const auto request = feishu_bot()->make_request({"id", test::alert_json("drift.detected").dump()}, 0, WallTime{});
  ASSERT_TRUE(request);
  EXPECT_EQ(request->url, kUrl);
  EXPECT_EQ(request->headers.at(0).value, "application/json; charset=utf-8");
  const Json body = Json::parse(request->body);
  EXPECT_EQ(body["msg_type"], "interactive");
  EXPECT_FALSE(body.contains("sign")) << "there is no secret";
  const Json& shown = body["card"];
  EXPECT_EQ(shown["header"]["template"], "red");
  EXPECT_EQ(shown["header"]["title"], Json({{"tag", "plain_text"}, {"content", "critical: drift.detected, ops-1"}}));
  ASSERT_EQ(shown["elements"].size(), 1U);
  EXPECT_EQ(shown["elements"][0]["text"]["tag"], "plain_text");
  const std::string text = shown["elements"][0]["text"]["content"];
  EXPECT_TRUE(text.starts_with("prod/ap-guangzhou/default/charge:$LATEST runs code")) << text;
  EXPECT_NE(text.find("\nobserved: " + test::kObserved), std::string::npos) << text;
  EXPECT_FALSE(feishu_bot()->make_request({"id", "{}"}, 0, WallTime{}));
}

TEST(Feishu, TheTitleHasTheColourOfTheSeverity) {
  for (const auto& [severity, color] :
       {std::pair{"critical", "red"}, {"warning", "orange"}, {"info", "blue"}, {"other", "blue"}}) {
    EXPECT_EQ(card(test::alert_of(test::alert_json("k", severity)), 0)["header"]["template"], color) << severity;
  }
}

TEST(Feishu, SignsWithTimeAndSecretAsTheKeyOfNothing) {
  EXPECT_EQ(signature(kSecret, 1'700'000'000), "g0cS9uCTgPEeImDMhC6NxT07bUhdS6VJ+cNnXYe2qFw=");
  const auto bot = feishu_bot({{"secret", kSecret}});
  const std::string alert = test::alert_json("drift.detected").dump();
  const Json body = Json::parse(bot->make_request({"id", alert}, 0, from_ms(1'700'000'000'999)).value().body);
  EXPECT_EQ(body["timestamp"], "1700000000") << "seconds, as text";
  EXPECT_EQ(body["sign"], "g0cS9uCTgPEeImDMhC6NxT07bUhdS6VJ+cNnXYe2qFw=");
  const Json later = Json::parse(bot->make_request({"id", alert}, 0, from_ms(1'700'000'001'000)).value().body);
  EXPECT_NE(later["sign"], body["sign"]) << "of the moment of sending";
  EXPECT_EQ(later["card"], body["card"]);
}

TEST(Feishu, ASecretIsOneWord) {
  const auto refused = open(Json{{"url", kUrl}, {"secret", "two words"}}.dump());
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().message.starts_with("secret_file: should hold one word")) << refused.error().message;
  EXPECT_EQ(refused.error().message.find("two words"), std::string::npos);
}

TEST(Feishu, ASummaryFromOutsideIsSentAsItIs) {
  Json alert = test::alert_json("drift.detected");
  alert["summary"] = "<at id=all></at> **x** [here](https://evil.example)\nnext";
  const std::string text = text_of(alert, 0);
  EXPECT_TRUE(text.starts_with("<at id=all></at> **x** [here](https://evil.example)\\u{a}next\n")) << text;
}

TEST(Feishu, KeepsItsLimitInBytesAtEveryLengthAndEachLengthIsShorter) {
  Json hostile = test::alert_json("drift.detected");
  hostile["summary"] = std::string(60'000, '"');
  hostile["reason"] = std::string(60'000, '\\');
  hostile["error"] = {{"code", std::string(60'000, '"')}, {"message", "x"}};
  hostile["instance"] = std::string(5'000, '"');
  Json wide = hostile;
  std::string summary = test::kAddress;
  for (int i = 0; i < 5'000; ++i) summary += "数";
  wide["summary"] = summary;
  const auto bot = feishu_bot({{"secret", kSecret}});
  for (const Json& alert : {test::alert_json("drift.detected"), hostile, wide, test::digest_json(50),
                            test::digest_json(50, std::string(61, 'x')), test::digest_json(400)}) {
    std::size_t longer = kBodyBytes + 1;
    for (unsigned length = 0; length < bot->lengths(); ++length) {
      const auto request = bot->make_request({"id", alert.dump()}, length, WallTime{});
      ASSERT_TRUE(request);
      EXPECT_LT(request->body.size(), longer) << length;
      longer = request->body.size();
      const std::string text = text_of(alert, length);
      EXPECT_FALSE(text.empty());
      EXPECT_TRUE(valid_utf8(text));
    }
    EXPECT_EQ(text_of(alert, 2).find('\n'), std::string::npos);
  }
}

TEST(Feishu, ADigestNamesEveryTarget) {
  for (unsigned length = 0; length < 2; ++length) {
    const std::string text = text_of(test::digest_json(50), length);
    for (int i = 0; i < 50; ++i) {
      EXPECT_NE(text.find("charge-" + std::to_string(i)), std::string::npos) << i << " at length " << length;
    }
  }
}

TEST(Feishu, TheCodeSaysWhatCameOfIt) {
  struct Case {
    int status;
    const char* body;
    codedriftd_result result;
    uint32_t retry_after_ms = 0;
    bool too_long = false;
  };
  constexpr Case kCases[] = {
      {200, R"({"StatusCode":0,"StatusMessage":"success","code":0,"data":{},"msg":"success"})", CODEDRIFTD_DELIVERED},
      {200, R"({"StatusCode":0,"StatusMessage":"success"})", CODEDRIFTD_DELIVERED},
      {200, R"({"code":9499,"msg":"Bad Request","data":{}})", CODEDRIFTD_REJECTED, 0, true},
      {200, R"({"code":19001,"msg":"param invalid: incoming webhook access token invalid"})",
       CODEDRIFTD_DESTINATION_REFUSED},
      {200, R"({"code":19021,"msg":"sign match fail or timestamp is not within one hour"})",
       CODEDRIFTD_DESTINATION_REFUSED},
      {200, R"({"code":19022,"msg":"Ip Not Allowed"})", CODEDRIFTD_DESTINATION_REFUSED},
      {200, R"({"code":19024,"msg":"Key Words Not Found"})", CODEDRIFTD_DESTINATION_REFUSED},
      {200, R"({"code":11232,"msg":"frequency limited"})", CODEDRIFTD_RETRY, 60'000},
      {400, R"({"code":99991400,"msg":"request trigger frequency limit"})", CODEDRIFTD_RETRY, 60'000},
      {429, R"({"code":99991400,"msg":"request trigger frequency limit"})", CODEDRIFTD_RETRY, 60'000},
      {200, R"({"code":19002,"msg":"params error"})", CODEDRIFTD_REJECTED},
      {200, R"({"code":4242,"msg":"new"})", CODEDRIFTD_REJECTED},
      {200, "ok", CODEDRIFTD_DELIVERED},
      {200, R"({"code":"0"})", CODEDRIFTD_DELIVERED},
      {400, "", CODEDRIFTD_REJECTED},
      {403, R"({"code":0})", CODEDRIFTD_DESTINATION_REFUSED},
      {404, R"({"code":4242})", CODEDRIFTD_DESTINATION_REFUSED},
      {413, "", CODEDRIFTD_REJECTED, 0, true},
      {500, R"({"code":0})", CODEDRIFTD_RETRY}};
  const auto bot = feishu_bot();
  for (const Case& c : kCases) {
    HttpResponse response;
    response.status = c.status;
    response.body = c.body;
    const auto outcome = bot->judge(response, WallTime{});
    EXPECT_EQ(outcome.result, c.result) << c.status << " " << c.body;
    EXPECT_EQ(outcome.retry_after_ms, c.retry_after_ms) << c.status << " " << c.body;
    EXPECT_EQ(outcome.too_long, c.too_long) << c.status << " " << c.body;
  }
  HttpResponse response;
  response.status = 200;
  response.body = "ok";
  EXPECT_EQ(bot->judge(response, WallTime{}).text,
            "HTTP 200: ok (not a code: taken for delivered because of the status alone)");
}

TEST(Feishu, TheMomentThatThePlatformNamesIsWaitedFor) {
  HttpResponse response;
  response.status = 400;
  response.headers = {{"x-ogw-ratelimit-reset", "37"}};
  response.body = R"({"code":99991400,"msg":"request trigger frequency limit"})";
  const auto outcome = feishu_bot()->judge(response, WallTime{});
  EXPECT_EQ(outcome.result, CODEDRIFTD_RETRY);
  EXPECT_EQ(outcome.retry_after_ms, 37'000U);
}

TEST(Feishu, ItsSecretsAreShownNowhere) {
  HttpResponse response;
  response.status = 200;
  response.body = R"({"code":19001,"msg":"no bot fake-bot-0001-not-real of SECthis-is-secret"})";
  EXPECT_EQ(feishu_bot({{"secret", kSecret}})->judge(response, WallTime{}).text,
            R"(HTTP 200: {"code":19001,"msg":"no bot *** of ***"})");
}

}  // namespace
}  // namespace codedriftd::feishu
