#include "audit/story/target_story.h"

#include <algorithm>

#include "model/kinds.h"

namespace codedriftd {
namespace {

void read_periods(Database& db, TargetId id, WallTime until, TargetRecord& record) {
  enum Column : int { kFrom, kTo, kStaleAfter };
  auto q = db.query(
      "SELECT from_ms, to_ms, stale_after_ms FROM watch_period WHERE target = ? AND from_ms <= ? ORDER BY from_ms, id",
      id, until);
  while (q.step()) record.periods.push_back({q.time(kFrom), q.optional_time(kTo), q.millis(kStaleAfter)});
}

void read_runs(Database& db, TargetId id, WallTime until, TargetRecord& record) {
  enum Column : int { kId, kOutcome, kCode, kSha256, kFirst, kLast, kPolls, kLongestGap };
  auto q = db.query(
      "SELECT id, outcome, code, sha256, first_seen_ms, last_seen_ms, polls, longest_gap_ms FROM run WHERE target = ? "
      "AND first_seen_ms <= ? ORDER BY first_seen_ms, id",
      id, until);
  while (q.step()) {
    StoredRun run{q.integer(kId), q.string(kOutcome), q.string(kCode),   q.optional_sha256(kSha256),
                  q.time(kFirst), q.time(kLast),      q.integer(kPolls), q.millis(kLongestGap)};
    (run.answer() ? record.answers : record.failures).push_back(std::move(run));
  }
}

void read_happenings(Database& db, const StoryContext& context, TargetId id, WallTime until, TargetRecord& record) {
  static const Sql kSql = event_rows::select(
      "WHERE target_id = ? AND kind IN ('drift.detected', 'drift.resolved', 'layer.changed', 'alias.moved', "
      "'function.missing', 'deploy.expected', 'deploy.arrived', 'deploy.superseded', 'deploy.overdue', "
      "'deploy.withdrawn', 'watch.suspended', 'watch.resumed') ORDER BY seq");
  auto q = db.query(kSql, id);
  while (q.step()) {
    const StoredEvent event = event_rows::read(q);
    const WallTime time = context.times.of(event.seq, event.time);
    if (time > until) continue;
    CheckedData checked = context.events.check(event);
    if (record.problem.empty()) record.problem = checked.problem;
    record.happenings.push_back({time, event.kind, event.actor, std::move(checked.data)});
  }
  std::stable_sort(record.happenings.begin(), record.happenings.end(),
                   [](const auto& a, const auto& b) { return a.time < b.time; });
}

/// The story while it is told: what was recorded at one moment came of one input, and is applied together.
class Telling {
 public:
  explicit Telling(const TargetRecord& record) : record_(record) {}

  TargetState until(WallTime end) {
    end_ = end;
    std::vector<WallTime> moments;
    for (const auto& period : record_.periods) {
      moments.push_back(period.from);
      if (period.to && *period.to <= end) moments.push_back(*period.to);
    }
    for (const auto& run : record_.answers) moments.push_back(run.first);
    for (const auto& acceptance : record_.acceptances) moments.push_back(acceptance.at);
    for (const auto& happening : record_.happenings) moments.push_back(happening.time);
    std::sort(moments.begin(), moments.end());
    moments.erase(std::unique(moments.begin(), moments.end()), moments.end());
    for (const WallTime moment : moments) step(moment);
    see_until(end);
    return std::move(state_);
  }

 private:
  void step(WallTime at) {
    const bool was_watched = state_.watched;
    see_until(at);
    const Status before = status(at);
    take_periods(at);
    take_runs(at);
    take_acceptances(at);
    take_happenings(at);
    // While the hash last seen is not the accepted one drift is open, unless the verdict waits for what is inside: then
    // the event of the drift comes later, if at all. Where it is not on record, it counts as drift after the longest
    // wait.
    const bool differs = state_.accepted && state_.live && *state_.accepted != *state_.live;
    const bool open = differs && (drift_told_ || end_ - *state_.live_since > kLongestExamineWithin);
    state_.examining_until =
        differs && !open ? std::optional(*state_.live_since + kLongestExamineWithin) : std::nullopt;
    if (open && !state_.drift_open) state_.drift_since = at;
    if (!open) state_.drift_since.reset();
    state_.drift_open = open;
    if (!was_watched && !state_.watched) return;
    if (status(at) != before || !state_.status_since) state_.status_since = at;
  }

  Status status(WallTime at) const { return status_of(state_, at, DaemonStay{at, false}).status; }

  /// Within a run no two answers are farther apart than stale_after: the last one is as good as now.
  void see_until(WallTime at) {
    if (run_ == nullptr) return;
    state_.last_success_at = std::min(at, run_->last);
  }

  void take_periods(WallTime at) {
    // The end of one may be the beginning of the next.
    for (const auto& period : record_.periods) {
      if (period.to && *period.to == at) state_.watched = false;
    }
    for (; period_ < record_.periods.size() && record_.periods[period_].from == at; ++period_) {
      const auto& period = record_.periods[period_];
      state_.watched = !period.to || *period.to > at;
      state_.stale_after = period.stale_after;
    }
  }

