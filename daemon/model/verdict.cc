#include "model/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "base/text.h"
#include "model/verdict_events.h"
#include "model/verdict_time.h"

namespace codedriftd {
namespace {

constexpr std::size_t kMostAnnounced = 8;
constexpr unsigned kTwiceInARow = 2;
constexpr std::string_view kConfig = "config";

/// The reason of an outcome that came without one. "observed" without a hash is a failure too.
std::string_view reason_for(Outcome outcome) {
  return to_string(outcome == Outcome::observed ? Outcome::failed : outcome);
}

/// One decision while it is made. `before_` is what was; decision_.state becomes what is.
class Deciding {
 public:
  Deciding(const Target& target, const TargetState& before, WallTime now)
      : target_(target), before_(before), now_(not_before(before, now)), decision_{before, {}, std::nullopt} {}

  void take(const Observation& observation);
  void take(const Tick& tick);
  void take(const Watched& watched);
  void take(const Unwatched&);
  void take(const Approved& approved);
  void take(const Expected& expected);
  void take(const Withdrawn& withdrawn);

  Decision finish() &&;

 private:
  TargetState& state() { return decision_.state; }
  Scene scene(std::string_view actor = "daemon") const { return {target_, decision_.state, now_, actor, request_id_}; }
  void add(NewEvent event) { decision_.events.push_back(std::move(event)); }
  void refuse(std::string why);

  void see(const Observation& observation);
  void not_found(const Observation& observation);
  void no_answer(const Observation& observation);
  void answered();
  void judge(const Sha256& hash, const std::optional<Sha256>& previous);
  void accept_first(const Sha256& hash, const std::optional<Sha256>& previous);

  void accept(const Sha256& hash, AcceptedSource source);
  void close_drift(std::string_view resolution, const std::optional<Sha256>& previous,
                   std::string_view actor = "daemon");
  void arrive(std::size_t index, const std::optional<Sha256>& previous);
  void supersede(std::size_t count, std::string_view actor);
  void expire(bool pins_too);
  void change_pin(const Watched& watched);
  bool refused_for_configuration();

