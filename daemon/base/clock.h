#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace codedriftd {

using Millis = std::chrono::milliseconds;
/// A point of civil time, UTC, as it is stored and shown: milliseconds since 1970.
using WallTime = std::chrono::sys_time<Millis>;
/// A point of monotonic time (CLOCK_MONOTONIC: stands still while the machine sleeps). Never stored.
using MonoTime = std::chrono::steady_clock::time_point;

/// Where time comes from. The only code that asks the operating system for the time; thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime wall() const = 0;
  virtual MonoTime mono() const = 0;
};

class SystemClock final : public Clock {
 public:
  WallTime wall() const override;
  MonoTime mono() const override;
};

inline int64_t to_ms(WallTime time) { return time.time_since_epoch().count(); }
inline WallTime from_ms(int64_t ms) { return WallTime{Millis{ms}}; }

/// "2026-11-24T03:04:05.678Z": RFC 3339, UTC, always three decimals.
std::string rfc3339(WallTime time);
/// RFC 3339 with any offset and up to nine decimals (cut to milliseconds); nullopt for anything else.
std::optional<WallTime> parse_rfc3339(std::string_view text);
/// An HTTP-date in its preferred form (RFC 9110 5.6.7), "Sun, 06 Nov 1994 08:49:37 GMT"; nullopt for anything else.
std::optional<WallTime> parse_http_date(std::string_view text);

}  // namespace codedriftd
