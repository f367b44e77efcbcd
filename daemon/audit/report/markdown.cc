#include <fmt/format.h>

#include "audit/format/table.h"
#include "audit/report/sections.h"
#include "audit/report/writers.h"

namespace codedriftd {
namespace {

void write(const ReportTable& table, std::string& out) {
  out += fmt::format("\n{}:\n\n|", markdown_text(table.caption));
  for (const std::string& column : table.columns) out += fmt::format(" {} |", markdown_text(column));
  out += "\n|";
  for (std::size_t i = 0; i < table.columns.size(); ++i) out += " --- |";
  out += '\n';
  for (const auto& row : table.rows) {
    out += '|';
    for (const Cell& cell : row) out += fmt::format(" {} |", markdown_text(cell.text));
    out += '\n';
  }
}

}  // namespace

std::string report_markdown(const AuditReport& report) {
  std::string out;
  out += fmt::format(
      "# Code drift audit report\n\n- Period: {}\n- Scope: {}\n- Log: {}\n- Made at: {} by codedriftd {}\n\n"
      "**{}**\n\nIt does not claim that nothing changed.\n\n",
      period_words(report), markdown_text(scope_words(report)), markdown_text(report.origin),
      rfc3339(report.generated_at), CODEDRIFTD_VERSION, markdown_text(report_claim()));
  const auto sections = report_sections(report);
  for (const ReportFigure& figure : report_figures(report, sections))
    out += fmt::format("- {}: {}\n", markdown_text(figure.words), markdown_text(figure.number));
  for (const ReportSection& section : sections) {
    out += fmt::format("\n## {}\n", markdown_text(section.title));
    for (const std::string& words : section.words) out += fmt::format("\n{}\n", markdown_text(words));
    for (const ReportBlock& block : section.blocks) {
      if (!block.heading.empty()) out += fmt::format("\n### {}\n", markdown_text(block.heading));
      for (const std::string& words : block.words) out += fmt::format("\n{}\n", markdown_text(words));
      for (const ReportTable& table : block.tables) write(table, out);
    }
  }
  return out;
}

}  // namespace codedriftd
