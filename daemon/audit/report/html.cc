#include <fmt/format.h>

#include "audit/format/values.h"
#include "audit/report/html_tables.h"
#include "audit/report/sections.h"
#include "audit/report/writers.h"
#include "base/text.h"

namespace codedriftd {
namespace {

constexpr std::size_t kHashShown = 12;

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
      say("<li><b class=\"{}\">{}</b><span>{}</span></li>\n", html_tone(figure.tone), html_text(figure.number),
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
    for (const ReportBlock& block : section.blocks) tables_.write(block, report_);
    out_ += "</section>\n";
  }

  /// Tables show twelve digits of a hash: which one is meant stands here, in print too.
  void hashes() {
    out_ +=
        "<section id=\"hashes\" aria-labelledby=\"hashes-h\">\n<h2 id=\"hashes-h\">Hashes in full</h2>\n<p>The "
        "tables above show the first twelve of the 64 hexadecimal digits.</p>\n";
    if (!tables_.hashes().empty()) {
      out_ +=
          "<div class=\"scroll\" role=\"group\" tabindex=\"0\" aria-labelledby=\"full\"><table><caption "
          "id=\"full\">Every hash in this report</caption>\n<thead><tr><th scope=\"col\">Shown as</th><th "
          "scope=\"col\">SHA-256</th></tr></thead>\n<tbody>\n";
      for (const std::string& hash : tables_.hashes())
        say("<tr><th scope=\"row\"><code>{}</code></th><td><code>{}</code></td></tr>\n", hash.substr(0, kHashShown),
            hash);
      out_ += "</tbody></table></div>\n";
    }
    out_ += "</section>\n";
  }

  const AuditReport& report_;
  const std::vector<ReportSection> sections_;
  std::string out_;
  HtmlTables tables_{out_};
};

}  // namespace

std::string report_html(const AuditReport& report) { return HtmlWriter(report).all(); }

}  // namespace codedriftd
