#include "dingtalk/request.h"

#include <fmt/format.h>

#include <optional>

#include "base/json.h"
#include "base/sha256.h"

namespace codedriftd::dingtalk {
namespace {

using http_sink::Alert;

constexpr Millis kMute = std::chrono::minutes(10);

std::string title(const Alert& alert) { return "### " + http_sink::markdown_escaped(http_sink::headline(alert)); }

/// DingTalk breaks a line where two spaces stand in front of its end.
constexpr http_sink::RobotStyle kStyle = {{http_sink::markdown_escaped, http_sink::markdown_code}, title, "> ", "  "};

std::optional<http_sink::CodeMeaning> meaning_of(int64_t errcode) {
  switch (errcode) {
    case -1:  // busy
    case 88:
      return {{CODEDRIFTD_RETRY}};
    case 130101:  // too many
    case 410100:
      return {{CODEDRIFTD_RETRY, kMute}};
    case 300001:  // the token
    case 300005:
    case 310000:  // the signature or its time, the key words, this host's address
    case 400013:  // the group is gone
    case 400101:  // the token
    case 400102:  // the robot is switched off
    case 400106:  // or gone
      return {{CODEDRIFTD_DESTINATION_REFUSED}};
    default:  // what it does not like in this message, and what is not known
      return std::nullopt;
  }
}

/// As a value of a query string; of base64.
std::string percent_encoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    if (c == '+') {
      encoded += "%2B";
    } else if (c == '/') {
      encoded += "%2F";
    } else if (c == '=') {
      encoded += "%3D";
    } else {
      encoded += c;
    }
  }
  return encoded;
}

/// The configured address has no time and no signature of its own, which hold for an hour.
Checked check_address(std::string_view url) {
  if (url.find('#') == std::string_view::npos && url.find("&sign=") == std::string_view::npos &&
      url.find("&timestamp=") == std::string_view::npos) {
    return Done{};
  }
  return Error{
      "url_file: should hold the robot's address as DingTalk shows it, with access_token alone; without timestamp, "
      "sign "
      "and #: both are made for each message from secret_file"};
}

}  // namespace

std::string signature(std::string_view secret, int64_t timestamp_ms) {
  return base64(hmac_sha256(secret, fmt::format("{}\n{}", timestamp_ms, secret)).bytes);
}

std::string signed_url(std::string_view url, std::string_view secret, int64_t timestamp_ms) {
  return fmt::format("{}{}timestamp={}&sign={}", url, url.find('?') == std::string_view::npos ? '?' : '&', timestamp_ms,
                     percent_encoded(signature(secret, timestamp_ms)));
}

std::string content(const Alert& alert, unsigned length) {
  return http_sink::robot_text(alert, length, kTextBytes, kStyle);
}

Result<HttpRequest> DingTalk::make_request(const http_sink::Incoming& incoming, unsigned length, WallTime now) const {
  const auto alert = http_sink::read_alert(incoming.json);
  if (!alert) return alert.error();
  HttpRequest request =
      http_sink::basic_request(connection_, "POST", connection_.url, "application/json; charset=utf-8");
  if (!secret_.empty()) request.url = signed_url(connection_.url, secret_.reveal(), to_ms(now));
  request.body =
      json_line(Json{{"msgtype", "markdown"},
                     {"markdown", {{"title", http_sink::headline(*alert)}, {"text", content(*alert, length)}}}});
  return request;
}

http_sink::Outcome DingTalk::judge(const HttpResponse& response, WallTime now) const {
  return http_sink::judge_by_code(response, connection_.mask, now, http_sink::answer_code(response, {"errcode"}),
                                  meaning_of, "an errcode");
}

Result<std::unique_ptr<http_sink::Destination>> open(std::string_view config_json) {
  auto config = http_sink::read_config(config_json);
  if (!config) return config.error();
  auto connection = http_sink::read_connection(*config);
  if (!connection) return connection.error();
  if (auto checked = check_address(connection->url); !checked) return checked.error();
  auto secret = http_sink::read_robot_secret(*config, connection->mask);
  if (!secret) return secret.error();
  return std::unique_ptr<http_sink::Destination>(
      std::make_unique<DingTalk>(std::move(*connection), std::move(*secret)));
}

}  // namespace codedriftd::dingtalk
