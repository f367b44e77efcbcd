#include "audit/report/gather.h"

#include <algorithm>
#include <set>

#include "audit/story/changes_inside.h"
#include "audit/story/daemon_stays.h"
#include "model/changes.h"
#include "model/kinds.h"
#include "model/value.h"
#include "store/log/event_log.h"
#include "store/packages/packages.h"
#include "store/record/facts.h"
#include "store/record/values.h"

namespace codedriftd {
namespace {

/// The selection for what happened: a status is one of the end of the period, and events have none.
Selection of_any_status(Selection selection) {
  selection.statuses.clear();
  return selection;
}

class Gathering {
 public:
  Gathering(Database& db, const Selection& selection, WallTime now)
      : db_(db), selection_(selection), filter_(db, of_any_status(selection), now), context_(db) {
    report_.generated_at = now;
    report_.until = std::min(selection.until.value_or(now), now);
    report_.since = selection.since.value_or(report_.until - kReportWindow);
    report_.origin = facts::read(db, "log_origin").value_or("");
    report_.selection = selection_words(selection);
  }

  AuditReport all() && {
    functions();
    looks();
    events();
    drifts();
    acceptances();
    dead_alerts();
    report_.drawn_since = report_.until;
    for (const AuditedFunction& each : report_.functions)
      report_.drawn_since = std::min(report_.drawn_since, each.watched.front().from);
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
      values(function);
      if (!function.then.problem.empty()) report_.problems.push_back(function.then.problem);
      report_.polls += function.coverage.polls;
      report_.observed += function.coverage.observed;
      report_.unobserved += function.coverage.unobserved;
      report_.longest_gap = std::max(report_.longest_gap, function.coverage.longest_gap);
      places_.emplace(function.then.known.row.id, report_.functions.size());
      report_.functions.push_back(std::move(function));
    }
  }

  /// Of the places of the scope; where no function is asked for, of every place that was listed.
  void looks() {
    std::set<AccountRegion> places;
    for (const AuditedFunction& each : report_.functions) {
      const Target& target = each.then.known.row.target;
      places.insert({target.account, target.region});
    }
    report_.looks = region_looks(db_, selection_, std::move(places), report_.since, report_.until);
  }

