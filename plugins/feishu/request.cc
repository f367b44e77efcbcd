#include "feishu/request.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/json.h"
#include "base/sha256.h"
#include "http/retry.h"

namespace codedriftd::feishu {
namespace {

using http_sink::Alert;

constexpr Millis kTooOften{60'000};

constexpr http_sink::RobotStyle kStyle = {{http_sink::as_it_is, http_sink::as_it_is}};

Json plain(std::string text) { return {{"tag", "plain_text"}, {"content", std::move(text)}}; }

const char* color(std::string_view severity) {
  if (severity == "critical") return "red";
  return severity == "warning" ? "orange" : "blue";
}

std::optional<http_sink::CodeMeaning> meaning_of(int64_t code) {
  switch (code) {
    case 11232:     // too many; at full and half hours of everybody together
    case 99991400:  // the same, of the whole platform
      return {{CODEDRIFTD_RETRY, kTooOften}};
    case 9499:  // a bad request, which one that is too long is too
      return {{CODEDRIFTD_REJECTED, {}, true}};
    case 19001:  // no such bot
    case 19007:  // it is switched off
    case 19021:  // the signature or its time
    case 19022:  // not from this address
    case 19024:  // none of its key words
      return {{CODEDRIFTD_DESTINATION_REFUSED}};
    default:
      return std::nullopt;
  }
}

}  // namespace

std::string signature(std::string_view secret, int64_t timestamp) {
  return base64(hmac_sha256(fmt::format("{}\n{}", timestamp, secret), "").bytes);
}

Json card(const Alert& alert, unsigned length) {
  const Json text = plain(http_sink::robot_text(alert, length, kTextBytes, kStyle));
  return {{"config", {{"wide_screen_mode", true}}},
          {"header", {{"title", plain(http_sink::headline(alert))}, {"template", color(alert.own.severity)}}},
          {"elements", Json::array({{{"tag", "div"}, {"text", text}}})}};
}

Result<HttpRequest> Feishu::make_request(const http_sink::Incoming& incoming, unsigned length, WallTime now) const {
  const auto alert = http_sink::read_alert(incoming.json);
  if (!alert) return alert.error();
  Json body{{"msg_type", "interactive"}, {"card", card(*alert, length)}};
  if (!secret_.empty()) {
    const int64_t timestamp = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
    body["timestamp"] = std::to_string(timestamp);
    body["sign"] = signature(secret_.reveal(), timestamp);
  }
  HttpRequest request =
      http_sink::basic_request(connection_, "POST", connection_.url, "application/json; charset=utf-8");
  request.body = json_line(body);
  return request;
}

http_sink::Outcome Feishu::judge(const HttpResponse& response, WallTime now) const {
  http_sink::Outcome outcome = http_sink::judge_by_code(
      response, connection_.mask, now, http_sink::answer_code(response, {"code", "StatusCode"}), meaning_of, "a code");
  if (outcome.result != CODEDRIFTD_RETRY) return outcome;
  if (const auto reset = parse_retry_after(response.header("x-ogw-ratelimit-reset"), now)) {
    outcome.retry_after_ms = static_cast<uint32_t>(reset->count());
  }
  return outcome;
}

Result<std::unique_ptr<http_sink::Destination>> open(std::string_view config_json) {
  auto config = http_sink::read_config(config_json);
  if (!config) return config.error();
  auto connection = http_sink::read_connection(*config);
  if (!connection) return connection.error();
  auto secret = http_sink::read_robot_secret(*config, connection->mask);
  if (!secret) return secret.error();
  return std::unique_ptr<http_sink::Destination>(std::make_unique<Feishu>(std::move(*connection), std::move(*secret)));
}

}  // namespace codedriftd::feishu
