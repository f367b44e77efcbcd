#include "service/poller.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "base/backoff.h"
#include "base/bell.h"
#include "base/duration.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "service/slots.h"
#include "store/history.h"
#include "store/outbox.h"

namespace codedriftd {
namespace {

constexpr unsigned kAttempts = 3;
/// A target that failed this many polls in a row gets one attempt for each further poll: the rate limit is for the
/// others.
constexpr unsigned kFailuresWithRetries = 3;
constexpr Backoff kBetweenAttempts{Millis{200}, Millis{1'000}, Millis{5'000}};
/// So many polls in a row refused for a cause that is the account's make the account fail.
constexpr unsigned kCausesInARow = 3;
constexpr Millis kUntilRefreshed{1'000};
/// "Asked again soon": while a function is updating, and after it was not found once.
constexpr Millis kSoon{30'000};
constexpr double kTookBounds[] = {0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};

}  // namespace

Poller::Poller(Api& api, Writer& writer, Ledger& ledger, const Clock& clock)
    : api_(api), writer_(writer), ledger_(ledger), clock_(clock), last_turn_(clock.mono()), started_at_(clock.wall()) {
  auto stats = stats_.lock();
  for (const double bound : kTookBounds) stats->took[bound] = 0;
}

Poller::~Poller() {
  stop();
  try {
    writer_.run([](Tx&) {});         // what it still has to write for us refers to this
  } catch (const std::exception&) {  // the writer has stopped: it has nothing any more
  }
}

void Poller::set_watch(Watch watch) {
  *mailbox_.lock() = std::move(watch);
  api_.wake();
}

void Poller::start() {
  thread_ = std::jthread([this](std::stop_token stop) { loop(stop); });
}

void Poller::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  api_.wake();
  thread_.join();
}

void Poller::loop(std::stop_token stop) {
  constexpr Millis kLongestTurn{5'000};
  constexpr Millis kPause{1'000};
  Bell pause;
  while (!stop.stop_requested()) {
    try {
      turn(kLongestTurn);
    } catch (const std::exception& error) {
      log(LogLevel::error, "poll.failed", fmt::format("polling goes on after a pause: {}", error.what()));
      pause.wait_for(stop, kPause);
    }
  }
}

void Poller::turn(Millis at_most) {
  const MonoTime now = clock_.mono();
  std::optional<Watch> watch;
  mailbox_.lock()->swap(watch);
  if (watch) take_over(std::move(*watch));
  start_due(now);
  look_after_time(now);
  api_.turn(std::min(at_most, until_next(clock_.mono())));
  *last_turn_.lock() = clock_.mono();  // last: a turn that fails is no progress
}

void Poller::take_over(Watch watch) {
  const MonoTime now = clock_.mono();
  const WallTime wall = clock_.wall();
  if (watch.apply) watch.apply();
  std::unordered_map<TargetId, Entry> old;
  old.swap(entries_);
  entries_.reserve(watch.targets.size());
  for (auto& [key, lane] : lanes_) {
    lane.queue.clear();
    lane.watched = lane.stale = 0;
  }
  for (WatchedTarget& target : watch.targets) {
    const Target& name = target.target;
    const double limit = watch.requests_per_second[name.account];
    Lane& lane = lanes_.try_emplace({name.account, name.region}, name.account, name.region, limit).first->second;
    if (lane.pace.limit() != limit) lane.pace.set_limit(limit);
    ++lane.watched;

    Entry entry;
    const auto known = old.find(target.id);
    if (known != old.end()) {
      entry = std::move(known->second);
    } else {
      entry.seen = now;
      entry.not_found = target.recheck ? 1 : 0;
      entry.stale = target.failing;
    }
    const bool same_slot = known != old.end() && entry.watched.interval == target.interval;
    entry.watched = std::move(target);
    entry.lane = &lane;
    lane.stale += entry.stale ? 1 : 0;
    if (!entry.in_flight) {
      if (!same_slot)
        entry.due = now + (first_due(entry.watched.target.address(), entry.watched.interval,
                                     entry.watched.last_polled_at, wall) -
                           wall);
      if (known == old.end() && entry.watched.recheck) {
        entry.due = std::min(entry.due, now + std::min(entry.watched.interval, kSoon));
      }
      lane.queue.emplace(entry.due, entry.watched.id);
    }
    const TargetId id = entry.watched.id;
    entries_.emplace(id, std::move(entry));
  }
  std::erase_if(lanes_, [](const auto& item) { return item.second.watched == 0; });
}

void Poller::start_due(MonoTime now) {
  for (auto& [key, lane] : lanes_) {
    while (!lane.queue.empty() && lane.queue.begin()->first <= now && lane.pace.take(now)) {
      const TargetId id = lane.queue.begin()->second;
      lane.queue.erase(lane.queue.begin());
      start_attempt(entries_.at(id), now);
    }
  }
}

void Poller::start_attempt(Entry& entry, MonoTime now) {
  ++entry.attempt;
  entry.in_flight = true;
  entry.call = ++calls_;
  const TargetId id = entry.watched.id;
  const auto done = [this, id, call = entry.call, now](const ApiAnswer& answer) { answered(id, call, now, answer); };
  try {
    api_.start({entry.watched.target}, done);
  } catch (const std::exception& error) {  // out of memory or descriptors: this attempt failed, nothing else
    ApiAnswer failed;
    failed.observation.error = {"Client.Network", clean_utf8(error.what()), ""};
    failed.observation.reason = "failed";
    done(failed);
  }
}

void Poller::answered(TargetId id, uint64_t call, MonoTime sent, const ApiAnswer& answer) {
  const MonoTime now = clock_.mono();
  count_attempt(answer);
  const auto found = entries_.find(id);
  // No longer watched since a reload, or watched anew while this call was in flight.
  if (found == entries_.end() || !found->second.in_flight || found->second.call != call) return;
  Entry& entry = found->second;
  entry.in_flight = false;
  if (answer.slow_down) {
    entry.lane->pace.refused(sent, now);
  } else {
    entry.lane->pace.answered(now);
  }
  const bool may_retry = entry.attempt < kAttempts && entry.failures < kFailuresWithRetries;
  if (may_retry && answer.retry_soon) {
    requeue(entry, now + backoff_delay(kBetweenAttempts, entry.attempt, random_unit()));
  } else if (may_retry && answer.refresh_credentials && !entry.refreshed) {
    entry.refreshed = true;  // they are being read again on another thread
    requeue(entry, now + kUntilRefreshed);
  } else {
    finish(entry, answer, now);
  }
}

void Poller::finish(Entry& entry, const ApiAnswer& answer, MonoTime now) {
  const Observation& observation = answer.observation;
  const WallTime wall = clock_.wall();
  Lane& lane = *entry.lane;
  count_poll(observation.outcome);
  entry.attempt = 0;
  entry.refreshed = false;
  if (observation.outcome == Outcome::observed || observation.outcome == Outcome::missing) {
    entry.seen = now;
    entry.failures = 0;
    if (std::exchange(entry.stale, false)) --lane.stale;
  } else {
    ++entry.failures;
  }
  if (observation.outcome == Outcome::observed || observation.outcome == Outcome::updating) entry.not_found = 0;
  if (observation.outcome == Outcome::missing) ++entry.not_found;
  log_change(entry, observation);
  entry.last_code = observation.error.code;
  entry.last_reason = observation.reason;
  judge_account(lane, observation);

  const bool soon =
      observation.outcome == Outcome::updating || (observation.outcome == Outcome::missing && entry.not_found == 1);
  const Millis until_slot = next_slot(entry.watched.target.address(), entry.watched.interval, wall) - wall;
  requeue(entry, now + (soon ? std::min(entry.watched.interval, kSoon) : until_slot));
  write([this, id = entry.watched.id, observation, wall](Tx& tx) { ledger_.apply(tx, id, observation, wall); });
}

void Poller::judge_account(Lane& lane, const Observation& observation) {
  if (observation.account_cause) {
    lane.cause = observation.reason;
    lane.cause_error = observation.error;
    // Several in a row: one function whose call alone is refused must not speak for the account.
    if (++lane.causes_in_a_row < std::min<std::size_t>(kCausesInARow, lane.watched)) return;
    lane.cause_open = lane.cause_known = true;
  } else if (observation.outcome == Outcome::observed || !observation.error.code.starts_with("Client.")) {
    lane.causes_in_a_row = 0;
    lane.cause_open = false;
    lane.cause_known = true;
  }  // what failed on this side says nothing about the account, either way
}

void Poller::requeue(Entry& entry, MonoTime due) {
  entry.due = due;
  entry.lane->queue.emplace(due, entry.watched.id);
}

void Poller::log_change(const Entry& entry, const Observation& observation) const {
  if (observation.outcome == Outcome::observed || observation.error.code == entry.last_code) return;
  // Several thousand functions that fail for one cause say so once, as account.failing.
  const std::string address = entry.watched.target.address();
  log(observation.account_cause ? LogLevel::debug : LogLevel::warning, "poll.unanswered",
      fmt::format("{}: {}", address, observation.error.message),
      {field("target", address), field("outcome", to_string(observation.outcome)),
       field("code", observation.error.code), field("request_id", observation.error.request_id)});
}

void Poller::write(Writer::Work work, std::function<void()> lost) {
  writer_.post(std::move(work), [lost = std::move(lost)](std::exception_ptr why) {
    if (!why) return;
    if (lost) lost();
    try {
      std::rethrow_exception(why);
    } catch (const std::exception& error) {
      log(LogLevel::error, "store.write",
          fmt::format("what the poller saw could not be recorded and does not count: {}", error.what()));
    }
  });
}

void Poller::count_attempt(const ApiAnswer& answer) {
  auto stats = stats_.lock();
  ++stats->attempts;
  if (answer.slow_down) ++stats->refused_by_limit;
  const double seconds = std::chrono::duration<double>(answer.took).count();
  stats->seconds += seconds;
  for (auto& [bound, polls] : stats->took) {
    if (seconds <= bound) ++polls;
  }
  if (answer.clock_error) stats->clock_error = answer.clock_error;
}

void Poller::count_poll(Outcome outcome) {
  auto stats = stats_.lock();
  ++stats->polls[static_cast<std::size_t>(outcome)];
  stats->last_poll_at = clock_.wall();
  if (outcome == Outcome::observed) stats->last_success_at = stats->last_poll_at;
}

Millis Poller::until_next(MonoTime now) const {
  MonoTime next = next_look_;
  for (const auto& [key, lane] : lanes_) {
    if (!lane.queue.empty()) next = std::min(next, std::max(lane.queue.begin()->first, lane.pace.ready_at()));
  }
  return std::max(Millis{0}, std::chrono::ceil<Millis>(next - now));
}

// ---- time that passes ---------------------------------------------------------------------------------------------

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
      [this] { retell_ = true; });
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
        outbox::move_times(tx.db, by);
        NewEvent event;
        event.kind = "clock.stepped";
        event.data = Json{{"by_s", by.count() / 1000}};
        event.facts.summary = fmt::format(
            "The clock of this machine was stepped by {} s, or the machine slept; open runs of the history end here.",
            by.count() / 1000);
        ledger_.append(tx, event, wall);
      },
      [this, by] { unrecorded_step_ms_ += by.count(); });
}

}  // namespace codedriftd
