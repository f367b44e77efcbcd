/// The section of the audit report that answers what is there beside what is watched.
#include <fmt/format.h>

#include "audit/format/look_values.h"
#include "audit/format/values.h"
#include "audit/report/sections.h"

namespace codedriftd {
namespace {

using Kind = Cell::Kind;

Cell look_cell(const RegionLook& look) {
  if (!look.looked) return {"never listed: unknown", Kind::warning};
  if (look.failing) return {"listings fail", Kind::alarm};
  if (!look.trouble.code.empty()) return {"last listing not complete", Kind::warning};
  return {"complete", Kind::good};
}

ReportTable looks_table(const std::vector<RegionLook>& looks) {
  ReportTable table{"Functions that were found, at the end of the period",
                    {"Account", "Region", "Found", "Watched", "Share", "Last listed completely", "Listings"},
                    {}};
  for (const RegionLook& look : looks) {
    const auto share = share_of(look.watched, look.found);
    const auto number = [&](int64_t value) { return look.looked ? Cell{std::to_string(value)} : text_cell({}); };
    table.rows.push_back({Cell{look.place.account, Kind::code}, Cell{look.place.region, Kind::code}, number(look.found),
                          number(look.watched),
                          Cell{share ? percent(*share) : "-", look.watched < look.found ? Kind::warning : Kind::text},
                          time_cell(look.last_complete_at), look_cell(look)});
  }
  return table;
}

ReportTable look_gaps_table(const std::vector<RegionLook>& looks) {
  ReportTable table{"Times without a complete listing",
                    {"Account", "Region", "From", "Until", "Length", "Listings", "Why the last was not complete"},
                    {}};
  for (const RegionLook& look : looks) {
    for (const LookGap& gap : look.gaps)
      table.rows.push_back({Cell{look.place.account, Kind::code}, Cell{look.place.region, Kind::code},
                            time_cell(gap.from), time_cell(gap.until), text_cell(spell(gap.until - gap.from)),
                            text_cell(std::to_string(gap.listings)), text_cell(trouble_words(gap.trouble))});
  }
  return table;
}

}  // namespace

ReportFigure found_figure(const AuditReport& report) {
  int64_t found = 0, watched = 0;
  bool all = !report.looks.empty(), any = false;
  for (const RegionLook& look : report.looks) {
    found += look.found;
    watched += look.watched;
    all &= look.looked;
    any |= look.looked;
  }
  if (!any) return {"unknown", "how many functions are not configured", Kind::warning};
  return {
      fmt::format("{} of {}", watched, found),
      all ? "functions that were found are watched" : "functions that were found are watched; not all was looked at",
      all && watched == found ? Kind::good : Kind::warning};
}

ReportSection found_section(const AuditReport& report) {
  ReportSection section{"found", "What is there, and how much of it is watched", {}, {}};
  section.words.emplace_back(
      "Functions that are not configured are not polled. How many there are is told by listings of the cloud's "
      "functions: found is what they showed, watched is what of it is polled. What was there between two listings, and "
      "what the cloud does not list, is not known.");
  std::size_t never = 0;
  for (const RegionLook& look : report.looks) never += look.looked ? 0 : 1;
  if (report.looks.empty() || never == report.looks.size()) {
    section.words.emplace_back("Nothing was ever listed: nothing is known of functions that are not configured.");
  } else if (never > 0) {
    section.words.push_back(
        fmt::format("Of {} of {} regions nothing was ever listed: there nothing is known of "
                    "functions that are not configured.",
                    never, report.looks.size()));
  }
  if (!report.looks.empty()) section.blocks.push_back({{}, {}, {looks_table(report.looks)}, nullptr});
  if (ReportTable gaps = look_gaps_table(report.looks); !gaps.rows.empty()) {
    section.blocks.push_back({gaps.caption, {}, {std::move(gaps)}, nullptr});
  } else if (never < report.looks.size()) {
    section.words.emplace_back("In this period listings were complete, never more than an hour apart.");
  }
  if (!report.finding.empty())
    section.blocks.push_back(
        {"Found, and changed in place", {}, {facts_table("What listings told of functions", report.finding)}, nullptr});
  if (!report.attributed.empty()) {
    ReportTable table{
        "What the cloud's audit log has about changes", {"Time", "Function", "What was recorded", "Event"}, {}};
    for (const LoggedFact& fact : report.attributed)
      table.rows.push_back({time_cell(fact.time), target_cell(fact.target), text_cell(fact.text("words")),
                            text_cell(std::to_string(fact.seq))});
    section.blocks.push_back({"Who changed it",
                              {"The log shows calls, not bytes; keys are shared, roles act for people, and records can "
                               "be late or absent. It says what was recorded, not who did it."},
                              {std::move(table)},
                              nullptr});
  }
  return section;
}

}  // namespace codedriftd
