#include "store/outbox/actions.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "model/kinds.h"

namespace codedriftd::outbox {
namespace {

bool has_id(const Undelivered& alert, const std::string& id) { return id == alert.alert_id || id == alert.sent_id; }

bool chosen(const Undelivered& alert, WallTime made, const std::optional<int64_t>& target, const Choice& choice) {
  if (!choice.destination.empty() && alert.destination != choice.destination) return false;
  if ((choice.since && made < *choice.since) || (choice.until && made > *choice.until)) return false;
  if (choice.target && (!target || !choice.target(*target))) return false;
  return choice.ids.empty() ||
         std::any_of(choice.ids.begin(), choice.ids.end(), [&](const std::string& id) { return has_id(alert, id); });
}

namespace undelivered {
enum Column : int { kRow, kMessage, kAlertId, kSentId, kDestination, kKind, kTarget, kCreatedAt, kTargetId };
}
/// Its columns: undelivered::Column.
constexpr std::string_view kUndelivered =
    "SELECT o.id, coalesce(o.message, o.id), o.alert_id, coalesce(l.message_id, o.alert_id), o.destination, o.kind, "
    "o.target, o.created_at_ms, o.target_id FROM outbox o LEFT JOIN outbox l ON l.id = o.message ";
Undelivered read_undelivered(Query& q) {
  using namespace undelivered;
  return {q.integer(kRow),        q.integer(kMessage), q.string(kAlertId),         q.string(kSentId),
          q.string(kDestination), q.string(kKind),     q.optional_string(kTarget), q.optional_integer(kTargetId)};
}

/// The chosen ones among those in `state`, with all of the messages that they are part of: by row.
void find(Database& db, const Choice& choice, std::string_view state, std::map<int64_t, Undelivered>& found) {
  // A literal for each state: then the partial indexes are used.
  static const std::string kRows = fmt::format("{}WHERE o.state = ", kUndelivered);
  static const Sql kPending = Sql::forever(kRows + "'pending'"), kDead = Sql::forever(kRows + "'dead'"),
                   kDropped = Sql::forever(kRows + "'dropped'");
  std::map<int64_t, std::vector<Undelivered>> messages;
  std::set<int64_t> meant;
  {
    auto q = db.query(state == "pending" ? kPending : state == "dead" ? kDead : kDropped);
    while (q.step()) {
      Undelivered alert = read_undelivered(q);
      if (chosen(alert, q.time(undelivered::kCreatedAt), q.optional_integer(undelivered::kTargetId), choice))
        meant.insert(alert.message);
      messages[alert.message].push_back(std::move(alert));
    }
  }
  for (const int64_t message : meant) {
    for (Undelivered& alert : messages[message]) found.emplace(alert.row, std::move(alert));
  }
}

std::vector<Undelivered> find(Database& db, const Choice& choice, std::string_view one, std::string_view other) {
  std::map<int64_t, Undelivered> found;
  find(db, choice, one, found);
  find(db, choice, other, found);
  std::vector<Undelivered> alerts;
  alerts.reserve(found.size());
  for (auto& [row, alert] : found) alerts.push_back(std::move(alert));
  return alerts;
}

bool make_pending(Database& db, int64_t row, Millis give_up_after, WallTime now) {
  return db.run(
             "UPDATE outbox SET state = 'pending', flapping = 0, next_attempt_at_ms = ?2, give_up_at_ms = ?3 WHERE id "
             "= ?1 AND state IN ('dead', 'dropped')",
             row, now, now + give_up_after) > 0;
}

struct Standing {
  int64_t row, message;
  std::string state;
};
/// What `destination` has of the same alert.
std::optional<Standing> standing(Database& db, const Undelivered& alert, std::string_view destination) {
  auto q = db.query(
      "SELECT there.id, coalesce(there.message, there.id), there.state FROM outbox mine JOIN outbox there ON "
      "there.destination = ?2 AND there.event_seq = mine.event_seq WHERE mine.id = ?1",
      alert.row, destination);
  if (q.step()) return Standing{q.integer(0), q.integer(1), q.string(2)};
  // Reminders, heartbeats and tests stand for no event.
  auto without = db.query(
      "SELECT id, coalesce(message, id), state FROM outbox WHERE event_seq IS NULL AND destination = ? AND kind = ? "
      "AND alert_id = ?",
      destination, alert.kind, alert.alert_id);
  if (without.step()) return Standing{without.integer(0), without.integer(1), without.string(2)};
  return std::nullopt;
}

}  // namespace

std::vector<Undelivered> replayable(Database& db, const Choice& choice) {
  auto alerts = find(db, choice, "dead", "dropped");
  std::erase_if(alerts, [](const Undelivered& alert) { return alert.kind == kHeartbeatKind; });
  return alerts;
}

std::vector<Undelivered> droppable(Database& db, const Choice& choice) { return find(db, choice, "dead", "pending"); }

std::optional<std::string> missing_id(const Choice& choice, const std::vector<Undelivered>& alerts) {
  const auto missing = std::find_if(choice.ids.begin(), choice.ids.end(), [&](const std::string& id) {
    return std::none_of(alerts.begin(), alerts.end(), [&](const Undelivered& alert) { return has_id(alert, id); });
  });
  return missing == choice.ids.end() ? std::nullopt : std::optional(*missing);
}

bool is_heartbeat(Database& db, const std::string& id) {
  return db.query("SELECT 1 FROM outbox WHERE alert_id = ? AND kind = ? LIMIT 1", id, kHeartbeatKind).step();
}

bool replay(Database& db, const Undelivered& alert, Millis give_up_after, WallTime now) {
  return make_pending(db, alert.row, give_up_after, now);
}

std::vector<Undelivered> replay_to(Database& db, const Undelivered& alert, std::string_view destination,
                                   Millis give_up_after, WallTime now) {
  std::vector<Undelivered> done;
  if (alert.destination == destination) {
    if (replay(db, alert, give_up_after, now)) done.push_back(alert);
    return done;
  }
  if (const auto there = standing(db, alert, destination)) {
    if (there->state == "pending" || there->state == "delivered") return done;
    {
      static const Sql kMessage =
          Sql::forever(fmt::format("{}WHERE o.message = ?1 OR o.id = ?1 ORDER BY o.id", kUndelivered));
      auto q = db.query(kMessage, there->message);
      while (q.step()) done.push_back(read_undelivered(q));
    }
    std::erase_if(done, [&](const Undelivered& row) { return !replay(db, row, give_up_after, now); });
    return done;
  }
  auto q = db.query(
      "INSERT INTO outbox (alert_id, destination, event_seq, kind, target, target_id, on_request, body, state, "
      "attempts, created_at_ms, next_attempt_at_ms, give_up_at_ms) SELECT alert_id, ?2, event_seq, kind, target, "
      "target_id, on_request, body, 'pending', 0, ?3, ?3, ?4 FROM outbox WHERE id = ?1 RETURNING id",
      alert.row, destination, now, now + give_up_after);
  q.step();
  Undelivered made = alert;
  made.row = made.message = q.integer(0);
  made.sent_id = alert.alert_id;
  made.destination = destination;
  done.push_back(std::move(made));
  return done;
}

void drop(Database& db, const Undelivered& alert) {
  db.run("UPDATE outbox SET state = 'dropped' WHERE id = ? AND state IN ('dead', 'pending')", alert.row);
}

std::optional<PendingAlert> begin_test(Database& db, std::string_view destination, std::string_view id, WallTime now) {
  PendingAlert test;
  {
    enum Column : int { kId, kAlertId, kKind, kTarget, kBody, kCreatedAt, kGiveUpAt };
    auto q = db.query(
        "SELECT id, alert_id, kind, target, body, created_at_ms, give_up_at_ms FROM outbox WHERE event_seq IS NULL AND "
        "destination = ? AND kind = 'test' AND alert_id = ? AND state = 'pending' AND attempts = 0",
        destination, id);
    if (!q.step()) return std::nullopt;
    test = {q.integer(kId),     q.string(kAlertId), q.string(kKind), q.optional_string(kTarget), q.string(kBody), 1,
            q.time(kCreatedAt), q.time(kGiveUpAt)};
  }
  db.run("UPDATE outbox SET message = id WHERE id = ?", test.id);
  record_start(db, test, now);
  return test;
}

TestOutcome test_outcome(Database& db, std::string_view destination, std::string_view id) {
  auto q = db.query(
      "SELECT state, coalesce(last_status, 0), coalesce(last_error, '') FROM outbox WHERE event_seq IS NULL AND "
      "destination = ? AND kind = 'test' AND alert_id = ?",
      destination, id);
  if (!q.step()) return {"pending", 0, ""};
  return {q.string(0), q.integer(1), q.string(2)};
}

}  // namespace codedriftd::outbox
