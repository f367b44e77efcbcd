#include <gtest/gtest.h>

#include "alert_samples.h"
#include "base/json.h"
#include "base/text.h"
#include "dingtalk/request.h"

namespace codedriftd::dingtalk {
namespace {

constexpr const char* kUrl = "https://oapi.dingtalk.example/robot/send?access_token=fake-token-0001-not-real";
constexpr const char* kSecret = "SECthis-is-secret";

std::unique_ptr<http_sink::Destination> dingtalk_robot(const Json& more = Json::object()) {
  Json config{{"url", kUrl}};
  config.update(more);
  return open(config.dump()).value();
}

TEST(DingTalk, SendsMarkdown) {
  const auto request =
      dingtalk_robot()->make_request({"id", test::alert_json("drift.detected").dump()}, 0, from_ms(1'700'000'000'000));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->url, kUrl) << "without a secret there is nothing to sign";
  EXPECT_EQ(request->headers.at(0).value, "application/json; charset=utf-8");
  const Json body = Json::parse(request->body);
  EXPECT_EQ(body["msgtype"], "markdown");
  EXPECT_EQ(body["markdown"]["title"], "critical: drift.detected, ops-1");
  EXPECT_FALSE(body.contains("at")) << "nobody is called";
  const std::string text = body["markdown"]["text"];
  EXPECT_TRUE(
      text.starts_with("### critical: drift.detected, ops-1  \n"
                       "`prod/ap-guangzhou/default/charge:$LATEST` runs code"))
      << text;
  EXPECT_NE(text.find("  \n> observed: `" + test::kObserved + "`"), std::string::npos) << text;
  EXPECT_FALSE(dingtalk_robot()->make_request({"id", "{}"}, 0, WallTime{}));
}

TEST(DingTalk, SignsTimeAndSecretWithTheSecret) {
  EXPECT_EQ(signature(kSecret, 1'700'000'000'000), "MGTSynT35H3YyJy6IMPL8G+yYna+gwkBH/0Cd4+a2hI=");
  EXPECT_EQ(signed_url("https://x.example/send?access_token=t", kSecret, 1'700'000'000'000),
            "https://x.example/send?access_token=t&timestamp=1700000000000&sign="
            "MGTSynT35H3YyJy6IMPL8G%2ByYna%2BgwkBH%2F0Cd4%2Ba2hI%3D");
  EXPECT_TRUE(signed_url("https://x.example/send", kSecret, 1).starts_with("https://x.example/send?timestamp=1&sign="));
  const auto request = dingtalk_robot({{"secret", kSecret}})
                           ->make_request({"id", test::alert_json("k").dump()}, 0, from_ms(1'700'000'000'000));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->url, signed_url(kUrl, kSecret, 1'700'000'000'000)) << "in milliseconds";
}

TEST(DingTalk, AnAddressThatIsSignedAlreadyIsRefused) {
  for (const char* more : {"&timestamp=1700000000000", "&sign=abc", "#part"}) {
    const auto refused = open(Json{{"url", std::string(kUrl) + more}}.dump());
    ASSERT_FALSE(refused) << more;
    EXPECT_TRUE(refused.error().message.starts_with("url_file: should hold the robot's address as DingTalk shows it"))
        << refused.error().message;
  }
  const auto words = open(Json{{"url", kUrl}, {"secret", "SEC1\nSEC2"}}.dump());
  ASSERT_FALSE(words);
  EXPECT_TRUE(words.error().message.starts_with("secret_file: should hold one word")) << words.error().message;
}

TEST(DingTalk, NothingFromOutsideIsMarkup) {
  Json alert = test::alert_json("drift.detected");
  alert["summary"] = "@all [here](https://evil.example)\n# Title";
  alert["reason"] = "`x` **y**";
  const std::string text = content(test::alert_of(alert), 0);
  EXPECT_NE(text.find("@all \\[here\\](https://evil.example)\\\\u{a}\\# Title"), std::string::npos) << text;
  EXPECT_NE(text.find("reason: \\`x\\` \\*\\*y\\*\\*"), std::string::npos) << text;
}

