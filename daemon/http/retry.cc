#include "http/retry.h"

#include <algorithm>
#include <charconv>

namespace codedriftd {

StatusClass classify_status(int status) {
  switch (status) {
    case 408:
    case 425:
    case 429:
      return StatusClass::retry;
    case 400:
    case 413:
    case 415:
    case 422:
      return StatusClass::final;
    default:
      break;
  }
  if (status >= 200 && status < 300) return StatusClass::delivered;
  // A status nobody planned for holds the queue rather than throwing the message away.
  if (status >= 300 && status < 500) return StatusClass::refused;
  return StatusClass::retry;
}

std::optional<Millis> parse_retry_after(std::string_view value, WallTime now) {
  constexpr Millis kLeast = std::chrono::seconds(1);
  constexpr Millis kMost = std::chrono::hours(24);
  while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
  while (value.ends_with(' ') || value.ends_with('\t')) value.remove_suffix(1);
  if (value.empty()) return std::nullopt;

  if (std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    unsigned long long seconds = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
    if (error == std::errc::result_out_of_range || seconds > 86'400) return kMost;
    return std::max<Millis>(std::chrono::seconds(seconds), kLeast);
  }
  const auto date = parse_http_date(value);
  if (!date) return std::nullopt;
  return std::clamp<Millis>(*date - now, kLeast, kMost);
}

}  // namespace codedriftd
