#pragma once
#include <optional>
#include <string_view>

#include "base/clock.h"

namespace codedriftd {

/// A target's slot: polls of one interval are spread evenly over it by a hash of the address, and stay where they are
/// across restarts. Pure.
///
/// The first moment after `after` that is congruent to the target's hash modulo `interval`.
WallTime next_slot(std::string_view address, Millis interval, WallTime after);

/// When a target is due first after a start: at its next slot after the last poll; at once (`now`) if that has passed
/// or it was never polled. A last poll that lies in the future counts as now.
WallTime first_due(std::string_view address, Millis interval, std::optional<WallTime> last_polled_at, WallTime now);

}  // namespace codedriftd
