#include "support/standard_webhooks.h"

#include <gtest/gtest.h>

namespace codedriftd::test {
namespace {

// The vector of the Standard Webhooks reference libraries.
constexpr const char* kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr const char* kId = "msg_p5jXN8AQM9LWM0D4loKWxJek";
constexpr const char* kTime = "1614265330";
constexpr const char* kBody = R"({"test": 2432232314})";
constexpr const char* kSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
constexpr int64_t kNow = 1614265330;

TEST(StandardWebhooks, AcceptsTheReferenceVectorAloneAndAmongOthers) {
  EXPECT_EQ(check_webhook(kSecret, kId, kTime, kSignature, kBody, kNow), WebhookVerdict::good);
  const std::string rotated = std::string("v1,AAAA v1a,BBBB ") + kSignature;
  EXPECT_EQ(check_webhook(kSecret, kId, kTime, rotated, kBody, kNow + 300), WebhookVerdict::good);
}

TEST(StandardWebhooks, SaysWhatIsWrong) {
  EXPECT_EQ(check_webhook(kSecret, kId, kTime, kSignature, "{}", kNow), WebhookVerdict::wrong_signature);
  EXPECT_EQ(check_webhook(kSecret, "other", kTime, kSignature, kBody, kNow), WebhookVerdict::wrong_signature);
  EXPECT_EQ(check_webhook(kSecret, kId, kTime, "v1,AAAA", kBody, kNow), WebhookVerdict::wrong_signature);
  EXPECT_EQ(check_webhook(kSecret, kId, kTime, kSignature, kBody, kNow + 301), WebhookVerdict::too_old);
  EXPECT_EQ(check_webhook(kSecret, kId, kTime, kSignature, kBody, kNow - 301), WebhookVerdict::too_old);
  EXPECT_EQ(check_webhook(kSecret, "", kTime, kSignature, kBody, kNow), WebhookVerdict::no_headers);
  EXPECT_EQ(check_webhook(kSecret, kId, "12x", kSignature, kBody, kNow), WebhookVerdict::no_headers);
  EXPECT_EQ(check_webhook("MfKQ", kId, kTime, kSignature, kBody, kNow), WebhookVerdict::bad_secret);
  EXPECT_EQ(check_webhook("whsec_*", kId, kTime, kSignature, kBody, kNow), WebhookVerdict::bad_secret);
}

}  // namespace
}  // namespace codedriftd::test
