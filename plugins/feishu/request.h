#pragma once
/// What the feishu plugin sends: pure functions.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/json_box.h"
#include "base/secret.h"
#include "http_sink/alert.h"
#include "http_sink/connection.h"
#include "http_sink/destination.h"
#include "http_sink/robot.h"

namespace codedriftd::feishu {

/// The longest body a custom bot takes.
inline constexpr std::size_t kBodyBytes = 20'000;
/// The longest text: as JSON it may have twice as many bytes, and there is the card around it.
inline constexpr std::size_t kTextBytes = 9'000;

/// What Feishu calls `sign`: the timestamp and the secret are the key, and what is signed is nothing.
std::string signature(std::string_view secret, int64_t timestamp);

/// The card: a coloured title, and all else as plain text, which Feishu does not read as markup. The lengths are those
/// of robot_text.
Json card(const http_sink::Alert& alert, unsigned length);

class Feishu final : public http_sink::Destination {
 public:
  /// `secret` empty: unsigned.
  Feishu(http_sink::Connection connection, Secret secret)
      : connection_(std::move(connection)), secret_(std::move(secret)) {}
  unsigned lengths() const override { return http_sink::kRobotLengths; }
  /// Signed for `now`.
  Result<HttpRequest> make_request(const http_sink::Incoming& alert, unsigned length, WallTime now) const override;
  /// The code in the body says it (in old bots StatusCode): 0 is a success, 11232 and 99991400 (too many) are tried
  /// again when their time has come, 9499 may be too long, 19001 to 19024 of the address, the signature, this host's
  /// address and the key words mean that the destination refuses, any other one that the alert is rejected.
  http_sink::Outcome judge(const HttpResponse& response, WallTime now) const override;

 private:
  http_sink::Connection connection_;
  Secret secret_;
};

Result<std::unique_ptr<http_sink::Destination>> open(std::string_view config_json);

}  // namespace codedriftd::feishu
