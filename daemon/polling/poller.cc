#include "polling/poller.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <functional>

#include "base/bell.h"
#include "base/log.h"
#include "base/text.h"
#include "polling/slots.h"

namespace codedriftd {
namespace {

/// A target that failed this many polls in a row gets one attempt for each further poll: the rate limit is for the
/// others.
constexpr unsigned kFailuresWithRetries = 3;
/// "Asked again soon": while a function is updating, and after it was not found once.
constexpr Millis kSoon{30'000};

}  // namespace

Poller::Poller(Api& api, Writer& writer, Ledger& ledger, const Clock& clock)
    : api_(api),
      writer_(writer),
      ledger_(ledger),
      clock_(clock),
      last_turn_(clock.mono()),
      started_at_(clock.wall()),
      clock_offset_(offset(clock.wall(), clock.mono())) {}

Poller::~Poller() {
  stop();
  try {
    writer_.run([](Tx&) {}, Writer::Keep::always);  // what it still has to write for us refers to this
  } catch (const std::exception&) {                 // the writer has stopped: it has nothing any more
  }
}

void Poller::set_watch(Watch watch) {
  {
    Locked mail(mailbox_);
    // What a watch that was never taken over wanted done then is done with the one in its place.
    if (mail->watch && mail->watch->apply) {
      watch.apply = [earlier = std::move(mail->watch->apply), own = std::move(watch.apply)] {
        earlier();
        if (own) own();
      };
    }
    mail->watch = std::move(watch);
  }
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
  ::pthread_setname_np(::pthread_self(), "poller");
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
  polling_.assume();
  const MonoTime now = clock_.mono();
  if (may_call_ && !may_call_()) {
    constexpr Millis kPause{250};
    paused_ = true;
    api_.turn(std::min(at_most, kPause));
    *last_turn_.lock() = clock_.mono();
    return;
  }
  notice_absence(now);
  std::optional<Watch> watch;
  mailbox_.lock()->watch.swap(watch);
  if (watch) take_over(std::move(*watch));
  Requests requests;
  mailbox_.lock()->requests.swap(requests);
  for (const auto& request : requests) take_on(request, now);
  start_due(now);
  look_after_time(now);
  api_.turn(std::min(at_most, until_next(clock_.mono())));
  *last_turn_.lock() = clock_.mono();  // last: a turn that fails is no progress
}

void Poller::take_over(Watch watch) {
  const MonoTime now = clock_.mono();
  const WallTime wall = clock_.wall();
  if (watch.apply) watch.apply();
  package_link_ = std::move(watch.package_link);
  std::unordered_map<TargetId, Entry> old;
  old.swap(entries_);
  entries_.reserve(watch.targets.size());
  for (auto& [key, lane] : lanes_) lane.watched = lane.stale = 0;
  paces_ = std::move(watch.paces);
  const std::map<std::string, double> limits = limits_of(paces_);
  for (auto& [key, line] : lines_) line.clear();
  std::set<PaceKey> used;
  const auto line_of = [&](const std::string& account, Action action) {
    polling_.assume();
    const PaceKey key{paces_.at(account).key, action};
    const double limit = limit_of(action, limits.at(key.first));
    Line& line = lines_.try_emplace(key, limit).first->second;
    if (used.insert(key).second) line.set_limit(limit);
    return &line;
  };
  for (WatchedTarget& target : watch.targets) {
    const Target& name = target.target;
    Lane& lane = lanes_.try_emplace({name.account, name.region}, name.account, name.region).first->second;
    lane.line = line_of(name.account, Action::get_function_address);
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
    // What is shorter counts from now on: the time before was judged by what was in force then.
    if (known != old.end() && !entry.stale && target.stale_after < entry.watched.stale_after) entry.seen = now;
    const bool same_slot = known != old.end() && entry.watched.interval == target.interval;
    entry.line = line_of(name.account, actions_of(kind_of_qualifier(name.qualifier)).front());
    entry.watched = std::move(target);
    entry.lane = &lane;
    lane.stale += entry.stale ? 1 : 0;
    if (!entry.in_flight) {
      // A poll under way is not begun anew: its next attempt waits for a reason.
      if (!same_slot && !entry.attempts.under_way())
        entry.due = now + (first_due(entry.watched.target.address(), entry.watched.interval,
                                     entry.watched.last_polled_at, wall) -
                           wall);
      if (known == old.end() && entry.watched.recheck) {
        entry.due = std::min(entry.due, now + std::min(entry.watched.interval, kSoon));
      }
      const bool pauses = entry.not_found == 1 || entry.attempts.under_way();
      if (entry.ahead || (!entry.wishes.empty() && !pauses)) {
        go_ahead(entry, now);
      } else {
        entry.line->add(entry.due, entry.watched.id);
      }
    }
    const TargetId id = entry.watched.id;
    entries_.emplace(id, std::move(entry));
  }
  for (auto& [id, entry] : old) let_go(entry);
  std::erase_if(lanes_, [](const auto& item) { return item.second.watched == 0; });
  std::erase_if(lines_, [&](const auto& item) { return !used.contains(item.first); });
}

void Poller::start_due(MonoTime now) {
  for (auto& [key, line] : lines_) {
    while (!may_call_ || may_call_()) {
      const auto id = line.take(now);
      if (!id) break;
      start_attempt(entries_.at(*id), now);
    }
  }
}

void Poller::start_attempt(Entry& entry, MonoTime now) {
  entry.attempts.begin();
  entry.ahead = false;
  entry.in_flight = true;
  entry.call = ++calls_;
  const TargetId id = entry.watched.id;
  const auto done = [this, id, call = entry.call, now](const ApiAnswer& answer) {
    polling_.assume();  // inside Api::turn()
    answered(id, call, now, answer);
  };
  try {
    api_.start({entry.watched.target, entry.attempts.again()}, done);
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
  entry.line->answered(answer.slow_down, sent, now);
  if (const auto wait = entry.attempts.next_in(answer, entry.failures < kFailuresWithRetries)) {
    requeue(entry, now + *wait);
  } else {
    finish(entry, answer, sent, now);
  }
}

void Poller::finish(Entry& entry, const ApiAnswer& answer, MonoTime sent, MonoTime now) {
  Observation observation = answer.observation;
  observation.obtainable =
      package_link_ && !answer.url.empty() && package_link_(entry.watched.target, answer.url.reveal());
  const WallTime wall = clock_.wall();
  observation.asked_at = wall - std::chrono::floor<Millis>(now - sent) - answer.clock_error.value_or(Millis{0});
  count_poll(observation.outcome);
  entry.polled = now;
  const bool answered = observation.outcome == Outcome::observed || observation.outcome == Outcome::missing;
  if (answered) {
    entry.seen = now;
    entry.failures = 0;
    if (std::exchange(entry.stale, false)) --entry.lane->stale;
  } else {
    ++entry.failures;
  }
  if (observation.outcome == Outcome::observed || observation.outcome == Outcome::updating) entry.not_found = 0;
  if (observation.outcome == Outcome::missing) ++entry.not_found;
  log_change(entry, observation);
  entry.last_code = observation.error.code;
  entry.last_reason = observation.reason;
  const std::size_t found =
      std::hash<std::string>{}(fmt::format("{} {} {}", to_string(observation.outcome), observation.error.code,
                                           observation.sha256 ? observation.sha256->hex() : ""));
  // "Not found" counts from the second in a row: that one has to be recorded.
  const bool still_open = observation.outcome == Outcome::missing && entry.not_found <= 2;
  const bool nothing_new = std::exchange(entry.last_found, found) == found && !still_open;
  judge_account(entry, answer, now);

  const bool not_found_once = observation.outcome == Outcome::missing && entry.not_found == 1;
  const bool soon = observation.outcome == Outcome::updating || not_found_once;
  const Millis until_slot = next_slot(entry.watched.target.address(), entry.watched.interval, wall) - wall;
  const MonoTime due = now + (soon ? std::min(entry.watched.interval, kSoon) : until_slot);
  Requests over;
  if (!not_found_once) over = fulfilled(entry);
  if (!not_found_once && !entry.wishes.empty()) {
    go_ahead(entry, now);  // asked for while the attempt was under way: it says nothing of now
  } else {
    requeue(entry, due);
  }
  const bool awaited = std::any_of(over.begin(), over.end(), [](const auto& request) { return request->left == 0; });
  const PollEnd end = answered ? PollEnd::answered : PollEnd::unanswered;
  // Shared, because work may be copied, and a secret is not.
  const auto url = std::make_shared<Secret>(observation.obtainable ? answer.url.clone() : Secret());
  Poll poll{entry.watched.id, observation, wall, {}};
  poll.then = [this, id = poll.target, target = entry.watched.target, code = observation.sha256, url](
                  Tx& tx, const Applied& applied) {
    if (!applied.unexamined) return;
    tx.after_commit([this, id, target, code = *code, url, urgency = applied.urgency] {
      unexamined_(id, target, code, std::move(*url), urgency);
    });
  };
  const Writer::Keep keep = nothing_new && !awaited ? Writer::Keep::unless_crowded : Writer::Keep::always;
  writer_.post(std::make_shared<SeenPoll>(ledger_, std::move(poll)),
               logged(keep,
                      [over = std::move(over), end](bool recorded) {
                        for (const auto& request : over) request->over(recorded ? end : PollEnd::unrecorded);
                      }),
               keep);
}

void Poller::judge_account(Entry& entry, const ApiAnswer& answer, MonoTime now) {
  Lane& lane = *entry.lane;
  const Observation& observation = answer.observation;
  if (answer.proves_account) {
    // Until a function was polled again, what kept it unseen is the cause that is over.
    if (lane.fails_as_one()) lane.judged_from = now;
    lane.causes_in_a_row = 0;
    lane.cause_open = lane.unreachable = false;
    lane.unproven.clear();
    lane.cause_known = true;
    return;
  }
  if (observation.account_cause) {
    lane.cause = observation.reason;
    lane.cause_error = observation.error;
    // Several in a row: one function whose call alone is refused must not speak for the account.
    if (++lane.causes_in_a_row < std::min<std::size_t>(kCausesInARow, lane.watched)) return;
    lane.cause_open = lane.cause_known = true;
  } else {
    lane.unproven.insert(entry.watched.id);
    if (lane.cause_open) return;
    lane.cause = observation.reason;
    lane.cause_error = observation.error;
  }
}

void Poller::requeue(Entry& entry, MonoTime due) {
  entry.due = due;
  entry.line->add(due, entry.watched.id);
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

void Poller::write(Writer::Work work, std::function<void(bool recorded)> done) {
  writer_.post(std::move(work), logged(Writer::Keep::always, std::move(done)));
}

Writer::Done Poller::logged(Writer::Keep keep, std::function<void(bool recorded)> done) {
  return [done = std::move(done), keep](std::exception_ptr why) {
    if (done) done(!why);
    if (!why) return;
    try {
      std::rethrow_exception(why);
    } catch (const StoreError& error) {  // the writer has said it, once for all
      log(LogLevel::debug, "store.write", fmt::format("a poll could not be recorded: {}", error.what()));
    } catch (const std::exception& error) {
      log(keep == Writer::Keep::always ? LogLevel::error : LogLevel::debug, "store.write",
          fmt::format("what the poller saw could not be recorded and does not count: {}", error.what()));
    }
  };
}

void Poller::count_attempt(const ApiAnswer& answer) {
  Locked stats(stats_);
  if (answer.slow_down) ++stats->refused_by_limit;
  stats->took.add(std::chrono::duration<double>(answer.took).count());
  if (answer.clock_error) stats->clock_error = answer.clock_error;
}

void Poller::count_poll(Outcome outcome) {
  Locked stats(stats_);
  ++stats->polls[static_cast<std::size_t>(outcome)];
  stats->last_poll_at = clock_.wall();
  if (outcome == Outcome::observed) stats->last_success_at = stats->last_poll_at;
}

Millis Poller::until_next(MonoTime now) const {
  MonoTime next = next_look_;
  for (const auto& [key, line] : lines_) next = std::min(next, line.next_at());
  return std::max(Millis{0}, std::chrono::ceil<Millis>(next - now));
}

}  // namespace codedriftd
