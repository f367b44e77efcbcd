#include "wecom/request.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/json.h"
#include "http/retry.h"
#include "http_sink/chat.h"

namespace codedriftd::wecom {
namespace {

using http_sink::Alert;

constexpr http_sink::Markup kMarkup = {escaped, code};
constexpr uint32_t kTooOftenMs = 60'000;

std::string_view color(std::string_view severity) {
  if (severity == "critical" || severity == "warning") return "warning";
  return "info";
}

std::string title(const Alert& alert) {
  return fmt::format("**<font color=\"{}\">{}</font>**", color(alert.own.severity),
                     escaped(http_sink::headline(alert)));
}

std::optional<int64_t> errcode_of(const HttpResponse& response) {
  const Json body = Json::parse(response.body, nullptr, false);
  if (!body.is_object()) return std::nullopt;
  const auto code = body.find("errcode");
  if (code == body.end() || !code->is_number_integer()) return std::nullopt;
  return code->get<int64_t>();
}

codedriftd_result result_of(int64_t errcode) {
  if (errcode == 0) return CODEDRIFTD_DELIVERED;
  if (errcode >= 93'000 && errcode < 94'000) return CODEDRIFTD_DESTINATION_REFUSED;
  switch (errcode) {
    case 40001:  // the key, or what stands for it
    case 40013:
    case 40014:
    case 41001:
    case 42001:
    case 48002:  // not allowed to
    case 60020:  // from this address
      return CODEDRIFTD_DESTINATION_REFUSED;
    case -1:     // busy
    case 45009:  // too many
      return CODEDRIFTD_RETRY;
    default:  // the kind of message, its parameters, its length, and what is not known: to repeat it would not help
      return CODEDRIFTD_REJECTED;
  }
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (std::string_view("\\`*_[]<>#~|").find(c) != std::string_view::npos) result += '\\';
    result += c;
  }
  return result;
}

std::string code(std::string_view text) {
  std::string inner(text);
  std::replace(inner.begin(), inner.end(), '`', '\'');
  return inner.empty() ? inner : "`" + inner + "`";
}

std::string content(const Alert& alert, unsigned length) {
  const std::string head = title(alert);
  if (length == 2) {
    const std::string_view name = alert.own.address;
    return http_sink::joined(
        {head + " " +
         (name.empty() ? http_sink::summary_line(alert.own, 150, kMarkup) : code(http_sink::shortened(name, 340)))},
        kContentBytes);
  }
  std::vector<std::string> lines{head, http_sink::summary_line(alert.own, length == 0 ? 800 : 300, kMarkup)};
  std::size_t used = head.size() + lines[1].size() + 2;
  const std::size_t limit = length == 0 ? kContentBytes : kContentBytes / 2;
  for (std::string& line : http_sink::item_lines(alert, limit - std::min(used, limit), kMarkup)) {
    lines.push_back(std::move(line));
  }
  if (length == 0) {
    for (const std::string& line : http_sink::fact_lines(alert, kMarkup)) lines.push_back("> " + line);
  }
  return http_sink::joined(lines, limit);
}

Result<HttpRequest> WeCom::make_request(const http_sink::Incoming& incoming, unsigned length, WallTime) const {
  const auto alert = http_sink::read_alert(incoming.json);
  if (!alert) return alert.error();
  HttpRequest request = http_sink::basic_request(connection_, "POST", connection_.url, "application/json");
  request.body = json_line(Json{{"msgtype", "markdown"}, {"markdown", {{"content", content(*alert, length)}}}});
  return request;
}

http_sink::Outcome WeCom::judge(const HttpResponse& response, WallTime now) const {
  http_sink::Outcome outcome = http_sink::judge_status(response, connection_.mask, now);
  if (outcome.result != CODEDRIFTD_DELIVERED || !http_sink::whole_success(response)) return outcome;
  const auto errcode = errcode_of(response);
  if (!errcode) return http_sink::taken_on_status(std::move(outcome), "an errcode");
  outcome.result = result_of(*errcode);
  outcome.too_long = *errcode == 40058;
  if (*errcode == 45009) {
    const auto asked = parse_retry_after(response.header("retry-after"), now).value_or(Millis{0});
    outcome.retry_after_ms = std::max(kTooOftenMs, static_cast<uint32_t>(asked.count()));
  }
  return outcome;
}

Result<std::unique_ptr<http_sink::Destination>> open(std::string_view config_json) {
  const auto config = http_sink::read_config(config_json);
  if (!config) return config.error();
  auto connection = http_sink::read_connection(*config);
  if (!connection) return connection.error();
  return std::unique_ptr<http_sink::Destination>(std::make_unique<WeCom>(std::move(*connection)));
}

}  // namespace codedriftd::wecom