  void take_runs(WallTime at) {
    for (; next_run_ < record_.answers.size() && record_.answers[next_run_].first == at; ++next_run_) {
      run_ = &record_.answers[next_run_];
      state_.last_success_at = at;
      if (run_->sha256) {
        state_.live = run_->sha256;
        state_.live_since = at;
        state_.missing = false;
        state_.missing_code.clear();
      } else {
        state_.missing_code = run_->code;
      }
    }
  }

  void take_acceptances(WallTime at) {
    for (; acceptance_ < record_.acceptances.size() && record_.acceptances[acceptance_].at == at; ++acceptance_) {
      const auto& acceptance = record_.acceptances[acceptance_];
      state_.accepted = acceptance.sha256;
      state_.accepted_source = acceptance.source;
      state_.accepted_at = at;
    }
  }

  void take_happenings(WallTime at) {
    for (; happening_ < record_.happenings.size() && record_.happenings[happening_].time == at; ++happening_) {
      const auto& what = record_.happenings[happening_];
      if (what.kind == "function.missing") {
        state_.missing = true;
        state_.missing_code = text_in(what.data, "code");
      } else if (what.kind == "drift.resolved") {
        drift_told_ = false;
      } else if (tells_of_drift(what.kind) && what.kind != "drift.changed") {
        // Of layers and aliases the kind is the same while nothing is accepted, and no drift is open.
        drift_told_ = hash_in(what.data, "accepted_sha256").has_value();
      } else if (what.kind.starts_with("deploy.")) {
        take_deployment(what);
      }
    }
  }

  void take_deployment(const TargetRecord::Happening& what) {
    const auto hash = hash_in(what.data, "expected_sha256");
    const auto content = ContentDigest::parse(text_in(what.data, "expected_content"));
    if (!hash && !content) return;
    auto& announced = state_.announced;
    const auto named = std::find_if(announced.begin(), announced.end(),
                                    [&](const Announcement& a) { return a.sha256 == hash && a.content == content; });
    if (what.kind == "deploy.overdue" && text_in(what.data, "announced_by") == "config") {
      if (named != announced.end()) named->overdue = true;  // a pin stays announced
      return;
    }
    if (named != announced.end()) announced.erase(named);
    if (what.kind != "deploy.expected") return;
    Announcement announcement;
    announcement.sha256 = hash;
    announcement.content = content;
    announcement.pin = what.actor == "config";
    announcement.announced_at = what.time;
    announcement.valid_until = parse_rfc3339(text_in(what.data, "valid_until")).value_or(what.time);
    announcement.build = text_in(what.data, "build");
    announcement.commit = text_in(what.data, "commit");
    announcement.actor = what.actor;
    announcement.claimed = text_in(what.data, "claimed");
    announced.push_back(std::move(announcement));
  }

  const TargetRecord& record_;
  TargetState state_;
  WallTime end_{};
  bool drift_told_ = false;
  const StoredRun* run_ = nullptr;  ///< the last run of answers so far
  std::size_t period_ = 0, next_run_ = 0, acceptance_ = 0, happening_ = 0;
};

}  // namespace

std::vector<TargetRecord::Acceptance> read_acceptances(Database& db, TargetId id, WallTime until) {
  enum Column : int { kAt, kSha256, kSource, kActor, kClaimed, kReason, kTicket, kBuild, kCommit, kId };
  std::vector<std::pair<int64_t, TargetRecord::Acceptance>> all;
  {
    // As the index has them, and sorted here: there are few of one target.
    auto q = db.query(
        "SELECT at_ms, sha256, source, actor, claimed, reason, ticket, build, \"commit\", id FROM baseline WHERE "
        "target = ? ORDER BY at_ms, id",
        id);
    while (q.step()) {
      const auto hash = q.optional_sha256(kSha256);
      const auto source = parse_accepted_source(q.text(kSource));
      if (hash && source)
        all.emplace_back(
            q.integer(kId),
            TargetRecord::Acceptance{q.time(kAt), *hash, *source, q.string(kActor), q.string(kClaimed),
                                     q.string(kReason), q.string(kTicket), q.string(kBuild), q.string(kCommit)});
    }
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<TargetRecord::Acceptance> acceptances;
  for (auto& [row, acceptance] : all) {
    if (!acceptances.empty()) acceptance.at = std::max(acceptance.at, acceptances.back().at);
    if (acceptance.at > until) break;
    acceptances.push_back(std::move(acceptance));
  }
  return acceptances;
}

TargetRecord read_record(Database& db, const StoryContext& context, TargetId id, WallTime until) {
  TargetRecord record;
  read_periods(db, id, until, record);
  if (record.periods.empty()) return record;
  read_runs(db, id, until, record);
  record.acceptances = read_acceptances(db, id, until);
  read_happenings(db, context, id, until, record);
  return record;
}

std::optional<Suspension> held_at_end(const TargetRecord& record) {
  std::optional<Suspension> held;
  for (const auto& what : record.happenings) {
    if (what.kind == "watch.resumed") held.reset();
    if (what.kind != "watch.suspended") continue;
    // One that is suspended already gets the new end and reason.
    const WallTime since = held ? held->since : what.time;
    held = Suspension{since, parse_rfc3339(text_in(what.data, "until")).value_or(what.time), what.actor,
                      text_in(what.data, "claimed"), text_in(what.data, "reason")};
  }
  return held;
}

TargetState told_again(const TargetRecord& record, WallTime until) { return Telling(record).until(until); }

}  // namespace codedriftd
