#pragma once
#include <string>
#include <vector>

#include "model/alert.h"
#include "model/event.h"
#include "store/db/database.h"

namespace codedriftd::event_log {

/// Appends one event: gives it the next seq, an id, its body and its leaf. Its time is not before the last event's,
/// unless that one is more than a day ahead of `now`, a clock's mistake, which must not mark every event from then on;
/// or it is the clock.stepped that says so (`brought_back`). What is stored as its target is `target_id`, or else the
/// row of its address, if there is one. Throws StoreError, and std::length_error for a body over 60,000 bytes.
LoggedEvent append(Database& db, const NewEvent& event, std::string_view origin, WallTime now);

/// SQL: the row of the target whose address is the parameter `address`, present or earlier; NULL: there is none.
std::string row_of_address(std::string_view address);

/// How many events there are: the next seq.
int64_t size(Database& db);
/// Numbers that are missing between 0 and the newest event: nothing here ever takes an event out. Reads no body.
struct Missing {
  int64_t first = 0, last = 0;
};
std::vector<Missing> missing(Database& db);
/// "events 7 to 9 are missing: …"
std::string words_of(const Missing& missing);
/// The time of the newest event, if there is one.
std::optional<WallTime> last_time(Database& db);

}  // namespace codedriftd::event_log
