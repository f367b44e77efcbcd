#include "audit/report/html_tables.h"

#include <fmt/format.h>

#include "audit/report/writers.h"
#include "base/text.h"

namespace codedriftd {
namespace {

constexpr std::size_t kDigitsShown = 12;
constexpr std::size_t kBadge = 24;  // a word or two, which no line breaks

}  // namespace

std::string html_parts(std::string_view text) {
  std::string parts;
  for (const char c : html_text(text)) {
    parts += c;
    if (c == '/' || c == ':') parts += "<wbr>";
  }
  return parts;
}

std::string_view html_tone(Cell::Kind kind) {
  switch (kind) {
    case Cell::Kind::alarm:
      return "alarm";
    case Cell::Kind::warning:
      return "warning";
    case Cell::Kind::good:
      return "good";
    case Cell::Kind::text:
    case Cell::Kind::hash:
    case Cell::Kind::code:
    case Cell::Kind::time:
      break;
  }
  return {};
}

void HtmlTables::write(const ReportBlock& block, const AuditReport& report) {
  // A heading stays with its words, its timeline and the beginning of its table, on whatever page that is.
  const bool leads = !block.heading.empty();
  if (leads) out_ += fmt::format("<div class=\"lead\"><h3>{}</h3>\n", html_text(block.heading));
  for (const std::string& words : block.words) out_ += fmt::format("<p>{}</p>\n", html_text(words));
  if (block.drawn != nullptr) {
    const std::string id = fmt::format("line{}", ++drawn_);
    out_ += fmt::format("<div class=\"scroll\" role=\"group\" tabindex=\"0\" aria-labelledby=\"{}-t\">{}</div>\n", id,
                        timeline_svg(report, *block.drawn, id));
  }
  if (leads) out_ += "</div>\n";
  for (const ReportTable& table : block.tables) write(table);
}

void HtmlTables::write(const ReportTable& table) {
  const int id = ++tables_;
  if (table.folded) out_ += fmt::format("<details><summary>{}</summary>\n", html_text(table.caption));
  out_ += fmt::format(
      "<div class=\"scroll\" role=\"group\" tabindex=\"0\" aria-labelledby=\"table{0}\"><table><caption "
      "id=\"table{0}\">{1}</caption>\n<thead><tr>",
      id, html_text(table.folded ? "Files that changed" : table.caption));
  for (const std::string& column : table.columns) out_ += fmt::format("<th scope=\"col\">{}</th>", html_text(column));
  out_ += "</tr></thead>\n<tbody>\n";
  for (const auto& row : table.rows) {
    out_ += "<tr>";
    for (std::size_t i = 0; i < row.size(); ++i)
      out_ +=
          i == 0 ? fmt::format("<th scope=\"row\">{}</th>", cell(row[i])) : fmt::format("<td>{}</td>", cell(row[i]));
    out_ += "</tr>\n";
  }
  out_ += table.folded ? "</tbody></table></div></details>\n" : "</tbody></table></div>\n";
}

std::string HtmlTables::cell(const Cell& cell) {
  switch (cell.kind) {
    case Cell::Kind::hash:
      hashes_.insert(cell.text);
      return fmt::format("<code class=\"short\" title=\"{0}\">{1}</code>", cell.text,
                         cell.text.substr(0, kDigitsShown));
    case Cell::Kind::code:
      if (link_ && Target::parse(cell.text))
        return fmt::format("<a href=\"{}\"><code class=\"parts\">{}</code></a>", link_(cell.text),
                           html_parts(cell.text));
      return fmt::format("<code class=\"parts\">{}</code>", html_parts(cell.text));
    case Cell::Kind::time:
      if (time_) return time_(cell.text);
      return fmt::format("<time>{}</time>", html_text(cell.text));
    case Cell::Kind::text:
      return html_text(cell.text);
    case Cell::Kind::alarm:
    case Cell::Kind::warning:
    case Cell::Kind::good:
      break;
  }
  return fmt::format("<span class=\"{}{}\">{}</span>", html_tone(cell.kind), cell.text.size() <= kBadge ? " short" : "",
                     html_text(cell.text));
}

std::string html_text(std::string_view text) {
  const std::string safe = harmless(text);
  std::string escaped;
  escaped.reserve(safe.size());
  for (const char c : safe) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

}  // namespace codedriftd
