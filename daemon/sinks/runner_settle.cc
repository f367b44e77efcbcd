/// What becomes of an alert after an attempt, of its destination, and of what waits too long.
#include <fmt/format.h>

#include <algorithm>

#include "base/backoff.h"
#include "base/duration.h"
#include "base/json.h"
#include "base/text.h"
#include "sinks/runner.h"
#include "store/ledger/notices.h"

namespace codedriftd {
namespace {

constexpr Backoff kBetweenAttempts{Millis{1'000}, Millis{5'000}, Millis{300'000}};
constexpr Millis kBetweenExpiryLooks{10'000}, kBetweenNotices{60'000};
constexpr Millis kKeepAttempts{90LL * 86'400'000};
/// Signs of life, reminders and tests that are over say nothing that the record does not.
constexpr Millis kKeepNotices{7LL * 86'400'000}, kBetweenForgetting{3'600'000};
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
      if (outbox::dead(tx.db, alert, outcome, now)) record_dead(tx, alert, outcome.words, now);
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
        if (outbox::dead(tx.db, alert, outcome, now)) record_dead(tx, alert, reason, now);
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
  if (was_held) return;
  ledger_.append_about_delivery(tx, delivery_event("delivery.refused", destination_, undelivered, reason), destination_,
                                now, undelivered.kind);
}

void Runner::record_dead(Tx& tx, const PendingAlert& undelivered, const std::string& reason, WallTime now) {
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
  bool forget = false;
  writer_.run([&](Tx& tx) {
    carrying_.assume();
    for (const outbox::Expired& gone : outbox::expire(tx.db, destination_, now)) {
      PendingAlert undelivered;
      undelivered.alert_id = gone.alert_id;
      undelivered.kind = gone.kind;
      undelivered.target = gone.target;
      undelivered.target_id = gone.target_id;
      record_dead(tx, undelivered, gone.reason, now);
    }
    const Route* route = ledger_.route(destination_);
    if (!speak_up || route == nullptr) return;
    notices::remind(tx, ledger_, *route, now);
    notices::beat(tx, ledger_, *route, now);
    outbox::forget_attempts(tx.db, now - kKeepAttempts);
    if (forgot_at_ && mono - *forgot_at_ < kBetweenForgetting) return;
    outbox::forget_notices(tx.db, destination_, now - kKeepNotices);
    forget = true;
  });
  if (forget) forgot_at_ = mono;
}

}  // namespace codedriftd
