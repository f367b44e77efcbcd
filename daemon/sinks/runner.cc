#include "sinks/runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/backoff.h"
#include "base/duration.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"

namespace codedriftd {
namespace {

constexpr Backoff kBetweenStarts{Millis{1'000}, Millis{1'000}, Millis{300'000}};
constexpr Millis kLongestWait{30'000};
/// While nothing can be recorded: somebody has to be told of it in time, and of its end.
constexpr Millis kTroubleWait{5'000};
/// A lock that somebody holds for a moment is not worth a message.
constexpr Millis kTroubleLasts{30'000};
/// Until it is asked again whether anything may be sent.
constexpr Millis kNotNow{250};
/// The longest that asking whether a held destination would accept may take.
constexpr Millis kProbeLimit{30'000};
/// This many faults of a plugin within this time hold its destination: to start it again and again helps nobody.
constexpr std::size_t kMostFaults = 5;
constexpr Millis kFaultsWithin{10 * 60'000};

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
  tell_of_trouble();  // of this daemon, whoever has the work by now
  if (may_send_ && !may_send_()) return kNotNow;
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
  if (alert && may_send_ && !may_send_()) {
    DeliveryAnswer not_sent;
    not_sent.result = DeliveryResult::retry;
    not_sent.interrupted = true;
    not_sent.text = "not sent: by then it was no longer for this daemon to send";
    unsettled_.emplace(Unsettled{*alert, not_sent, {std::string(to_string(not_sent.result)), 0, not_sent.text, {}}});
    return kNotNow;
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
                         trouble.waits ? "What is seen waits, and nobody is told of drift until that is over."
                                       : "Drift is seen by nobody until that is mended.");
  notice.about.facts.reason = trouble.words;
  const std::string id = random_id();
  const DeliveryAnswer answer = channel_->deliver(id, ledger_.compose(notice, id, clock_.wall()), 1, kAttemptLimit);
  up_ = channel_->running();
  if (answer.result == DeliveryResult::retry || answer.result == DeliveryResult::fault) return;  // the next turn
  told_of_trouble_ = !over;
  log(LogLevel::info, "delivery.unrecorded", fmt::format("{} went to {}", notice.about.kind, destination_),
      {field("alert", destination_)});
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

void Runner::count_attempt(const PendingAlert& alert, DeliveryResult result) {
  Locked state(state_);
  ++state->attempts[result];
  const auto delay = std::chrono::duration<double>(clock_.wall() - alert.created_at);
  if (result == DeliveryResult::delivered) state->delay.add(std::max(0.0, delay.count()));
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
  count_attempt(alert, answer.result);
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
  } catch (const StoreError& error) {
    if (error.passing() || error.full()) unsettled_.emplace(last);
    throw;
  }
  if (last.answer.result == DeliveryResult::fault) count_fault(last.answer.text);
}

}  // namespace codedriftd
