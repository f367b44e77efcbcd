#include "store/record/clock_step.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <vector>

#include "store/record/targets.h"

namespace codedriftd::clock_step {
namespace {

/// Who was answered for so long had a clock that was right: fewer answers a lenient endpoint may have given.
constexpr Millis kProven{15 * 60'000};

/// Every stored time of what happened, by table. What lies in the future on purpose (when to try again, until when
/// something is announced or suspended) moves with the time it was counted from.
struct Times {
  std::string_view table;
  std::vector<std::string_view> columns;
};
const Times kTimes[] = {
    {"daemon_run", {"started_at_ms", "alive_at_ms", "stopped_at_ms"}},
    {"watch_period", {"from_ms", "to_ms"}},
    {"run", {"first_seen_ms", "last_seen_ms"}},
    {"baseline", {"at_ms"}},
    {"account_state", {"since_ms"}},
    {"target",
     {"live_since_ms", "accepted_at_ms", "drift_since_ms", "last_polled_at_ms", "last_success_at_ms",
      "status_since_ms"}},
    {"outbox", {"created_at_ms", "delivered_at_ms"}},
    {"attempt", {"at_ms"}},
    {"destination", {"last_delivered_ms"}},
    {"package", {"examined_at_ms", "wanted_at_ms"}},
};

/// The newest time that is not ahead of `now`: what is ahead was written after it, or by the same clock.
WallTime newest_until(Database& db, WallTime now) {
  std::vector<std::string> times;
  const auto add = [&](std::string_view table, std::string_view column) {
    times.push_back(fmt::format("SELECT max({1}) FROM {0} WHERE {1} <= ?1", table, column));
  };
  for (const Times& each : kTimes) {
    for (const std::string_view column : each.columns) add(each.table, column);
  }
  add("event", "time_ms");
  add("suspension", "since_ms");
  WallTime newest{};
  for (const std::string& each : times) {
    auto q = db.query_once(each, now);
    if (q.step()) newest = std::max(newest, q.optional_time(0).value_or(newest));
  }
  return newest;
}

/// Where times ahead of `now` move to.
struct Back {
  WallTime now;
  Millis by;
  WallTime floor;
  WallTime of(WallTime time) const { return time > now ? std::min(now, std::max(floor, time + by)) : time; }
};

/// SQL: what Back::of() makes of `time`. ?1 is now, ?2 by, ?3 the floor, which is not after now.
std::string brought_back(std::string_view time) {
  return fmt::format(
      "CASE WHEN {0} <= ?1 THEN {0} WHEN {0} + ?2 > ?1 THEN ?1 WHEN {0} + ?2 < ?3 THEN ?3 ELSE {0} + ?2 END", time);
}

void move(Database& db, const Times& times, const Back& back) {
  std::vector<std::string> set, ahead;
  for (const std::string_view column : times.columns) {
    set.push_back(fmt::format("{} = {}", column, brought_back(column)));
    ahead.push_back(fmt::format("{} > ?1", column));
  }
  db.query_once(fmt::format("UPDATE {} SET {} WHERE {}", times.table, fmt::join(set, ", "), fmt::join(ahead, " OR ")),
                back.now, back.by, back.floor)
      .step();
}

void move_what_waits(Database& db, const Back& back) {
  for (const TargetId id : targets::waiting(db)) {
    const TargetState before = targets::load(db, id).state;
    TargetState after = before;
    for (Announcement& announcement : after.announced) {
      const Millis valid = announcement.valid_until - announcement.announced_at;
      announcement.announced_at = back.of(announcement.announced_at);
      announcement.valid_until = announcement.announced_at + valid;
    }
    if (after.examining_until)
      after.examining_until = std::min(*after.examining_until, back.now + after.examine_within);
    targets::save(db, id, before, after);
  }
}

/// For how long there were answers ahead of `now`.
Millis answered_ahead(Database& db, WallTime now) {
  auto q = db.query(
      "SELECT coalesce(max(last_seen_ms) - min(CASE WHEN first_seen_ms > ?1 THEN first_seen_ms ELSE ?1 END), 0) FROM "
      "run WHERE outcome IN ('observed', "
      "'missing') AND last_seen_ms > ?1",
      now);
  q.step();
  return q.millis(0);
}

}  // namespace

bool bring_back(Database& db, WallTime now, Millis by) {
  if (answered_ahead(db, now) > kProven) return false;
  const Back back{now, by, newest_until(db, now)};
  for (const Times& times : kTimes) move(db, times, back);
  move_what_waits(db, back);
  static const Sql kSuspensions = Sql::forever(
      fmt::format("UPDATE suspension SET until_ms = until_ms - since_ms + {0}, since_ms = {0} WHERE since_ms > ?1",
                  brought_back("since_ms")));
  db.run(kSuspensions, now, by, back.floor);
  return true;
}

Millis ahead(Database& db, WallTime now) {
  constexpr Millis kUsual{60'000};
  // Of every stay: one that a clock behind the record began does not hide the one before it.
  auto q = db.query_once("SELECT max(alive_at_ms) FROM daemon_run");
  const auto alive = q.step() ? q.optional_time(0) : std::nullopt;
  return alive && *alive - now > kUsual ? *alive - now : Millis{0};
}

}  // namespace codedriftd::clock_step
