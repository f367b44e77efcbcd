#include <fmt/format.h>

#include <set>

#include "audit/format/values.h"
#include "audit/report/sections.h"
#include "audit/report/writers.h"
#include "base/text.h"

namespace codedriftd {
namespace {

constexpr std::size_t kHashShown = 12;
constexpr std::size_t kBadge = 24;  // a word or two, which no line breaks

/// An address may be broken after each of its parts.
std::string in_parts(std::string_view text) {
  std::string parts;
  for (const char c : html_text(text)) {
    parts += c;
    if (c == '/' || c == ':') parts += "<wbr>";
  }
  return parts;
}

std::string_view tone_of(Cell::Kind kind) {
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

class HtmlWriter {
 public:
  explicit HtmlWriter(const AuditReport& report) : report_(report), sections_(report_sections(report)) {}

  std::string all() && {
    head();
    contents();
    out_ += "<main id=\"main\">\n";
    for (const ReportSection& section : sections_) write(section);
    hashes();
    out_ += "</main>\n";
    say("<footer><p>Made by codedriftd {} at <time>{}</time> from the log {}. It loads nothing and runs no "
        "script.</p></footer>\n</div>\n</body>\n</html>\n",
        CODEDRIFTD_VERSION, rfc3339(report_.generated_at), html_text(report_.origin));
    return std::move(out_);
  }

 private:
  template <typename... Args>
  void say(fmt::format_string<Args...> format, Args&&... args) {
    out_ += fmt::format(format, std::forward<Args>(args)...);
  }

  void head() {
    say("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta "
        "http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n<meta "
        "name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"referrer\" "
        "content=\"no-referrer\">\n<title>Code drift audit report, {}</title>\n<style>{}</style>\n</head>\n<body>\n<a "
        "class=\"skip\" href=\"#main\">Skip to the report</a>\n<div class=\"page\">\n",
        period_words(report_), kReportStyle);
    say("<header>\n<p class=\"kicker\">codedriftd</p>\n<h1>Code drift audit report</h1>\n<dl class=\"facts\">"
        "<dt>Period</dt><dd><time>{}</time> to <time>{}</time></dd>\n<dt>Scope</dt><dd>{}</dd>\n<dt>Log</dt><dd>{}</dd>"
        "\n<dt>Made at</dt><dd><time>{}</time></dd></dl>\n",
        rfc3339(report_.since), rfc3339(report_.until), html_text(scope_words(report_)), html_text(report_.origin),
        rfc3339(report_.generated_at));
    say("<div class=\"claim\"><p><strong>{}</strong></p><p>It does not claim that nothing changed. Each hash, with its "
        "N "
        "and its G, stands under <a href=\"#functions\">Each function</a>.</p></div>\n<ul class=\"figures\" "
        "aria-label=\"In figures\">",
        html_text(report_claim()));
    for (const ReportFigure& figure : report_figures(report_, sections_))
      say("<li><b class=\"{}\">{}</b><span>{}</span></li>\n", tone_of(figure.tone), html_text(figure.number),
          html_text(figure.words));
    out_ += "</ul>\n</header>\n";
  }

  void contents() {
    out_ += "<nav aria-labelledby=\"contents\"><h2 id=\"contents\">Contents</h2>\n<ol>";
    for (const ReportSection& section : sections_)
      say("<li><a href=\"#{}\">{}</a></li>\n", section.id, html_text(section.title));
    out_ += "<li><a href=\"#hashes\">Hashes in full</a></li></ol></nav>\n";
  }

  void write(const ReportSection& section) {
    say("<section id=\"{0}\" aria-labelledby=\"{0}-h\">\n<h2 id=\"{0}-h\">{1}</h2>\n", section.id,
        html_text(section.title));
    for (const std::string& words : section.words) say("<p>{}</p>\n", html_text(words));
    if (section.id == "functions" && !section.blocks.empty()) out_ += timeline_legend();
    for (const ReportBlock& block : section.blocks) write(block);
    out_ += "</section>\n";
  }

  void write(const ReportBlock& block) {
    // A heading stays with its words, its timeline and the beginning of its table, on whatever page that is.
    const bool leads = !block.heading.empty();
    if (leads) say("<div class=\"lead\"><h3>{}</h3>\n", html_text(block.heading));
    for (const std::string& words : block.words) say("<p>{}</p>\n", html_text(words));
    if (block.drawn != nullptr) {
      const std::string id = fmt::format("line{}", ++drawn_);
      say("<div class=\"scroll\" role=\"group\" tabindex=\"0\" aria-labelledby=\"{}-t\">{}</div>\n", id,
          timeline_svg(report_, *block.drawn, id));
    }
    if (leads) out_ += "</div>\n";
    for (const ReportTable& table : block.tables) write(table);
  }

  void write(const ReportTable& table) {
    const int id = ++tables_;
    if (table.folded) say("<details><summary>{}</summary>\n", html_text(table.caption));
    say("<div class=\"scroll\" role=\"group\" tabindex=\"0\" aria-labelledby=\"table{0}\"><table><caption "
        "id=\"table{0}\">{1}</caption>\n<thead><tr>",
        id, html_text(table.folded ? "Files that changed" : table.caption));
    for (const std::string& column : table.columns) say("<th scope=\"col\">{}</th>", html_text(column));
    out_ += "</tr></thead>\n<tbody>\n";
    for (const auto& row : table.rows) {
      out_ += "<tr>";
      for (std::size_t i = 0; i < row.size(); ++i)
        i == 0 ? say("<th scope=\"row\">{}</th>", cell(row[i])) : say("<td>{}</td>", cell(row[i]));
      out_ += "</tr>\n";
    }
    out_ += table.folded ? "</tbody></table></div></details>\n" : "</tbody></table></div>\n";
  }

  std::string cell(const Cell& cell) {
    switch (cell.kind) {
      case Cell::Kind::hash:
        hashes_.insert(cell.text);
        return fmt::format("<code class=\"short\" title=\"{0}\">{1}</code>", cell.text,
                           cell.text.substr(0, kHashShown));
      case Cell::Kind::code:
        return fmt::format("<code class=\"parts\">{}</code>", in_parts(cell.text));
      case Cell::Kind::time:
        return fmt::format("<time>{}</time>", html_text(cell.text));
      case Cell::Kind::text:
        return html_text(cell.text);
      case Cell::Kind::alarm:
      case Cell::Kind::warning:
      case Cell::Kind::good:
        break;
    }
    return fmt::format("<span class=\"{}{}\">{}</span>", tone_of(cell.kind), cell.text.size() <= kBadge ? " short" : "",
                       html_text(cell.text));
  }

  /// Tables show twelve digits of a hash: which one is meant stands here, in print too.
  void hashes() {
    out_ +=
        "<section id=\"hashes\" aria-labelledby=\"hashes-h\">\n<h2 id=\"hashes-h\">Hashes in full</h2>\n<p>The "
        "tables above show the first twelve of the 64 hexadecimal digits.</p>\n";
    if (!hashes_.empty()) {
      out_ +=
          "<div class=\"scroll\" role=\"group\" tabindex=\"0\" aria-labelledby=\"full\"><table><caption "
          "id=\"full\">Every hash in this report</caption>\n<thead><tr><th scope=\"col\">Shown as</th><th "
          "scope=\"col\">SHA-256</th></tr></thead>\n<tbody>\n";
      for (const std::string& hash : hashes_)
        say("<tr><th scope=\"row\"><code>{}</code></th><td><code>{}</code></td></tr>\n", hash.substr(0, kHashShown),
            hash);
      out_ += "</tbody></table></div>\n";
    }
    out_ += "</section>\n";
  }

  const AuditReport& report_;
  const std::vector<ReportSection> sections_;
  std::string out_;
  int tables_ = 0, drawn_ = 0;
  std::set<std::string> hashes_;
};

}  // namespace

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

std::string report_html(const AuditReport& report) { return HtmlWriter(report).all(); }

}  // namespace codedriftd
