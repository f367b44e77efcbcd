#pragma once
#include <string>

#include "model/alert.h"
#include "model/event.h"
#include "store/db/sqlite.h"

namespace codedriftd::event_log {

/// Appends one event: gives it the next seq, an id, its body and its leaf. Its time is not before the last event's,
/// unless that one is more than a day ahead of `now`: a clock's mistake, which must not mark every event from then on.
/// Throws SqliteError, and std::length_error for a body over 60,000 bytes.
LoggedEvent append(Database& db, const NewEvent& event, std::string_view origin, WallTime now);

/// How many events there are: the next seq.
int64_t size(Database& db);
/// The time of the newest event, if there is one.
std::optional<WallTime> last_time(Database& db);

}  // namespace codedriftd::event_log
