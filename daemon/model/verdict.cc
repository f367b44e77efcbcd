#include "model/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "model/deciding.h"

namespace codedriftd {
namespace {

constexpr unsigned kTwiceInARow = 2;

/// The reason of an outcome that came without one. "observed" without a hash is a failure too.
std::string_view reason_for(Outcome outcome) {
  return to_string(outcome == Outcome::observed ? Outcome::failed : outcome);
}

constexpr std::string_view kTooLate = "it was not examined within examine_within";

}  // namespace

// ---- what is live ---------------------------------------------------------------------------------------------

void Deciding::take(const Observation& observation) {
  // A poll that was in flight when the configuration let go of the target has nothing to say any more.
  if (!before_.watched) return;
  request_id_ = observation.error.request_id;
  state().last_polled_at = now_;
  if (observation.outcome == Outcome::observed && observation.sha256) {
    see(observation);
    settle_touched(observation);
  } else if (observation.outcome == Outcome::missing) {
    not_found(observation);
  } else {
    no_answer(observation);
  }
}

void Deciding::see(const Observation& observation) {
  const Sha256& hash = *observation.sha256;
  const bool was_missing = before_.missing;
  state().last_error.reset();
  answered();
  obtainable_ = observation.obtainable;
  value_ = observation.value;
  value_before_ = observation.value_before;
  if (before_.live != hash) {
    // What was looked at until now was live, and nobody accepted it: that is told before what took its place.
    if (before_.examining_until && before_.package == PackageState::unknown) {
      run_out("another hash came first");
    } else if (before_.examining_until) {  // it was looked into while the function was missing
      judge(*before_.live, stop_waiting());
    }
    state().package = PackageState::unknown;
    state().live_content.reset();
  }
  if (before_.live != hash || before_.not_found_in_a_row > 0 || !before_.live_since) state().live_since = now_;
  state().live = hash;
  state().not_found_in_a_row = 0;
  state().missing = false;
  state().missing_code.clear();
  // In this order, because people read the events in it: that the function can be seen again comes before what is seen.
  if (before_.failing) add(poll_recovered(scene(), before_));
  if (was_missing) add(function_returned(scene()));
  // An announcement that expired before this poll cannot make its hash arrive in time. A pin never expires.
  expire(false);
  const bool known = state().package == PackageState::unknown && observation.inside.package != PackageState::unknown;
  if (observation.inside.package != PackageState::unknown) inside_ = &observation.inside;
  if (known) learn(observation.inside);
  if (!state().examining_until) return judge(hash, before_.live);
  if (state().package != PackageState::unknown) return judge(hash, stop_waiting());
  if (now_ >= *state().examining_until) run_out(kTooLate);
}

/// What is inside the package of the hash that is live.
void Deciding::learn(const Inside& inside) {
  state().package = inside.package;
  state().live_content = inside.package == PackageState::examined ? inside.content : std::nullopt;
  if (state().accepted == state().live && state().live_content) state().accepted_content = state().live_content;
}

void Deciding::take(const Examined& examined) {
  if (!before_.watched || examined.inside.package == PackageState::unknown) return;
  const bool live = before_.live == examined.sha256;
  if (!live) {
    // It came too late to say anything but what the accepted one holds.
    if (before_.accepted == examined.sha256 && examined.inside.content)
      state().accepted_content = examined.inside.content;
    return;
  }
  // A package that could not be had again takes nothing away from what was read in it before.
  if (!was_read(examined.inside.package) && was_read(before_.package)) return;
  inside_ = &examined.inside;
  learn(examined.inside);
  if (before_.package == examined.inside.package && before_.live_content == examined.inside.content) {
    // It was looked at again, and is what it was.
  } else if (was_read(examined.inside.package)) {
    add(package_examined(scene(), examined));
  } else if (examined.inside.package == PackageState::mismatch) {
    add(package_mismatch(scene(), examined));
  }
  if (before_.missing) return;
  judge(*before_.live, before_.examining_until ? stop_waiting() : before_.live);
}

void Deciding::not_found(const Observation& observation) {
  state().last_error = observation.error;
  answered();
  state().not_found_in_a_row = std::min(before_.not_found_in_a_row + 1, kTwiceInARow);
  state().missing_code = observation.error.code;
  if (before_.failing) add(poll_recovered(scene(), before_));
  if (before_.missing || state().not_found_in_a_row < kTwiceInARow) return;
  state().missing = true;
  add(function_missing(scene()));
}

void Deciding::no_answer(const Observation& observation) {
  ++state().consecutive_failures;
  state().last_error = observation.error;
  state().last_reason = observation.reason.empty() ? std::string(reason_for(observation.outcome)) : observation.reason;
  // A function that is being deployed exists. Other failures say nothing of that.
  if (observation.outcome == Outcome::updating && !before_.missing) state().not_found_in_a_row = 0;
}

void Deciding::answered() {
  state().last_success_at = now_;
  state().consecutive_failures = 0;
  state().last_reason.clear();
  state().failing = false;
  state().failing_quiet = false;
  state().failing_reason.clear();
}

/// `hash` is live, `previous` was before: is that drift, and was it until now?
///
/// What was announced is a deployment, whatever stands open besides: it is asked for first. Without anything accepted
/// or pinned there is no drift that could open or close, but a change is told all the same: nobody has reviewed either
/// code.
void Deciding::judge(const Sha256& hash, const std::optional<Sha256>& previous) {
  if (const auto index = announced_as(hash)) {
    arrive(*index, previous);
    return;
  }
  if (!state().accepted) accept_first(hash, previous);
  const bool changed = previous && *previous != hash;
  if (state().accepted == hash) {
    if (state().drift_open) close_drift("returned", previous);
    return;
  }
  if (accept_as_content(hash, previous)) return;
  const bool fresh = changed || (can_drift() && !state().drift_open);
  if (!waits_for_examination(previous, fresh)) tell(previous, changed);
}

/// False: nothing was accepted or pinned so far.
bool Deciding::can_drift() const {
  const TargetState& s = decision_.state;
  return s.accepted || s.content_pin;
}

/// The announcement that `hash` is: by itself, or by what is inside.
std::optional<std::size_t> Deciding::announced_as(const Sha256& hash) const {
  const TargetState& s = decision_.state;
  for (std::size_t i = 0; i < s.announced.size(); ++i) {
    const Announcement& a = s.announced[i];
    if (a.sha256 == hash || (a.content && s.live_content && s.live_content->digest == *a.content)) return i;
  }
  return std::nullopt;
}

/// Nothing is accepted so far: accepts what the configuration says, if it says so. A pinned content has no hash before
/// it was seen: accept_as_content() has it.
void Deciding::accept_first(const Sha256& hash, const std::optional<Sha256>& previous) {
  if (state().content_pin) return;
  if (state().pin) {
    accept(*state().pin, AcceptedSource::pin);
    add(baseline_set(scene(kConfig), std::nullopt));
  } else if (state().baseline == Baseline::first_seen && !state().drift_open) {
    // Open drift without anything accepted is that of a pin which was taken away: somebody was told, and may accept it.
    // A target that was under review until a reload was seen before: what was seen then counts, so that a change
    // between the two is not trusted unseen.
    accept(previous.value_or(hash), AcceptedSource::first_seen);
    add(baseline_set(scene(), std::nullopt));
  }
}

/// True if `hash` holds what is pinned, or what is accepted packed anew: then it is what is accepted from now on.
bool Deciding::accept_as_content(const Sha256& hash, const std::optional<Sha256>& previous) {
  TargetState& s = state();
  if (!s.live_content) return false;
  const bool is_pinned = s.content_pin && s.live_content->digest == *s.content_pin;
  const bool same = s.same_content_accepted && s.accepted_content && s.live_content == s.accepted_content;
  if (!is_pinned && !same) return false;
  const auto accepted_before = s.accepted;
  accept(hash, is_pinned ? AcceptedSource::pin : AcceptedSource::content);
  add(baseline_set(scene(is_pinned ? kConfig : "daemon"), accepted_before));
  if (s.drift_open) close_drift(is_pinned ? "pinned" : "returned", previous != hash ? previous : accepted_before);
  return true;
}

bool Deciding::content_awaited() const {
  const TargetState& s = decision_.state;
  return s.content_pin || std::any_of(s.announced.begin(), s.announced.end(),
                                      [](const Announcement& a) { return a.content.has_value(); });
}

/// True if the verdict on `hash` has to wait: its package is about to be looked at, and what is inside may prove it to
/// be what is announced or accepted. Nothing is waited for that cannot make the difference.
bool Deciding::waits_for_examination(const std::optional<Sha256>& previous, bool fresh) {
  TargetState& s = state();
  if (!fresh || !obtainable_ || s.package != PackageState::unknown) return false;
  if (!content_awaited() && !(s.accepted_content && s.same_content_accepted)) return false;
  s.examining_until = now_ + s.examine_within;
  s.examining_previous = previous;
  return true;
}

/// The wait is over. What was live before the hash that was waited for.
std::optional<Sha256> Deciding::stop_waiting() {
  state().examining_until.reset();
  return std::exchange(state().examining_previous, std::nullopt);
}

/// Nothing came of the examination in time: the hash that is live is judged without.
void Deciding::run_out(std::string_view why) {
  const auto previous = stop_waiting();
  unexamined_ = why;
  tell(previous, previous && previous != state().live);
  unexamined_ = {};
}

/// The live hash is not what is accepted, or nobody has accepted anything: then a change is told all the same.
void Deciding::tell(const std::optional<Sha256>& previous, bool changed) {
  if (can_drift() && !state().drift_open) {
    state().drift_open = true;
    state().drift_since = now_;
    add(drift_event(scene(), false, previous));
  } else if (changed) {
    add(drift_event(scene(), true, previous));
  }
}

// ---- what is accepted -----------------------------------------------------------------------------------------

void Deciding::accept(const Sha256& hash, AcceptedSource source) {
  TargetState& s = state();
  if (s.accepted != hash) s.accepted_content = s.live == hash ? s.live_content : std::nullopt;
  s.accepted = hash;
  s.accepted_source = source;
  s.accepted_at = now_;
  if (s.live == hash) stop_waiting();
}

void Deciding::close_drift(std::string_view resolution, const std::optional<Sha256>& previous, std::string_view actor) {
  const auto since = state().drift_since;
  state().drift_open = false;
  state().drift_since.reset();
  add(drift_resolved(scene(actor), resolution, previous, since));
}

/// What was announced at `index` is live now.
void Deciding::arrive(std::size_t index, const std::optional<Sha256>& previous) {
  const Announcement arrived = state().announced[index];
  const Sha256 hash = *state().live;
  // What it took the place of. If the same hash was live before, too (the function was missing in between), it replaced
  // no code: then it is the hash that was accepted.
  const auto before = previous && *previous != hash ? previous : state().accepted;
  accept(hash, arrived.pin ? AcceptedSource::pin : AcceptedSource::deploy);
  state().announced.erase(state().announced.begin() + static_cast<std::ptrdiff_t>(index));
  add(deploy_event(scene(), "deploy.arrived", arrived));
  // Announcements stand in the order they were made. Those before this one were overtaken by it and will not come any
  // more; those after it are still to come.
  supersede(index, "daemon");
  if (state().drift_open) close_drift(arrived.pin ? "pinned" : "deployed", before);
}

/// Drops the `count` oldest announcements: something newer took their place.
void Deciding::supersede(std::size_t count, std::string_view actor) {
  auto& announced = state().announced;
  const auto end = announced.begin() + static_cast<std::ptrdiff_t>(count);
  // All are gone before the first event is made: an event shows what is still announced.
  const std::vector<Announcement> dropped(announced.begin(), end);
  announced.erase(announced.begin(), end);
  for (const Announcement& announcement : dropped) {
    add(deploy_event(scene(actor), "deploy.superseded", announcement));
  }
}

/// Drops announcements whose time is over; with `pins_too`, says of pins once that they are overdue.
void Deciding::expire(bool pins_too) {
  auto& announced = state().announced;
  for (std::size_t i = 0; i < announced.size();) {
    // What is live may be it, and came in time: the examination will tell.
    const bool looked_for = announced[i].content && state().examining_until && state().package == PackageState::unknown;
    if (now_ <= announced[i].valid_until || announced[i].overdue || (announced[i].pin && !pins_too) || looked_for) {
      ++i;
      continue;
    }
    announced[i].overdue = true;
    const Announcement late = announced[i];
    if (late.pin) {  // the configuration goes on asking for it: it stays announced, and is accepted whenever it comes
      ++i;
    } else {
      announced.erase(announced.begin() + static_cast<std::ptrdiff_t>(i));
    }
    add(deploy_event(scene(), "deploy.overdue", late));
  }
}

// ---- time -----------------------------------------------------------------------------------------------------

void Deciding::take(const Tick& tick) {
  if (!before_.watched) return;
  if (state().examining_until && state().package == PackageState::unknown && now_ >= *state().examining_until)
    run_out(kTooLate);
  expire(true);
  if (before_.failing || tick.unseen_for <= before_.stale_after) return;
  state().failing = true;
  state().failing_quiet = tick.account_failing;
  state().failing_reason = before_.last_polled_at ? before_.last_reason : "never_polled";
  if (state().failing_reason.empty()) state().failing_reason = "stale";
  NewEvent event = poll_failing(scene());
  event.alertable = !tick.account_failing;
  add(std::move(event));
}

// ---------------------------------------------------------------------------------------------------------------

Decision Deciding::finish() && {
  if (decision_.refused || (!before_.watched && !state().watched)) return std::move(decision_);
  const Status status = bare_status(state(), now_);
  const Status previous = bare_status(before_, now_);
  if (status != previous || !state().status_since) state().status_since = now_;
  // A row becomes stale, and with that "unobserved", by time alone, seconds before a tick notices. The alert that it
  // cannot be seen should not say "was unobserved" but what it was when it was last seen: in_sync, or drifted.
  const bool lost = state().failing && !before_.failing && before_.last_success_at;
  const Status told = lost ? bare_status(before_, *before_.last_success_at) : previous;
  for (NewEvent& event : decision_.events) {
    event.facts.status = to_string(status);
    event.facts.previous_status = to_string(told);
  }
  return std::move(decision_);
}

Decision decide(const Target& target, const TargetState& state, const Input& input, WallTime now) {
  Deciding deciding(target, state, now);
  std::visit([&](const auto& what) { deciding.take(what); }, input);
  return std::move(deciding).finish();
}

}  // namespace codedriftd
