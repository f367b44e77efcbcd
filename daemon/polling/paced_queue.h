#pragma once
#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/clock.h"
#include "cloud/pace.h"
#include "scf/actions.h"

namespace codedriftd {

/// Calls that wait for their time, and the pace at which they go: all that share one limit of the cloud. One thread.
template <typename Id>
class PacedQueue {
 public:
  explicit PacedQueue(double limit) : pace_(limit) {}

  void add(MonoTime due, Id id) { waiting_.emplace(due, id); }
  /// Before all that has a due time, and after what was added so before.
  void add_ahead(Id id) { ahead_.push_back(id); }
  /// REQUIRES: it was added with that `due` and has not been taken.
  void remove(MonoTime due, Id id) { waiting_.erase({due, id}); }
  void clear() {
    waiting_.clear();
    ahead_.clear();
  }
  /// Removes each for which `which(id)` is true; how many there were.
  template <typename Which>
  std::size_t remove_if(Which which) {
    return std::erase_if(ahead_, which) + std::erase_if(waiting_, [&](const auto& item) { return which(item.second); });
  }

  /// The first of those ahead, or the most overdue one, if its time has come and the pace lets a call go at `now`; it
  /// waits no more then.
  std::optional<Id> take(MonoTime now) {
    const bool due = !ahead_.empty() || (!waiting_.empty() && waiting_.begin()->first <= now);
    if (!due || !pace_.take(now)) return std::nullopt;
    if (!ahead_.empty()) {
      const Id id = ahead_.front();
      ahead_.pop_front();
      return id;
    }
    return waiting_.extract(waiting_.begin()).value().second;
  }
  /// When `take` will next give one; MonoTime::max() if nothing waits.
  MonoTime next_at() const {
    if (!ahead_.empty()) return pace_.ready_at();
    return waiting_.empty() ? MonoTime::max() : std::max(waiting_.begin()->first, pace_.ready_at());
  }
  /// By due time; without those ahead.
  const std::set<std::pair<MonoTime, Id>>& waiting() const { return waiting_; }

  /// A call sent at `sent` was answered; `slow_down`: refused for the limit.
  void answered(bool slow_down, MonoTime sent, MonoTime now) {
    if (slow_down) {
      pace_.refused(sent, now);
    } else {
      pace_.answered(now);
    }
  }
  void set_limit(double limit) {
    if (pace_.limit() != limit) pace_.set_limit(limit);
  }
  const Pace& pace() const { return pace_; }

 private:
  Pace pace_;
  std::set<std::pair<MonoTime, Id>> waiting_;
  std::deque<Id> ahead_;
};

/// What the cloud counts together: AccountPace::key and the action.
using PaceKey = std::pair<std::string, Action>;
/// Calls a second of `action` that go at most under a pace whose limit for polls is `poll_limit`.
inline double limit_of(Action action, double poll_limit) {
  return action == Action::get_function_address ? poll_limit : usable_by_polls(action);
}

}  // namespace codedriftd
