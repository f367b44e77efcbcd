/// The poller's look after time: what was not seen for too long, deployments that did not come, clocks that were
/// stepped, and time in which this process did not run.
#include <fmt/format.h>

#include <algorithm>

#include "base/duration.h"
#include "base/json.h"
#include "base/log.h"
#include "polling/poller.h"
#include "store/outbox/outbox.h"
#include "store/record/clock_step.h"
#include "store/record/history.h"

namespace codedriftd {

/// A turn lasts five seconds at most. Where much more passed, this process was stopped, frozen or starved, or might not
/// ask: that was not the cloud's silence. It counts for nobody, and everything is polled again before it is judged.
void Poller::notice_absence(MonoTime now) {
  constexpr Millis kAbsent{20'000};
  const auto gap = std::chrono::duration_cast<Millis>(now - round_began_.value_or(now));
  round_began_ = now;
  const bool paused = std::exchange(paused_, false);
  if (gap < kAbsent && !paused) return;
  log(LogLevel::warning, "poll.absent",
      fmt::format("{} for {}; what was due is polled before anything is judged",
                  paused ? "nothing was polled, as the record could not be written to,"
                         : "this process did not run (it was stopped, frozen, or its machine slept)",
                  format_duration(std::chrono::round<std::chrono::seconds>(gap))));
  for (auto& [id, entry] : entries_) entry.seen += gap;
  for (auto& [key, lane] : lanes_) lane.judged_from = now;
  started_at_ = std::max(started_at_, clock_.wall());
}

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
    if (!entry.stale && entry.polled < entry.lane->judged_from) continue;
    if (!std::exchange(entry.stale, true)) ++entry.lane->stale;
    newly[entry.lane].push_back({id, unseen_for});
  }
  if (again) {
    for (auto& [key, lane] : lanes_) lane.told.reset();
  }
  for (auto& [key, lane] : lanes_) tell_account(lane, std::move(newly[&lane]));
  tell_overdue_deploys();
  take_stock(now);
}

void Poller::take_stock(MonoTime now) {
  std::map<const Lane*, Millis> behind;
  for (const auto& [key, line] : lines_) {
    for (const auto& [due, id] : line.waiting()) {
      if (due >= now) break;
      behind.try_emplace(entries_.at(id).lane, std::chrono::duration_cast<Millis>(now - due));  // the first is the most
    }
  }
  Locked stats(stats_);
  stats->lanes.clear();
  for (const auto& [key, lane] : lanes_) {
    const auto found = behind.find(&lane);
    stats->lanes.push_back({lane.account, lane.region, lane.watched, lane.stale, lane.line->pace().rate(),
                            found == behind.end() ? Millis{0} : found->second});
  }
  stats->paces.clear();
  for (const auto& [key, line] : lines_) {
    PollStats::SharedPace pace{"", key.second, line.pace().limit(), line.pace().rate()};
    for (const auto& [account, of] : paces_) {
      if (of.key == key.first) pace.accounts += (pace.accounts.empty() ? "" : ",") + account;
    }
    stats->paces.push_back(std::move(pace));
  }
}

void Poller::tell_account(Lane& lane, std::vector<Stale> newly) {
  // Functions go out of sight one after the other, at their own times. Where nobody behind the door has answered any of
  // several since, the cause is not each one's own, and the first of them speaks for all.
  const std::size_t several = std::max<std::size_t>(2, std::min<std::size_t>(kCausesInARow, lane.watched));
  if (!newly.empty() && lane.unproven.size() >= several) lane.unreachable = true;
  const std::pair now_is{lane.fails_as_one(), lane.stale >= 5 && lane.stale * 2 > lane.watched};
  if (newly.empty() && (!lane.cause_known || lane.told == now_is)) return;
  lane.told = now_is;

  AccountInput account;
  account.watched = static_cast<unsigned>(lane.watched);
  account.stale = static_cast<unsigned>(lane.stale);
  account.cause_open = lane.fails_as_one();
  if (lane.fails_as_one()) {
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
    for (const TargetId id : targets::waiting(tx.db, since)) ledger_.apply(tx, id, Tick{}, wall);
    outbox_seen_ = outbox::last_row(tx.db);
  });
}

Millis Poller::offset(WallTime wall, MonoTime mono) {
  return wall.time_since_epoch() - std::chrono::duration_cast<Millis>(mono.time_since_epoch());
}

void Poller::check_clocks(MonoTime now) {
  constexpr Millis kStep{60'000};
  const WallTime wall = clock_.wall();
  const Millis now_apart = offset(wall, now);
  const Millis by = now_apart - clock_offset_ + Millis{unrecorded_step_ms_.exchange(0)};
  if (std::chrono::abs(by) <= kStep) return;
  clock_offset_ = now_apart;
  started_at_ = std::min(started_at_, wall);
  if (may_tell_steps_ && !may_tell_steps_()) return;
  // Due times are monotonic and stay; slots are of the wall clock and are found again after each poll. What waits in
  // the outbox waits for a moment of the wall clock: what was written before the step moves along.
  write(
      [this, by, wall, seen = outbox_seen_.load()](Tx& tx) {
        history::end_open_runs(tx.db);
        outbox::move_times(tx.db, by, seen, wall);
        const bool brought_back = by < Millis{0} && clock_step::bring_back(tx.db, wall, by);
        NewEvent event;
        event.kind = "clock.stepped";
        event.data = Json{{"by_s", by.count() / 1000}};
        if (brought_back) (*event.data)["brought_back"] = true;
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
