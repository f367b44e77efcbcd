#pragma once
/// What the wecom plugin sends: pure functions.
#include <memory>
#include <string>
#include <string_view>

#include "http_sink/alert.h"
#include "http_sink/connection.h"
#include "http_sink/destination.h"
#include "http_sink/robot.h"

namespace codedriftd::wecom {

/// The longest markdown a group robot takes.
inline constexpr std::size_t kContentBytes = 4096;

/// The markdown. Length 0: everything, within kContentBytes. Length 1: the summary and the targets' names. Length 2:
/// one line.
std::string content(const http_sink::Alert& alert, unsigned length);

class WeCom final : public http_sink::Destination {
 public:
  explicit WeCom(http_sink::Connection connection) : connection_(std::move(connection)) {}
  unsigned lengths() const override { return http_sink::kRobotLengths; }
  Result<HttpRequest> make_request(const http_sink::Incoming& alert, unsigned length, WallTime now) const override;
  /// The errcode in the body says it: 0 is a success, -1 (busy) and 45009 (too many, after a minute) are tried again,
  /// 40058 is too long, 93000 to 93999 and errors of the key mean that the destination refuses, any other one that the
  /// alert is rejected. A 2xx without an errcode is delivered, and that is noted.
  http_sink::Outcome judge(const HttpResponse& response, WallTime now) const override;

 private:
  http_sink::Connection connection_;
};

Result<std::unique_ptr<http_sink::Destination>> open(std::string_view config_json);

}  // namespace codedriftd::wecom
