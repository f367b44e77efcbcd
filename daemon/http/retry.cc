#include "http/retry.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string>

namespace codedriftd {
namespace {

bool digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// An HTTP-date in any of its three forms (RFC 9110 5.6.7). Two digits of a year mean the nearest one that is not more
/// than 50 years ahead.
std::optional<WallTime> parse_any_http_date(std::string_view text, WallTime now) {
  const std::size_t comma = text.find(", ");
  if (comma != std::string_view::npos && comma >= 6) {  // "Sunday, 06-Nov-94 08:49:37 GMT"
    const std::string_view rest = text.substr(comma + 2);
    if (rest.size() != 22 || rest[2] != '-' || rest[6] != '-' || !digits(rest.substr(7, 2))) return std::nullopt;
    const std::string this_year = rfc3339(now).substr(0, 4);
    int year = std::stoi(this_year) / 100 * 100 + (rest[7] - '0') * 10 + (rest[8] - '0');
    if (year > std::stoi(this_year) + 50) year -= 100;
    return parse_http_date(
        fmt::format("Sun, {} {} {:04} {}", rest.substr(0, 2), rest.substr(3, 3), year, rest.substr(10)));
  }
  if (comma == std::string_view::npos && text.size() == 24 && text[3] == ' ') {  // "Sun Nov  6 08:49:37 1994"
    std::string day(text.substr(8, 2));
    if (day[0] == ' ') day[0] = '0';
    return parse_http_date(
        fmt::format("Sun, {} {} {} {} GMT", day, text.substr(4, 3), text.substr(20), text.substr(11, 8)));
  }
  return parse_http_date(text);
}

}  // namespace

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

  const std::size_t point = std::min(value.find('.'), value.size());
  const std::string_view whole = value.substr(0, point), fraction = value.substr(std::min(point + 1, value.size()));
  if (digits(whole) && (point == value.size() || digits(fraction))) {
    int64_t seconds = 0;
    const auto [end, error] = std::from_chars(whole.data(), whole.data() + whole.size(), seconds);
    if (error == std::errc::result_out_of_range) return kMost;
    // Some send the moment itself, in seconds since 1970. As a wait that would be half a century.
    constexpr Millis kYear = std::chrono::hours(24 * 366);
    if (seconds > kYear / std::chrono::seconds(1)) {
      const WallTime moment{std::chrono::seconds(std::min<int64_t>(seconds, 1'000'000'000'000))};
      if (moment > now - kYear && moment < now + kYear) return std::clamp<Millis>(moment - now, kLeast, kMost);
      return kMost;
    }
    const bool more = fraction.find_first_not_of('0') != std::string_view::npos;
    return std::clamp<Millis>(std::chrono::seconds(seconds + (more ? 1 : 0)), kLeast, kMost);
  }
  const auto date = parse_any_http_date(value, now);
  if (!date) return std::nullopt;
  return std::clamp<Millis>(*date - now, kLeast, kMost);
}

}  // namespace codedriftd
