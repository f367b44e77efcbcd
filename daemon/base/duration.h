#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace codedriftd {

/// Whole numbers and units, the larger ones first: "500ms", "90s", "1h30m", "7d", "1w"; "0" alone is zero. Nullopt for
/// anything else, and for what is longer than ten years.
std::optional<Millis> parse_duration(std::string_view text);
/// The shortest exact form that parse_duration reads: "5m", "90s", "1500ms", "0".
std::string format_duration(Millis duration);

}  // namespace codedriftd
