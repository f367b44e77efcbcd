#include "store/ledger/ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <unordered_map>
#include <unordered_set>

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
  values::keep(db, *seen.sha256, seen.value);
  Observation filled = seen;
  filled.obtainable = false;
  if (state.live) filled.value_before = values::text_of(db, *state.live);
  if (filled.value.empty()) filled.value = values::text_of(db, *seen.sha256);
  return filled;
}

bool is_code(const Target& target) { return kind_of_qualifier(target.qualifier) == TargetKind::code; }

/// What the record holds beside the target's state may matter for this observation: another hash is live than before,
/// or nobody has looked into this one.
bool asks_more(const Target& target, const Observation& seen, const TargetState& state) {
  if (!seen.sha256 || !state.watched) return false;
  return state.live != seen.sha256 || (is_code(target) && !was_read(state.package) && seen.obtainable);
}

/// The observation with what the record holds of the inside of its hash; nullopt: there is nothing to add.
std::optional<Observation> with_inside(Database& db, const Target& target, const Observation& seen,
                                       const TargetState& state) {
  if (!asks_more(target, seen, state)) return std::nullopt;
  if (!is_code(target)) return with_value(db, seen, state);
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

/// A target's times never go back; but a stored time more than a day ahead is a clock's mistake: it counts as now.
WallTime time_of(const TargetState& state, WallTime now) {
  if (!state.last_polled_at || *state.last_polled_at > now + Millis{86'400'000}) return now;
  return std::max(now, *state.last_polled_at);
}

/// What an observation that led to `after` leaves to be done.
void note_unexamined(Applied& applied, const Target& target, const Observation* observation, const TargetState& after) {
  applied.unexamined = observation != nullptr && observation->obtainable && is_code(target) && after.watched &&
                       !after.missing && !was_read(after.package);
  applied.urgency = after.examining_until ? Urgency::verdict : after.drift_open ? Urgency::alert : Urgency::none;
}

/// Polls that changed nothing, until they are written together.
class Unchanged {
 public:
  Unchanged(Database& db, const std::unordered_map<TargetId, TargetRow>& rows) : db_(db) {
    std::vector<int64_t> ids;
    for (const auto& [id, row] : rows) {
      for (const auto& run : {row.answer_run, row.failure_run}) {
        if (run) ids.push_back(*run);
      }
    }
    for (history::OpenRun& run : history::load_many(db, ids)) {
      const int64_t id = run.id;
      runs_.emplace(id, std::move(run));
    }
  }

  /// True if `seen` changes nothing of `row` but the times of its last poll: then it is taken, and `row` brought up to
  /// date.
  bool take(TargetRow& row, const Observation& seen, WallTime at) {
    if (!row.state.watched || asks_more(row.target, seen, row.state)) return false;
    const bool answer = history::is_answer(seen.outcome);
    const std::optional<int64_t>& open = answer ? row.answer_run : row.failure_run;
    if (!open || (answer && row.failure_run)) return false;
    const auto run = runs_.find(*open);
    if (run == runs_.end()) return false;
    const auto more = history::extension(run->second, seen, at, row.state.stale_after);
    if (!more) return false;
    Decision decision = decide(row.target, row.state, seen, at);
    if (!decision.events.empty() || !targets::only_polled(row.state, decision.state)) return false;
    if (taken_.contains(row.id)) write();  // each of them once
    row.state = std::move(decision.state);
    run->second.last_seen = more->last_seen;
    run->second.longest_gap = more->longest_gap;
    extensions_.push_back(*more);
    polled_.push_back({row.id, row.state.last_polled_at, row.state.last_success_at});
    taken_.insert(row.id);
    return true;
  }
  /// Something else is about to be written of `row`, its runs among it.
  void leave(const TargetRow& row) {
    if (taken_.contains(row.id)) write();
    for (const auto& run : {row.answer_run, row.failure_run}) {
      if (run) runs_.erase(*run);
    }
  }
  void write() {
    if (polled_.empty()) return;
    history::extend_many(db_, extensions_);
    targets::touch_many(db_, polled_);
    extensions_.clear();
    polled_.clear();
    taken_.clear();
  }

 private:
  Database& db_;
  std::unordered_map<int64_t, history::OpenRun> runs_;
  std::vector<history::Extension> extensions_;
  std::vector<targets::Polled> polled_;
  std::unordered_set<TargetId> taken_;
};

}  // namespace

Ledger::Ledger(std::string instance, std::string origin, Hooks hooks)
    : instance_(std::move(instance)), origin_(std::move(origin)), hooks_(std::move(hooks)) {}

Applied Ledger::apply(Tx& tx, TargetId id, const Input& input, WallTime now) {
  TargetRow row = targets::load(tx.db, id);
  return apply(tx, row, input, now);
}

Applied Ledger::apply(Tx& tx, TargetRow& row, const Input& input, WallTime now) {
  const WallTime at = time_of(row.state, now);
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
  note_unexamined(applied, row.target, observation, row.state);
  return applied;
}

void Ledger::apply(Tx& tx, std::span<const Poll* const> polls) {
  std::vector<TargetId> ids;
  for (const Poll* poll : polls) ids.push_back(poll->target);
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  std::unordered_map<TargetId, TargetRow> rows;
  for (TargetRow& row : targets::load_many(tx.db, ids)) {
    const TargetId id = row.id;
    rows.emplace(id, std::move(row));
  }
  Unchanged unchanged(tx.db, rows);
  for (const Poll* poll : polls) {
    const auto found = rows.find(poll->target);
    if (found == rows.end()) throw std::out_of_range(fmt::format("no target has the id {}", poll->target));
    TargetRow& row = found->second;
    Applied applied;
    if (unchanged.take(row, poll->observation, time_of(row.state, poll->at))) {
      note_unexamined(applied, row.target, &poll->observation, row.state);
    } else {
      unchanged.leave(row);
      applied = apply(tx, row, poll->observation, poll->at);
    }
    if (poll->then) poll->then(tx, applied);
  }
  unchanged.write();
}

void SeenPoll::run(Tx& tx, std::span<const Batchable* const> batch) const {
  std::vector<const Poll*> polls;
  for (const Batchable* each : batch) polls.push_back(&static_cast<const SeenPoll*>(each)->poll_);
  ledger_.apply(tx, polls);
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
