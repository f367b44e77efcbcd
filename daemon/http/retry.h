#pragma once
#include <optional>
#include <string_view>

#include "base/clock.h"

namespace codedriftd {

/// What an HTTP status says about a delivery.
enum class StatusClass {
  delivered,  ///< 2xx
  retry,      ///< the same request may work later: 408, 425, 429, 5xx, and what is no status at all
  final,      ///< this message will never be taken: 400, 413, 415, 422
  refused,    ///< the destination takes nothing now, whatever the message: the other 4xx, and 3xx (redirects are not
              ///< followed)
};

StatusClass classify_status(int status);

/// A Retry-After header's value as a wait from `now`: 1 s at least, 24 h at most. It may be in seconds (a fraction is
/// rounded up), an HTTP-date in any of its three forms, or a moment within a year of now in seconds since 1970. Nullopt
/// if it is none of these.
std::optional<Millis> parse_retry_after(std::string_view value, WallTime now);

}  // namespace codedriftd
