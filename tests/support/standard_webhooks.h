#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace codedriftd::test {

/// The receiving side of Standard Webhooks (symmetric, v1), written apart from the sender.
enum class WebhookVerdict { good, no_headers, bad_secret, too_old, wrong_signature };

/// `secret` is "whsec_BASE64"; `signatures` the header's space-separated list, one of which has to be right;
/// `now` in Unix seconds, at most five minutes from `timestamp`.
WebhookVerdict check_webhook(std::string_view secret, std::string_view id, std::string_view timestamp,
                             std::string_view signatures, std::string_view body, int64_t now);

/// The example of Standard Webhooks' own libraries.
inline constexpr const char* kExampleSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
inline constexpr const char* kExampleId = "msg_p5jXN8AQM9LWM0D4loKWxJek";
inline constexpr int64_t kExampleTimestamp = 1614265330;

/// "signature good" and so on.
std::string_view describe(WebhookVerdict verdict);

}  // namespace codedriftd::test
