#include "http_sink/chat.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/text.h"

namespace codedriftd::http_sink {
namespace {

constexpr std::string_view kMore = "…";
constexpr std::size_t kFactBytes = 300;

/// What is left of a summary when its line begins with the target anyway.
std::string_view without_address(std::string_view summary, std::string_view address) {
  if (address.empty() || !summary.starts_with(address)) return summary;
  summary.remove_prefix(address.size());
  while (summary.starts_with(' ') || summary.starts_with(':')) summary.remove_prefix(1);
  return summary;
}

enum class Style { sentence, kind_and_address, address, name, cut_name };
constexpr Style kStyles[] = {Style::sentence, Style::kind_and_address, Style::address, Style::name};

std::string item_line(const Report& item, Style style, std::size_t name_bytes, const Markup& markup) {
  // What has no target goes by what it is.
  const std::string kind = markup.prose(shortened(item.kind, 40));
  if (item.address.empty() && style != Style::sentence) return kind;
  switch (style) {
    case Style::sentence: {
      const std::string rest = shortened(without_address(item.summary, item.address), 200);
      return fmt::format("{}{}{}{}{}", markup.code(item.address), item.address.empty() ? "" : " ", kind,
                         rest.empty() ? "" : ": ", markup.prose(rest));
    }
    case Style::kind_and_address:
      return fmt::format("{} {}", markup.code(item.address), kind);
    case Style::address:
      return markup.code(item.address);
    case Style::name:
      return markup.code(item.target ? item.target->function + ":" + item.target->qualifier : item.address);
    case Style::cut_name:
      return markup.code(shortened(item.target ? item.target->function : item.address, name_bytes));
  }
  return {};
}

std::size_t size_of(const std::vector<std::string>& lines) {
  return std::accumulate(lines.begin(), lines.end(), std::size_t{0},
                         [](std::size_t sum, const std::string& line) { return sum + line.size() + 1; });
}

}  // namespace

std::string shortened(std::string_view text, std::size_t max_bytes) {
  std::string whole = harmless(text);
  if (whole.size() <= max_bytes) return whole;
  if (max_bytes < kMore.size()) return {};
  return std::string(utf8_prefix(whole, max_bytes - kMore.size())).append(kMore);
}

std::string headline(const Alert& alert) {
  const std::string_view severity = alert.own.severity;
  return fmt::format("{}{}{}, {}", shortened(severity, 20), severity.empty() ? "" : ": ", shortened(alert.own.kind, 40),
                     shortened(alert.instance, 60));
}

std::string summary_line(const Report& report, std::size_t max_bytes, const Markup& markup) {
  const std::string text = shortened(report.summary, max_bytes);
  const std::size_t at = report.address.empty() ? std::string::npos : text.find(report.address);
  if (at == std::string::npos) return markup.prose(text);
  const std::string_view view = text;
  return markup.prose(view.substr(0, at)) + markup.code(report.address) +
         markup.prose(view.substr(at + report.address.size()));
}

std::vector<std::string> fact_lines(const Alert& alert, const Markup& markup) {
  const Report& own = alert.own;
  std::vector<std::string> lines;
  const auto add = [&](std::string_view name, std::string_view value, std::string (*write)(std::string_view)) {
    if (!value.empty()) lines.push_back(fmt::format("{}: {}", name, write(shortened(value, kFactBytes))));
  };
  add("target", own.address, markup.code);
  add("observed", own.observed, markup.code);
  add("accepted", own.accepted, markup.code);
  add("previous", own.previous, markup.code);
  add("expected", own.expected, markup.code);
  add("drift since", own.drift_since, markup.prose);
  add("resolution", own.resolution, markup.prose);
  add("reason", own.reason, markup.prose);
  add("error", own.error, markup.prose);
  add("request id", own.request_id, markup.code);
  add("time", own.time, markup.prose);
  add("next", own.next_step, markup.code);
  add("see", own.link, markup.prose);
  if (alert.actor != "daemon") add("by", alert.actor, markup.prose);
  if (own.events > 1 && alert.items.empty()) add("stands for", fmt::format("{} events", own.events), markup.prose);
  for (const auto& [name, value] : alert.heartbeat) {
    lines.push_back(
        fmt::format("{}: {}", markup.prose(shortened(name, 60)), markup.prose(shortened(value, kFactBytes))));
  }
  return lines;
}

std::vector<std::string> item_lines(const Alert& alert, std::size_t max_bytes, const Markup& markup) {
  const std::size_t shown = std::min(alert.items.size(), kMostItems);
  std::string more;
  if (shown < alert.items.size()) more = fmt::format("and {} more", alert.items.size() - shown);
  const auto written = [&](Style style, std::size_t name_bytes) {
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < shown; ++i) lines.push_back(item_line(alert.items[i], style, name_bytes, markup));
    if (!more.empty()) lines.push_back(more);
    return lines;
  };
  for (const Style style : kStyles) {
    if (auto lines = written(style, 0); size_of(lines) <= max_bytes) return lines;
  }
  for (std::size_t name_bytes = 64; name_bytes > 4; name_bytes -= 4) {
    if (auto lines = written(Style::cut_name, name_bytes); size_of(lines) <= max_bytes) return lines;
  }
  return {};
}

std::string joined(const std::vector<std::string>& lines, std::size_t max_bytes) {
  std::string text;
  for (const std::string& line : lines) {
    const std::size_t needed = line.size() + (text.empty() ? 0 : 1);
    if (text.size() + needed > max_bytes) continue;  // a shorter one behind it may fit
    if (!text.empty()) text += '\n';
    text += line;
  }
  return text;
}

}  // namespace codedriftd::http_sink
