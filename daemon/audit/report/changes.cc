/// Sections of the audit report: what changed, and on whose word.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "audit/format/values.h"
#include "audit/report/sections.h"
#include "model/value.h"

namespace codedriftd {
namespace {

using Kind = Cell::Kind;

constexpr std::size_t kValueDigits = 12;

/// The hash, or the content, that was announced last.
Cell awaited_cell(const TargetState& state) {
  if (state.announced.empty()) return text_cell({});
  const Announcement& last = state.announced.back();
  return last.content ? text_cell(last.content->text()) : hash_cell(last.sha256);
}

std::string_view resolution_words(std::string_view resolution) {
  if (resolution == "approved") return "a person accepted the live code";
  if (resolution == "deployed") return "an announced deployment arrived";
  if (resolution == "pinned") return "the pinned code arrived, or the live code was pinned";
  if (resolution == "returned") return "the accepted code returned";
  return resolution;
}

std::string_view moment_words(std::string_view kind) {
  if (kind == "drift.detected") return "detected";
  if (kind == "layer.changed") return "layers changed";
  if (kind == "alias.moved") return "alias moved";
  return kind == "drift.changed" ? "changed" : "resolved";
}

ReportTable moments_of(const DriftStory& drift) {
  ReportTable table{fmt::format("Timeline of the drift of {}", drift.target),
                    {"Time", "What", "Live hash", "Accepted hash", "Announced hash", "Actor", "Event"},
                    {}};
  for (const LoggedFact& moment : drift.moments) {
    table.rows.push_back(
        {time_cell(moment.time),
         {std::string(moment_words(moment.kind)), moment.kind == "drift.resolved" ? Kind::good : Kind::alarm},
         hash_cell(moment.text("observed_sha256")),
         hash_cell(moment.text("accepted_sha256")),
         hash_cell(moment.text("expected_sha256")),
         text_cell(moment.actor),
         text_cell(std::to_string(moment.seq))});
  }
  return table;
}

int64_t number_in(const OrderedJson& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_number_integer() ? found->get<int64_t>() : 0;
}

/// What changed inside, as an event of drift tells it or the record; whatever stands there, it is shown as text.
ReportTable changes_of(const LoggedFact& moment) {
  const OrderedJson& changes = moment.changes;
  ReportTable table{fmt::format("What changed inside, event {}:", moment.seq), {"File", "Change"}, {}, true};
  int64_t all = 0;
  std::string counts;
  for (const auto& [name, what] :
       {std::pair("changed", "changed"), {"added", "added"}, {"removed", "removed"}, {"modes", "with another mode"}}) {
    const int64_t count = number_in(changes, name);
    if (count != 0) counts += fmt::format("{} {} {}", counts.empty() ? "" : ",", count, what);
    all += count;
  }
  table.caption += counts.empty() ? " nothing: the package was packed anew" : counts;
  const auto files = changes.find("files");
  if (files == changes.end() || !files->is_array()) return table;
  for (const OrderedJson& file : *files)
    table.rows.push_back({Cell{text_in(file, "name"), Kind::code}, text_cell(text_in(file, "change"))});
  if (const int64_t more = all - static_cast<int64_t>(table.rows.size()); more > 0)
    table.rows.push_back({text_cell(fmt::format("and {} more", more)), text_cell({})});
  return table;
}

/// Why what changed inside is not known; empty: nobody tried to look, or it is known.
std::string unexamined_words(const LoggedFact& moment) {
  const std::string state = moment.text("examined"), why = moment.text("examined_why");
  if (!moment.changes.is_null() || state.empty() || state == "examined") return {};
  return fmt::format("What changed inside with event {} is not known: the package was {}{}{}.", moment.seq,
                     state == "mismatch"  ? "another one than the cloud said"
                     : state == "unknown" ? "not examined in time"
                                          : state,
                     why.empty() ? "" : ": ", why);
}

/// What the cloud's audit log has about a change, by the id of the change's event.
using Attributed = std::map<std::string, std::string>;

ReportBlock block_of(const DriftStory& drift, const Attributed& attributed, WallTime until) {
  ReportBlock block;
  block.heading = drift.target;
  block.words.push_back(
      drift.resolved
          ? fmt::format(
                "Open from {} to {} ({}): {}, by {}.", rfc3339(drift.since), rfc3339(*drift.resolved),
                spell(*drift.resolved - drift.since), resolution_words(drift.resolution),
                drift.acceptance ? who(drift.acceptance->how.actor, drift.acceptance->how.claimed) : drift.resolved_by)
          : fmt::format("Open since {} ({} at the end of the period). It is not resolved.", rfc3339(drift.since),
                        spell(until - drift.since)));
  if (drift.published_version)
    block.words.push_back("This is a published version, whose code is meant never to change.");
  if (drift.began_before) block.words.push_back("It began before the period of this report.");
  if (drift.acceptance) {
    const auto& how = drift.acceptance->how;
    for (const auto& [name, value] :
         {std::pair("Reason", &how.reason), {"Ticket", &how.ticket}, {"Build", &how.build}, {"Commit", &how.commit}}) {
      if (!value->empty()) block.words.push_back(fmt::format("{}: {}", name, *value));
    }
  }
  for (const LoggedFact& moment : drift.moments) {
    if (std::string words = unexamined_words(moment); !words.empty()) block.words.push_back(std::move(words));
  }
  for (const LoggedFact& moment : drift.moments) {
    const std::string value = moment.text("value"), before = moment.text("previous_value");
    if (value.empty()) continue;
    block.words.push_back(fmt::format("With event {}: {}{}.", moment.seq, words_of_value(value, kValueDigits),
                                      before.empty() ? "" : "; before: " + words_of_value(before, kValueDigits)));
  }
  for (const LoggedFact& moment : drift.moments) {
    if (const auto words = attributed.find(moment.id); words != attributed.end())
      block.words.push_back(fmt::format("The cloud's audit log, about event {}: {}", moment.seq, words->second));
  }
  if (!drift.moments.empty()) block.tables.push_back(moments_of(drift));
  for (const LoggedFact& moment : drift.moments) {
    if (moment.changes.is_object()) block.tables.push_back(changes_of(moment));
  }
  return block;
}

ReportBlock acceptances(const AuditReport& report, AcceptedSource source, std::string heading, std::string words) {
  ReportTable table{
      heading, {"Time", "Function", "Accepted hash", "Before it", "By", "Reason", "Ticket", "Build", "Commit"}, {}};
  const bool bare =
      source == AcceptedSource::first_seen || source == AcceptedSource::pin || source == AcceptedSource::content;
  if (bare) table.columns.resize(5);
  for (const Accepted& a : report.accepted) {
    if (a.how.source != source) continue;
    std::vector<Cell> row{time_cell(a.how.at), target_cell(a.target), hash_cell(a.how.sha256), hash_cell(a.previous),
                          text_cell(who(a.how.actor, a.how.claimed))};
    if (!bare) {
      for (const std::string* text : {&a.how.reason, &a.how.ticket, &a.how.build, &a.how.commit})
        row.push_back(text_cell(*text));
    }
    table.rows.push_back(std::move(row));
  }
  ReportBlock block{std::move(heading), {std::move(words)}, {}, nullptr};
  if (table.rows.empty()) {
    block.words.emplace_back("None in this period.");
  } else {
    block.tables.push_back(std::move(table));
  }
  return block;
}

ReportTable deployments(std::string caption, const std::vector<LoggedFact>& facts) {
  ReportTable table{std::move(caption),
                    {"Time", "Function", "What", "Hash or content", "Valid until", "By", "Build", "Commit", "Event"},
                    {}};
  for (const LoggedFact& fact : facts) {
    std::string hash = fact.text("expected_sha256");
    if (hash.empty()) hash = fact.text("accepted_sha256");
    if (hash.empty()) hash = fact.text("pin");
    if (hash.empty()) hash = fact.text("expected_content");
    if (hash.empty()) hash = fact.text("content_pin");
    const std::string announcer = fact.text("announced_by");
    table.rows.push_back({time_cell(fact.time), target_cell(fact.target),
                          Cell{fact.kind, fact.kind == "deploy.overdue" ? Kind::warning : Kind::code}, hash_cell(hash),
                          time_cell(parse_rfc3339(fact.text("valid_until"))),
                          text_cell(who(announcer.empty() ? fact.actor : announcer, fact.text("claimed"))),
                          text_cell(fact.text("build")), text_cell(fact.text("commit")),
                          text_cell(std::to_string(fact.seq))});
  }
  return table;
}

}  // namespace

std::string status_sentence(const SelectedTarget& target) {
  const TargetState& state = target.row.state;
  const StatusView& status = target.status;
  switch (status.status) {
    case Status::missing:
      return fmt::format("The API says that it does not exist ({}).", status.reason);
    case Status::drifted:
      return fmt::format("Live {} that nobody accepted{}.", words_for(target.row.target).noun,
                         status.reason == "stale" ? "; and it is not seen any more" : "");
    case Status::unobserved:
      return fmt::format("It could not be seen: {}.", status.reason);
    case Status::examining:
      return "New code is live, and its package was being examined: what is inside decides.";
    case Status::unreviewed:
      return fmt::format("Seen, but nobody has accepted any {} of it.", words_for(target.row.target).noun);
    case Status::pending_deploy:
      return status.reason == "overdue" ? fmt::format("The newly pinned code is overdue since {}.",
                                                      rfc3339(state.announced.back().valid_until))
                                        : fmt::format("Awaited until {}.", rfc3339(state.announced.back().valid_until));
    case Status::in_sync:
      break;
  }
  return fmt::format("The live {} is the accepted one.", words_for(target.row.target).noun);
}

ReportSection open_items(const AuditReport& report) {
  ReportSection section{std::string(kOpenItems), "Open items", {}, {}};
  section.words.push_back(
      fmt::format("What needs somebody's attention at the end of the period, {}.", rfc3339(report.until)));
  ReportTable table{"Functions that are not in order",
                    {"Function", "Status", "Since", "What is open", "Live hash", "Accepted hash", "Awaited"},
                    {}};
  ReportTable held{"Alerts that are held", {"Function", "Since", "Until", "By", "Reason"}, {}};
  for (const Status status : kStatuses) {
    if (status == Status::in_sync) continue;
    for (const AuditedFunction& function : report.functions) {
      if (function.status().status != status) continue;
      const TargetState& state = function.state();
      std::string detail = status_sentence(function.then.known);
      if (!state.watched) {
        // What nobody watches any more is open only if it was left drifting.
        if (!state.drift_open) continue;
        detail += " It was removed from the watch in this state.";
      }
      for (const auto& [name, text] : value_lines(function.then.known))
        detail += fmt::format(" {}.", value_line(name, text, kValueDigits));
      const bool alarm = status == Status::missing || status == Status::drifted;
      table.rows.push_back(
          {target_cell(function.address), Cell{std::string(to_string(status)), alarm ? Kind::alarm : Kind::warning},
           time_cell(state.drift_since && status == Status::drifted ? *state.drift_since : function.status().since),
           text_cell(std::move(detail)), live_cell(function), hash_cell(state.accepted), awaited_cell(state)});
    }
  }
  for (const AuditedFunction& function : report.functions) {
    if (const auto& s = function.then.held)
      held.rows.push_back({target_cell(function.address), time_cell(s->since), time_cell(s->until),
                           text_cell(who(s->actor, s->claimed)), text_cell(s->reason)});
  }
  ReportTable dead{"Alerts that were never delivered",
                   {"Made", "Destination", "Kind", "Function", "Attempts", "Last error", "Alert"},
                   {}};
  for (const DeadAlert& alert : report.dead) {
    dead.rows.push_back({time_cell(alert.created_at), text_cell(alert.destination), Cell{alert.kind, Kind::code},
                         target_cell(alert.target), text_cell(std::to_string(alert.attempts)),
                         text_cell(alert.last_error), Cell{alert.id, Kind::code}});
  }
  for (ReportTable* each : {&table, &held, &dead}) {
    if (!each->rows.empty()) section.blocks.push_back({{}, {}, {std::move(*each)}, nullptr});
  }
  if (section.blocks.empty()) section.words.emplace_back("Nothing is open.");
  return section;
}

ReportSection drift_section(const AuditReport& report) {
  ReportSection section{"drift", "Drift", {}, {}};
  section.words.emplace_back(
      "Drift is open from the first poll that saw a hash which was neither accepted nor announced, until the accepted "
      "hash was seen again or the live one was accepted. The open ones come first.");
  if (report.drifts.empty()) section.words.emplace_back("There was none in this period.");
  Attributed attributed;
  for (const LoggedFact& fact : report.attributed) attributed.emplace(fact.text("event"), fact.text("words"));
  for (const DriftStory& drift : report.drifts) section.blocks.push_back(block_of(drift, attributed, report.until));
  if (!report.unreviewed.empty()) {
    ReportTable table{
        "Changes of code that nobody had accepted yet", {"Time", "Function", "Hash before", "Hash after", "Event"}, {}};
    for (const LoggedFact& fact : report.unreviewed)
      table.rows.push_back({time_cell(fact.time), target_cell(fact.target), hash_cell(fact.text("previous_sha256")),
                            hash_cell(fact.text("observed_sha256")), text_cell(std::to_string(fact.seq))});
    section.blocks.push_back({"Changes without anything accepted", {}, {std::move(table)}, nullptr});
  }
  return section;
}

ReportSection acceptance_section(const AuditReport& report) {
  ReportSection section{"accepted", "What was accepted, by whom and why", {}, {}};
  section.words.emplace_back(
      "An actor like uid:1001(alice) is the user that the operating system vouched for. What a client claims beside it "
      "is marked as claimed, and nobody vouches for that.");
  section.blocks.push_back(acceptances(report, AcceptedSource::approval, "Accepted by a person",
                                       "Somebody accepted the live hash, with a reason."));
  section.blocks.push_back(acceptances(report, AcceptedSource::deploy, "Announced deployments that arrived",
                                       "A pipeline announced the hash, or the content, before it was live."));
  section.blocks.push_back(acceptances(report, AcceptedSource::pin, "Pinned in the configuration",
                                       "The hash, or the content, stands in the configuration file."));
  section.blocks.push_back(
      acceptances(report, AcceptedSource::content, "The accepted content, packed anew",
                  "Another hash with the files and modes of the accepted one. Nobody had to accept it."));
  section.blocks.push_back(
      acceptances(report, AcceptedSource::first_seen, "Trusted on first sight, not reviewed",
                  "The first hash seen was taken for the accepted one. No person and no pipeline vouched for it."));
  return section;
}

ReportSection deployment_section(const AuditReport& report) {
  ReportSection section{"announced", "Announced deployments and changed pins", {}, {}};
  if (report.deployments.empty()) {
    section.words.emplace_back("No deployment was announced in this period.");
  } else {
    section.blocks.push_back(
        {"Announced deployments", {}, {deployments("Announced deployments", report.deployments)}, nullptr});
  }
  if (report.pins.empty()) {
    section.words.emplace_back("No pin was set or changed in this period.");
  } else {
    section.blocks.push_back(
        {"Pins", {}, {deployments("Pins that were set, changed, or arrived", report.pins)}, nullptr});
  }
  return section;
}

}  // namespace codedriftd
