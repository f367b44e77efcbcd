#include "audit/report/sections.h"

#include <fmt/format.h>

#include <algorithm>

#include "audit/format/values.h"

namespace codedriftd {
namespace {

std::string counted(std::size_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

std::size_t accepted_by(const AuditReport& report, AcceptedSource source) {
  return static_cast<std::size_t>(std::count_if(report.accepted.begin(), report.accepted.end(),
                                                [&](const Accepted& a) { return a.how.source == source; }));
}

}  // namespace

Cell text_cell(std::string text) {
  // A cell is one line: what was several is told apart by spaces.
  std::string line;
  for (const char c : text) {
    const bool blank = c == '\n' || c == '\r' || c == '\t' || c == ' ';
    if (!blank || line.empty() || line.back() != ' ') line += blank ? ' ' : c;
  }
  return {line.empty() ? "-" : std::move(line), Cell::Kind::text};
}
Cell hash_cell(const std::optional<Sha256>& hash) { return hash ? hash_cell(hash->hex()) : text_cell({}); }
Cell hash_cell(const std::string& hex) { return Sha256::from_hex(hex) ? Cell{hex, Cell::Kind::hash} : text_cell(hex); }
Cell live_cell(const AuditedFunction& function) {
  return function.status().status == Status::missing ? text_cell({}) : hash_cell(function.state().live);
}
Cell time_cell(const std::optional<WallTime>& time) {
  return time ? Cell{rfc3339(*time), Cell::Kind::time} : text_cell({});
}
Cell target_cell(const std::optional<std::string>& target) {
  return target ? Cell{*target, Cell::Kind::code} : text_cell("the whole daemon");
}

std::string who(const std::string& actor, const std::string& claimed) {
  // What the kernel says comes first: the name that sudo hands on is whatever its caller made of it.
  return claimed.empty() ? actor : fmt::format("{}, through sudo by {} (not verified)", actor, claimed);
}

std::string report_claim() {
  return "For each function and each hash in it, this report claims: at N instants, never more than G apart, the live "
         "hash was H; what lay between two is not known.";
}

std::string run_claim(const StoredRun& run) {
  const std::string hash = run.sha256 ? run.sha256->hex() : "unknown";
  if (run.polls == 1) return fmt::format("At 1 instant, {}, the live hash was {}.", rfc3339(run.first), hash);
  return fmt::format(
      "At {} instants, never more than {} apart, from {} to {}, the live hash was {}; what lay between two is not "
      "known.",
      run.polls, spell(run.longest_gap), rfc3339(run.first), rfc3339(run.last), hash);
}

std::string period_words(const AuditReport& report) {
  return fmt::format("{} to {}", rfc3339(report.since), rfc3339(report.until));
}

std::string scope_words(const AuditReport& report) {
  const std::string functions = counted(report.functions.size(), "function", "functions");
  return report.selection.empty()
             ? fmt::format("{}: all that were watched at some time of the period.", functions)
             : fmt::format(
                   "{}: those watched at some time of the period that match {}. What concerns the whole daemon "
                   "is in the report all the same.",
                   functions, report.selection);
}

std::vector<ReportFigure> report_figures(const AuditReport& report, const std::vector<ReportSection>& sections) {
  const auto still_open = std::count_if(report.drifts.begin(), report.drifts.end(),
                                        [](const DriftStory& drift) { return !drift.resolved; });
  std::size_t items = 0;
  for (const ReportSection& section : sections) {
    if (section.id != kOpenItems) continue;
    for (const ReportBlock& block : section.blocks) {
      for (const ReportTable& table : block.tables) items += table.rows.size();
    }
  }
  std::size_t gaps = 0;
  for (const AuditedFunction& function : report.functions) gaps += function.coverage.gaps.size();
  const auto ratio = coverage_ratio(report.observed, report.unobserved);
  return {{std::to_string(report.functions.size()), report.functions.size() == 1 ? "function" : "functions"},
          {std::to_string(items), items == 1 ? "open item" : "open items",
           items > 0 ? Cell::Kind::alarm : Cell::Kind::good},
          {std::to_string(report.drifts.size()),
           still_open > 0 ? fmt::format("drifts, {} still open", still_open)
                          : (report.drifts.size() == 1 ? "drift" : "drifts"),
           still_open > 0 ? Cell::Kind::alarm : Cell::Kind::text},
          {std::to_string(accepted_by(report, AcceptedSource::approval)), "accepted by a person"},
          {std::to_string(accepted_by(report, AcceptedSource::deploy)), "deployed as announced"},
          {std::to_string(accepted_by(report, AcceptedSource::pin)), "accepted by a pin"},
          {std::to_string(accepted_by(report, AcceptedSource::first_seen)), "trusted on first sight, not reviewed",
           accepted_by(report, AcceptedSource::first_seen) > 0 ? Cell::Kind::warning : Cell::Kind::text},
          found_figure(report),
          {ratio ? percent(*ratio) : "-", "coverage"},
          {std::to_string(gaps), gaps == 1 ? "gap in what was seen" : "gaps in what was seen",
           gaps > 0 ? Cell::Kind::warning : Cell::Kind::text},
          {spell(report.longest_gap), "longest time between two answers"}};
}

std::vector<ReportSection> report_sections(const AuditReport& report) {
  std::vector<ReportSection> sections;
  if (!report.problems.empty())
    sections.push_back(integrity_section(report));  // first of all: what is not to be believed
  for (auto* section :
       {overview_section, open_items, drift_section, acceptance_section, deployment_section, refused_section,
        watch_section, found_section, coverage_section, delivery_section, daemon_section, function_section})
    sections.push_back(section(report));
  if (report.problems.empty()) sections.push_back(integrity_section(report));
  return sections;
}

}  // namespace codedriftd
