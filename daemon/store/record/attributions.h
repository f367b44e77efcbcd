#pragma once
/// Tables `attribution` and `change_record`: about which events the cloud's audit log is asked, and what it told. All
/// throw StoreError; a row whose values cannot be is one that names the row.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "model/attribution.h"
#include "store/db/database.h"
#include "store/record/targets.h"

namespace codedriftd::attributions {

/// What is asked about one event.
struct Question {
  int64_t event_seq = 0;
  std::string event_id;
  WallTime event_at{};
  TargetId target = 0;
  std::string address, account;      ///< of the target, as it is called now
  SeenChange change;                 ///< so are its region, namespace and function; of what kind the event says
  unsigned tries = 0;                ///< queries so far
  std::optional<WallTime> asked_at;  ///< the last one that had an answer
};

/// Event `seq` of `target` is asked about, first at `first_try`. Kept from this transaction on.
void ask(Database& db, int64_t seq, TargetId target, WallTime from, WallTime to, WallTime first_try);
/// Those whose next query is due at `until` or before, by event. A due time more than a day ahead of `now` is a clock's
/// mistake, and due.
std::vector<Question> due(Database& db, WallTime until, WallTime now);
/// The question about event `seq`, if it is still open.
std::optional<Question> open(Database& db, int64_t seq);

/// What a query that had an answer tells of event `seq`, in the place of what the last one told. `next_try`: nullopt:
/// it is final. At most kMostKept records of each list, the newest.
void save(Database& db, int64_t seq, const Attribution& found, WallTime asked_at, unsigned tries,
          std::optional<WallTime> next_try);
inline constexpr std::size_t kMostKept = 100;
/// The query had no answer: the next one at `next_try`; nullopt: nothing more is asked.
void put_off(Database& db, int64_t seq, unsigned tries, std::optional<WallTime> next_try);
/// Event `told_seq` of the log, a change.attributed, tells of it.
void set_told(Database& db, int64_t seq, int64_t told_seq);

/// What is known of one event's change.
struct Known {
  int64_t event_seq = 0;
  std::string event_id, event_kind;
  WallTime event_at{};
  WallTime from{}, to{};             ///< of the change
  bool open = false;                 ///< it is asked again
  std::optional<WallTime> asked_at;  ///< nullopt: no query had an answer yet, and `attribution` is empty
  Attribution attribution;           ///< its lists are empty but in of_event()
};
/// nullopt: nobody asked.
std::optional<Known> of_event(Database& db, int64_t seq);
/// Those of one target that had an answer, by event.
std::vector<Known> of_target(Database& db, TargetId target);
/// The words about the last change that made `sha256` live at `target` (nullopt: that made it missing), and about none
/// before it: the same hash may have come more than once. Where nothing else was ever seen there, about who made the
/// function, the last time. Empty: no answer speaks of it.
std::string words_about(Database& db, TargetId target, const std::optional<Sha256>& sha256);

}  // namespace codedriftd::attributions
