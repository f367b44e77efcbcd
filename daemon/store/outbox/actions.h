#pragma once
/// What an operator does to the outbox: undelivered alerts are sent again, or given up. Throws StoreError.
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "store/db/database.h"
#include "store/outbox/outbox.h"

namespace codedriftd::outbox {

/// Which alerts an operator means. What is empty excludes nothing; the parts narrow each other.
struct Choice {
  std::vector<std::string> ids{};  ///< as recorded, or as the receiver saw them (a digest's)
  std::string destination{};
  std::function<bool(int64_t target_id)> target{};  ///< set: alerts without a target are not meant
  std::optional<WallTime> since{}, until{};         ///< when they were made; both inclusive
};

/// An alert that did not reach its destination.
struct Undelivered {
  int64_t row = 0;
  int64_t message = 0;   ///< the row that carries the message it is part of; itself, if it is sent alone
  std::string alert_id;  ///< its own
  std::string sent_id;   ///< what a receiver sees: the message's
  std::string destination, kind;
  std::optional<std::string> target;
  std::optional<int64_t> target_id{};  ///< its row
};

/// The chosen alerts that may be sent again (dead or dropped, and no heartbeat: a sign of life is of no use later), or
/// given up (dead or pending), by row. All rows of a message that was composed are taken together: its bytes never
/// change. Costs as much as there are undelivered alerts.
std::vector<Undelivered> replayable(Database& db, const Choice& choice);
std::vector<Undelivered> droppable(Database& db, const Choice& choice);
/// The first of `choice.ids` that none of `alerts` has.
std::optional<std::string> missing_id(const Choice& choice, const std::vector<Undelivered>& alerts);

/// Whether this is the id of a heartbeat, in whatever state.
bool is_heartbeat(Database& db, const std::string& id);

/// Makes a dead or dropped alert pending again at its own destination: the same row, id and bytes, due at once.
/// False, and nothing is done, if it is neither.
bool replay(Database& db, const Undelivered& alert, Millis give_up_after, WallTime now);
/// Sends a dead or dropped alert to `destination`: if that is another, under the same id in a row of its own, or in the
/// one that is there already if that is dead or dropped, with the whole message that it is part of. The rows that are
/// pending by this; none, and nothing is done, if it is there pending or delivered. The row it came from stays as it is
/// where it is for another destination.
std::vector<Undelivered> replay_to(Database& db, const Undelivered& alert, std::string_view destination,
                                   Millis give_up_after, WallTime now);
/// Gives a dead or pending alert up for good. One in flight may still arrive.
void drop(Database& db, const Undelivered& alert);

/// Begins the first attempt of a test just queued, whatever else waits; nullopt if it is not pending, or was attempted.
std::optional<PendingAlert> begin_test(Database& db, std::string_view destination, std::string_view id, WallTime now);

/// What became of a test.
struct TestOutcome {
  std::string state;  ///< delivered pending dead dropped
  int64_t status = 0;
  std::string words;  ///< the receiver's
};
/// Pending also if a reader does not see the test yet.
TestOutcome test_outcome(Database& db, std::string_view destination, std::string_view id);

}  // namespace codedriftd::outbox
