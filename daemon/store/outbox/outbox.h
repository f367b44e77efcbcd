#pragma once
#include <limits>
#include <string>
#include <vector>

#include "model/alert.h"
#include "store/db/database.h"

namespace codedriftd {

/// One message on its way to one destination: an alert, or several composed into one (compose.h).
struct PendingAlert {
  int64_t id = 0;  ///< of the outbox row that carries it
  std::string alert_id;
  std::string kind;
  std::optional<std::string> target;  ///< nullopt also for a digest
  std::string body;                   ///< codedriftd.alert.v1
  unsigned attempt = 0;               ///< the number of the attempt that was begun: 1 for the first
  WallTime created_at{};
  WallTime give_up_at{};
  std::optional<int64_t> target_id{};  ///< row of `target`
};

struct DestinationState {
  enum class Kind {
    ok,
    backing_off,  ///< not tried before `until`
    held,         ///< it refuses, or asked for a long silence: tried with one alert at `until`
  };
  Kind kind = Kind::ok;
  WallTime until{};
  unsigned failures = 0;  ///< in a row
  std::string reason;
};

std::string_view to_string(DestinationState::Kind kind);  ///< "ok" "backing_off" "held"

/// What an attempt came to: the result's word, the receiver's status and words.
struct AttemptOutcome {
  std::string result;  ///< delivered retry rejected refused fault
  int status = 0;      ///< 0: none
  std::string words;
  Millis took{0};
};

/// Tables `outbox`, `attempt` and `destination`. An alert is in here from the transaction that wrote its event until
/// its destination answered, so a crash anywhere in between means that it is sent again, under the same id: at least
/// once. Order holds for each (destination, target): an alert waits for the earlier ones about the same target. Throws
/// StoreError.
namespace outbox {

/// What is about a target has to name one of table `target`, by its address of now.
void enqueue(Database& db, std::string_view destination, const LoggedEvent& event, std::string_view body,
             Millis give_up_after, WallTime now);
/// An alert that is no event: a reminder, a heartbeat, a test. `id` is its own.
void enqueue_notice(Database& db, std::string_view destination, std::string_view id, std::string_view kind,
                    const std::optional<std::string>& target, std::string_view body, Millis give_up_after,
                    WallTime now);
/// True if the destination was sent the event, or is to be.
bool has_event(Database& db, std::string_view destination, std::string_view event_id);
DestinationState destination(Database& db, std::string_view name);
void set_destination(Database& db, std::string_view name, const DestinationState& state);

/// The message that is due next at `now` (what happened before what somebody asked for), with its new attempt recorded
/// as started; nullopt if none is, or the destination is not to be tried yet. At its first attempt it is composed from
/// what is pending: `capacity` is how many more messages the receiver is published to take now; if more targets wait
/// than that, or the destination was down, many become one digest.
std::optional<PendingAlert> begin_attempt(Database& db, std::string_view destination, WallTime now,
                                          unsigned capacity = std::numeric_limits<unsigned>::max());
/// Records attempt number `alert.attempt` as started. For begin_attempt and what else begins one.
void record_start(Database& db, const PendingAlert& alert, WallTime now);
/// When begin_attempt will next have something; nullopt: when something new comes.
std::optional<WallTime> next_due_at(Database& db, std::string_view destination);

/// The end of the attempt that begin_attempt began. False, and nothing is changed but the attempt's record, if the
/// alert is no longer pending: its destination was taken out of the configuration meanwhile.
bool delivered(Database& db, const PendingAlert& alert, const AttemptOutcome& outcome, WallTime now);
bool postponed(Database& db, const PendingAlert& alert, const AttemptOutcome& outcome, WallTime now,
               WallTime next_attempt_at);
bool dead(Database& db, const PendingAlert& alert, const AttemptOutcome& outcome, WallTime now);
/// The end of an attempt that a digest will not survive: its alerts are told one by one from now on, so that what is
/// wrong with one, or with their number, costs the others nothing. False, and nothing is changed, if it is no digest.
bool taken_apart(Database& db, const PendingAlert& alert, const AttemptOutcome& outcome, WallTime now);

/// The newest row, 0 if there is none: for move_times().
int64_t last_row(Database& db);
/// The wall clock was stepped by `by`, or the machine slept that long, and is `now`: what was written before (rows up
/// to `last`, and those made ahead of `now`) may be given up after as much time as it would have been, and nothing
/// waits longer than it would have. A step forward, or a sleep, makes things due early: that is as good as a retry by
/// hand.
void move_times(Database& db, Millis by, int64_t last, WallTime now);
/// The longest that anything is put off: whatever a receiver says, its alerts are tried once a day.
inline constexpr Millis kLongestPutOff{24 * 3'600'000};
/// What the destination's alerts wait for is over (a reload): they are due at once.
void retry_now(Database& db, std::string_view destination, WallTime now);

/// At start: attempts that a crash cut off are marked as such (their alerts are due as they were); how many. What a
/// clock put off for more than a day is due at once, and nothing is given up before it was tried again: not within the
/// hour.
int64_t recover(Database& db, WallTime now);
/// The same of one destination whose alerts another daemon carried until now: for `under_way` it may still be at an
/// attempt that it began, and nobody makes the next one before.
int64_t take_over(Database& db, std::string_view destination, WallTime now, Millis under_way);
/// Attempts before `before` are forgotten, but for those of what is still pending.
void forget_attempts(Database& db, WallTime before);
/// Delivered reminders and tests, and heartbeats that are over, from before `before` are forgotten, a few hundred at a
/// time; but not the last word about a target, nor the last heartbeat.
void forget_notices(Database& db, std::string_view destination, WallTime before);
/// Pending alerts past their give_up_at, and those whose destination is not in `configured`, taken out as dead; what
/// they were.
struct Expired {
  std::string alert_id, destination, kind;
  std::optional<std::string> target;
  std::string reason;
  std::optional<int64_t> target_id{};  ///< row of `target`
};
std::vector<Expired> expire(Database& db, std::string_view destination, WallTime now);
std::vector<Expired> expire_unconfigured(Database& db, const std::vector<std::string>& configured);

/// How many alerts are in which state, for each destination, by name: for metrics and the status line. Costs as much as
/// there are pending and dead alerts, however many were delivered.
struct Depth {
  std::string destination;
  int64_t pending = 0;    ///< and not held on purpose
  int64_t suspended = 0;  ///< held because somebody said so
  int64_t flapping = 0;   ///< held because their targets flap
  int64_t dead = 0, delivered = 0;
  std::optional<WallTime> oldest_pending;  ///< of `pending`
  std::optional<WallTime> last_delivered;
};
std::vector<Depth> depths(Database& db, WallTime now);

}  // namespace outbox
}  // namespace codedriftd
