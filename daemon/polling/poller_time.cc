/// The poller's look after time: what was not seen for too long, deployments that did not come, clocks that were
/// stepped.
#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "polling/poller.h"
#include "store/outbox/outbox.h"
#include "store/record/clock_step.h"
#include "store/record/history.h"

namespace codedriftd {

void Poller::look_after_time(MonoTime now) {
  if (now < next_look_) return;
  constexpr Millis kBetweenLooks{5'000};
  next_look_ = now + kBetweenLooks;
  check_clocks(now);
  // After a write that failed everything is told again; the verdict ignores what it knows.
  const bool again = retell_.exchange(false);
  std::map<Lane*, std::vector<Stale>> newly;
  for (auto& [id, entry] : entries_) {
    const auto unseen_for = std::chrono::duration_cast<Millis>(now - entry.seen);
    if (unseen_for <= entry.watched.stale_after || (entry.stale && !again)) continue;
    if (!std::exchange(entry.stale, true)) ++entry.lane->stale;
    newly[entry.lane].push_back({id, unseen_for});
  }
  if (again) {
    for (auto& [key, lane] : lanes_) lane.told.reset();
  }
  for (auto& [key, lane] : lanes_) tell_account(lane, std::move(newly[&lane]));
  tell_overdue_deploys();

  auto stats = stats_.lock();
  stats->lanes.clear();
  for (const auto& [key, lane] : lanes_) {
    Millis behind{0};
    if (!lane.queue.empty()) {
      behind = std::max(behind, std::chrono::duration_cast<Millis>(now - lane.queue.begin()->first));
    }
    stats->lanes.push_back({lane.account, lane.region, lane.watched, lane.stale, lane.pace.rate(), behind});
  }
}

void Poller::tell_account(Lane& lane, std::vector<Stale> newly) {
  const std::pair now_is{lane.cause_open, lane.stale >= 5 && lane.stale * 2 > lane.watched};
  if (newly.empty() && (!lane.cause_known || lane.told == now_is)) return;
  lane.told = now_is;

  AccountInput account;
  account.watched = static_cast<unsigned>(lane.watched);
  account.stale = static_cast<unsigned>(lane.stale);
  account.cause_open = lane.cause_open;
  if (lane.cause_open) {
    account.reason = lane.cause;
    account.error = lane.cause_error;
  } else {
    account.reason = commonest_reason(lane);
  }
  // One piece of work, the account first: its functions' poll.failing are then recorded without an alert each.
  write(
      [this, name = lane.account, region = lane.region, account = std::move(account), newly = std::move(newly),
       wall = clock_.wall()](Tx& tx) {
        const bool failing = ledger_.apply_account(tx, name, region, account, wall);
        for (const Stale& stale : newly) ledger_.apply(tx, stale.id, Tick{stale.unseen_for, failing}, wall);
      },
      [this](bool recorded) {
        if (!recorded) retell_ = true;
      });
}

std::string Poller::commonest_reason(const Lane& lane) const {
  std::map<std::string, unsigned> reasons;
  for (const auto& [id, entry] : entries_) {
    if (entry.lane == &lane && entry.stale) ++reasons[entry.last_reason.empty() ? "stale" : entry.last_reason];
  }
  const auto commonest = std::max_element(reasons.begin(), reasons.end(),
                                          [](const auto& a, const auto& b) { return a.second < b.second; });
  return commonest == reasons.end() ? std::string() : commonest->first;
}

void Poller::tell_overdue_deploys() {
  // Only what was polled since the start: a deployment that came while nobody looked is first to be seen, not missed.
  write([this, wall = clock_.wall(), since = started_at_](Tx& tx) {
    for (const TargetId id : targets::with_announcements(tx.db, since)) ledger_.apply(tx, id, Tick{}, wall);
  });
}

void Poller::check_clocks(MonoTime now) {
  constexpr Millis kStep{60'000};
  const WallTime wall = clock_.wall();
  const Millis offset = wall.time_since_epoch() - std::chrono::duration_cast<Millis>(now.time_since_epoch());
  const Millis by = (clock_offset_ ? offset - *clock_offset_ : Millis{0}) + Millis{unrecorded_step_ms_.exchange(0)};
  if (!clock_offset_ || std::chrono::abs(by) > kStep) clock_offset_ = offset;
  if (std::chrono::abs(by) <= kStep) return;
  started_at_ = std::min(started_at_, wall);
  // Due times are monotonic and stay; slots are of the wall clock and are found again after each poll. What waits in
  // the outbox waits for a moment of the wall clock: it moves along.
  write(
      [this, by, wall](Tx& tx) {
        history::end_open_runs(tx.db);
        if (by < Millis{0}) clock_step::bring_back(tx.db, wall, by);
        outbox::move_times(tx.db, by);
        NewEvent event;
        event.kind = "clock.stepped";
        event.data = Json{{"by_s", by.count() / 1000}};
        event.facts.summary = fmt::format(
            "The clock of this machine was stepped by {} s, or the machine slept; open runs of the history end here.",
            by.count() / 1000);
        ledger_.append(tx, event, wall);
      },
      [this, by](bool recorded) {
        if (!recorded) unrecorded_step_ms_ += by.count();
      });
}

}  // namespace codedriftd
