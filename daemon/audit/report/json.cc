#include <fmt/format.h>

#include "audit/format/look_values.h"
#include "audit/format/values.h"
#include "audit/report/sections.h"
#include "audit/report/writers.h"

namespace codedriftd {
namespace {

OrderedJson fact_json(const LoggedFact& fact) {
  OrderedJson json{{"seq", fact.seq},           {"time", rfc3339(fact.time)}, {"kind", fact.kind},
                   {"severity", fact.severity}, {"actor", fact.actor},        {"target", value_of(fact.target)},
                   {"data", fact.data}};
  if (!fact.changes.is_null()) json["changes"] = fact.changes;
  if (!fact.target_then.empty()) json["target_then"] = fact.target_then;
  if (!fact.problem.empty()) json["problem"] = fact.problem;
  return json;
}

OrderedJson facts_json(const std::vector<LoggedFact>& facts) {
  OrderedJson list = OrderedJson::array();
  for (const LoggedFact& fact : facts) list.push_back(fact_json(fact));
  return list;
}

OrderedJson accepted_json(const Accepted& a) {
  const auto& how = a.how;
  return {{"target", a.target},
          {"at", rfc3339(how.at)},
          {"accepted_sha256", how.sha256.hex()},
          {"previous_sha256", value_of(a.previous)},
          {"source", to_string(how.source)},
          {"actor", how.actor},
          {"claimed", text_or_null(how.claimed)},
          {"reason", text_or_null(how.reason)},
          {"ticket", text_or_null(how.ticket)},
          {"build", text_or_null(how.build)},
          {"commit", text_or_null(how.commit)}};
}

OrderedJson drift_json(const DriftStory& drift) {
  return {{"target", drift.target},
          {"drift_since", rfc3339(drift.since)},
          {"began_before_period", drift.began_before},
          {"published_version", drift.published_version},
          {"observed_sha256", value_of(drift.live)},
          {"accepted_sha256", value_of(drift.accepted)},
          {"resolved_at", value_of(drift.resolved)},
          {"resolution", text_or_null(drift.resolution)},
          {"resolved_by", text_or_null(drift.resolved_by)},
          {"acceptance", drift.acceptance ? accepted_json(*drift.acceptance) : OrderedJson()},
          {"timeline", facts_json(drift.moments)}};
}

OrderedJson held_json(const std::optional<Suspension>& held) {
  if (!held) return nullptr;
  return {{"since", rfc3339(held->since)},
          {"until", rfc3339(held->until)},
          {"actor", held->actor},
          {"claimed", text_or_null(held->claimed)},
          {"reason", held->reason}};
}

OrderedJson dead_json(const DeadAlert& alert) {
  return {{"id", alert.id},
          {"alert", alert.destination},
          {"kind", alert.kind},
          {"target", value_of(alert.target)},
          {"created_at", rfc3339(alert.created_at)},
          {"attempts", alert.attempts},
          {"last_error", text_or_null(alert.last_error)}};
}

OrderedJson coverage_json(const Coverage& c) {
  return {{"from", value_of(c.from)},
          {"until", value_of(c.until)},
          {"polls", c.polls},
          {"observed_s", seconds(c.observed)},
          {"unobserved_s", seconds(c.unobserved)},
          {"coverage", ratio_value(c.observed, c.unobserved)},
          {"longest_gap_s", seconds(c.longest_gap)},
          {"gaps", gaps_value(c.gaps)}};
}

/// What a hash of layers or an alias stands for, or null.
OrderedJson value_json(const AuditedFunction& function, const std::optional<Sha256>& hash) {
  const auto found = hash ? function.values.find(*hash) : function.values.end();
  return found == function.values.end() ? OrderedJson() : OrderedJson(found->second);
}

OrderedJson function_json(const AuditReport& report, const AuditedFunction& function) {
  const TargetState& state = function.state();
  OrderedJson runs = OrderedJson::array();
  for (const StoredRun& run : function.then.record.answers) {
    if (run.last < report.since) continue;
    runs.push_back({{"outcome", run.outcome},
                    {"code", text_or_null(run.code)},
                    {"sha256", value_of(run.sha256)},
                    {"first_seen_at", rfc3339(run.first)},
                    {"last_seen_at", rfc3339(run.last)},
                    {"polls", run.polls},
                    {"longest_gap_s", seconds(run.longest_gap)},
                    {"value", value_json(function, run.sha256)},
                    {"claim", run.sha256 ? OrderedJson(run_claim(run)) : OrderedJson()}});
  }
  const auto expected = state.announced.empty() ? std::nullopt : state.announced.back().sha256;
  const auto content = state.announced.empty() ? std::nullopt : state.announced.back().content;
  return {{"target", function.address},
          {"watched", state.watched},
          {"status", to_string(function.status().status)},
          {"reason", function.status().reason},
          {"since", rfc3339(function.status().since)},
          {"observed_sha256", value_of(state.live)},
          {"accepted_sha256", value_of(state.accepted)},
          {"accepted_source", state.accepted ? OrderedJson(to_string(state.accepted_source)) : OrderedJson()},
          {"accepted_at", value_of(state.accepted_at)},
          {"expected_sha256", value_of(expected)},
          {"expected_content", content ? OrderedJson(content->text()) : OrderedJson()},
          {"observed_value", text_or_null(function.then.known.observed_value)},
          {"accepted_value", text_or_null(function.then.known.accepted_value)},
          {"drift_since", value_of(state.drift_since)},
          {"alerts_held", held_json(function.then.held)},
          {"coverage", coverage_json(function.coverage)},
          {"runs", std::move(runs)}};
}

bool is_open(const AuditedFunction& function) {
  if (function.then.held) return true;
  return function.state().watched ? function.status().status != Status::in_sync : function.state().drift_open;
}

template <typename Range, typename Make>
OrderedJson list_of(const Range& range, const Make& make) {
  OrderedJson list = OrderedJson::array();
  for (const auto& item : range) list.push_back(make(item));
  return list;
}

}  // namespace

std::string report_json(const AuditReport& report) {
  const auto by_source = [&](AcceptedSource source) {
    OrderedJson list = OrderedJson::array();
    for (const Accepted& accepted : report.accepted) {
      if (accepted.how.source == source) list.push_back(accepted_json(accepted));
    }
    return list;
  };
  OrderedJson open = OrderedJson::array();
  for (const Status status : kStatuses) {
    for (const AuditedFunction& function : report.functions) {
      if (function.status().status == status && is_open(function)) open.push_back(function.address);
    }
  }
  std::vector<LoggedFact> configurations = report.configurations;
  if (report.configured_before) configurations.insert(configurations.begin(), *report.configured_before);
  const std::pair<const char*, OrderedJson> members[] = {
      {"claim", report_claim()},
      {"period", {{"since", rfc3339(report.since)}, {"until", rfc3339(report.until)}}},
      {"scope",
       {{"log", report.origin}, {"selection", text_or_null(report.selection)}, {"functions", report.functions.size()}}},
      {"summary",
       {{"open", open.size()},
        {"drifts", report.drifts.size()},
        {"accepted", report.accepted.size()},
        {"polls", report.polls},
        {"unobserved_s", seconds(report.unobserved)},
        {"coverage", ratio_value(report.observed, report.unobserved)},
        {"longest_gap_s", seconds(report.longest_gap)},
        {"events", report.events},
        {"problems", report.problems.size()},
        {"inventory", looks_value(report.looks)}}},
      {"problems", report.problems},
      {"open", std::move(open)},
      {"drifts", list_of(report.drifts, drift_json)},
      {"unreviewed_changes", facts_json(report.unreviewed)},
      {"accepted",
       {{"approval", by_source(AcceptedSource::approval)},
        {"deploy", by_source(AcceptedSource::deploy)},
        {"pin", by_source(AcceptedSource::pin)},
        {"content", by_source(AcceptedSource::content)},
        {"first_seen", by_source(AcceptedSource::first_seen)}}},
      {"deployments", facts_json(report.deployments)},
      {"pins", facts_json(report.pins)},
      {"refused", facts_json(report.refused)},
      {"watch", facts_json(report.watching)},
      {"holding", facts_json(report.holding)},
      {"seeing", facts_json(report.seeing)},
      {"finding", facts_json(report.finding)},
      {"attributed", facts_json(report.attributed)},
      {"dead_alerts", list_of(report.dead, dead_json)},
      {"deliveries", facts_json(report.deliveries)},
      {"configurations", facts_json(configurations)},
      {"daemon", facts_json(report.daemon)}};
  std::string out =
      fmt::format("{{\"schema\":\"codedriftd.report.v1\",\"generated_at\":\"{}\"", rfc3339(report.generated_at));
  for (const auto& [name, value] : members) out += fmt::format(",\n\"{}\":{}", name, plain_json(value));
  out += ",\n\"functions\":[";
  bool first = true;
  for (const AuditedFunction& function : report.functions) {  // one a line: there may be thousands
    out += fmt::format("{}\n{}", first ? "" : ",", plain_json(function_json(report, function)));
    first = false;
  }
  out += "\n]}\n";
  return out;
}

}  // namespace codedriftd
