#pragma once
/// The audit report as sections of words and tables: what the HTML and the Markdown have in common, and the
/// pages of the site too. Private to them.
#include <string>
#include <string_view>
#include <vector>

#include "audit/report/gather.h"

namespace codedriftd {

/// One cell of a table. Its text is foreign or not: the writers escape all of it.
struct Cell {
  enum class Kind { text, hash, code, time, alarm, warning, good };
  std::string text;
  Kind kind = Kind::text;
};

struct ReportTable {
  std::string caption;  ///< of one with `folded`, what is shown of it until it is opened, in HTML
  std::vector<std::string> columns;
  std::vector<std::vector<Cell>> rows;
  bool folded = false;
};

struct ReportBlock {
  std::string heading;  ///< empty: none
  std::vector<std::string> words;
  std::vector<ReportTable> tables;
  const AuditedFunction* drawn = nullptr;  ///< whose timeline belongs here
};

struct ReportSection {
  std::string id, title;
  std::vector<std::string> words;
  std::vector<ReportBlock> blocks;
};

/// "12 functions", one number and its word each.
struct ReportFigure {
  std::string number, words;
  Cell::Kind tone = Cell::Kind::text;
};

/// What the report claims, in the exact words, for all of it and for one run.
std::string report_claim();
std::string run_claim(const StoredRun& run);
/// "2026-11-01T00:00:00.000Z to 2026-12-01T00:00:00.000Z"
std::string period_words(const AuditReport& report);
/// What the report is about: which functions, and which selection.
std::string scope_words(const AuditReport& report);
/// All sections, in their order. `report` must outlive them.
std::vector<ReportSection> report_sections(const AuditReport& report);
/// `sections` are the report's.
std::vector<ReportFigure> report_figures(const AuditReport& report, const std::vector<ReportSection>& sections);

inline constexpr std::string_view kOpenItems = "open";  ///< the id of that section

// Of report_sections(), in files of their own.
ReportSection overview_section(const AuditReport& report);
ReportSection open_items(const AuditReport& report);
ReportSection drift_section(const AuditReport& report);
ReportSection acceptance_section(const AuditReport& report);
ReportSection deployment_section(const AuditReport& report);
ReportSection refused_section(const AuditReport& report);
ReportSection watch_section(const AuditReport& report);
ReportSection coverage_section(const AuditReport& report);
ReportSection found_section(const AuditReport& report);
ReportSection delivery_section(const AuditReport& report);
ReportSection daemon_section(const AuditReport& report);
ReportSection function_section(const AuditReport& report);
ReportSection integrity_section(const AuditReport& report);

/// How much of what was found is watched, in all regions together, as a figure.
ReportFigure found_figure(const AuditReport& report);

/// One row for each of `facts`.
ReportTable facts_table(std::string caption, const std::vector<LoggedFact>& facts);

// Cells.
Cell text_cell(std::string text);  ///< one line; "-" for no text
Cell hash_cell(const std::optional<Sha256>& hash);
Cell hash_cell(const std::string& hex);
Cell live_cell(const AuditedFunction& function);  ///< of what is missing nothing is live: "-"
Cell time_cell(const std::optional<WallTime>& time);
Cell target_cell(const std::optional<std::string>& target);
/// What the status of `target` means, in a sentence.
std::string status_sentence(const SelectedTarget& target);
/// "accepted by a person"
std::string_view source_words(AcceptedSource source);
/// "uid:1001(alice), who claims to be bob"
std::string who(const std::string& actor, const std::string& claimed);

}  // namespace codedriftd
