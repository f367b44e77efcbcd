#pragma once
/// Targets that change too often to tell each change. What is held is told as one message: when holding begins, when
/// the target has been quiet for kQuiet, and in any case after longest_hold(). Throws StoreError.
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "store/db/database.h"

namespace codedriftd::outbox {

/// A target flaps from more than this many drift events within that time on, until there was none for kQuiet.
inline constexpr int kFlappingEvents = 6;
inline constexpr Millis kFlappingWithin{3'600'000}, kQuiet{30 * 60'000};
inline constexpr Millis kLongestHold{6 * 3'600'000};

/// How long an alert is held at most: never longer than the reminder (0: there is none), so that holding never means
/// silence, and so short that as much time is left to deliver it.
Millis longest_hold(Millis reminder, Millis give_up_after);

/// After a drift event of the target at `address` was put into the outbox for `destination`: holds what waits to be
/// told of its drift, if it flaps. True if so; false if something is due at once, be it the message that holding
/// begins.
bool hold_if_flapping(Database& db, std::string_view destination, std::string_view address, Millis longest,
                      WallTime now);

/// If the target still flaps at `now`: how long its alerts are held at most.
std::optional<Millis> flaps(Database& db, std::string_view destination, int64_t target, WallTime now);

}  // namespace codedriftd::outbox
