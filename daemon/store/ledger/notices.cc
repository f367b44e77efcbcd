#include "store/ledger/notices.h"

#include <fmt/format.h>

#include <limits>
#include <vector>

#include "base/json.h"
#include "model/kinds.h"
#include "model/verdict_events.h"
#include "store/outbox/waiting.h"

namespace codedriftd::notices {
namespace {

constexpr int kMostAtOnce = 500;

/// Takes the event of `q`, if there is one.
void take_event(Query q, Notice& notice, bool name_it) {
  if (!q.step()) return;
  if (name_it) notice.event_ids.push_back(q.string(0));
  notice.log_index = q.integer(1);
  notice.leaf = q.optional_sha256(2).value_or(Sha256{});
}

/// Lets the notice stand for the log's head.
void stand_for_head(Database& db, Notice& notice) {
  take_event(db.query("SELECT id, seq, leaf_hash FROM event ORDER BY seq DESC LIMIT 1"), notice, false);
}

/// Lets the notice stand for the drift of a target as it was last told in the log.
void stand_for_drift(Database& db, Notice& notice, TargetId target) {
  take_event(db.query("SELECT id, seq, leaf_hash FROM event WHERE target_id = ? AND kind IN ('drift.detected', "
                      "'drift.changed', 'layer.changed', 'alias.moved') ORDER BY seq DESC LIMIT 1",
                      target),
             notice, true);
}

int tell_all(Tx& tx, Ledger& ledger, const Route& to, const std::vector<TargetId>& ids, WallTime now, int most) {
  int told = 0;
  for (const TargetId id : ids) {
    if (told == most) break;
    const TargetRow row = targets::load(tx.db, id);
    NewEvent about = drift_reminder(row.target, row.state, now);
    NewEvent drift = about;  // who wants to hear of drift wants to be reminded of it
    drift.kind = drift_kind(row.target, false);
    if (!wants(to.subscription, drift)) continue;
    Notice notice;
    notice.about = std::move(about);
    stand_for_drift(tx.db, notice, id);
    ledger.tell(tx, to, notice, now);
    ++told;
  }
  return told;
}

}  // namespace

int remind(Tx& tx, Ledger& ledger, const Route& to, WallTime now) {
  if (to.reminder == Millis{0}) return 0;
  std::vector<TargetId> due;
  {
    // By the last alert about the target's drift at this destination. If it still waits, a reminder would add nothing.
    // If it was created longer ago than the reminder's interval, or (the clock was set back) in the future, one is due.
    // There may be none, when the destination was configured after the drift began: then the comparison is NULL, and
    // none is.
    static const Sql kDue = Sql::forever(
        fmt::format("SELECT t.id FROM target t WHERE t.drift_open = 1 AND t.watched = 1 AND NOT EXISTS (SELECT 1 "
                    "FROM suspension s WHERE s.target = t.id) AND (SELECT o.state != 'pending' AND "
                    "(o.created_at_ms <= ?2 OR o.created_at_ms > ?3) FROM outbox o WHERE o.destination = ?1 AND "
                    "o.target_id = t.id AND {} ORDER BY o.id DESC LIMIT 1) ORDER BY t.id",
                    outbox::drift_row("o")));
    auto q = tx.db.query(kDue, to.subscription.name, now - to.reminder, now);
    while (q.step()) due.push_back(q.integer(0));
  }
  return tell_all(tx, ledger, to, due, now, kMostAtOnce);
}

int tell_open_drift(Tx& tx, Ledger& ledger, const Route& to, WallTime now) {
  std::vector<TargetId> open;
  {
    auto q = tx.db.query("SELECT id FROM target WHERE drift_open = 1 AND watched = 1 ORDER BY id");
    while (q.step()) open.push_back(q.integer(0));
  }
  return tell_all(tx, ledger, to, open, now, std::numeric_limits<int>::max());
}

bool beat(Tx& tx, Ledger& ledger, const Route& to, WallTime now) {
  if (to.heartbeat == Millis{0}) return false;
  const std::string& name = to.subscription.name;
  std::optional<WallTime> last;
  {
    auto q = tx.db.query(
        "SELECT created_at_ms FROM outbox WHERE destination = ? AND kind = ? AND event_seq IS NULL ORDER BY id DESC "
        "LIMIT 1",
        name, kHeartbeatKind);
    if (q.step()) last = q.time(0);
  }
  if (last && *last > now) last.reset();  // a clock's mistake
  if (last && *last + to.heartbeat > now) return false;
  {
    auto q = tx.db.query(
        "SELECT EXISTS (SELECT 1 FROM target WHERE watched = 1 AND (last_polled_at_ms IS NULL OR "
        "CASE WHEN CAST(?1 AS BIGINT) IS NULL OR interval_ms >= ?2 THEN last_polled_at_ms < ?3 - stale_after_ms ELSE "
        "last_polled_at_ms <= ?1 END))",
        last, to.heartbeat, now);
    q.step();
    if (q.boolean(0)) return false;
  }
  tx.db.run(
      "UPDATE outbox SET state = 'dropped', last_error = coalesce(last_error, 'a later one took its place') WHERE "
      "destination = ? AND kind = ? AND event_seq IS NULL AND state = 'pending'",
      name, kHeartbeatKind);

  const targets::Census census = targets::count_watched(tx.db, now);
  const auto& counts = census.by_status;
  const auto& oldest = census.oldest_success;
  Notice notice;
  stand_for_head(tx.db, notice);
  notice.about.kind = kHeartbeatKind;
  notice.about.facts.summary =
      fmt::format("{} functions are watched: {} in sync, {} drifted, {} missing, {} unobserved.", census.watched,
                  counts.at("in_sync"), counts.at("drifted"), counts.at("missing"), counts.at("unobserved"));
  notice.heartbeat = Json{{"functions", counts},
                          {"watched", census.watched},
                          {"oldest_success_at", or_null(oldest)},
                          {"log_size", notice.log_index + 1}};
  ledger.tell(tx, to, notice, now);
  return true;
}

std::string send_test(Tx& tx, Ledger& ledger, const Route& to, std::string_view actor, WallTime now) {
  Notice notice;
  stand_for_head(tx.db, notice);
  notice.about.kind = kTestKind;
  notice.about.actor = actor;
  notice.about.facts.summary =
      fmt::format("This is a test of the alert {}: nothing has happened.", to.subscription.name);
  return ledger.tell(tx, to, notice, now);
}

}  // namespace codedriftd::notices
