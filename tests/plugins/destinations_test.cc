/// The built plugins that speak HTTP, each in its own process, against a receiver.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "alert_samples.h"
#include "base/sha256.h"
#include "sinks/process.h"
#include "support/receiver.h"
#include "support/temp_dir.h"
#include "support/test_ca.h"

namespace codedriftd {
namespace {

constexpr Millis kPlenty{30'000};

class DestinationsTest : public testing::Test {
 protected:
  PluginInfo started(const std::string& plugin, std::map<std::string, OptionValue> options) {
    SinkSpec spec{"ops",
                  CODEDRIFTD_BINARY_DIR "/codedriftd-sinkhost",
                  CODEDRIFTD_BINARY_DIR "/plugins/" + plugin + ".so",
                  std::move(options),
                  {}};
    sink_ = std::make_unique<SinkProcess>(std::move(spec));
    auto info = sink_->start();
    EXPECT_TRUE(info) << info.error().message;
    return info ? *info : PluginInfo{};
  }
  std::map<std::string, OptionValue> url_file() {
    return {{"url_file", {folder_.write("url", receiver_.url() + "?key=fake-key-0001"), {}}}};
  }
  DeliveryAnswer deliver(const Json& alert = test::alert_json("drift.detected")) {
    return sink_->deliver("alertid1", alert.dump(), 1, kPlenty);
  }
  static Json body_of(const test::ReceivedRequest& request) { return Json::parse(request.body); }

  const test::TempDir folder_;
  test::Receiver receiver_;
  std::unique_ptr<SinkProcess> sink_;
};

TEST_F(DestinationsTest, SlackTakesOkForAnAnswer) {
  const PluginInfo info = started("slack", url_file());
  EXPECT_EQ(info.per_minute, 60U);
  receiver_.script({{.status = 200, .headers = {}, .body = "ok"},
                    {.status = 200, .headers = {}, .body = "captive portal for fake-key-0001"},
                    {.status = 429, .headers = {{"Retry-After", "9"}}, .body = ""}});
  EXPECT_EQ(deliver().result, DeliveryResult::delivered);
  const DeliveryAnswer odd = deliver();
  EXPECT_EQ(odd.result, DeliveryResult::delivered);
  EXPECT_EQ(odd.text, "HTTP 200: captive portal for *** (not \"ok\": taken for delivered because of the status alone)");
  EXPECT_EQ(deliver().retry_after, Millis{9'000});
  EXPECT_TRUE(body_of(receiver_.requests()[0]).contains("blocks"));
}

TEST_F(DestinationsTest, SlackSendsTheTextAloneWhenItsBlocksAreRefused) {
  started("slack", url_file());
  receiver_.script(
      {{.status = 400, .headers = {}, .body = "invalid_blocks"}, {.status = 200, .headers = {}, .body = "ok"}});
  EXPECT_EQ(deliver(test::digest_json(50)).result, DeliveryResult::delivered);
  ASSERT_EQ(receiver_.count(), 2U);
  EXPECT_FALSE(body_of(receiver_.requests()[1]).contains("blocks"));
}

TEST_F(DestinationsTest, WeComShortensAMessageThatIsTooLongWithinOneDelivery) {
  const PluginInfo info = started("wecom", url_file());
  EXPECT_EQ(info.per_minute, 20U);
  const test::ReceiverAnswer too_long{
      .status = 200, .headers = {}, .body = R"({"errcode":40058,"errmsg":"exceed max length 4096"})"};
  const test::ReceiverAnswer good{.status = 200, .headers = {}, .body = R"({"errcode":0,"errmsg":"ok"})"};
  receiver_.script({too_long, too_long, good});
  EXPECT_EQ(deliver(test::digest_json(50)).result, DeliveryResult::delivered);
  ASSERT_EQ(receiver_.count(), 3U);
  std::size_t longer = 4097;
  for (const auto& request : receiver_.requests()) {
    const std::size_t size = body_of(request)["markdown"]["content"].get<std::string>().size();
    EXPECT_LT(size, longer);
    longer = size;
  }
  receiver_.script({too_long, too_long, too_long});
  EXPECT_EQ(deliver().result, DeliveryResult::rejected) << "it cannot be shorter than one line";
}

TEST_F(DestinationsTest, WeComWaitsAMinuteWhenItWasTooOften) {
  started("wecom", url_file());
  receiver_.script({{.status = 200, .headers = {}, .body = R"({"errcode":45009,"errmsg":"api freq out of limit"})"},
                    {.status = 200, .headers = {}, .body = R"({"errcode":93000,"errmsg":"invalid fake-key-0001"})"},
                    {.status = 200, .headers = {}, .body = "<html>"}});
  const DeliveryAnswer often = deliver();
  EXPECT_EQ(often.result, DeliveryResult::retry);
  EXPECT_EQ(often.retry_after, Millis{60'000});
  const DeliveryAnswer refused = deliver();
  EXPECT_EQ(refused.result, DeliveryResult::refused);
  EXPECT_EQ(refused.text.find("fake-key"), std::string::npos) << refused.text;
  EXPECT_EQ(deliver().result, DeliveryResult::delivered);
}

TEST_F(DestinationsTest, FeishuSignsAndShortensWithinOneDelivery) {
  auto options = url_file();
  options["secret_file"] = {folder_.write("secret", "SECthis-is-secret\n"), {}};
  const PluginInfo info = started("feishu", options);
  EXPECT_EQ(info.per_minute, 100U);
  receiver_.script({{.status = 200, .headers = {}, .body = R"({"code":9499,"msg":"Bad Request"})"},
                    {.status = 200, .headers = {}, .body = R"({"code":0,"msg":"success"})"},
                    {.status = 400, .headers = {{"x-ogw-ratelimit-reset", "41"}}, .body = R"({"code":99991400})"},
                    {.status = 200, .headers = {}, .body = R"({"code":19021,"msg":"SECthis-is-secret"})"}});
  EXPECT_EQ(deliver(test::digest_json(50)).result, DeliveryResult::delivered);
  ASSERT_EQ(receiver_.count(), 2U);
  const auto requests = receiver_.requests();
  EXPECT_LT(requests[1].body.size(), requests[0].body.size());
  const Json body = body_of(requests[1]);
  EXPECT_EQ(body["sign"], base64(hmac_sha256(body["timestamp"].get<std::string>() + "\nSECthis-is-secret", "").bytes));
  const DeliveryAnswer often = deliver();
  EXPECT_EQ(often.result, DeliveryResult::retry);
  EXPECT_EQ(often.retry_after, Millis{41'000});
  const DeliveryAnswer refused = deliver();
  EXPECT_EQ(refused.result, DeliveryResult::refused);
  EXPECT_EQ(refused.text.find("SECthis"), std::string::npos) << refused.text;
}

TEST_F(DestinationsTest, DingTalkSignsAndKeepsSilentForTenMinutesWhenItWasTooOften) {
  auto options = url_file();
  options["secret_file"] = {folder_.write("secret", "SECthis-is-secret\n"), {}};
  const PluginInfo info = started("dingtalk", options);
  EXPECT_EQ(info.per_minute, 20U);
  receiver_.script({{.status = 200, .headers = {}, .body = R"({"errcode":0,"errmsg":"ok"})"},
                    {.status = 200, .headers = {}, .body = R"({"errcode":130101,"errmsg":"send too fast"})"},
                    {.status = 200, .headers = {}, .body = R"({"errcode":310000,"errmsg":"SECthis-is-secret"})"}});
  EXPECT_EQ(deliver().result, DeliveryResult::delivered);
  ASSERT_EQ(receiver_.count(), 1U);
  const std::string path = receiver_.requests()[0].path;
  EXPECT_TRUE(path.starts_with("/hook?key=fake-key-0001&timestamp=")) << path;
  EXPECT_NE(path.find("&sign="), std::string::npos) << path;
  EXPECT_EQ(body_of(receiver_.requests()[0])["msgtype"], "markdown");
  const DeliveryAnswer often = deliver();
  EXPECT_EQ(often.result, DeliveryResult::retry);
  EXPECT_EQ(often.retry_after, Millis{600'000});
  const DeliveryAnswer refused = deliver();
  EXPECT_EQ(refused.result, DeliveryResult::refused);
  EXPECT_EQ(refused.text.find("SECthis"), std::string::npos) << refused.text;
}

TEST_F(DestinationsTest, TeamsShortensAMessageThatIsTooLong) {
  started("teams", url_file());
  receiver_.script(
      {{.status = 413}, {.status = 413}, {.status = 202}, {.status = 429, .headers = {{"Retry-After", "7"}}}});
  const DeliveryAnswer answer = deliver(test::digest_json(50));
  EXPECT_EQ(answer.result, DeliveryResult::delivered) << answer.text;
  ASSERT_EQ(receiver_.count(), 3U);
  EXPECT_EQ(body_of(receiver_.requests()[2])["attachments"][0]["content"]["type"], "AdaptiveCard");
  EXPECT_EQ(deliver().retry_after, Millis{7'000});
}

TEST_F(DestinationsTest, PagerDutyGoesOnWithADigestWhereItWas) {
  started("pagerduty", {{"url", {receiver_.url(), {}}},
                        {"routing_key_file", {folder_.write("key", "fakekey0001fakekey0002fakekey003\n"), {}}}});
  receiver_.script({{.status = 202}, {.status = 429}, {.status = 202}, {.status = 400}, {.status = 202}});
  const Json digest = test::digest_json(4);
  const DeliveryAnswer first = deliver(digest);
  EXPECT_EQ(first.result, DeliveryResult::retry);
  EXPECT_EQ(first.retry_after, Millis{120'000});
  EXPECT_EQ(first.text, "2 of 4: HTTP 429");
  EXPECT_EQ(receiver_.count(), 2U);
  const DeliveryAnswer second = deliver(digest);
  EXPECT_EQ(second.result, DeliveryResult::rejected) << "one of them was, and the others were not kept back";
  EXPECT_EQ(second.text, "3 of 4: HTTP 400");
  const auto requests = receiver_.requests();
  ASSERT_EQ(requests.size(), 5U);
  for (std::size_t i : {1U, 2U, 3U, 4U}) {
    const std::size_t target = i == 1 ? 1 : i - 1;
    EXPECT_EQ(body_of(requests[i])["payload"]["component"], "charge-" + std::to_string(target));
  }
  EXPECT_EQ(deliver(digest).result, DeliveryResult::delivered) << "replayed: all of it again";
  EXPECT_EQ(receiver_.count(), 9U);
}

TEST_F(DestinationsTest, ChatAddressesMustNotStandInTheConfiguration) {
  for (const char* plugin : {"slack", "wecom", "dingtalk", "feishu", "teams"}) {
    SinkSpec spec{"ops",
                  CODEDRIFTD_BINARY_DIR "/codedriftd-sinkhost",
                  CODEDRIFTD_BINARY_DIR "/plugins/" + std::string(plugin) + ".so",
                  {{"url", {receiver_.url(), {}}}},
                  {}};
    const auto info = SinkProcess(std::move(spec)).start();
    ASSERT_FALSE(info) << plugin;
    EXPECT_EQ(info.error().kind, StartFailure::Kind::mistakes) << plugin;
  }
}

TEST_F(DestinationsTest, AlertmanagerIsAskedForItsStatusAsAProbe) {
  const std::string base = receiver_.url().substr(0, receiver_.url().rfind('/'));
  started("alertmanager", {{"url", {base + "/am/", {}}}});
  receiver_.script({{.status = 503}, {.status = 200, .headers = {}, .body = "{}"}});
  EXPECT_EQ(sink_->probe(kPlenty).result, DeliveryResult::retry);
  EXPECT_EQ(sink_->probe(kPlenty).result, DeliveryResult::delivered);
  EXPECT_EQ(receiver_.requests()[0].method, "GET");
  EXPECT_EQ(receiver_.requests()[0].path, "/am/api/v2/status");
  EXPECT_EQ(deliver().result, DeliveryResult::delivered);
  EXPECT_EQ(receiver_.requests()[2].path, "/am/api/v2/alerts");
}

TEST_F(DestinationsTest, TheWebhookShowsWhoItIs) {
  test::TestCa ca(folder_.path().string());
  test::TlsFiles server = ca.server();
  server.client_ca = ca.certificate_file();
  const test::TlsFiles client = ca.client();
  test::Receiver receiver({.tls = server});
  std::map<std::string, OptionValue> options = {{"url", {receiver.url(), {}}},
                                                {"ca_file", {ca.certificate_file(), {}}}};
  started("webhook", options);
  EXPECT_EQ(deliver().result, DeliveryResult::retry) << "without a certificate";
  EXPECT_EQ(receiver.count(), 0U);
  options["client_cert_file"] = {client.certificate, {}};
  options["client_key_file"] = {client.key, {}};
  options["headers"] = {std::vector<std::string>{"X-Team: payments"}, {}};
  options["format"] = {std::string("json"), {}};
  started("webhook", options);
  const DeliveryAnswer answer = deliver();
  EXPECT_EQ(answer.result, DeliveryResult::delivered) << answer.text;
  ASSERT_EQ(receiver.count(), 1U);
  EXPECT_EQ(receiver.requests()[0].header("x-team"), "payments");
  EXPECT_EQ(body_of(receiver.requests()[0]), test::alert_json("drift.detected"));
}

TEST_F(DestinationsTest, AHeaderThatBreaksLinesIsRefusedAtTheStart) {
  SinkSpec spec{"ops",
                CODEDRIFTD_BINARY_DIR "/codedriftd-sinkhost",
                CODEDRIFTD_BINARY_DIR "/plugins/webhook.so",
                {{"url", {receiver_.url(), {}}}, {"headers", {std::vector<std::string>{"X-A: b\r\nX-C: d"}, {}}}},
                {}};
  const auto info = SinkProcess(std::move(spec)).start();
  ASSERT_FALSE(info);
  EXPECT_EQ(info.error().kind, StartFailure::Kind::refused);
  EXPECT_NE(info.error().message.find("line break"), std::string::npos) << info.error().message;
}

}  // namespace
}  // namespace codedriftd
