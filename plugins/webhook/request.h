#pragma once
/// What the webhook plugin sends: pure functions.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http_sink/connection.h"
#include "http_sink/destination.h"
#include "webhook/signing.h"

namespace codedriftd::webhook {

enum class Format {
  cloudevents,         ///< structured: the whole event in the body
  cloudevents_binary,  ///< its attributes in headers, the alert in the body
  alertmanager_v4,     ///< what Alertmanager's own webhook receiver sends
  json,                ///< the alert alone
};
inline constexpr const char* kFormats = "cloudevents|cloudevents_binary|alertmanager_v4|json";

/// The plugin's options, checked.
struct Options {
  http_sink::Connection connection;
  Format format = Format::cloudevents;
  std::vector<SigningKey> keys;  ///< empty: unsigned
};
/// From what open() is given. An error, which repeats no secret, for a URL that may not be called, a secret that is not
/// in the form of Standard Webhooks, and a header that may not be set.
Result<Options> read_options(std::string_view config_json);

/// What goes over the wire, before it is signed.
struct Message {
  std::string content_type;
  std::vector<HttpHeader> headers;
  std::string body;
};
/// An error if `alert` is no alert. In `data` of a CloudEvent the alert stands byte by byte.
Result<Message> make_message(Format format, std::string_view alert);

/// A header value of the CloudEvents binary mode: everything but printable ASCII, and space, '"' and '%', as %XX of its
/// UTF-8 bytes.
std::string percent_encoded(std::string_view text);

class Webhook final : public http_sink::Destination {
 public:
  explicit Webhook(Options options) : options_(std::move(options)) {}
  /// Signed for `now`.
  Result<HttpRequest> make_request(const http_sink::Incoming& alert, unsigned length, WallTime now) const override;
  http_sink::Outcome judge(const HttpResponse& response, WallTime now) const override;

 private:
  Options options_;
};

Result<std::unique_ptr<http_sink::Destination>> open(std::string_view config_json);

}  // namespace codedriftd::webhook
