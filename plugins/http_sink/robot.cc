#include "http_sink/robot.h"

#include <algorithm>

#include "base/json.h"
#include "http/retry.h"

namespace codedriftd::http_sink {
namespace {

/// All that length 2 says: the target's name, or what has none.
std::string one_line(const Alert& alert, const RobotStyle& style) {
  const std::string_view name = alert.own.address;
  const std::string what =
      name.empty() ? summary_line(alert.own, 150, style.markup) : style.markup.code(shortened(name, 340));
  return style.title == nullptr ? what : style.title(alert) + " " + what;
}

}  // namespace

std::string markdown_escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (std::string_view("\\`*_[]<>#~|").find(c) != std::string_view::npos) result += '\\';
    result += c;
  }
  return result;
}

std::string markdown_code(std::string_view text) {
  std::string inner(text);
  std::replace(inner.begin(), inner.end(), '`', '\'');
  return inner.empty() ? inner : "`" + inner + "`";
}

std::string as_it_is(std::string_view text) { return std::string(text); }

std::string robot_text(const Alert& alert, unsigned length, std::size_t max_bytes, const RobotStyle& style) {
  if (length + 1 >= kRobotLengths) return joined({one_line(alert, style)}, max_bytes);
  std::vector<std::string> lines;
  if (style.title != nullptr) lines.push_back(style.title(alert));
  lines.push_back(summary_line(alert.own, length == 0 ? 800 : 300, style.markup));
  const std::size_t limit = length == 0 ? max_bytes : max_bytes / 2;
  const std::size_t end = style.line_end.size();
  std::size_t used = 0;
  for (const std::string& line : lines) used += line.size() + 1 + end;
  used += std::min(alert.items.size(), kMostItems + 1) * end;
  for (std::string& line : item_lines(alert, limit - std::min(used, limit), style.markup)) {
    lines.push_back(std::move(line));
  }
  if (length == 0) {
    for (const std::string& line : fact_lines(alert, style.markup)) {
      lines.push_back(std::string(style.fact_mark).append(line));
    }
  }
  for (std::string& line : lines) line += style.line_end;
  return joined(lines, limit);
}

std::optional<int64_t> answer_code(const HttpResponse& response, std::initializer_list<const char*> names) {
  const Json body = parse_json(response.body);
  if (!body.is_object()) return std::nullopt;
  for (const char* name : names) {
    if (const auto code = body.find(name); code != body.end()) {
      return code->is_number_integer() ? std::optional(code->get<int64_t>()) : std::nullopt;
    }
  }
  return std::nullopt;
}

Outcome judge_by_code(const HttpResponse& response, const Mask& mask, WallTime now, std::optional<int64_t> code,
                      CodeMeanings meaning, std::string_view expected) {
  Outcome outcome = judge_status(response, mask, now);
  const bool success = whole_success(response);
  const bool refusal = response.failure == HttpFailure::none && response.status >= 400 && response.status < 500;
  if (!success && !refusal) return outcome;
  outcome.too_long = response.status == 413;
  if (success && !code) return taken_on_status(std::move(outcome), expected);
  if (!code || *code == 0) return outcome;
  const auto known = meaning(*code);
  if (!known && refusal) return outcome;
  const CodeMeaning meant = known.value_or(CodeMeaning{});
  outcome.result = meant.result;
  outcome.too_long = meant.too_long;
  outcome.retry_after_ms = 0;
  if (meant.result == CODEDRIFTD_RETRY) {
    const Millis asked = parse_retry_after(response.header("retry-after"), now).value_or(Millis{0});
    outcome.retry_after_ms = static_cast<uint32_t>(std::max(meant.at_least, asked).count());
  }
  return outcome;
}

Result<Secret> read_robot_secret(Json& config, Mask& mask) {
  Secret secret(text_at(config, "secret"));
  if (secret.empty()) return secret;
  wipe(config["secret"].get_ref<std::string&>());
  if (secret.reveal().find_first_of(std::string_view(" \t\r\n\0", 5)) != std::string_view::npos) {
    return Error{"secret_file: should hold one word, the robot's secret as the chat shows it, and nothing else"};
  }
  mask.add(secret.reveal());
  return secret;
}

}  // namespace codedriftd::http_sink
