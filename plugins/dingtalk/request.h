#pragma once
/// What the dingtalk plugin sends: pure functions.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/secret.h"
#include "http_sink/alert.h"
#include "http_sink/connection.h"
#include "http_sink/destination.h"
#include "http_sink/robot.h"

namespace codedriftd::dingtalk {

/// The longest body: robots of companies are documented to take so much, custom ones a little more.
inline constexpr std::size_t kBodyBytes = 15'000;
/// The longest text: as JSON it may have twice as many bytes, and there is the title beside it.
inline constexpr std::size_t kTextBytes = 7'000;

/// What DingTalk calls `sign`: the secret is the key, and what is signed is the time and the secret.
std::string signature(std::string_view secret, int64_t timestamp_ms);
/// `url` with the time and the signature behind it.
std::string signed_url(std::string_view url, std::string_view secret, int64_t timestamp_ms);

/// The markdown. The lengths are those of robot_text.
std::string content(const http_sink::Alert& alert, unsigned length);

class DingTalk final : public http_sink::Destination {
 public:
  /// `secret` empty: unsigned.
  DingTalk(http_sink::Connection connection, Secret secret)
      : connection_(std::move(connection)), secret_(std::move(secret)) {}
  unsigned lengths() const override { return http_sink::kRobotLengths; }
  /// Signed for `now`.
  Result<HttpRequest> make_request(const http_sink::Incoming& alert, unsigned length, WallTime now) const override;
  /// The errcode in the body says it: 0 is a success, 130101 and 410100 (too many) are tried again after the ten
  /// minutes for which the robot is mute, -1 and 88 (busy) soon; 310000 of the signature, the key words and this host's
  /// address, and codes of the robot, mean that the destination refuses, any other one that the alert is rejected.
  http_sink::Outcome judge(const HttpResponse& response, WallTime now) const override;

 private:
  http_sink::Connection connection_;
  Secret secret_;
};

Result<std::unique_ptr<http_sink::Destination>> open(std::string_view config_json);

}  // namespace codedriftd::dingtalk
