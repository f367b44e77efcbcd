/// Sections of the audit report: what was watched and seen, who was told, and the record itself.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "audit/format/values.h"
#include "audit/report/sections.h"
#include "base/json.h"
#include "model/value.h"

namespace codedriftd {
namespace {

using Kind = Cell::Kind;

constexpr std::size_t kWholeHash = 64;

std::string seq_of(const LoggedFact& fact) { return std::to_string(fact.seq); }

/// "NAME VALUE, NAME VALUE" of what is not null.
std::string words_of(const OrderedJson& data) {
  std::string words;
  if (!data.is_object()) return words;
  for (const auto& [name, value] : data.items()) {
    if (value.is_null() || value == "") continue;
    words += fmt::format("{}{}: {}", words.empty() ? "" : "; ", name,
                         value.is_string() ? value.get<std::string>() : json_line(value));
  }
  return words;
}

/// A section's block with all of `facts`, or a sentence that there are none.
void add_facts(ReportSection& section, std::string heading, std::string none, const std::vector<LoggedFact>& facts) {
  if (facts.empty()) {
    section.words.push_back(std::move(none));
    return;
  }
  ReportTable table = facts_table(heading, facts);
  section.blocks.push_back({std::move(heading), {}, {std::move(table)}, nullptr});
}

std::string ratio_text(Millis observed, Millis unobserved) {
  const auto ratio = coverage_ratio(observed, unobserved);
  return ratio ? percent(*ratio) : "-";
}

Cell run_cell(const StoredRun& run) {
  return run.sha256 ? hash_cell(run.sha256) : Cell{fmt::format("missing ({})", run.code), Kind::alarm};
}

/// Whether the hash of `run` was the accepted one when it was last seen.
Cell judged(const AuditedFunction& function, const StoredRun& run, WallTime until) {
  if (!run.sha256) return text_cell({});
  const TargetRecord::Acceptance* accepted = nullptr;
  // The run that is still going on is judged by what is accepted at the end of the period.
  const bool last = &run == &function.then.record.answers.back();
  for (const auto& each : function.then.record.acceptances) {
    if (each.at <= (last ? until : run.last)) accepted = &each;
  }
  if (accepted == nullptr) return {"not reviewed", Kind::warning};
  if (accepted->sha256 != *run.sha256) return {"not accepted", Kind::alarm};
  return {std::string(source_words(accepted->source)),
          accepted->source == AcceptedSource::first_seen ? Kind::warning : Kind::good};
}

}  // namespace

std::string_view source_words(AcceptedSource source) {
  switch (source) {
    case AcceptedSource::first_seen:
      return "trusted on first sight";
    case AcceptedSource::approval:
      return "accepted by a person";
    case AcceptedSource::pin:
      return "pinned";
    case AcceptedSource::deploy:
      return "announced deployment";
    case AcceptedSource::content:
      return "same content, packed anew";
  }
  return {};
}

ReportTable facts_table(std::string caption, const std::vector<LoggedFact>& facts) {
  ReportTable table{std::move(caption), {"Time", "What", "Function", "By", "Details", "Event"}, {}};
  for (const LoggedFact& fact : facts) {
    const Kind kind = fact.severity == "critical"  ? Kind::alarm
                      : fact.severity == "warning" ? Kind::warning
                                                   : Kind::code;
    std::string details = words_of(fact.data);
    if (!fact.target_then.empty())
      details += fmt::format("{}it was called {} then", details.empty() ? "" : "; ", fact.target_then);
    table.rows.push_back({time_cell(fact.time), Cell{fact.kind, kind}, target_cell(fact.target), text_cell(fact.actor),
                          text_cell(std::move(details)), text_cell(seq_of(fact))});
  }
  return table;
}

/// Every function on one line each: what an auditor looks at first.
ReportSection overview_section(const AuditReport& report) {
  ReportSection section{"overview", "Overview", {}, {}};
  if (report.functions.empty()) {
    section.words.emplace_back("No function of the scope was watched in this period.");
    return section;
  }
  std::map<TargetId, std::size_t> drifts;
  for (const DriftStory& drift : report.drifts) ++drifts[drift.target_id];
  ReportTable table{"All functions at the end of the period",
                    {"Function", "Status", "Since", "Live hash", "Accepted", "Drifts", "Coverage", "Longest gap"},
                    {}};
  for (const AuditedFunction& function : report.functions) {
    const TargetState& state = function.state();
    const Status status = function.status().status;
    const Kind kind = status == Status::missing || status == Status::drifted ? Kind::alarm
                      : status == Status::in_sync                            ? Kind::good
                                                                             : Kind::warning;
    const std::size_t count = drifts[function.then.known.row.id];
    const Coverage& c = function.coverage;
    table.rows.push_back({target_cell(function.address),
                          Cell{fmt::format("{}{}", to_string(status), state.watched ? "" : " (removed)"), kind},
                          time_cell(function.status().since), live_cell(function),
                          state.accepted ? text_cell(std::string(source_words(state.accepted_source))) : text_cell({}),
                          Cell{std::to_string(count), count > 0 ? Kind::warning : Kind::text},
                          Cell{ratio_text(c.observed, c.unobserved), c.gaps.empty() ? Kind::text : Kind::warning},
                          text_cell(spell(c.longest_gap))});
  }
  section.blocks.push_back({{}, {}, {std::move(table)}, nullptr});
  return section;
}

ReportSection refused_section(const AuditReport& report) {
  ReportSection section{"refused", "Refused requests", {}, {}};
  if (report.refused.empty()) {
    section.words.emplace_back("The daemon refused no request in this period.");
    return section;
  }
  ReportTable table{"Requests that the daemon refused", {"Time", "By", "Verb", "About", "Why", "Event"}, {}};
  for (const LoggedFact& fact : report.refused) {
    std::string about = fact.target.value_or(fact.text("target"));
    // What was asked about alerts names the alert, or one of its messages.
    if (fact.text("verb").starts_with("alerts") && !about.empty() && !Target::parse(about)) about = "alert " + about;
    table.rows.push_back({time_cell(fact.time), text_cell(who(fact.actor, fact.text("claimed"))),
                          Cell{fact.text("verb"), Kind::code}, text_cell(std::move(about)),
                          text_cell(fact.text("reason")), text_cell(seq_of(fact))});
  }
  section.blocks.push_back({{}, {}, {std::move(table)}, nullptr});
  return section;
}

ReportSection watch_section(const AuditReport& report) {
  ReportSection section{"watch", "What was watched", {}, {}};
  std::vector<LoggedFact> added, removed;
  for (const LoggedFact& fact : report.watching) (fact.kind == "watch.removed" ? removed : added).push_back(fact);
  add_facts(section, "Functions removed from the watch", "No function was removed from the watch in this period.",
            removed);
  add_facts(section, "Functions added to the watch", "No function was added to the watch in this period.", added);
  add_facts(section, "Suspensions", "Nobody had alerts held in this period.", report.holding);
  return section;
}

ReportSection coverage_section(const AuditReport& report) {
  ReportSection section{"coverage", "What was seen, and what was not", {}, {}};
  section.words.emplace_back(
      "A gap is a time between two answers that is longer than the function's stale_after. Coverage is the share of "
      "the "
      "time it was configured that lies in no gap. Whatever lies in a gap, nothing is known of what was live in it.");
  section.words.push_back(fmt::format("Overall: {}, {} unobserved, {} answers.",
                                      ratio_text(report.observed, report.unobserved), spell(report.unobserved),
                                      report.polls));
  ReportTable table{"Coverage of each function",
                    {"Function", "Counted from", "Until", "Answers", "Coverage", "Unobserved", "Longest gap", "Gaps"},
                    {}};
  ReportTable gaps{"Gaps", {"Function", "From", "Until", "Length", "Reason"}, {}};
  for (const AuditedFunction& function : report.functions) {
    const Coverage& c = function.coverage;
    table.rows.push_back(
        {target_cell(function.address), time_cell(c.from), time_cell(c.until), text_cell(std::to_string(c.polls)),
         Cell{ratio_text(c.observed, c.unobserved), c.gaps.empty() ? Kind::text : Kind::warning},
         text_cell(spell(c.unobserved)), text_cell(spell(c.longest_gap)), text_cell(std::to_string(c.gaps.size()))});
    for (const Gap& gap : c.gaps)
      gaps.rows.push_back({target_cell(function.address), time_cell(gap.from), time_cell(gap.until),
                           text_cell(spell(gap.until - gap.from)), Cell{std::string(gap.reason), Kind::code}});
  }
  section.blocks.push_back({{}, {}, {std::move(table)}, nullptr});
  if (gaps.rows.empty()) {
    section.blocks.push_back({"Gaps", {"There were none."}, {}, nullptr});
  } else {
    section.blocks.push_back({"Gaps", {}, {std::move(gaps)}, nullptr});
  }
  if (!report.seeing.empty())
    section.blocks.push_back({"Lost and seen again", {}, {facts_table("Lost and seen again", report.seeing)}, nullptr});
  return section;
}

ReportSection delivery_section(const AuditReport& report) {
  ReportSection section{"alerts", "Delivery of alerts", {}, {}};
  if (!report.dead.empty())
    section.words.push_back(fmt::format("{} alert{} undelivered: see the open items.", report.dead.size(),
                                        report.dead.size() == 1 ? " is" : "s are"));
  add_facts(section, "Alerts given up, refused, replayed and dropped",
            "No alert was given up, refused, replayed or dropped in this period.", report.deliveries);
  return section;
}

ReportSection daemon_section(const AuditReport& report) {
  ReportSection section{"daemon", "The daemon and its configuration", {}, {}};
  ReportTable table{"Configurations in force", {"From", "Digest (SHA-256)", "Added", "Removed", "Event"}, {}};
  const auto add = [&](const LoggedFact& fact) {
    const auto number = [&](const char* name) {
      return fact.data.is_object() && fact.data.contains(name) ? json_line(fact.data.at(name)) : std::string();
    };
    table.rows.push_back({time_cell(fact.time), hash_cell(fact.text("digest")), text_cell(number("added")),
                          text_cell(number("removed")), text_cell(seq_of(fact))});
  };
  if (report.configured_before) add(*report.configured_before);
  for (const LoggedFact& fact : report.configurations) add(fact);
  if (table.rows.empty()) {
    section.words.emplace_back("No configuration was loaded before or in this period.");
  } else {
    section.blocks.push_back({"Configuration", {}, {std::move(table)}, nullptr});
  }
  add_facts(section, "Starts, stops and clock steps", "The daemon neither started nor stopped in this period.",
            report.daemon);
  return section;
}

ReportSection function_section(const AuditReport& report) {
  ReportSection section{"functions", "Each function", {report_claim()}, {}};
  section.words.emplace_back(
      "Each row below is such a claim. A row is given whole, also where it reaches beyond the period.");
  for (const AuditedFunction& function : report.functions) {
    ReportBlock block;
    block.heading = function.address;
    block.drawn = &function;
    const StatusView& status = function.status();
    block.words.push_back(fmt::format("At the end of the period: {}{}, since {}{}.", to_string(status.status),
                                      status.reason.empty() ? "" : " (" + status.reason + ")", rfc3339(status.since),
                                      function.state().watched ? "" : "; no longer watched"));
    ReportTable table{fmt::format("What was live: {}", function.address),
                      {"Live hash", "N: instants", "G: never more apart than", "First seen", "Last seen", "Judgement"},
                      {}};
    for (const StoredRun& run : function.then.record.answers) {
      if (run.last < report.since) continue;
      table.rows.push_back({run_cell(run), text_cell(std::to_string(run.polls)), text_cell(spell(run.longest_gap)),
                            time_cell(run.first), time_cell(run.last), judged(function, run, report.until)});
    }
    if (!function.values.empty()) {
      ReportTable values{
          fmt::format("What the hashes stand for: {}", function.address), {"Hash", "Layers or route"}, {}};
      for (const auto& [hash, text] : function.values)
        values.rows.push_back({hash_cell(hash), text_cell(words_of_value(text, kWholeHash))});
      block.tables.push_back(std::move(values));
    }
    if (table.rows.empty()) {
      block.words.emplace_back("It was not seen once in this period: nothing is known of what was live.");
    } else {
      block.tables.push_back(std::move(table));
    }
    section.blocks.push_back(std::move(block));
  }
  return section;
}

ReportSection integrity_section(const AuditReport& report) {
  ReportSection section{"record", "The record itself", {}, {}};
  section.words.push_back(
      fmt::format("{} event{} of the period were compared with the bytes they were written as, and with their leaf "
                  "hashes in the log {}.",
                  report.events, report.events == 1 ? "" : "s", report.origin));
  if (report.problems.empty()) {
    section.words.emplace_back("All of them agree.");
    return section;
  }
  section.words.push_back(
      fmt::format("{} thing{} found that cannot be: the database was damaged, or somebody changed it.",
                  report.problems.size(), report.problems.size() == 1 ? " was" : "s were"));
  ReportTable table{"What is not as it was written", {"Problem"}, {}};
  for (const std::string& problem : report.problems) table.rows.push_back({Cell{problem, Kind::alarm}});
  section.blocks.push_back({{}, {}, {std::move(table)}, nullptr});
  return section;
}

}  // namespace codedriftd
