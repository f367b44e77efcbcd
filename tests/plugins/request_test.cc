#include "request.h"

#include <gtest/gtest.h>

#include <string>

#include "base/json.h"
#include "base/sha256.h"
#include "support/standard_webhooks.h"

namespace codedriftd::webhook {
namespace {

// The example of Standard Webhooks' own libraries.
constexpr const char* kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr const char* kId = "msg_p5jXN8AQM9LWM0D4loKWxJek";
constexpr int64_t kTimestamp = 1614265330;
constexpr const char* kBody = R"({"test": 2432232314})";
constexpr const char* kSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

const std::string kAlert =
    R"({"schema":"codedriftd.alert.v1", "id":"abc","kind":"drift.detected","time":"2026-11-24T03:04:05.678Z",)"
    R"("instance":"ops-1","target":{"address":"prod/ap-guangzhou/default/charge:$LATEST"},"n":1.50})";

std::string secret_of(std::size_t bytes, char fill) {
  const std::string key(bytes, fill);
  return "whsec_" + base64({reinterpret_cast<const uint8_t*>(key.data()), key.size()});
}

TEST(Signature, AgreesWithStandardWebhooks) {
  const auto keys = decode_secrets(kSecret);
  ASSERT_TRUE(keys);
  EXPECT_EQ(signature(*keys, kId, kTimestamp, kBody), kSignature);
}

TEST(Signature, HasOneEntryForEachKeyDuringARotation) {
  const auto keys = decode_secrets(std::string(kSecret) + "\n" + secret_of(32, 'n') + "\n");
  ASSERT_TRUE(keys);
  const std::string list = signature(*keys, kId, kTimestamp, kBody);
  EXPECT_TRUE(list.starts_with(std::string(kSignature) + " v1,")) << list;
  for (const std::string& secret : {std::string(kSecret), secret_of(32, 'n')}) {
    EXPECT_EQ(test::check_webhook(secret, kId, std::to_string(kTimestamp), list, kBody, kTimestamp),
              test::WebhookVerdict::good);
  }
  EXPECT_EQ(test::check_webhook(secret_of(32, 'x'), kId, std::to_string(kTimestamp), list, kBody, kTimestamp),
            test::WebhookVerdict::wrong_signature);
}

TEST(DecodeSecrets, TakesOnlyTheFormOfStandardWebhooks) {
  EXPECT_TRUE(decode_secrets(secret_of(24, 'k')));
  EXPECT_TRUE(decode_secrets(secret_of(64, 'k')));
  const std::string wrong[] = {"",
                               "  ",
                               "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                               "whsec_",
                               "whsec_!!!!",
                               secret_of(23, 'k'),
                               secret_of(65, 'k'),
                               secret_of(32, 'k') + " fake-plain-password"};
  for (const std::string& text : wrong) {
    const auto keys = decode_secrets(text);
    ASSERT_FALSE(keys) << text;
    EXPECT_EQ(keys.error().message.find("fake-plain"), std::string::npos);
  }
}

TEST(CloudEvent, HoldsExactlyTheMembersOfTheContractAndTheAlertByteByByte) {
  const auto event = cloud_event(kAlert);
  ASSERT_TRUE(event) << event.error().message;
  EXPECT_EQ(*event, R"({"specversion":"1.0","id":"abc","source":"codedriftd/ops-1","type":"codedriftd.drift.detected",)"
                    R"("subject":"prod/ap-guangzhou/default/charge:$LATEST","time":"2026-11-24T03:04:05.678Z",)"
                    R"("timestamp":"2026-11-24T03:04:05.678Z","datacontenttype":"application/json","data":)" +
                        kAlert + "}");
  EXPECT_TRUE(Json::accept(*event));
}

TEST(CloudEvent, HasNoSubjectWithoutATarget) {
  const auto event =
      cloud_event(R"({"id":"i","kind":"account.failing","time":"t","instance":"a\"b\u001b","target":null})");
  ASSERT_TRUE(event);
  const Json parsed = Json::parse(*event);
  EXPECT_FALSE(parsed.contains("subject"));
  EXPECT_EQ(parsed["source"], "codedriftd/a\"b\x1b");
  EXPECT_EQ(parsed.size(), 8U);
}

TEST(CloudEvent, RefusesWhatIsNoAlert) {
  for (const char* alert :
       {"", "[]", "{", "{}", R"({"id":1,"kind":"k","time":"t","instance":"i"})", R"({"id":"i","kind":"k","time":"t"})",
        R"({"id":"i","kind":"k","time":"t","instance":"i"} )"
        "x"}) {
    EXPECT_FALSE(cloud_event(alert)) << alert;
  }
}

TEST(MessageId, CannotHoldTheDotThatPartsTheSignedText) {
  EXPECT_TRUE(is_message_id("abc-DEF_234"));
  EXPECT_TRUE(is_message_id(std::string(64, 'a')));
  for (const char* id : {"", "a.b", "a b", "a\r\nX: y", "é"}) EXPECT_FALSE(is_message_id(id)) << id;
  EXPECT_FALSE(is_message_id(std::string(65, 'a')));
}

TEST(MakeRequest, CarriesTheHeadersOfBothSpecifications) {
  auto options =
      read_options(R"({"url":"https://hooks.example.com/x","timeout_s":20,"secret":")" + std::string(kSecret) + "\"}");
  ASSERT_TRUE(options) << options.error().message;
  const HttpRequest request =
      make_request(*options, kId, kBody, WallTime{Millis{kTimestamp * 1000 + 999}}, Millis{60'000});
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.url, "https://hooks.example.com/x");
  EXPECT_EQ(request.body, kBody);
  EXPECT_EQ(request.deadline, Millis{20'000});
  const std::vector<std::pair<std::string, std::string>> expected = {{"Content-Type", "application/cloudevents+json"},
                                                                     {"User-Agent", "codedriftd/" CODEDRIFTD_VERSION},
                                                                     {"webhook-id", kId},
                                                                     {"webhook-timestamp", "1614265330"},
                                                                     {"webhook-signature", kSignature}};
  ASSERT_EQ(request.headers.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(request.headers[i].name, expected[i].first);
    EXPECT_EQ(request.headers[i].value, expected[i].second);
  }
  EXPECT_EQ(make_request(*options, kId, kBody, WallTime{}, Millis{300}).deadline, Millis{300});
}

TEST(MakeRequest, IsNotSignedWithoutASecret) {
  const auto options = read_options(R"({"url":"http://127.0.0.1:1/x","timeout_s":15})");
  ASSERT_TRUE(options);
  const HttpRequest request = make_request(*options, kId, kBody, WallTime{}, Millis{1});
  for (const HttpHeader& header : request.headers) EXPECT_NE(header.name, "webhook-signature");
}

TEST(ReadOptions, RefusesUrlsThatMayNotBeCalledWithoutRepeatingThem) {
  for (const char* url : {"", "hooks.example.com", "ftp://example.com/fake-token", "http://example.com/fake-token",
                          "http://127.0.0.1.example.com/fake-token", "https://user:fake-token@example.com/",
                          "https://exa mple.com/fake-token", "https://example.com/fake-token\\r\\nX: y"}) {
    const auto options = read_options(R"({"timeout_s":15,"url":")" + std::string(url) + "\"}");
    ASSERT_FALSE(options) << url;
    EXPECT_TRUE(options.error().message.starts_with("url: ")) << options.error().message;
    EXPECT_EQ(options.error().message.find("fake-token"), std::string::npos) << options.error().message;
  }
  for (const char* url : {"https://example.com", "http://localhost:8080/a?b=c", "http://[::1]/x"}) {
    EXPECT_TRUE(read_options(R"({"timeout_s":15,"url":")" + std::string(url) + "\"}")) << url;
  }
}

TEST(ReadOptions, RefusesABadSecretAndAMissingCaFile) {
  EXPECT_FALSE(read_options(R"({"url":"https://example.com","secret":"fake"})"));
  EXPECT_FALSE(read_options(R"({"url":"https://example.com","ca_file":"/no/such.pem"})"));
  EXPECT_FALSE(read_options("[]"));
}

}  // namespace
}  // namespace codedriftd::webhook