  void values(AuditedFunction& function) {
    SelectedTarget& known = function.then.known;
    find_values(db_, known);
    if (!has_text(kind_of_qualifier(known.row.target.qualifier))) return;
    const auto add = [&](const std::optional<Sha256>& hash) {
      if (!hash || function.values.contains(*hash)) return;
      if (std::string text = values::text_of(db_, known.row.target, hash); !text.empty())
        function.values.emplace(*hash, std::move(text));
    };
    for (const StoredRun& run : function.then.record.answers) add(run.sha256);
    for (const auto& acceptance : function.then.record.acceptances) add(acceptance.sha256);
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

  AuditedFunction* function(const std::optional<TargetId>& target) {
    if (!target) return nullptr;
    const auto place = places_.find(*target);
    return place == places_.end() ? nullptr : &report_.functions[place->second];
  }

  // ---- events ---------------------------------------------------------------------------------------------------

  bool in_scope(const std::optional<TargetId>& target) {
    if (!target || function(target) != nullptr) return true;
    return selection_.statuses.empty() && filter_.matches(target);
  }

  LoggedFact read(const Query& q) {
    StoredEvent stored = event_rows::read(q);
    CheckedData checked = context_.events.check(stored);
    LoggedFact fact;
    fact.seq = stored.seq;
    fact.id = std::move(stored.id);
    fact.time = stored.time;
    fact.kind = std::move(stored.kind);
    fact.severity = std::move(stored.severity);
    fact.actor = std::move(stored.actor);
    fact.target_id = stored.target_id;
    fact.target = context_.events.name_of(stored.target_id);
    if (!fact.target) fact.target = checked.target;
    if (checked.target != fact.target) fact.target_then = checked.target.value_or("");
    fact.data = std::move(checked.data);
    fact.problem = std::move(checked.problem);
    return fact;
  }

  /// The latest moment at which the event that `q` stands at can have been written.
  WallTime time_of(const Query& q) const {
    return context_.times.of(q.integer(event_rows::kSeq), q.time(event_rows::kTime));
  }

  void events() {
    for (const event_log::Missing& missing : event_log::missing(db_)) add_problem(event_log::words_of(missing));
    {
      // By seq: the order in which they were written, whatever the clock said then.
      static const Sql kSql = event_rows::select("WHERE time_ms >= ? ORDER BY +seq");
      static const Sql kOfOne =
          event_rows::select("WHERE time_ms >= ? AND (target_id IS NULL OR target_id = ?) ORDER BY +seq");
      const auto one = filter_.only();
      auto q = one ? db_.stream(kOfOne, report_.since, *one) : db_.stream(kSql, report_.since);
      while (q.step()) {
        const WallTime time = time_of(q);
        if (time < report_.since || time > report_.until) continue;
        if (!in_scope(event_rows::target_id(q))) continue;
        ++report_.events;
        LoggedFact fact = read(q);
        if (!fact.problem.empty()) add_problem(fact.problem);
        sort_in(std::move(fact));
      }
    }
    static const Sql kBefore =
        event_rows::select("WHERE target_id IS NULL AND kind = 'config.loaded' ORDER BY seq DESC");
    auto q = db_.stream(kBefore);
    do {
      if (!q.step()) return;
    } while (time_of(q) >= report_.since);
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
    if (kind == "account.renamed") return &report_.daemon;
    if (is("watch.")) return &report_.watching;
    if (kind == "function.missing" || kind == "function.returned") return &report_.seeing;
    if (is("function.") || is("discovery.")) return &report_.finding;
    if (kind == "change.attributed") return &report_.attributed;
    if (is("poll.") || is("account.") || is("package.")) return &report_.seeing;
    if (is("delivery.") || is("alert.")) return &report_.deliveries;
    return &report_.daemon;
  }

  void sort_in(LoggedFact fact) {
    if (about_drift(fact.kind)) {
      if (fact.kind != "drift.resolved" && fact.kind != "drift.detected" && fact.text("accepted_sha256").empty()) {
        report_.unreviewed.push_back(std::move(fact));
      } else {
        drifting_.push_back(std::move(fact));
      }
      return;
    }
    if (fact.kind == "watch.added" && !(fact.text("pin").empty() && fact.text("content_pin").empty()))
      report_.pins.push_back(fact);
    if (auto* place = place_of(fact)) place->push_back(std::move(fact));
  }

  // ---- drift ----------------------------------------------------------------------------------------------------

  DriftStory begin(TargetId target, WallTime since) {
    DriftStory story;
    story.target_id = target;
    story.target = context_.events.name_of(target).value_or("");
    story.since = since;
    story.began_before = since < report_.since;
    if (story.began_before) {
      static const Sql kSql = event_rows::select(
          "WHERE target_id = ? AND time_ms >= ? AND kind IN ('drift.detected', 'drift.changed', "
          "'layer.changed', 'alias.moved') ORDER BY seq");
      auto q = db_.query(kSql, target, since);
      while (q.step()) {
        if (const WallTime time = time_of(q); time < since || time >= report_.since) continue;
        story.moments.push_back(read(q));
        if (!story.moments.back().problem.empty()) add_problem(story.moments.back().problem);
      }
    }
    return story;
  }

  void drifts() {
    std::map<TargetId, DriftStory> open;
    for (LoggedFact& fact : drifting_) {
      if (!fact.target_id) continue;
      const TargetId target = *fact.target_id;
      // What it says of itself may be of a clock that was ahead; what it was written at bounds it.
      const WallTime written = context_.times.of(fact.seq, fact.time);
      const auto since = std::min(parse_rfc3339(fact.text("drift_since")).value_or(written), written);
      if (!open.contains(target)) open.emplace(target, begin(target, since));
      DriftStory& story = open.at(target);
      story.published_version |= fact.data.is_object() && fact.data.contains("published_version");
      story.live = hash_in(fact.data, "observed_sha256");
      story.accepted = hash_in(fact.data, "accepted_sha256");
      const bool ends = fact.kind == "drift.resolved";
      if (ends) end(story, fact);
      story.moments.push_back(std::move(fact));
      if (!ends) continue;
      report_.drifts.push_back(std::move(story));
      open.erase(target);
    }
    for (const AuditedFunction& each : report_.functions) {
      const TargetState& state = each.state();
      const TargetId target = each.then.known.row.id;
      if (state.drift_open && !open.contains(target))
        open.emplace(target, begin(target, state.drift_since.value_or(report_.since)));
      if (const auto story = open.find(target); story != open.end()) {
        story->second.live = state.live;
        story->second.accepted = state.accepted;
      }
    }
    for (auto& [target, story] : open) report_.drifts.push_back(std::move(story));
    std::stable_sort(report_.drifts.begin(), report_.drifts.end(), [](const DriftStory& a, const DriftStory& b) {
      return std::pair(a.resolved.has_value(), a.since) < std::pair(b.resolved.has_value(), b.since);
    });
    for (DriftStory& story : report_.drifts) {
      for (LoggedFact& moment : story.moments) moment.changes = changes_inside(moment);
    }
    for (const DriftStory& story : report_.drifts) {
      if (AuditedFunction* drifted = function(story.target_id))
        drifted->drifting.emplace_back(std::max(story.since, report_.since), story.resolved.value_or(report_.until));
    }
  }

  /// What a drift's event says of the inside; as a rule the package was examined only after it was written, and it is
  /// the record that knows.
  OrderedJson changes_inside(const LoggedFact& moment) {
    if (moment.kind == "drift.resolved" || !moment.data.is_object()) return nullptr;
    if (const auto said = moment.data.find("changes"); said != moment.data.end()) return *said;
    const auto live = hash_in(moment.data, "observed_sha256"), accepted = hash_in(moment.data, "accepted_sha256");
    if (!live || !accepted) return nullptr;
    for (const Sha256& code : {*live, *accepted}) {
      const auto package = packages::find(db_, code);
      if (!package || package->state != PackageState::examined) return nullptr;
    }
    return OrderedJson(changes_json(compare(packages::manifest(db_, *accepted), packages::manifest(db_, *live))));
  }

  void end(DriftStory& story, const LoggedFact& fact) {
    story.resolved = context_.times.of(fact.seq, fact.time);
    story.resolution = fact.text("resolution");
    story.resolved_by = fact.actor;
    const AuditedFunction* drifted = function(fact.target_id);
    if (drifted == nullptr || story.resolution == "returned") return;
    std::optional<Sha256> previous;
    for (const auto& acceptance : drifted->then.record.acceptances) {
      if (acceptance.at <= *story.resolved && acceptance.sha256 == story.live) {
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
    enum Column : int { kId, kDestination, kKind, kTarget, kCreatedAt, kAttempts, kLastError, kTargetId };
    auto q = db_.query(
        "SELECT alert_id, destination, kind, target, created_at_ms, attempts, coalesce(last_error, ''), "
        "target_id FROM outbox WHERE state = 'dead' AND destination >= '' AND created_at_ms <= ? ORDER BY id",
        report_.until);
    while (q.step()) {
      DeadAlert alert{q.string(kId),      q.string(kDestination), q.string(kKind),     q.optional_string(kTarget),
                      q.time(kCreatedAt), q.integer(kAttempts),   q.string(kLastError)};
      if (in_scope(q.optional_integer(kTargetId))) report_.dead.push_back(std::move(alert));
    }
  }

  Database& db_;
  const Selection& selection_;
  AuditReport report_;
  TargetFilter filter_;
  const StoryContext context_;
  std::map<TargetId, std::size_t> places_;  ///< of functions
  std::vector<LoggedFact> drifting_;
};

}  // namespace

AuditReport gather_audit_report(Database& db, const Selection& selection, WallTime now) {
  return Gathering(db, selection, now).all();
}

}  // namespace codedriftd
