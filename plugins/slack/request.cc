#include "slack/request.h"

#include <algorithm>
#include <optional>

#include "base/json.h"
#include "http_sink/chat.h"

namespace codedriftd::slack {
namespace {

using http_sink::Alert;

constexpr http_sink::Markup kMarkup = {escaped, escaped};
/// A digest of kMostItems in ten sections.
constexpr std::size_t kItemBytes = 9 * kTextBytes;

Json plain(const char* type, std::string text) {
  return {{"type", type}, {"text", {{"type", "plain_text"}, {"text", std::move(text)}, {"emoji", false}}}};
}

/// The beginning of `text` whose escaped form has at most `max_bytes`.
std::string escaped_within(std::string_view text, std::size_t max_bytes) {
  std::string result = escaped(text);
  for (std::size_t length = max_bytes; result.size() > max_bytes; length -= 3) {
    result = escaped(http_sink::shortened(text, length));
  }
  return result;
}

/// The lines in as many sections as they need.
void add_sections(Json& blocks, const std::vector<std::string>& lines) {
  std::string text;
  const auto flush = [&] {
    if (!text.empty() && blocks.size() < kMostBlocks) blocks.push_back(plain("section", std::move(text)));
    text.clear();
  };
  for (const std::string& line : lines) {
    if (line.size() > kTextBytes) continue;
    if (text.size() + 1 + line.size() > kTextBytes) flush();
    if (!text.empty()) text += '\n';
    text += line;
  }
  flush();
}

/// The line that notifications show, and all there is at length 1. An escaped character is five bytes at most.
std::string fallback(const Alert& alert, unsigned length) {
  std::vector<std::string> lines{escaped(http_sink::headline(alert)),
                                 http_sink::summary_line(alert.own, length == 0 ? 400 : 250, kMarkup)};
  if (length == 1) {
    for (std::string& line : http_sink::item_lines(alert, 1500, kMarkup)) lines.push_back(std::move(line));
  }
  return http_sink::joined(lines, kTextBytes);
}

/// What a JSON answer says: nullopt if it is none.
std::optional<Json> json_of(const HttpResponse& response) {
  Json body = Json::parse(response.body, nullptr, false);
  if (!body.is_object()) return std::nullopt;
  return body;
}

bool says_ok(const HttpResponse& response, const std::optional<Json>& body) {
  if (body) return body->value("ok", Json()) == Json(true);
  std::string_view text = response.body;
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  return text == "ok";
}

bool contains(std::string_view text, std::string_view word) { return text.find(word) != std::string_view::npos; }

/// The error that an answer names: Slack's own are a word, alone or as "error" in JSON. Empty: none.
std::string error_of(const HttpResponse& response, const std::optional<Json>& body) {
  if (body) {
    const Json error = body->value("error", Json());
    return error.is_string() ? error.get<std::string>() : std::string();
  }
  std::string_view text = response.body;
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  return std::string(text.substr(0, 64));
}

/// What Slack means by one of its error words; nullopt for a word that is none of them.
std::optional<codedriftd_result> known_error(std::string_view word) {
  constexpr std::string_view kLater[] = {"rate_limited", "ratelimited",    "rollup_error",
                                         "fatal_error",  "internal_error", "service_unavailable"};
  constexpr std::string_view kThisOne[] = {
      "invalid_payload",    "no_text", "invalid_blocks", "msg_too_long", "too_many_attachments", "invalid_attachments",
      "msg_blocks_too_long"};
  constexpr std::string_view kAll[] = {"invalid_token",
                                       "action_prohibited",
                                       "no_service",
                                       "no_service_id",
                                       "no_team",
                                       "team_disabled",
                                       "channel_not_found",
                                       "channel_is_archived",
                                       "user_not_found",
                                       "invalid_auth",
                                       "account_inactive",
                                       "token_revoked",
                                       "not_authed",
                                       "no_active_hooks",
                                       "posting_to_general_channel_denied"};
  const auto among = [word](const auto& list) {
    return std::find(std::begin(list), std::end(list), word) != std::end(list);
  };
  if (among(kLater)) return CODEDRIFTD_RETRY;
  if (among(kThisOne)) return CODEDRIFTD_REJECTED;
  if (among(kAll)) return CODEDRIFTD_DESTINATION_REFUSED;
  return std::nullopt;
}

/// Not a matter of what was sent, though the status says so.
bool rate_limited(const std::optional<Json>& body) {
  return body && body->value("error", Json()) == Json("rate_limited");
}

bool too_long(const HttpResponse& response, std::string_view error) {
  if (response.status == 413) return true;
  if (response.status == 400) return contains(response.body, "too_long") || contains(response.body, "invalid_blocks");
  return error.ends_with("too_long") || error == "invalid_blocks";
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::string payload(const Alert& alert, unsigned length) {
  Json body{{"text", fallback(alert, length)}, {"mrkdwn", false}};
  if (length > 0) return json_line(body);
  Json blocks = Json::array();
  blocks.push_back(plain("header", escaped_within(http_sink::headline(alert), kHeaderBytes)));
  // Long enough for both lists of layers, in one section.
  std::vector<std::string> lines{escaped_within(http_sink::shortened(alert.own.summary, 900), kTextBytes)};
  for (std::string& line : http_sink::item_lines(alert, kItemBytes, kMarkup)) lines.push_back(std::move(line));
  for (std::string& line : http_sink::fact_lines(alert, kMarkup)) lines.push_back(std::move(line));
  add_sections(blocks, lines);
  body["blocks"] = std::move(blocks);
  return json_line(body);
}

Result<HttpRequest> Slack::make_request(const http_sink::Incoming& incoming, unsigned length, WallTime) const {
  const auto alert = http_sink::read_alert(incoming.json);
  if (!alert) return alert.error();
  HttpRequest request =
      http_sink::basic_request(connection_, "POST", connection_.url, "application/json; charset=utf-8");
  request.body = payload(*alert, length);
  return request;
}

http_sink::Outcome Slack::judge(const HttpResponse& response, WallTime now) const {
  http_sink::Outcome outcome = http_sink::judge_status(response, connection_.mask, now);
  const std::optional<Json> body = json_of(response);
  if (rate_limited(body)) {
    outcome.result = CODEDRIFTD_RETRY;
    const Json wait = body->value("retry_after", Json());
    if (outcome.retry_after_ms == 0 && wait.is_number_integer()) {
      outcome.retry_after_ms = static_cast<uint32_t>(std::clamp<int64_t>(wait.get<int64_t>(), 1, 86'400) * 1000);
    }
    return outcome;
  }
  const std::string error = error_of(response, body);
  outcome.too_long = too_long(response, error);
  if (outcome.result != CODEDRIFTD_DELIVERED || !http_sink::whole_success(response)) return outcome;
  if (says_ok(response, body)) return outcome;
  if (const auto known = known_error(error)) return http_sink::not_taken(std::move(outcome), *known);
  if (body && body->value("ok", Json()) == Json(false)) {  // it says no, in a word of its own: no reason to repeat it
    return http_sink::not_taken(std::move(outcome), CODEDRIFTD_REJECTED);
  }
  return http_sink::taken_on_status(std::move(outcome), "\"ok\"");
}

Result<std::unique_ptr<http_sink::Destination>> open(std::string_view config_json) {
  const auto config = http_sink::read_config(config_json);
  if (!config) return config.error();
  auto connection = http_sink::read_connection(*config);
  if (!connection) return connection.error();
  return std::unique_ptr<http_sink::Destination>(std::make_unique<Slack>(std::move(*connection)));
}

}  // namespace codedriftd::slack
