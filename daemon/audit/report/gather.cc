#include "audit/report/gather.h"

#include <algorithm>
#include <map>

#include "audit/story/daemon_stays.h"
#include "store/record/facts.h"

namespace codedriftd {
namespace {

class Gathering {
 public:
  Gathering(Database& db, const Selection& selection, WallTime now) : db_(db), selection_(selection) {
    report_.generated_at = now;
    report_.until = std::min(selection.until.value_or(now), now);
    report_.since = selection.since.value_or(report_.until - kReportWindow);
    report_.origin = facts::read(db, "log_origin").value_or("");
    report_.selection = selection_words(selection);
  }

  AuditReport all() && {
    functions();
    events();
    drifts();
    acceptances();
    dead_alerts();
    return std::move(report_);
  }

 private:
  void functions() {
    const auto stays = daemon_stays(db_, report_.since, report_.generated_at);
    Selection everyone = selection_;
    everyone.all = true;
    for (TargetAt& target : targets_at(db_, everyone, report_.until)) {
      AuditedFunction function;
      Sightings seen = sightings(target.record);
      for (Sightings::Period period : seen.periods) {
        period.from = std::max(period.from, report_.since);
        period.until = std::min(period.until, report_.until);
        if (period.from < period.until) function.watched.push_back(period);
      }
      if (function.watched.empty()) continue;
      function.coverage = coverage_of(seen, stays, report_.since, report_.until);
      function.address = target.known.row.target.address();
      function.then = std::move(target);
      if (!function.then.problem.empty()) report_.problems.push_back(function.then.problem);
      report_.polls += function.coverage.polls;
      report_.observed += function.coverage.observed;
      report_.unobserved += function.coverage.unobserved;
      report_.longest_gap = std::max(report_.longest_gap, function.coverage.longest_gap);
      places_.emplace(function.address, report_.functions.size());
      report_.functions.push_back(std::move(function));
    }
  }

  Sightings sightings(const TargetRecord& record) const {
    Sightings seen;
    for (const auto& period : record.periods)
      seen.periods.push_back({period.from, period.to.value_or(report_.until), period.stale_after});
    for (const StoredRun& run : record.answers)
      seen.answers.push_back({run.first, run.last, run.polls, run.longest_gap});
    for (const StoredRun& run : record.failures)
      seen.failures.push_back({run.first, run.last, run.polls, run.longest_gap, gap_reason(run.outcome, run.code)});
    for (const auto* runs : {&record.answers, &record.failures}) {
      if (!runs->empty())
        seen.first_poll = std::min(seen.first_poll.value_or(runs->front().first), runs->front().first);
    }
    return seen;
  }

  AuditedFunction* function(const std::optional<std::string>& address) {
    if (!address) return nullptr;
    const auto place = places_.find(*address);
    return place == places_.end() ? nullptr : &report_.functions[place->second];
  }

  // ---- events ---------------------------------------------------------------------------------------------------

  bool in_scope(const std::optional<std::string>& address) {
    if (!address || function(address) != nullptr || !selection_.narrows_targets()) return true;
    // What stands under the earlier label of a renamed account is selected by its address alone.
    const auto target = Target::parse(*address);
    return selection_.statuses.empty() && target.ok() && selects(selection_, *target);
  }

  LoggedFact read(const Query& q) {
    StoredEvent stored = read_event(q);
    CheckedData checked = check_body(stored);
    return {stored.seq,
            stored.time,
            std::move(stored.kind),
            std::move(stored.severity),
            std::move(stored.actor),
            std::move(stored.target),
            std::move(checked.data),
            std::move(checked.problem)};
  }

  void events() {
    {
      auto q = db_.query(
          "SELECT seq, id, time_ms, kind, severity, actor, target, body, leaf_hash FROM event WHERE time_ms >= ? AND "
          "time_ms <= ? ORDER BY time_ms, seq",
          report_.since, report_.until);
      while (q.step()) {
        if (!in_scope(q.optional_string(6))) continue;
        ++report_.events;
        LoggedFact fact = read(q);
        if (!fact.problem.empty()) add_problem(fact.problem);
        sort_in(std::move(fact));
      }
    }
    auto q = db_.query(
        "SELECT seq, id, time_ms, kind, severity, actor, target, body, leaf_hash FROM event WHERE target IS NULL AND "
        "kind = 'config.loaded' AND time_ms < ? ORDER BY seq DESC LIMIT 1",
        report_.since);
    if (!q.step()) return;
    report_.configured_before = read(q);
    if (!report_.configured_before->problem.empty()) add_problem(report_.configured_before->problem);
  }

  void add_problem(const std::string& problem) {
    if (std::find(report_.problems.begin(), report_.problems.end(), problem) == report_.problems.end())
      report_.problems.push_back(problem);
  }

  std::vector<LoggedFact>* place_of(const LoggedFact& fact) {
    const std::string& kind = fact.kind;
    const auto is = [&](std::string_view prefix) { return kind.starts_with(prefix); };
    if (kind == "config.loaded") return &report_.configurations;
    if (kind == "control.denied") return &report_.refused;
    if (kind == "baseline.set") return fact.text("source") == "pin" ? &report_.pins : nullptr;
    if (is("deploy.")) {
      const bool pin = (kind == "deploy.expected" ? fact.actor : fact.text("announced_by")) == "config";
      return pin ? &report_.pins : &report_.deployments;
    }
    if (kind == "watch.suspended" || kind == "watch.resumed") return &report_.holding;
    if (is("watch.")) return &report_.watching;
    if (is("poll.") || is("account.") || is("function.")) return &report_.seeing;
    if (is("delivery.") || is("alert.")) return &report_.deliveries;
    return &report_.daemon;
  }