  const Target& target_;
  const TargetState& before_;
  const WallTime now_;
  std::string_view request_id_;  // of the input, which outlives this object
  Decision decision_;
};

// ---- what is live ---------------------------------------------------------------------------------------------

void Deciding::take(const Observation& observation) {
  // A poll that was in flight when the configuration let go of the target has nothing to say any more.
  if (!before_.watched) return;
  request_id_ = observation.error.request_id;
  state().last_polled_at = now_;
  if (observation.outcome == Outcome::observed && observation.sha256) {
    see(observation);
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
  judge(hash, before_.live);
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
/// An announced hash is a deployment, whatever stands open besides: it is asked for first. Without an accepted hash
/// there is no drift that could open or close, but a change is told all the same: nobody has reviewed either code.
void Deciding::judge(const Sha256& hash, const std::optional<Sha256>& previous) {
  const auto& announced = state().announced;
  const auto announcement =
      std::find_if(announced.begin(), announced.end(), [&](const Announcement& a) { return a.sha256 == hash; });
  if (announcement != announced.end()) {
    arrive(static_cast<std::size_t>(announcement - announced.begin()), previous);
    return;
  }
  if (!state().accepted) accept_first(hash, previous);
  const bool changed = previous && *previous != hash;
  if (!state().accepted) {
    if (changed) add(drift_event(scene(), "drift.changed", previous));
  } else if (*state().accepted == hash) {
    if (state().drift_open) close_drift("returned", previous);
  } else if (!state().drift_open) {
    state().drift_open = true;
    state().drift_since = now_;
    add(drift_event(scene(), "drift.detected", previous));
  } else if (changed) {
    add(drift_event(scene(), "drift.changed", previous));
  }
}

/// Nothing is accepted so far: accepts what the configuration says, if it says so.
void Deciding::accept_first(const Sha256& hash, const std::optional<Sha256>& previous) {
  if (state().pin) {
    accept(*state().pin, AcceptedSource::pin);
    add(baseline_set(scene(kConfig), std::nullopt));
  } else if (state().baseline == Baseline::first_seen) {
    // A target that was under review until a reload was seen before: what was seen then counts, so that a change
    // between the two is not trusted unseen.
    accept(previous.value_or(hash), AcceptedSource::first_seen);
    add(baseline_set(scene(), std::nullopt));
  }
}

// ---- what is accepted -----------------------------------------------------------------------------------------

void Deciding::accept(const Sha256& hash, AcceptedSource source) {
  state().accepted = hash;
  state().accepted_source = source;
  state().accepted_at = now_;
}

void Deciding::close_drift(std::string_view resolution, const std::optional<Sha256>& previous, std::string_view actor) {
  const auto since = state().drift_since;
  state().drift_open = false;
  state().drift_since.reset();
  add(drift_resolved(scene(actor), resolution, previous, since));
}

/// The announced hash at `index` is live now.
void Deciding::arrive(std::size_t index, const std::optional<Sha256>& previous) {
  const Announcement arrived = state().announced[index];
  // What it took the place of. If the same hash was live before, too (the function was missing in between), it replaced
  // no code: then it is the hash that was accepted.
  const auto before = previous && *previous != arrived.sha256 ? previous : state().accepted;
  accept(arrived.sha256, arrived.pin ? AcceptedSource::pin : AcceptedSource::deploy);
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
    if (now_ <= announced[i].valid_until || announced[i].overdue || (announced[i].pin && !pins_too)) {
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

// ---- the configuration ----------------------------------------------------------------------------------------

void Deciding::take(const Watched& watched) {
  const bool added = !before_.watched;
  const bool pin_changed = before_.pin != watched.pin;
  TargetState& s = state();
  s.watched = true;
  s.baseline = watched.baseline;
  s.pin = watched.pin;
  s.pin_where = watched.pin ? watched.pin_where : std::string();
  s.interval = watched.interval;
  s.stale_after = watched.stale_after;
  s.deploy_grace = watched.deploy_grace;
  if (added) add(watch_added(scene(kConfig)));
  if (pin_changed) {
    change_pin(watched);
  } else if (added) {
    // The grace of a pin counts from the load that asks for it.
    for (Announcement& a : s.announced) {
      if (a.pin && !a.overdue) a.valid_until = std::max(a.valid_until, now_ + s.deploy_grace);
    }
  }
}

/// A pin came, changed or went. Everything that was announced before is dropped: the configuration was written after
/// it. While there is a pin, nothing but the pin can be announced.
void Deciding::change_pin(const Watched& watched) {
  TargetState& s = state();
  supersede(s.announced.size(), kConfig);
  if (!watched.pin) return;
  const Sha256& pin = *watched.pin;
  if ((s.live == pin && !s.missing) || s.accepted == pin) {
    if (s.accepted == pin && s.accepted_source == AcceptedSource::pin) return;
    const auto previous = s.accepted;
    accept(pin, AcceptedSource::pin);
    add(baseline_set(scene(kConfig), previous));
    if (s.drift_open && s.live == pin && !s.missing) close_drift("pinned", previous, kConfig);
  } else if (s.accepted) {
    s.announced.push_back({pin, true, now_, now_ + s.deploy_grace, false, {}, {}, std::string(kConfig)});
    add(deploy_event(scene(kConfig), "deploy.expected", s.announced.back()));
  }
  // With nothing accepted the pin is accepted at the next sight (accept_first): a reload opens no drift.
}

void Deciding::take(const Unwatched&) {
  if (!before_.watched) return;
  state().watched = false;
  add(watch_removed(scene(kConfig)));
}

// ---- people and pipelines -------------------------------------------------------------------------------------

void Deciding::refuse(std::string why) { decision_ = {before_, {}, std::move(why)}; }

bool Deciding::refused_for_configuration() {
  if (!before_.watched) {
    refuse("it is not watched: no [[function]] of the configuration names it");
  } else if (before_.pin) {
    refuse(fmt::format("pinned at {}, change it there", before_.pin_where));
  }
  return decision_.refused.has_value();
}

void Deciding::take(const Approved& approved) {
  if (refused_for_configuration()) return;
  const auto seen = [&] {
    return fmt::format("code {}, since {} (last answer {})", before_.live->hex(),
                       before_.live_since ? rfc3339(*before_.live_since) : "an unknown time",
                       before_.last_success_at ? rfc3339(*before_.last_success_at) : "unknown");
  };
  if (before_.missing) {
    return refuse(fmt::format("there is nothing to approve: the function is missing since {} ({}){}",
                              before_.status_since ? rfc3339(*before_.status_since) : "an unknown time",
                              harmless(before_.missing_code),
                              before_.live ? fmt::format("; it last ran {}", seen()) : std::string()));
  }
  if (!before_.live) return refuse("there is nothing to approve: its code was never seen");
  if (*before_.live != approved.sha256) return refuse(fmt::format("that hash is not live: it runs {}", seen()));

  expire(false);
  const auto previous = state().accepted;
  accept(approved.sha256, AcceptedSource::approval);
  add(baseline_set(scene(approved.actor), previous, {approved.reason, approved.ticket, approved.claimed}));
  if (state().drift_open) close_drift("approved", previous, approved.actor);
}

void Deciding::take(const Expected& expected) {
  if (refused_for_configuration()) return;
  if (expected.valid_until <= now_) {
    return refuse(fmt::format("the announcement would be valid until {}, which is not in the future (now {})",
                              rfc3339(expected.valid_until), rfc3339(now_)));
  }
  const bool live = before_.live == expected.sha256 && !before_.missing;
  if (live && before_.accepted != expected.sha256) {
    return refuse(
        fmt::format("code {} is live already, since {}, and not accepted: only approve accepts what is already live",
                    expected.sha256.hex(), before_.live_since ? rfc3339(*before_.live_since) : "an unknown time"));
  }
  expire(false);
  auto& announced = state().announced;
  // Announced again: its place is behind what was announced in between, and only the newer promise counts.
  announced.erase(std::remove_if(announced.begin(), announced.end(),
                                 [&](const Announcement& a) { return a.sha256 == expected.sha256; }),
                  announced.end());
  if (!live && announced.size() >= kMostAnnounced) {
    return refuse(fmt::format(
        "{} deployments are announced and open already, which is the most; the next to expire is at {}", kMostAnnounced,
        rfc3339(std::min_element(announced.begin(), announced.end(), [](const auto& a, const auto& b) {
                  return a.valid_until < b.valid_until;
                })->valid_until)));
  }
  const Announcement announcement{expected.sha256,
                                  false,
                                  now_,
                                  expected.valid_until,
                                  false,
                                  clean_utf8(expected.build),
                                  clean_utf8(expected.commit),
                                  expected.actor,
                                  expected.claimed};
  if (live) {
    // Nothing will change: the pipeline built what is accepted and live. An approval says more than that and stays.
    if (state().accepted_source == AcceptedSource::first_seen) accept(expected.sha256, AcceptedSource::deploy);
    add(deploy_event(scene(expected.actor), "deploy.arrived", announcement));
    supersede(announced.size(), expected.actor);
    return;
  }
  announced.push_back(announcement);
  add(deploy_event(scene(expected.actor), "deploy.expected", announcement));
}

void Deciding::take(const Withdrawn& withdrawn) {
  expire(false);
  auto& announced = state().announced;
  std::vector<Announcement> gone;
  for (const Announcement& each : announced) {
    if (!each.pin && (!withdrawn.sha256 || each.sha256 == *withdrawn.sha256)) gone.push_back(each);
  }
  if (gone.empty()) {
    return refuse(withdrawn.sha256 ? fmt::format("code {} is not announced", withdrawn.sha256->hex())
                                   : std::string("no deployment is announced"));
  }
  for (const Announcement& each : gone) {
    announced.erase(std::find(announced.begin(), announced.end(), each));
    NewEvent event = deploy_event(scene(withdrawn.actor), "deploy.withdrawn", each);
    event.facts.reason = clean_utf8(withdrawn.reason);
    (*event.data)["reason"] = event.facts.reason;
    (*event.data).erase("claimed");
    if (!withdrawn.claimed.empty()) (*event.data)["claimed"] = clean_utf8(withdrawn.claimed);
    add(std::move(event));
  }
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

}  // namespace

Decision decide(const Target& target, const TargetState& state, const Input& input, WallTime now) {
  Deciding deciding(target, state, now);
  std::visit([&](const auto& what) { deciding.take(what); }, input);
  return std::move(deciding).finish();
}

}  // namespace codedriftd
