#include "store/ledger/suspensions.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/text.h"

namespace codedriftd::suspensions {
namespace {

NewEvent event_about(const TargetRow& target, std::string_view kind, std::string_view actor, std::string_view reason,
                     std::string_view claimed) {
  NewEvent event;
  event.kind = kind;
  event.actor = actor;
  event.target = target.target.address();
  event.facts.reason = clean_utf8(reason);
  event.data = Json{{"reason", event.facts.reason}};
  if (!claimed.empty()) (*event.data)["claimed"] = clean_utf8(claimed);
  event.facts.observed = target.state.live;
  event.facts.accepted = target.state.accepted;
  event.facts.drift_since = target.state.drift_since;
  return event;
}

/// The row that `q` stands at. REQUIRES: the statement begins with these columns.
Suspension read(const Query& q) {
  enum Column : int { kSince, kUntil, kActor, kClaimed, kReason };
  return {q.time(kSince), q.time(kUntil), q.string(kActor), q.string(kClaimed), q.string(kReason)};
}

}  // namespace

std::optional<Suspension> find(Database& db, TargetId target) {
  auto q = db.query("SELECT since_ms, until_ms, actor, claimed, reason FROM suspension WHERE target = ?", target);
  if (!q.step()) return std::nullopt;
  return read(q);
}

std::vector<Suspended> all(Database& db) {
  enum Column : int { kSince, kUntil, kActor, kClaimed, kReason, kId, kAddress };
  std::vector<Suspended> rows;
  auto q = db.query(
      "SELECT s.since_ms, s.until_ms, s.actor, s.claimed, s.reason, t.id, t.address FROM suspension s JOIN target t ON "
      "t.id = s.target ORDER BY t.address");
  while (q.step()) rows.push_back({q.integer(kId), q.string(kAddress), read(q)});
  return rows;
}

void begin(Tx& tx, Ledger& ledger, const TargetRow& target, const Suspension& s) {
  // The event first: who subscribed to it hears that silence follows.
  NewEvent event = event_about(target, "watch.suspended", s.actor, s.reason, s.claimed);
  (*event.data)["until"] = rfc3339(s.until);
  event.facts.summary = fmt::format("{} had the alerts of {} held until {}: {}.", s.actor, *event.target,
                                    rfc3339(s.until), event.facts.reason);
  ledger.append(tx, event, s.since);
  tx.db.run(
      "INSERT INTO suspension (target, since_ms, until_ms, actor, claimed, reason) VALUES (?, ?, ?, ?, ?, ?) ON "
      "CONFLICT (target) DO UPDATE SET until_ms = excluded.until_ms, actor = excluded.actor, claimed = "
      "excluded.claimed, reason = excluded.reason",
      target.id, s.since, s.until, s.actor, clean_utf8(s.claimed), clean_utf8(s.reason));
}

void end(Tx& tx, Ledger& ledger, const TargetRow& target, std::string_view actor, std::string_view claimed,
         std::string_view reason, WallTime now) {
  const auto held = find(tx.db, target.id);
  const std::string address = target.target.address();
  // An alert may take only so long to arrive (give_up_at). The time in which it was suspended is not counted.
  tx.db.run(
      "UPDATE outbox SET give_up_at_ms = give_up_at_ms + ?1 - CASE WHEN created_at_ms > ?2 THEN created_at_ms ELSE ?2 "
      "END WHERE target_id = ?3 AND state = 'pending' AND message IS NULL AND created_at_ms < ?1",
      now, held ? std::min(held->since, now) : now, target.id);
  tx.db.run("DELETE FROM suspension WHERE target = ?", target.id);
  NewEvent event = event_about(target, "watch.resumed", actor, reason, claimed);
  event.facts.summary =
      fmt::format("The alerts of {} are no longer held, says {}: {}.", address, actor, event.facts.reason);
  ledger.append(tx, event, now);
  for (const Route& route : ledger.routes()) ledger.ring(tx, route);
}

void end_over(Tx& tx, Ledger& ledger, WallTime now) {
  std::vector<TargetId> over;
  {
    auto q = tx.db.query("SELECT target FROM suspension WHERE until_ms <= ? ORDER BY target", now);
    while (q.step()) over.push_back(q.integer(0));
  }
  for (const TargetId id : over)
    end(tx, ledger, targets::load(tx.db, id), "daemon", {}, "the time that was set for it is over", now);
}

}  // namespace codedriftd::suspensions
