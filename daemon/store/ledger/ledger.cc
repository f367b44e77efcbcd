#include "store/ledger/ledger.h"

#include <algorithm>

#include "base/json.h"
#include "model/kinds.h"
#include "store/ledger/inside.h"
#include "store/ledger/seen_change.h"
#include "store/log/event_log.h"
#include "store/outbox/explain.h"
#include "store/outbox/flapping.h"
#include "store/outbox/outbox.h"
#include "store/packages/packages.h"
#include "store/record/attributions.h"
#include "store/record/history.h"
#include "store/record/values.h"

namespace codedriftd {
namespace {

/// Keeps every acceptance: the state holds only the last.
void record_baseline(Database& db, const TargetRow& row, const TargetState& after, const std::vector<NewEvent>& events,
                     WallTime now) {
  if (!after.accepted) return;
  if (after.accepted == row.state.accepted && after.accepted_source == row.state.accepted_source &&
      after.accepted_at == row.state.accepted_at)
    return;
  std::string actor = "daemon";
  std::string reason, ticket, claimed, build, commit;
  for (const NewEvent& event : events) {
    const auto text = [&](const char* name) {
      const auto member = event.data->find(name);
      return member != event.data->end() && member->is_string() ? member->get<std::string>() : std::string();
    };
    if (event.kind == "baseline.set") {
      actor = event.actor;
      reason = text("reason");
      ticket = text("ticket");
    } else if (event.kind == "deploy.arrived") {
      actor = text("announced_by");
      build = text("build");
      commit = text("commit");
    } else {
      continue;
    }
    claimed = text("claimed");
  }
  db.run(
      "INSERT INTO baseline (target, at_ms, sha256, source, actor, reason, ticket, claimed, build, \"commit\") VALUES "
      "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      row.id, after.accepted_at.value_or(now), *after.accepted, to_string(after.accepted_source), actor, reason, ticket,
      claimed, build, commit);
}

void record_period(Database& db, const TargetRow& row, const TargetState& after, WallTime now) {
  const TargetState& before = row.state;
  if (after.watched && (!before.watched || after.stale_after != before.stale_after)) {
    history::begin_period(db, row.id, after.stale_after, now);
  } else if (!after.watched && before.watched) {
    history::end_period(db, row.id, now);
  }
}

/// The observation of a value that is no code, when it is another one: its text is kept, and that of the one before is
/// told beside it.
std::optional<Observation> with_value(Database& db, const Observation& seen, const TargetState& state) {
  if (state.live == seen.sha256) return std::nullopt;
  values::keep(db, *seen.sha256, seen.value);
  Observation filled = seen;
  filled.obtainable = false;
  if (state.live) filled.value_before = values::text_of(db, *state.live);
  if (filled.value.empty()) filled.value = values::text_of(db, *seen.sha256);
  return filled;
}

/// The observation with what the record holds of the inside of its hash; nullopt: there is nothing to add. Asked for
/// where it may matter: when another hash is live than before, or nobody has looked into this one.
std::optional<Observation> with_inside(Database& db, const Target& target, const Observation& seen,
                                       const TargetState& state) {
  if (!seen.sha256 || !state.watched) return std::nullopt;
  if (kind_of_qualifier(target.qualifier) != TargetKind::code) return with_value(db, seen, state);
  if (state.live == seen.sha256 && (was_read(state.package) || !seen.obtainable)) return std::nullopt;
  Observation filled = seen;
  filled.inside = inside_of(db, *seen.sha256, state);
  if (filled.inside.package == PackageState::unknown) return std::nullopt;
  // That it could not be had once says nothing of now: another hash became live, and its package is asked for again.
  if (!was_read(filled.inside.package) && seen.obtainable && state.live != seen.sha256) return std::nullopt;
  return filled;
}

/// The packages that the target lets go of, or comes to, matter now: they are not the oldest of those that are kept.
void note_packages(Database& db, const TargetState& before, const TargetState& after, WallTime at) {
  for (const auto member : {&TargetState::live, &TargetState::accepted}) {
    if (before.*member == after.*member) continue;
    for (const std::optional<Sha256>& code : {before.*member, after.*member}) {
      if (code) packages::wanted(db, *code, at);
    }
  }
}

/// Globs that changed change what the contents on record are.
void read_contents_again(Database& db, const Watched& watched, TargetState& state) {
  if (watched.ignore == state.ignore) return;
  if (state.live_content) state.live_content = content_on_record(db, state.live, watched.ignore);
  if (!state.live_content && state.package == PackageState::examined) state.package = PackageState::unknown;
  if (state.accepted_content) state.accepted_content = content_on_record(db, state.accepted, watched.ignore);
}

}  // namespace

Ledger::Ledger(std::string instance, std::string origin, Hooks hooks)
    : instance_(std::move(instance)), origin_(std::move(origin)), hooks_(std::move(hooks)) {}

Applied Ledger::apply(Tx& tx, TargetId id, const Input& input, WallTime now) {
  TargetRow row = targets::load(tx.db, id);
  return apply(tx, row, input, now);
}

Applied Ledger::apply(Tx& tx, TargetRow& row, const Input& input, WallTime now) {
  WallTime at = now;
  if (row.state.last_polled_at) {
    // A stored time more than a day ahead is a clock's mistake: it counts as now. Else a target's times never go back.
    at = *row.state.last_polled_at > now + Millis{86'400'000} ? now : std::max(now, *row.state.last_polled_at);
  }
  const auto* observation = std::get_if<Observation>(&input);
  if (observation != nullptr && row.state.watched) history::record(tx.db, row, *observation, at);
  const TargetState stored = row.state;
  if (const auto* watched = std::get_if<Watched>(&input)) read_contents_again(tx.db, *watched, row.state);
  const auto filled = observation != nullptr ? with_inside(tx.db, row.target, *observation, row.state) : std::nullopt;
  Decision decision = decide(row.target, row.state, filled ? Input(*filled) : input, at);
  Applied applied;
  applied.refused = std::move(decision.refused);
  record_baseline(tx.db, row, decision.state, decision.events, at);
  record_period(tx.db, row, decision.state, at);
  note_packages(tx.db, stored, decision.state, at);
  targets::save(tx.db, row.id, stored, decision.state);
  row.state = std::move(decision.state);
  for (const NewEvent& event : decision.events) {
    applied.events.push_back(append(tx, event, at, now));
    if (!audited_.contains(row.target.account)) continue;
    if (const auto window = change_window(tx.db, event, row, stored, now))
      ask_who(tx, applied.events.back(), row.target, row.id, *window, now);
  }
  const TargetState& after = row.state;
  const bool is_code = kind_of_qualifier(row.target.qualifier) == TargetKind::code;
  applied.unexamined = observation != nullptr && observation->obtainable && is_code && after.watched &&
                       !after.missing && after.package != PackageState::examined &&
                       after.package != PackageState::ambiguous;
  applied.urgency = after.examining_until ? Urgency::verdict : after.drift_open ? Urgency::alert : Urgency::none;
  if (after.examining_until && !stored.examining_until)
    tx.urgent();  // a verdict waits for what is begun after the commit
  return applied;
}

void Ledger::examined(Tx& tx, const Sha256& code, WallTime now) {
  const auto package = packages::find(tx.db, code);
  if (!package) return;
  std::vector<TargetId> ids;
  {
    auto q =
        tx.db.query("SELECT id FROM target WHERE watched = 1 AND (live = ?1 OR accepted = ?1) ORDER BY address", code);
    while (q.step()) ids.push_back(q.integer(0));
  }
  for (const TargetId id : ids) {
    TargetRow row = targets::load(tx.db, id);
    const Inside inside = inside_of(tx.db, code, row.state);
    apply(tx, row,
          Examined{code, inside, static_cast<int64_t>(package->files), static_cast<int64_t>(package->findings.size())},
          now);
    for (const std::string& name :
         outbox::explain(tx.db, id, code, inside.changes, inside.changes_words, explain_within_, now)) {
      if (const Route* to = route(name)) ring(tx, *to);
    }
  }
}

bool Ledger::apply_account(Tx& tx, std::string_view account, std::string_view region, const AccountInput& input,
                           WallTime now) {
  AccountState state;
  {
    auto q = tx.db.query("SELECT failing, reason, since_ms FROM account_state WHERE account = ? AND region = ?",
                         account, region);
    if (q.step()) state = {q.boolean(0), q.string(1), q.optional_time(2)};
  }
  const AccountDecision decision = decide_account(account, region, state, input, now);
  if (!decision.events.empty()) {
    tx.db.run(
        "INSERT INTO account_state (account, region, failing, reason, since_ms) VALUES (?, ?, ?, ?, ?) ON CONFLICT "
        "(account, region) DO UPDATE SET "
        "failing = excluded.failing, reason = excluded.reason, since_ms = excluded.since_ms",
        account, region, decision.state.failing, decision.state.reason, decision.state.since);
    for (const NewEvent& event : decision.events) append(tx, event, now);
  }
  return decision.state.failing;
}

LoggedEvent Ledger::append(Tx& tx, const NewEvent& event, WallTime now) { return append(tx, event, now, now); }

/// `at` is the target's time, which never goes back; its alerts are due by the clock as it is.
LoggedEvent Ledger::append(Tx& tx, const NewEvent& event, WallTime at, WallTime now) {
  LoggedEvent logged = event_log::append(tx.db, event, origin_, at);
  tx.urgent();
  for (const Route& candidate : routes_) {
    if (!wants(candidate.subscription, event)) continue;
    // It adds to an alert, where there is one.
    const std::string& follows = event.facts.follows;
    if (!follows.empty() && !outbox::has_event(tx.db, candidate.subscription.name, follows)) continue;
    enqueue(tx, logged, candidate, now);
  }
  if (hooks_.written) tx.after_commit([written = hooks_.written, logged] { written(logged); });
  return logged;
}

LoggedEvent Ledger::append_about_delivery(Tx& tx, const NewEvent& event, std::string_view destination, WallTime now,
                                          std::string_view undelivered_kind) {
  const LoggedEvent logged = append(tx, event, now);
  if (about_delivery(undelivered_kind)) return logged;
  const Route* from = route(destination);
  const Route* to = from != nullptr ? route(from->fallback) : nullptr;
  if (to != nullptr && to != from) enqueue(tx, logged, *to, now);
  return logged;
}

void Ledger::enqueue(Tx& tx, const LoggedEvent& logged, const Route& to, WallTime now) {
  const std::string& name = to.subscription.name;
  outbox::enqueue(tx.db, name, logged, compose_alert(logged, instance_, origin_, link_), to.give_up_after, now);
  if (logged.event.awaits_explanation && explain_within_ > Millis{0})
    outbox::hold_for_explanation(tx.db, name, logged.seq, now + explain_within_);
  if (about_drift(logged.event.kind) && logged.event.target &&
      outbox::hold_if_flapping(tx.db, name, *logged.event.target, outbox::longest_hold(to.reminder, to.give_up_after),
                               now))
    return;
  ring(tx, to);
}

void Ledger::ask_who(Tx& tx, const LoggedEvent& logged, const Target& target, TargetId id,
                     const history::ChangeWindow& window, WallTime now) {
  if (audited_.contains(target.account))
    attributions::ask(tx.db, logged.seq, id, window.from, window.to, now + kFirstAsked);
}

std::string Ledger::tell(Tx& tx, const Route& to, const Notice& notice, WallTime now) {
  const std::string id = random_id();
  outbox::enqueue_notice(tx.db, to.subscription.name, id, notice.about.kind, notice.about.target,
                         compose_notice(notice, id, now, instance_, origin_, link_), to.give_up_after, now);
  tx.urgent();
  ring(tx, to);
  return id;
}

void Ledger::ring(Tx& tx, const Route& to) {
  if (hooks_.queued) tx.after_commit([queued = hooks_.queued, name = to.subscription.name] { queued(name); });
}

const Route* Ledger::route(std::string_view name) const {
  const auto found =
      std::find_if(routes_.begin(), routes_.end(), [&](const Route& r) { return r.subscription.name == name; });
  return found == routes_.end() ? nullptr : &*found;
}

}  // namespace codedriftd
