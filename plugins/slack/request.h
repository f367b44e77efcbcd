#pragma once
/// What the slack plugin sends: pure functions.
#include <memory>
#include <string>
#include <string_view>

#include "http_sink/alert.h"
#include "http_sink/connection.h"
#include "http_sink/destination.h"

namespace codedriftd::slack {

/// Slack's limits, kept in bytes: never more characters than that.
inline constexpr std::size_t kHeaderBytes = 150;
inline constexpr std::size_t kTextBytes = 3000;
inline constexpr std::size_t kMostBlocks = 50;

/// '&', '<' and '>' as Slack wants them: nothing in the text is a link, a mention or a command then.
std::string escaped(std::string_view text);

/// The body. Length 0: a header and sections. Length 1: the text alone. All of it is plain text, which Slack does not
/// read as mrkdwn.
std::string payload(const http_sink::Alert& alert, unsigned length);

class Slack final : public http_sink::Destination {
 public:
  explicit Slack(http_sink::Connection connection) : connection_(std::move(connection)) {}
  unsigned lengths() const override { return 2; }
  Result<HttpRequest> make_request(const http_sink::Incoming& alert, unsigned length, WallTime now) const override;
  /// Delivered: 2xx, unless the body is one of Slack's error words, or JSON with "ok": false: those say what is to be
  /// done. A body that is neither is noted.
  http_sink::Outcome judge(const HttpResponse& response, WallTime now) const override;

 private:
  http_sink::Connection connection_;
};

Result<std::unique_ptr<http_sink::Destination>> open(std::string_view config_json);

}  // namespace codedriftd::slack
