#include "wecom/request.h"

#include <fmt/format.h>

#include <optional>

#include "base/json.h"
#include "http_sink/robot.h"

namespace codedriftd::wecom {
namespace {

using http_sink::Alert;

constexpr Millis kTooOften{60'000};

std::string_view color(std::string_view severity) {
  if (severity == "critical" || severity == "warning") return "warning";
  return "info";
}

std::string title(const Alert& alert) {
  return fmt::format("**<font color=\"{}\">{}</font>**", color(alert.own.severity),
                     http_sink::markdown_escaped(http_sink::headline(alert)));
}

constexpr http_sink::RobotStyle kStyle = {{http_sink::markdown_escaped, http_sink::markdown_code}, title, "> "};

std::optional<http_sink::CodeMeaning> meaning_of(int64_t errcode) {
  if (errcode >= 93'000 && errcode < 94'000) return {{CODEDRIFTD_DESTINATION_REFUSED}};
  switch (errcode) {
    case 40001:  // the key, or what stands for it
    case 40013:
    case 40014:
    case 41001:
    case 42001:
    case 48002:  // not allowed to
    case 60020:  // from this address
      return {{CODEDRIFTD_DESTINATION_REFUSED}};
    case -1:  // busy
      return {{CODEDRIFTD_RETRY}};
    case 45009:  // too many
      return {{CODEDRIFTD_RETRY, kTooOften}};
    case 40058:
      return {{CODEDRIFTD_REJECTED, {}, true}};
    default:  // the kind of message, its parameters, and what is not known
      return std::nullopt;
  }
}

}  // namespace

std::string content(const Alert& alert, unsigned length) {
  return http_sink::robot_text(alert, length, kContentBytes, kStyle);
}

Result<HttpRequest> WeCom::make_request(const http_sink::Incoming& incoming, unsigned length, WallTime) const {
  const auto alert = http_sink::read_alert(incoming.json);
  if (!alert) return alert.error();
  HttpRequest request = http_sink::basic_request(connection_, "POST", connection_.url, "application/json");
  request.body = json_line(Json{{"msgtype", "markdown"}, {"markdown", {{"content", content(*alert, length)}}}});
  return request;
}

http_sink::Outcome WeCom::judge(const HttpResponse& response, WallTime now) const {
  return http_sink::judge_by_code(response, connection_.mask, now, http_sink::answer_code(response, {"errcode"}),
                                  meaning_of, "an errcode");
}

Result<std::unique_ptr<http_sink::Destination>> open(std::string_view config_json) {
  const auto config = http_sink::read_config(config_json);
  if (!config) return config.error();
  auto connection = http_sink::read_connection(*config);
  if (!connection) return connection.error();
  return std::unique_ptr<http_sink::Destination>(std::make_unique<WeCom>(std::move(*connection)));
}

}  // namespace codedriftd::wecom
