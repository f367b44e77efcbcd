#include "teams/request.h"

#include <algorithm>
#include <charconv>

#include "base/json.h"

namespace codedriftd::teams {
namespace {

using http_sink::Alert;

constexpr http_sink::RobotStyle kStyle = {{http_sink::as_it_is, http_sink::as_it_is}};
constexpr uint32_t kThrottledMs = 60'000;
/// One has 66 bytes beside its text.
constexpr std::size_t kMostBlocks = 80;

Json block(Json run) {
  run["type"] = "TextRun";
  return {{"type", "RichTextBlock"}, {"inlines", Json::array({std::move(run)})}};
}

const char* color(std::string_view severity) {
  if (severity == "critical") return "Attention";
  return severity == "warning" ? "Warning" : "Default";
}

/// The status of the "HTTP error 429" that a body tells of; 0: of none.
int told_error(std::string_view body) {
  constexpr std::string_view kWords = "HTTP error ";
  const std::size_t at = body.find(kWords);
  if (at == std::string_view::npos) return 0;
  body.remove_prefix(at + kWords.size());
  int status = 0;
  std::from_chars(body.data(), body.data() + body.size(), status);
  return status;
}

/// The word for an error in what Power Automate answers; empty if there is none.
std::string error_code(const HttpResponse& response) {
  const Json body = parse_json(response.body);
  if (!body.is_object()) return {};
  const auto error = body.find("error");
  return error != body.end() && error->is_object() ? text_at(*error, "code") : std::string();
}

}  // namespace

Json card(const Alert& alert, unsigned length) {
  Json blocks = Json::array();
  blocks.push_back(block({{"text", http_sink::headline(alert)},
                          {"size", "Large"},
                          {"weight", "Bolder"},
                          {"color", color(alert.own.severity)}}));
  const std::string text = http_sink::robot_text(alert, length, kTextBytes, kStyle);
  for (std::string_view rest = text; !rest.empty() && blocks.size() < kMostBlocks;) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (!line.empty()) blocks.push_back(block({{"text", std::string(line)}}));
  }
  return {{"$schema", "http://adaptivecards.io/schemas/adaptive-card.json"},
          {"type", "AdaptiveCard"},
          {"version", "1.2"},
          {"body", std::move(blocks)},
          {"msteams", {{"width", "full"}}}};
}

Result<HttpRequest> Teams::make_request(const http_sink::Incoming& incoming, unsigned length, WallTime) const {
  const auto alert = http_sink::read_alert(incoming.json);
  if (!alert) return alert.error();
  HttpRequest request = http_sink::basic_request(connection_, "POST", connection_.url, "application/json");
  const Json attachment{{"contentType", "application/vnd.microsoft.card.adaptive"},
                        {"contentUrl", nullptr},
                        {"content", card(*alert, length)}};
  request.body = json_line(Json{{"type", "message"}, {"attachments", Json::array({attachment})}});
  return request;
}

http_sink::Outcome Teams::judge(const HttpResponse& response, WallTime now) const {
  http_sink::Outcome outcome = http_sink::judge_status(response, connection_.mask, now);
  if (response.failure != HttpFailure::none) return outcome;
  outcome.too_long = response.status == 413;
  if (response.status == 400 && error_code(response) == "WorkflowTriggerIsNotEnabled") {
    outcome.result = CODEDRIFTD_DESTINATION_REFUSED;
  }
  const int told = told_error(response.body);
  if (!http_sink::whole_success(response) || told == 0) return outcome;
  HttpResponse meant;
  meant.status = told;
  const http_sink::Outcome inner = http_sink::judge_status(meant, connection_.mask, now);
  outcome.result = inner.result;
  outcome.too_long = told == 413;
  if (told == 429) outcome.retry_after_ms = kThrottledMs;
  return outcome;
}

Result<std::unique_ptr<http_sink::Destination>> open(std::string_view config_json) {
  const auto config = http_sink::read_config(config_json);
  if (!config) return config.error();
  auto connection = http_sink::read_connection(*config);
  if (!connection) return connection.error();
  return std::unique_ptr<http_sink::Destination>(std::make_unique<Teams>(std::move(*connection)));
}

}  // namespace codedriftd::teams