  void sort_in(LoggedFact fact) {
    if (fact.kind.starts_with("drift.")) {
      if (fact.kind == "drift.changed" && fact.text("accepted_sha256").empty()) {
        report_.unreviewed.push_back(std::move(fact));
      } else {
        drifting_.push_back(std::move(fact));
      }
      return;
    }
    if (fact.kind == "watch.added" && !fact.text("pin").empty()) report_.pins.push_back(fact);
    if (auto* place = place_of(fact)) place->push_back(std::move(fact));
  }

  // ---- drift ----------------------------------------------------------------------------------------------------

  DriftStory begin(const std::string& target, WallTime since) {
    DriftStory story;
    story.target = target;
    story.since = since;
    story.began_before = since < report_.since;
    if (story.began_before) {
      auto q = db_.query(
          "SELECT seq, id, time_ms, kind, severity, actor, target, body, leaf_hash FROM event WHERE target = ? AND "
          "time_ms >= ? AND time_ms < ? AND kind IN ('drift.detected', 'drift.changed') ORDER BY seq",
          target, since, report_.since);
      while (q.step()) {
        story.moments.push_back(read(q));
        if (!story.moments.back().problem.empty()) add_problem(story.moments.back().problem);
      }
    }
    return story;
  }

  void drifts() {
    std::map<std::string, DriftStory> open;
    for (LoggedFact& fact : drifting_) {
      if (!fact.target) continue;
      const std::string address = *fact.target;
      const auto since = parse_rfc3339(fact.text("drift_since")).value_or(fact.time);
      if (!open.contains(address)) open.emplace(address, begin(address, since));
      DriftStory& story = open.at(address);
      story.published_version |= fact.data.is_object() && fact.data.contains("published_version");
      story.live = hash_in(fact.data, "observed_sha256");
      story.accepted = hash_in(fact.data, "accepted_sha256");
      const bool ends = fact.kind == "drift.resolved";
      if (ends) end(story, fact);
      story.moments.push_back(std::move(fact));
      if (!ends) continue;
      report_.drifts.push_back(std::move(story));
      open.erase(address);
    }
    for (const AuditedFunction& each : report_.functions) {
      const TargetState& state = each.state();
      if (state.drift_open && !open.contains(each.address))
        open.emplace(each.address, begin(each.address, state.drift_since.value_or(report_.since)));
      if (const auto story = open.find(each.address); story != open.end()) {
        story->second.live = state.live;
        story->second.accepted = state.accepted;
      }
    }
    for (auto& [address, story] : open) report_.drifts.push_back(std::move(story));
    std::stable_sort(report_.drifts.begin(), report_.drifts.end(), [](const DriftStory& a, const DriftStory& b) {
      return std::pair(a.resolved.has_value(), a.since) < std::pair(b.resolved.has_value(), b.since);
    });
    for (const DriftStory& story : report_.drifts) {
      if (AuditedFunction* drifted = function(story.target))
        drifted->drifting.emplace_back(std::max(story.since, report_.since), story.resolved.value_or(report_.until));
    }
  }

  void end(DriftStory& story, const LoggedFact& fact) {
    story.resolved = fact.time;
    story.resolution = fact.text("resolution");
    story.resolved_by = fact.actor;
    const AuditedFunction* drifted = function(fact.target);
    if (drifted == nullptr || story.resolution == "returned") return;
    std::optional<Sha256> previous;
    for (const auto& acceptance : drifted->then.record.acceptances) {
      if (acceptance.at <= fact.time && acceptance.sha256 == story.live) {
        story.acceptance = Accepted{story.target, acceptance, previous};
        story.resolved_by = acceptance.actor;
      }
      previous = acceptance.sha256;
    }
  }

  // ---- acceptances and alerts -----------------------------------------------------------------------------------

  void acceptances() {
    for (const AuditedFunction& each : report_.functions) {
      std::optional<Sha256> previous;
      for (const auto& acceptance : each.then.record.acceptances) {
        if (acceptance.at >= report_.since) report_.accepted.push_back({each.address, acceptance, previous});
        previous = acceptance.sha256;
      }
    }
    std::stable_sort(report_.accepted.begin(), report_.accepted.end(),
                     [](const Accepted& a, const Accepted& b) { return a.how.at < b.how.at; });
  }

  void dead_alerts() {
    // The comparison with '' lets the partial index of dead rows serve.
    auto q = db_.query(
        "SELECT alert_id, destination, kind, target, created_at_ms, attempts, coalesce(last_error, '') FROM outbox "
        "WHERE state = 'dead' AND destination >= '' AND created_at_ms <= ? ORDER BY id",
        report_.until);
    while (q.step()) {
      DeadAlert alert{q.string(0), q.string(1),  q.string(2), q.optional_string(3),
                      q.time(4),   q.integer(5), q.string(6)};
      if (in_scope(alert.target)) report_.dead.push_back(std::move(alert));
    }
  }

  Database& db_;
  const Selection& selection_;
  AuditReport report_;
  std::map<std::string, std::size_t> places_;  ///< of functions, by address
  std::vector<LoggedFact> drifting_;
};

}  // namespace

AuditReport gather_audit_report(Database& db, const Selection& selection, WallTime now) {
  return Gathering(db, selection, now).all();
}

}  // namespace codedriftd
