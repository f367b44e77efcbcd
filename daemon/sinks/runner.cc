#include "sinks/runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/backoff.h"
#include "base/duration.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "store/ledger/notices.h"

namespace codedriftd {
namespace {

constexpr Backoff kBetweenAttempts{Millis{1'000}, Millis{5'000}, Millis{300'000}};
constexpr Backoff kBetweenStarts{Millis{1'000}, Millis{1'000}, Millis{300'000}};
/// How often a destination that refuses is tried with one alert.
constexpr Millis kProbeEvery{15 * 60'000};
/// The longest one attempt may take; a plugin's own time limit is shorter.
constexpr Millis kAttemptLimit{70'000};
constexpr Millis kLongestWait{30'000};
/// While nothing can be recorded: somebody has to be told of it in time, and of its end.
constexpr Millis kTroubleWait{5'000};
/// A lock that somebody holds for a moment is not worth a message.
constexpr Millis kTroubleLasts{30'000};
/// The longest that asking whether a held destination would accept may take.
constexpr Millis kProbeLimit{30'000};
constexpr Millis kBetweenExpiryLooks{10'000}, kBetweenNotices{60'000};
constexpr Millis kKeepAttempts{90LL * 86'400'000};
/// Signs of life, reminders and tests that are over say nothing that the record does not.
constexpr Millis kKeepNotices{7LL * 86'400'000}, kBetweenForgetting{3'600'000};
/// This many faults of a plugin within this time hold its destination: to start it again and again helps nobody.
constexpr std::size_t kMostFaults = 5;
constexpr Millis kFaultsWithin{10 * 60'000};
/// An alert that was in flight in this many faults of its plugin is given up for that destination.
constexpr unsigned kPoisonFaults = 3;

NewEvent delivery_event(std::string_view kind, std::string_view destination, const PendingAlert& undelivered,
                        const std::string& reason) {
  NewEvent event;
  event.kind = kind;
  event.severity = Severity::warning;
  event.target = undelivered.target;
  event.target_id = undelivered.target_id;
  // A destination that refuses at its start refuses no alert in particular.
  event.data = Json{{"alert", destination}, {"id", or_null(undelivered.alert_id)}, {"reason", clean_utf8(reason)}};
  event.facts.reason = clean_utf8(reason);
  event.facts.summary = kind == "delivery.dead"
                            ? fmt::format("Alert {} was given up for destination {}: {}.", undelivered.alert_id,
                                          destination, event.facts.reason)
                            : fmt::format("Destination {} refuses alerts and is held until it accepts one: {}.",
                                          destination, event.facts.reason);
  return event;
}

unsigned faults_of(Database& db, int64_t outbox_id) {
  auto q = db.query("SELECT count(*) FROM attempt WHERE outbox = ? AND result = 'fault'", outbox_id);
  q.step();
  return static_cast<unsigned>(q.integer(0));
}

}  // namespace

Runner::Runner(std::string destination, std::shared_ptr<SinkChannel> channel, Writer& writer, Ledger& ledger,
               const Clock& clock)
    : destination_(std::move(destination)),
      writer_(writer),
      ledger_(ledger),
      clock_(clock),
      channel_(std::move(channel)) {
  channels_.lock()->current = channel_;
}

Runner::~Runner() { stop(); }

void Runner::start() {
  thread_ = std::jthread([this](std::stop_token stop) { loop(stop); });
}

void Runner::cancel() {
  if (thread_.joinable()) thread_.request_stop();
  {
    Locked channels(channels_);
    channels->cancelled = true;
    channels->current->cancel();
  }
  bell_.ring();
}

void Runner::replace_channel(std::shared_ptr<SinkChannel> channel) {
  channels_.lock()->replacement = std::move(channel);
  bell_.ring();
}

void Runner::take_over() {
  std::shared_ptr<SinkChannel> replacement;
  {
    Locked channels(channels_);
    if (!channels->replacement || channels->cancelled) return;
    replacement = std::move(channels->replacement);
    channels->replacement = nullptr;
    channels->current = replacement;
  }
  channel_->stop();
  channel_ = std::move(replacement);
  start_failures_ = 0;
  start_not_before_ = {};
  faults_at_.clear();
  up_ = false;
  begin_anew_ = true;
  to_hold_.reset();
}

void Runner::stop() {
  cancel();
  if (thread_.joinable()) thread_.join();
}

void Runner::loop(std::stop_token stop) {
  carrying_.assume();
  while (!stop.stop_requested()) {
    Millis wait{};
    try {
      wait = turn();
      said_.clear();
    } catch (const std::exception& error) {
      wait = longest_wait();
      if (std::exchange(said_, error.what()) != error.what()) {
        log(LogLevel::error, "delivery.failed",
            fmt::format("the alerts for {} cannot be worked on: {}", destination_, error.what()),
            {field("alert", destination_)});
      }
    }
    bell_.wait_for(stop, wait);
  }
  channel_->stop();  // here, on the thread that started the child: its end would end the child too
}

Millis Runner::longest_wait() const { return writer_.trouble().empty() ? kLongestWait : kTroubleWait; }

Millis Runner::turn() {
  carrying_.assume();
  tell_of_trouble();
  settle_last();
  take_over();
  if (begin_anew_) {
    writer_.run([&](Tx& tx) {
      // Somebody acted: a refusal after this is a new one.
      outbox::set_destination(tx.db, destination_, {});
      outbox::retry_now(tx.db, destination_, clock_.wall());
    });
    begin_anew_ = false;
  }
  hold_for_plugin();
  const WallTime now = clock_.wall();
  look_after_queue(now);
  const bool running = channel_->running();
  if (std::exchange(up_, running) && !running) {
    constexpr std::string_view kEnded = "its process ended while it had nothing to do";
    if (channel_->ended_from_outside()) {
      set_down(kEnded);
    } else {
      count_fault(std::string(kEnded));
    }
    put_off_start(Millis{0});
  }
  if (!running && !bring_up()) {
    const auto wait = std::chrono::ceil<Millis>(start_not_before_ - clock_.mono());
    return std::clamp(wait, Millis{1}, longest_wait());
  }
  if (held_at_start_) {
    writer_.run([&](Tx& tx) { outbox::set_destination(tx.db, destination_, {}); });
    held_at_start_ = false;
  }
  if (const Millis wait = throttle_.wait(clock_.mono()); wait > Millis{0}) return std::min(wait, longest_wait());
  std::optional<PendingAlert> alert;
  std::optional<WallTime> next;
  bool ask = false;
  writer_.run([&](Tx& tx) {
    carrying_.assume();
    if (can_probe_) {
      const DestinationState state = outbox::destination(tx.db, destination_);
      ask = state.kind == DestinationState::Kind::held && state.until <= now;
    }
    if (!ask) begin(tx, now, alert, next);
  });
  if (ask) {
    if (!accepts(now)) return Millis{0};
    writer_.run([&](Tx& tx) {
      carrying_.assume();
      begin(tx, now, alert, next);
      // What it says is believed once it took an alert; without one there is nothing to wait for.
      if (!alert) outbox::set_destination(tx.db, destination_, {});
    });
  }
  if (!alert) return next ? std::clamp(*next - now, Millis{1}, longest_wait()) : longest_wait();
  deliver(*alert);
  return Millis{0};
}

void Runner::tell_of_trouble() {
  const Writer::Trouble trouble = writer_.trouble_since();
  const bool over = trouble.words.empty();
  const auto lasted = std::chrono::duration_cast<Millis>(clock_.mono() - trouble.since);
  if (over != told_of_trouble_ || (!over && lasted < kTroubleLasts) || !channel_->running()) return;
  Notice notice;
  notice.about.kind = over ? "record.recovered" : "record.failing";
  notice.about.severity = over ? Severity::info : Severity::critical;
  notice.about.facts.summary =
      over ? "What is seen can be recorded again; what could not be is found by the next polls."
           : fmt::format("Nothing can be recorded since {}: {}. {}", rfc3339(clock_.wall() - lasted), trouble.words,
                         trouble.locked ? "What is seen waits, and nobody is told of drift until that lock is let go."
                                        : "Drift is seen by nobody until that is mended.");
  notice.about.facts.reason = trouble.words;
  const std::string id = random_id();
  const DeliveryAnswer answer = channel_->deliver(id, ledger_.compose(notice, id, clock_.wall()), 1, kAttemptLimit);
  up_ = channel_->running();
  if (answer.result == DeliveryResult::retry || answer.result == DeliveryResult::fault) return;  // the next turn
  told_of_trouble_ = !over;
  log(LogLevel::info, "delivery.unrecorded", fmt::format("{} went to {}", notice.about.kind, destination_));
}

void Runner::begin(Tx& tx, WallTime now, std::optional<PendingAlert>& alert, std::optional<WallTime>& next) {
  alert = outbox::begin_attempt(tx.db, destination_, now, throttle_.available(clock_.mono()));
  if (!alert) next = outbox::next_due_at(tx.db, destination_);
}

/// Asks a held destination whose time has come whether it would accept, so that no alert is spent on it. One that would
/// not stays held.
bool Runner::accepts(WallTime now) {
  const DeliveryAnswer answer = channel_->probe(kProbeLimit);
  if (answer.result == DeliveryResult::delivered) return true;
  up_ = channel_->running();
  if (answer.result == DeliveryResult::fault) count_fault(answer.text);
  // How long it asked to be left alone counts for this question too.
  writer_.run([&](Tx& tx) { hold(tx, answer.text, {}, now, answer.retry_after); });
  return false;
}

/// Puts the next start of the plugin off, longer with each fault and each start that failed.
void Runner::put_off_start(Millis at_least) {
  const auto times = std::max(start_failures_, static_cast<unsigned>(faults_at_.size()));
  start_not_before_ = std::max(
      start_not_before_, clock_.mono() + backoff_delay(kBetweenStarts, std::max(1U, times), random_unit(), at_least));
}

void Runner::set_down(std::string_view reason) {
  Locked state(state_);
  state->up = false;
  state->down_reason = reason;
}

/// Adds up the faults of the plugin: too many hold the destination until a reload, or until it works again.
void Runner::count_fault(const std::string& what) {
  const MonoTime mono = clock_.mono();
  set_down(what);
  ++state_.lock()->faults;
  faults_at_.push_back(mono);
  if (faults_at_.size() > kMostFaults) faults_at_.pop_front();
  if (faults_at_.size() < kMostFaults || mono - faults_at_.front() > kFaultsWithin) return;
  faults_at_.clear();
  start_not_before_ = mono + kProbeEvery;
  const std::string reason = fmt::format("its plugin failed {} times within {}; the last: {}", kMostFaults,
                                         format_duration(kFaultsWithin), what);
  log(LogLevel::error, "sink.held", fmt::format("destination {} is held: {}", destination_, reason),
      {field("alert", destination_)});
  to_hold_ = reason;
  hold_for_plugin();
}

/// Holds the destination for what its plugin did; later, where that cannot be recorded now.
void Runner::hold_for_plugin() {
  if (!to_hold_) return;
  writer_.run([&](Tx& tx) {
    carrying_.assume();
    hold(tx, *to_hold_, {}, clock_.wall());
  });
  to_hold_.reset();
}

bool Runner::bring_up() {
  const MonoTime mono = clock_.mono();
  if (mono < start_not_before_) return false;
  auto started = channel_->start();
  if (started) {
    start_failures_ = 0;
    up_ = true;
    log(LogLevel::info, "sink.up", fmt::format("destination {} is ready", destination_),
        {field("alert", destination_), field("plugin", started->name), field("version", started->version)});
    throttle_.set_limit(started->per_minute, started->burst, mono);
    can_probe_ = started->can_probe;
    Locked state(state_);
    state->up = true;
    state->down_reason.clear();
    return true;
  }
  const StartFailure& failure = started.error();
  const bool hopeless = failure.kind == StartFailure::Kind::mistakes || failure.kind == StartFailure::Kind::refused;
  ++start_failures_;
  if (hopeless) {
    start_not_before_ = mono + kProbeEvery;
  } else {
    put_off_start(failure.retry_after);
  }
  std::string reason = failure.message;
  if (!failure.mistakes.empty()) {
    reason = format_mistakes(failure.mistakes);
    reason.pop_back();  // the last line's end
  }
  set_down(reason);
  log(LogLevel::error, "sink.down",
      fmt::format("destination {} cannot be opened and is tried again in {}: {}", destination_,
                  format_duration(std::chrono::ceil<std::chrono::seconds>(start_not_before_ - mono)), reason),
      {field("alert", destination_)});
  if (failure.kind == StartFailure::Kind::fault) count_fault(reason);
  if (hopeless) {
    held_at_start_ = true;
    to_hold_ = reason;
    hold_for_plugin();
  }
  return false;
}

void Runner::deliver(const PendingAlert& alert) {
  const MonoTime begun = clock_.mono();
  throttle_.take(begun);
  const DeliveryAnswer answer = channel_->deliver(alert.alert_id, alert.body, alert.attempt, kAttemptLimit);
  AttemptOutcome outcome;
  outcome.result = to_string(answer.result);
  outcome.status = answer.status;
  outcome.words = answer.text;
  outcome.took = std::chrono::duration_cast<Millis>(clock_.mono() - begun);
  // A receiver that refuses may want another secret: the next attempt opens the plugin anew, which reads its files
  // again. If one of them has changed, that attempt is made at once, and only its refusal holds the destination.
  const bool refused = answer.result == DeliveryResult::refused;
  tried_anew_ = refused && !tried_anew_ && channel_->files_changed();
  if (refused) channel_->stop();
  up_ = channel_->running();
  log(answer.result == DeliveryResult::delivered ? LogLevel::info : LogLevel::warning,
      fmt::format("delivery.{}", outcome.result),
      answer.result == DeliveryResult::delivered
          ? fmt::format("{} reached {}", alert.kind, destination_)
          : fmt::format("{} did not reach {}: {}", alert.kind, destination_, answer.text),
      {field("alert", destination_), field("id", alert.alert_id), field("attempt", alert.attempt),
       field("status", answer.status), field("target", alert.target)});
  unsettled_.emplace(Unsettled{alert, answer, outcome});
  settle_last();
}

/// Records how the last attempt ended. Where that cannot be now, it is kept, and nothing else is attempted before: an
/// alert that arrived is not to be sent again.
void Runner::settle_last() {
  if (!unsettled_) return;
  const Unsettled last = std::move(*unsettled_);
  unsettled_.reset();
  try {
    writer_.run([&](Tx& tx) {
      carrying_.assume();
      settle(tx, last.alert, last.answer, last.outcome, clock_.wall());
    });
  } catch (const SqliteError& error) {
    if (error.busy() || error.full()) unsettled_.emplace(last);
    throw;
  }
  if (last.answer.result == DeliveryResult::fault) count_fault(last.answer.text);
}

/// The end of an attempt. An answer about this alert (`rejected`, or in flight in too many faults) ends it for this
/// destination alone, but a digest is first told one by one, so that no alert dies of another. An answer about the
/// destination (`refused`) costs no alert anything but time. Everything else is the weather.
void Runner::settle(Tx& tx, const PendingAlert& alert, const DeliveryAnswer& answer, const AttemptOutcome& outcome,
                    WallTime now) {
  switch (answer.result) {
    case DeliveryResult::delivered:
      outbox::delivered(tx.db, alert, outcome, now);
      if (outbox::destination(tx.db, destination_).failures > 0) outbox::set_destination(tx.db, destination_, {});
      return;
    case DeliveryResult::rejected:
      if (outbox::taken_apart(tx.db, alert, outcome, now)) return;
      if (outbox::dead(tx.db, alert, outcome, now)) bury(tx, alert, outcome.words, now);
      return;
    case DeliveryResult::refused:
      if (outbox::postponed(tx.db, alert, outcome, now, now) && !tried_anew_)
        hold(tx, outcome.words, alert, now, answer.retry_after);
      return;
    case DeliveryResult::fault:
      // The row of this attempt still says "started", so it is the one more.
      if (faults_of(tx.db, alert.id) + 1 >= kPoisonFaults) {
        if (outbox::taken_apart(tx.db, alert, outcome, now)) return;
        const std::string reason =
            fmt::format("it was in flight in {} faults of its plugin; the last: {}", kPoisonFaults, outcome.words);
        if (outbox::dead(tx.db, alert, outcome, now)) bury(tx, alert, reason, now);
        return;
      }
      [[fallthrough]];
    case DeliveryResult::retry:
      if (answer.interrupted) {  // nobody's fault, so the alert alone waits, for as long as a plugin takes to start
        const Millis wait = backoff_delay(kBetweenAttempts, alert.attempt, random_unit());
        outbox::postponed(tx.db, alert, outcome, now, now + wait);
        return;
      }
      back_off(tx, alert, answer, outcome, now);
      return;
  }
}

/// After a failure that time may heal, the destination waits as a whole, so that a queue of thousands is not thousands
/// of tries; the alert waits by its own count too, so that one that always fails lets the others pass. A held
/// destination stays held until it accepts something: a time-out in between is no new refusal afterwards.
void Runner::back_off(Tx& tx, const PendingAlert& alert, const DeliveryAnswer& answer, const AttemptOutcome& outcome,
                      WallTime now) {
  DestinationState state = outbox::destination(tx.db, destination_);
  if (state.kind == DestinationState::Kind::held || answer.retry_after > kProbeEvery) {
    // A long silence that a receiver asks for is as good as a refusal: somebody has to know of it meanwhile.
    const std::string reason =
        answer.retry_after > kProbeEvery
            ? fmt::format("it asked for {} of silence: {}",
                          format_duration(std::chrono::ceil<std::chrono::seconds>(answer.retry_after)), outcome.words)
            : outcome.words;
    outbox::postponed(tx.db, alert, outcome, now, now);
    hold(tx, reason, alert, now, answer.retry_after);
    return;
  }
  ++state.failures;
  state.kind = DestinationState::Kind::backing_off;
  state.until = now + backoff_delay(kBetweenAttempts, state.failures, random_unit(), answer.retry_after);
  state.reason = outcome.words;
  outbox::set_destination(tx.db, destination_, state);
  const WallTime own = now + backoff_delay(kBetweenAttempts, alert.attempt, random_unit(), answer.retry_after);
  outbox::postponed(tx.db, alert, outcome, now, std::max(own, state.until));
}

/// `retry_after` is obeyed where somebody else is told meanwhile; where nobody is, the destination is asked as often as
/// any that refuses: a day's silence about critical drift, at a stranger's word, is worse than a few questions.
void Runner::hold(Tx& tx, const std::string& reason, const PendingAlert& undelivered, WallTime now,
                  Millis retry_after) {
  DestinationState state = outbox::destination(tx.db, destination_);
  const bool was_held = state.kind == DestinationState::Kind::held;
  const Route* route = ledger_.route(destination_);
  const bool others_know = route != nullptr && ledger_.route(route->fallback) != nullptr;
  const Millis wait = others_know ? std::max(kProbeEvery, retry_after) : kProbeEvery;
  state = {DestinationState::Kind::held, now + wait, state.failures + 1, reason};
  outbox::set_destination(tx.db, destination_, state);
  tx.urgent();
  if (was_held) return;
  ledger_.append_about_delivery(tx, delivery_event("delivery.refused", destination_, undelivered, reason), destination_,
                                now, undelivered.kind);
}

void Runner::bury(Tx& tx, const PendingAlert& undelivered, const std::string& reason, WallTime now) {
  ledger_.append_about_delivery(tx, delivery_event("delivery.dead", destination_, undelivered, reason), destination_,
                                now, undelivered.kind);
}

/// Now and then: gives up what waited too long, speaks up where nothing happened, and forgets old attempts.
void Runner::look_after_queue(WallTime now) {
  const MonoTime mono = clock_.mono();
  if (looked_after_at_ && mono - *looked_after_at_ < kBetweenExpiryLooks) return;
  looked_after_at_ = mono;
  const bool speak_up = !spoke_up_at_ || mono - *spoke_up_at_ >= kBetweenNotices;
  if (speak_up) spoke_up_at_ = mono;
  writer_.run([&](Tx& tx) {
    carrying_.assume();
    for (const outbox::Expired& gone : outbox::expire(tx.db, destination_, now)) {
      PendingAlert undelivered;
      undelivered.alert_id = gone.alert_id;
      undelivered.kind = gone.kind;
      undelivered.target = gone.target;
      undelivered.target_id = gone.target_id;
      bury(tx, undelivered, gone.reason, now);
    }
    const Route* route = ledger_.route(destination_);
    if (!speak_up || route == nullptr) return;
    notices::remind(tx, ledger_, *route, now);
    notices::beat(tx, ledger_, *route, now);
    outbox::forget_attempts(tx.db, now - kKeepAttempts);
    if (forgot_at_ && mono - *forgot_at_ < kBetweenForgetting) return;
    forgot_at_ = mono;
    outbox::forget_notices(tx.db, destination_, now - kKeepNotices);
  });
}

}  // namespace codedriftd
