#include "store/outbox/flapping.h"

#include <fmt/format.h>

#include <algorithm>

#include "store/outbox/waiting.h"

namespace codedriftd::outbox {
namespace {

struct Hold {
  WallTime quiet_at{}, tell_at{};
};

std::optional<Hold> find_hold(Database& db, std::string_view destination, int64_t target) {
  auto q = db.query("SELECT quiet_at_ms, tell_at_ms FROM flapping WHERE destination = ? AND target = ?", destination,
                    target);
  if (!q.step()) return std::nullopt;
  return Hold{q.time(0), q.time(1)};
}

/// A quiet time further off than it can be comes from a clock that was ahead: the target does not flap.
bool goes_on(WallTime quiet_at, WallTime now) { return quiet_at > now && quiet_at <= now + kQuiet; }

bool changes_too_often(Database& db, int64_t target, WallTime now) {
  // One more than are told as they come, the newest first: this is the oldest of them. One further ahead than it is
  // looked back was written by a clock that was wrong, and says nothing of how often.
  static const Sql kOldest = Sql::forever(fmt::format(
      "SELECT time_ms FROM event WHERE target_id = ? AND {} ORDER BY seq DESC LIMIT 1 OFFSET ?", drift_row("event")));
  auto q = db.query(kOldest, target, kFlappingEvents);
  return q.step() && q.time(0) > now - kFlappingWithin && q.time(0) < now + kFlappingWithin;
}

/// Whether something that was held has not been told yet.
bool waits(Database& db, std::string_view destination, int64_t target) {
  return db
      .query(
          "SELECT 1 FROM outbox WHERE destination = ? AND target_id = ? AND state = 'pending' AND flapping = 1 AND "
          "message IS NULL LIMIT 1",
          destination, target)
      .step();
}

}  // namespace

Millis longest_hold(Millis reminder, Millis give_up_after) {
  const Millis longest = std::min(kLongestHold, give_up_after / 2);
  return reminder > Millis{0} ? std::min(longest, reminder) : longest;
}

bool hold_if_flapping(Database& db, std::string_view destination, std::string_view address, Millis longest,
                      WallTime now) {
  int64_t target = 0;
  {
    auto q = db.query("SELECT id FROM target WHERE address = ?", address);
    if (!q.step()) return false;
    target = q.integer(0);
  }
  const std::optional<Hold> hold = find_hold(db, destination, target);
  const bool held = hold && goes_on(hold->quiet_at, now);
  // What was held and is not told yet takes the new alert along, flapping or not: told by itself, it would arrive
  // before them, and the older news would be the receiver's last.
  const bool not_told_yet = waits(db, destination, target);
  const bool flapping = held || changes_too_often(db, target, now);
  if (!flapping && !not_told_yet) {
    if (hold) db.run("DELETE FROM flapping WHERE destination = ? AND target = ?", destination, target);
    return false;
  }
  // The first one is told at once: that silence follows is news. After that each batch has its own last moment, set by
  // its oldest alert, which later changes do not move.
  WallTime tell_at = now;
  if (held) tell_at = not_told_yet ? std::min(hold->tell_at, now + longest) : now + longest;
  const WallTime quiet_at = flapping ? now + kQuiet : now;
  db.run(
      "INSERT INTO flapping (destination, target, quiet_at_ms, tell_at_ms, longest_ms) VALUES (?, ?, ?, ?, ?) ON "
      "CONFLICT (destination, target) DO UPDATE SET quiet_at_ms = excluded.quiet_at_ms, tell_at_ms = "
      "excluded.tell_at_ms, longest_ms = excluded.longest_ms",
      destination, target, quiet_at, tell_at, longest);
  const WallTime due = std::min(quiet_at, tell_at);
  static const Sql kHold = Sql::forever(
      fmt::format("UPDATE outbox SET flapping = 1, next_attempt_at_ms = ? WHERE destination = ? AND target_id = ? AND "
                  "state = 'pending' AND message IS NULL AND {}",
                  drift_row("outbox")));
  db.run(kHold, due, destination, target);
  return due > now;
}

std::optional<Millis> flaps(Database& db, std::string_view destination, int64_t target, WallTime now) {
  auto q = db.query("SELECT quiet_at_ms, longest_ms FROM flapping WHERE destination = ? AND target = ?", destination,
                    target);
  if (!q.step() || !goes_on(q.time(0), now)) return std::nullopt;
  return q.millis(1);
}

}  // namespace codedriftd::outbox
