#include "audit/story/state_at.h"

#include <fmt/format.h>

#include <algorithm>

#include "audit/story/coverage.h"

namespace codedriftd {
namespace {

/// The stay of the daemon that `at` lies in or after.
std::optional<DaemonStay> stay_at(Database& db, WallTime at) {
  auto q = db.query(
      "SELECT alive_at_ms, stopped_at_ms FROM daemon_run WHERE started_at_ms <= ?1 ORDER BY CASE WHEN "
      "coalesce(stopped_at_ms, alive_at_ms) >= ?1 THEN 1 ELSE 0 END DESC, id DESC LIMIT 1",
      at);
  if (!q.step()) return std::nullopt;
  const auto stopped = q.optional_time(1);
  return DaemonStay{std::min(q.time(0), at), stopped && *stopped <= at};
}

/// The last poll of a run at `at` or before; nullopt: the record does not tell which.
std::optional<WallTime> last_poll(const StoredRun& run, WallTime at) {
  if (run.last <= at) return run.last;
  if (run.polls == 2) return run.first;  // the second one came later
  return std::nullopt;
}

bool ended(const StoredRun& run, WallTime at) { return run.last <= at; }

/// Times and errors of the last polls before `at`, as far as the runs tell.
class Polls {
 public:
  Polls(const TargetRecord& record, WallTime at, TargetAt& target)
      : record_(record),
        at_(at),
        target_(target),
        state_(target.known.row.state),
        answer_(record.answers.empty() ? nullptr : &record.answers.back()),
        failure_(record.failures.empty() ? nullptr : &record.failures.back()) {}

  void tell() {
    tell_times();
    const std::optional<bool> failing = last_one_failed();
    if (!failing) {
      target_.failures_unknown = true;
    } else if (*failing) {
      state_.last_reason = gap_reason(failure_->outcome, failure_->code);
      state_.last_error = PollError{failure_->code, {}, {}};
      target_.error_words_unknown = true;
      count_failures();
    } else if (answer_ != nullptr && !answer_->sha256) {
      state_.last_error = PollError{state_.missing_code, {}, {}};
      target_.error_words_unknown = true;
    }
  }

 private:
  void tell_times() {
    if (answer_ != nullptr) {
      const auto success = last_poll(*answer_, at_);
      target_.success_time_unknown = !success;
      if (success) state_.last_success_at = success;
    }
    for (const StoredRun* run : {answer_, failure_}) {
      if (run == nullptr) continue;
      const auto poll = last_poll(*run, at_);
      if (!poll) target_.poll_time_unknown = true;
      state_.last_polled_at = std::max(state_.last_polled_at.value_or(WallTime::min()), poll.value_or(at_));
    }
  }

  /// Nullopt: the record does not tell.
  std::optional<bool> last_one_failed() const {
    if (failure_ == nullptr) return false;
    if (answer_ == nullptr || !ended(*failure_, at_)) return true;
    if (ended(*answer_, at_)) return failure_->last > answer_->last;
    if (failure_->first < answer_->first) return false;
    // An answer came before the failures, and the next one no later than the run's longest gap after it.
    if (at_ - failure_->first >= answer_->longest_gap) return false;
    return std::nullopt;
  }

  void count_failures() {
    if (answer_ != nullptr && !ended(*answer_, at_)) {
      target_.failures_unknown = true;
      return;
    }
    state_.consecutive_failures = 0;
    for (const StoredRun& run : record_.failures) {
      if (answer_ != nullptr && run.first < answer_->last) continue;
      if (!last_poll(run, at_)) target_.failures_unknown = true;
      state_.consecutive_failures += static_cast<unsigned>(ended(run, at_) ? run.polls : 1);
    }
  }

  const TargetRecord& record_;
  const WallTime at_;
  TargetAt& target_;
  TargetState& state_;
  const StoredRun* answer_;
  const StoredRun* failure_;
};

/// Nothing was asked since `at`: the present row still has the words of the last poll.
void copy_last_poll(const TargetState& present, TargetState& then) {
  then.last_polled_at = present.last_polled_at;
  then.last_success_at = present.last_success_at;
  then.consecutive_failures = present.consecutive_failures;
  then.last_error = present.last_error;
  then.last_reason = present.last_reason;
  if (then.missing) then.missing_code = present.missing_code;
}

}  // namespace

std::vector<TargetAt> targets_at(Database& db, const Selection& selection, WallTime at) {
  const auto stay = stay_at(db, at);
  const StoryContext context(db);
  std::vector<TargetAt> found;
  each_selected(db, selection, true, [&](TargetRow&& row) {
    TargetRecord record = read_record(db, context, row.id, at);
    if (record.periods.empty()) return;  // not known yet
    TargetAt target;
    target.problem = record.problem;
    TargetState& state = target.known.row.state = told_again(record, at);
    if (!state.watched && !selection.all) return;
    if (!row.state.last_polled_at || *row.state.last_polled_at <= at) {
      copy_last_poll(row.state, state);
    } else {
      Polls(record, at, target).tell();
    }
    target.known.row.id = row.id;
    target.known.row.target = std::move(row.target);
    target.known.status = status_of(state, at, stay);
    target.held = held_at_end(record);
    target.record = std::move(record);
    if (any_matches(selection.statuses, to_string(target.known.status.status))) found.push_back(std::move(target));
  });
  return found;
}

Checked record_covers(Database& db, WallTime at) {
  std::optional<WallTime> begin;
  const auto consider = [&](Query q) {
    if (q.step() && !q.null(0)) begin = std::min(begin.value_or(q.time(0)), q.time(0));
  };
  // The oldest time, not that of event 0: its clock may have been ahead.
  consider(db.query("SELECT time_ms FROM event ORDER BY time_ms LIMIT 1"));
  consider(db.query("SELECT min(started_at_ms) FROM daemon_run"));
  if (!begin) return Error{"nothing was recorded yet: start the daemon (codedriftd run)"};
  if (at < *begin)
    return Error{fmt::format("the record begins at {}: of {} it says nothing", rfc3339(*begin), rfc3339(at))};
  return Done{};
}

}  // namespace codedriftd