TEST(DingTalk, KeepsItsLimitInBytesAtEveryLengthAndEachLengthIsShorter) {
  Json hostile = test::alert_json("drift.detected");
  hostile["summary"] = std::string(60'000, '\\');
  hostile["reason"] = std::string(60'000, '"');
  hostile["error"] = {{"code", std::string(60'000, '`')}, {"message", "x"}};
  hostile["instance"] = std::string(5'000, '\\');
  Json wide = hostile;
  std::string summary = test::kAddress;
  for (int i = 0; i < 5'000; ++i) summary += "数";
  wide["summary"] = summary;
  const auto robot = dingtalk_robot({{"secret", kSecret}});
  for (const Json& alert : {test::alert_json("drift.detected"), hostile, wide, test::digest_json(50),
                            test::digest_json(50, std::string(61, 'x')), test::digest_json(400)}) {
    std::size_t longer = kBodyBytes + 1;
    for (unsigned length = 0; length < robot->lengths(); ++length) {
      const auto request = robot->make_request({"id", alert.dump()}, length, WallTime{});
      ASSERT_TRUE(request);
      EXPECT_LT(request->body.size(), longer) << length;
      longer = request->body.size();
      const std::string text = content(test::alert_of(alert), length);
      EXPECT_LE(text.size(), kTextBytes);
      EXPECT_FALSE(text.empty());
      EXPECT_TRUE(valid_utf8(text));
    }
    EXPECT_EQ(content(test::alert_of(alert), 2).find('\n'), std::string::npos);
  }
}

TEST(DingTalk, ADigestNamesEveryTarget) {
  for (unsigned length = 0; length < 2; ++length) {
    const std::string text = content(test::alert_of(test::digest_json(50)), length);
    for (int i = 0; i < 50; ++i) {
      EXPECT_NE(text.find("charge-" + std::to_string(i)), std::string::npos) << i << " at length " << length;
    }
  }
}

TEST(DingTalk, TheErrcodeSaysWhatCameOfIt) {
  struct Case {
    int status;
    const char* body;
    codedriftd_result result;
    uint32_t retry_after_ms = 0;
    bool too_long = false;
  };
  constexpr Case kCases[] = {
      {200, R"({"errcode":0,"errmsg":"ok"})", CODEDRIFTD_DELIVERED},
      {200, R"({"errcode":130101,"errmsg":"send too fast, exceed 20 times per minute"})", CODEDRIFTD_RETRY, 600'000},
      {200, R"({"errcode":410100,"errmsg":"too fast"})", CODEDRIFTD_RETRY, 600'000},
      {200, R"({"errcode":310000,"errmsg":"keywords not in content"})", CODEDRIFTD_DESTINATION_REFUSED},
      {200, R"({"errcode":310000,"errmsg":"sign not match"})", CODEDRIFTD_DESTINATION_REFUSED},
      {200, R"({"errcode":300005,"errmsg":"token is not exist"})", CODEDRIFTD_DESTINATION_REFUSED},
      {200, R"({"errcode":400102,"errmsg":"robot is off"})", CODEDRIFTD_DESTINATION_REFUSED},
      {200, R"({"errcode":88,"errmsg":"busy"})", CODEDRIFTD_RETRY},
      {200, R"({"errcode":-1,"errmsg":"system busy"})", CODEDRIFTD_RETRY},
      {200, R"({"errcode":430104,"errmsg":"unfit content"})", CODEDRIFTD_REJECTED},
      {200, R"({"errcode":4242,"errmsg":"new"})", CODEDRIFTD_REJECTED},
      {200, "ok", CODEDRIFTD_DELIVERED},
      {413, "", CODEDRIFTD_REJECTED, 0, true},
      {403, R"({"errcode":0})", CODEDRIFTD_DESTINATION_REFUSED},
      {502, R"({"errcode":310000})", CODEDRIFTD_RETRY}};
  const auto robot = dingtalk_robot();
  for (const Case& c : kCases) {
    HttpResponse response;
    response.status = c.status;
    response.body = c.body;
    const auto outcome = robot->judge(response, WallTime{});
    EXPECT_EQ(outcome.result, c.result) << c.status << " " << c.body;
    EXPECT_EQ(outcome.retry_after_ms, c.retry_after_ms) << c.status << " " << c.body;
    EXPECT_EQ(outcome.too_long, c.too_long) << c.status << " " << c.body;
  }
  HttpResponse often;
  often.status = 200;
  often.headers = {{"retry-after", "900"}};
  often.body = R"({"errcode":130101,"errmsg":"send too fast"})";
  EXPECT_EQ(robot->judge(often, WallTime{}).retry_after_ms, 900'000U);
}

TEST(DingTalk, ItsSecretsAreShownNowhere) {
  HttpResponse response;
  response.status = 200;
  response.body = R"({"errcode":300005,"errmsg":"fake-token-0001-not-real SECthis-is-secret"})";
  EXPECT_EQ(dingtalk_robot({{"secret", kSecret}})->judge(response, WallTime{}).text,
            R"(HTTP 200: {"errcode":300005,"errmsg":"*** ***"})");
}

}  // namespace
}  // namespace codedriftd::dingtalk
