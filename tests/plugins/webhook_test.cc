/// The built webhook plugin, in its own process, against a receiver that does everything wrong.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/json.h"
#include "sinks/process.h"
#include "support/receiver.h"
#include "support/standard_webhooks.h"
#include "support/temp_dir.h"
#include "support/test_ca.h"

namespace codedriftd {
namespace {

constexpr Millis kPlenty{30'000};
constexpr const char* kSecret = "whsec_ZmFrZS1mYWtlLWZha2UtZmFrZS1mYWtlLWZha2UtMTI=";  // "fake-fake-…"
const std::string kAlert =
    R"({"schema":"codedriftd.alert.v1","id":"abc","kind":"drift.detected","time":"2026-11-24T03:04:05.678Z",)"
    R"("instance":"ops-1","target":null})";

class WebhookTest : public testing::Test {
 protected:
  SinkProcess& started(const std::string& url, std::map<std::string, OptionValue> more = {}) {
    SinkSpec spec{"ops",
                  CODEDRIFTD_BINARY_DIR "/codedriftd-sinkhost",
                  CODEDRIFTD_BINARY_DIR "/plugins/webhook.so",
                  std::move(more),
                  {}};
    spec.options["url"] = {url, {}};
    spec.options["secret_file"] = {folder_.write("secret", kSecret), {}};
    sink_ = std::make_unique<SinkProcess>(std::move(spec));
    const auto plugin = sink_->start();
    EXPECT_TRUE(plugin) << plugin.error().message;
    return *sink_;
  }
  DeliveryAnswer deliver(Millis timeout = kPlenty) { return sink_->deliver("abc", kAlert, 1, timeout); }

  const test::TempDir folder_;
  std::unique_ptr<SinkProcess> sink_;
};

TEST_F(WebhookTest, DeliversASignedCloudEvent) {
  test::Receiver receiver;
  started(receiver.url());
  receiver.set_default({.status = 200, .headers = {}, .body = "thanks"});
  for (uint32_t attempt = 1; attempt <= 2; ++attempt) {
    const DeliveryAnswer answer = sink_->deliver("abc", kAlert, attempt, kPlenty);
    EXPECT_EQ(answer.result, DeliveryResult::delivered) << answer.text;
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.text, "HTTP 200: thanks");
  }
  ASSERT_EQ(receiver.count(), 2U);
  const auto requests = receiver.requests();
  EXPECT_EQ(requests[0].body, requests[1].body);
  for (const test::ReceivedRequest& request : requests) {
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.path, "/hook");
    EXPECT_EQ(request.header("content-type"), "application/cloudevents+json");
    EXPECT_EQ(request.header("webhook-id"), "abc");
    EXPECT_EQ(
        test::check_webhook(kSecret, "abc", request.header("webhook-timestamp"), request.header("webhook-signature"),
                            request.body, to_ms(SystemClock{}.wall()) / 1000),
        test::WebhookVerdict::good);
    const Json event = Json::parse(request.body);
    EXPECT_EQ(event["type"], "codedriftd.drift.detected");
    EXPECT_EQ(event["data"], Json::parse(kAlert));
  }
}

TEST_F(WebhookTest, SortsWhatTheReceiverAnswers) {
  test::Receiver receiver;
  started(receiver.url());
  const std::pair<int, DeliveryResult> cases[] = {
      {204, DeliveryResult::delivered}, {302, DeliveryResult::refused}, {400, DeliveryResult::rejected},
      {401, DeliveryResult::refused},   {403, DeliveryResult::refused}, {404, DeliveryResult::refused},
      {408, DeliveryResult::retry},     {410, DeliveryResult::refused}, {413, DeliveryResult::rejected},
      {422, DeliveryResult::rejected},  {429, DeliveryResult::retry},   {500, DeliveryResult::retry},
      {503, DeliveryResult::retry}};
  for (const auto& [status, result] : cases) {
    receiver.script({{.status = status, .headers = {{"Retry-After", "77"}}, .body = "words"}});
    const DeliveryAnswer answer = deliver();
    EXPECT_EQ(answer.result, result) << status << ": " << answer.text;
    EXPECT_EQ(answer.status, status);
    if (result == DeliveryResult::retry) {
      EXPECT_EQ(answer.retry_after, Millis{77'000}) << status;
    }
  }
}

TEST_F(WebhookTest, SurvivesEveryHostileAnswer) {
  test::Receiver receiver;
  started(receiver.url());
  const std::pair<test::Fault, DeliveryResult> cases[] = {
      {test::Fault::reset_before_reading, DeliveryResult::retry},
      {test::Fault::reset_after_reading, DeliveryResult::retry},
      {test::Fault::close_without_answer, DeliveryResult::retry},
      {test::Fault::flood_headers, DeliveryResult::retry},
      {test::Fault::long_status_line, DeliveryResult::retry},
      {test::Fault::garbage, DeliveryResult::retry},
      {test::Fault::http_500, DeliveryResult::retry},
      {test::Fault::http_502, DeliveryResult::retry},
      {test::Fault::http_503, DeliveryResult::retry},
      // 200, and a body that is cut off at the cap.
      {test::Fault::drip_body, DeliveryResult::delivered},
      {test::Fault::endless_body, DeliveryResult::delivered},
      {test::Fault::huge_content_length, DeliveryResult::delivered},
      {test::Fault::huge_body, DeliveryResult::delivered},
  };
  for (const auto& [fault, result] : cases) {
    receiver.script({{.fault = fault}});
    const DeliveryAnswer answer = deliver();
    EXPECT_EQ(answer.result, result) << fault_name(fault) << ": " << answer.text;
    EXPECT_FALSE(answer.text.empty());
    EXPECT_TRUE(sink_->running()) << fault_name(fault);
  }
  receiver.clear();
  receiver.script({{.fault = test::Fault::redirect}});
  EXPECT_EQ(deliver().result, DeliveryResult::refused);
  EXPECT_EQ(receiver.count(), 1U) << "a redirect is not followed";
  EXPECT_EQ(deliver().result, DeliveryResult::delivered) << "and all is well again";
}

TEST_F(WebhookTest, GivesUpAtTheDeadlineByItself) {
  test::Receiver receiver;
  started(receiver.url());
  for (const test::Fault fault : {test::Fault::never_answer, test::Fault::drip_headers}) {
    receiver.script({{.fault = fault}});
    const MonoTime before = SystemClock{}.mono();
    const DeliveryAnswer answer = deliver(Millis{300});
    EXPECT_EQ(answer.result, DeliveryResult::retry) << fault_name(fault) << ": " << answer.text;
    EXPECT_GE(SystemClock{}.mono() - before, Millis{250}) << fault_name(fault);
    EXPECT_TRUE(sink_->running()) << fault_name(fault);
  }
}

TEST_F(WebhookTest, TheOptionTimeoutIsKeptToo) {
  test::Receiver receiver;
  started(receiver.url(), {{"timeout_s", {int64_t{1}, {}}}});
  receiver.script({{.fault = test::Fault::never_answer}});
  const DeliveryAnswer answer = deliver();
  EXPECT_EQ(answer.result, DeliveryResult::retry);
  EXPECT_TRUE(answer.text.starts_with("timeout")) << answer.text;
}

TEST_F(WebhookTest, SecretsThatTheReceiverRepeatsAreMasked) {
  test::Receiver receiver;
  started(receiver.url() + "?key=fake-url-key");
  const std::string bare = std::string(kSecret).substr(6);
  receiver.script({{.status = 500, .headers = {}, .body = "you sent key=fake-url-key signed with " + bare}});
  EXPECT_EQ(deliver().text, "HTTP 500: you sent *** signed with ***");
  receiver.script({{.fault = test::Fault::close_without_answer}});
  EXPECT_EQ(deliver().text.find("fake-url-key"), std::string::npos);
}

TEST_F(WebhookTest, ThePathIsASecretToo) {
  test::Receiver receiver;
  started(receiver.url() + "/t0/fakefake");
  receiver.script({{.status = 500, .headers = {}, .body = "no route for /hook/t0/fakefake"}});
  EXPECT_EQ(deliver().text, "HTTP 500: no route for ***");
}

TEST_F(WebhookTest, NobodyThereIsARetry) {
  std::string url;
  {
    test::Receiver receiver;
    url = receiver.url();
  }
  started(url);
  EXPECT_EQ(deliver().result, DeliveryResult::retry);
}

TEST_F(WebhookTest, VerifiesTheReceiversCertificate) {
  test::TestCa ca(folder_.path().string());
  test::Receiver good({.tls = ca.server()}), wrong({.tls = ca.wrong_name_server()});
  const std::map<std::string, OptionValue> trust = {{"ca_file", {ca.certificate_file(), {}}}};
  started(good.url(), trust);
  EXPECT_EQ(deliver().result, DeliveryResult::delivered);
  started(good.url());
  EXPECT_TRUE(deliver().text.starts_with("tls")) << "not a CA of the system's";
  started(wrong.url(), trust);
  EXPECT_TRUE(deliver().text.starts_with("tls"));
  EXPECT_EQ(wrong.count(), 0U);
}

TEST_F(WebhookTest, ABadAddressIsRefusedAtTheStartAndNotRepeated) {
  SinkSpec spec{
      "ops", CODEDRIFTD_BINARY_DIR "/codedriftd-sinkhost", CODEDRIFTD_BINARY_DIR "/plugins/webhook.so", {}, {}};
  spec.options["url_file"] = {folder_.write("url", "http://hooks.example.com/fake-token"), {}};
  SinkProcess sink(std::move(spec));
  const auto plugin = sink.start();
  ASSERT_FALSE(plugin);
  EXPECT_EQ(plugin.error().kind, StartFailure::Kind::refused);
  EXPECT_TRUE(plugin.error().message.starts_with("url: ")) << plugin.error().message;
  EXPECT_EQ(plugin.error().message.find("fake-token"), std::string::npos);
}

}  // namespace
}  // namespace codedriftd
