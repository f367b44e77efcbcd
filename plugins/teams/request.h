#pragma once
/// What the teams plugin sends: pure functions.
#include <memory>
#include <string>
#include <string_view>

#include "base/json_box.h"
#include "http_sink/alert.h"
#include "http_sink/connection.h"
#include "http_sink/destination.h"
#include "http_sink/robot.h"

namespace codedriftd::teams {

/// The longest body. About 28 KB are documented; not all of them can be used.
inline constexpr std::size_t kBodyBytes = 21'000;
/// The longest text: as JSON it may have twice as many bytes, and each line has a block around it.
inline constexpr std::size_t kTextBytes = 7'000;

/// The Adaptive Card. Each line is a text run, which Teams does not read as markdown, in a block of its own. The
/// lengths are those of robot_text.
Json card(const http_sink::Alert& alert, unsigned length);

class Teams final : public http_sink::Destination {
 public:
  explicit Teams(http_sink::Connection connection) : connection_(std::move(connection)) {}
  unsigned lengths() const override { return http_sink::kRobotLengths; }
  Result<HttpRequest> make_request(const http_sink::Incoming& alert, unsigned length, WallTime now) const override;
  /// By the status: 202 means that the workflow was started. 413 is too long. A 400 that says that the workflow is
  /// switched off means that the destination refuses. A 2xx whose body tells of an "HTTP error" is that error: old
  /// webhooks answer so when they were throttled.
  http_sink::Outcome judge(const HttpResponse& response, WallTime now) const override;

 private:
  http_sink::Connection connection_;
};

Result<std::unique_ptr<http_sink::Destination>> open(std::string_view config_json);

}  // namespace codedriftd::teams
