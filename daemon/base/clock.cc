#include "base/clock.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

namespace codedriftd {
namespace {

using namespace std::chrono;

/// Takes a number of exactly `digits` digits off the front of `text`.
std::optional<int> take_number(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int value = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, char a, char b = '\0') {
  if (text.empty() || (text.front() != a && (b == '\0' || text.front() != b))) return false;
  text.remove_prefix(1);
  return true;
}

struct TimeOfDay {
  int hour, minute, second;
};
/// Takes "08:49:37" off the front of `text`.
std::optional<TimeOfDay> take_time_of_day(std::string_view& text) {
  const auto h = take_number(text, 2);
  if (!h || !take(text, ':')) return std::nullopt;
  const auto mi = take_number(text, 2);
  if (!mi || !take(text, ':')) return std::nullopt;
  const auto s = take_number(text, 2);
  if (!s) return std::nullopt;
  return TimeOfDay{*h, *mi, *s};
}

/// The moment, in UTC. A leap second counts as the first one of the next minute.
std::optional<WallTime> civil(int y, int mo, int d, const TimeOfDay& time) {
  const year_month_day date{year{y}, month{static_cast<unsigned>(mo)}, day{static_cast<unsigned>(d)}};
  if (!date.ok() || time.hour > 23 || time.minute > 59 || time.second > 60) return std::nullopt;
  return WallTime{sys_days{date} + hours{time.hour} + minutes{time.minute} + seconds{time.second}};
}

}  // namespace

WallTime SystemClock::wall() const { return floor<Millis>(system_clock::now()); }
MonoTime SystemClock::mono() const { return steady_clock::now(); }

std::string rfc3339(WallTime time) {
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss<Millis> clock{time - day};
  const int year = static_cast<int>(date.year());
  if (year < 0 || year > 9999) {
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", year, static_cast<unsigned>(date.month()),
                       static_cast<unsigned>(date.day()), clock.hours().count(), clock.minutes().count(),
                       clock.seconds().count(), clock.subseconds().count());
  }
  // A report writes tens of thousands of times: digit by digit is several times as fast.
  std::string text = "0000-00-00T00:00:00.000Z";
  const auto digits = [&text](std::size_t last, auto value) {
    for (; value > 0; value /= 10) text[last--] = static_cast<char>('0' + value % 10);
  };
  digits(3, year);
  digits(6, static_cast<unsigned>(date.month()));
  digits(9, static_cast<unsigned>(date.day()));
  digits(12, clock.hours().count());
  digits(15, clock.minutes().count());
  digits(18, clock.seconds().count());
  digits(22, clock.subseconds().count());
  return text;
}

std::optional<WallTime> parse_rfc3339(std::string_view text) {
  const auto y = take_number(text, 4);
  if (!y || !take(text, '-')) return std::nullopt;
  const auto mo = take_number(text, 2);
  if (!mo || !take(text, '-')) return std::nullopt;
  const auto d = take_number(text, 2);
  if (!d || !(take(text, 'T', 't') || take(text, ' '))) return std::nullopt;
  const auto clock = take_time_of_day(text);
  if (!clock) return std::nullopt;
  int millis = 0;
  if (take(text, '.')) {
    std::size_t digits = 0;
    for (int weight = 100; !text.empty() && text.front() >= '0' && text.front() <= '9'; weight /= 10, ++digits) {
      millis += (text.front() - '0') * weight;
      text.remove_prefix(1);
    }
    if (digits == 0 || digits > 9) return std::nullopt;
  }
  auto time = civil(*y, *mo, *d, *clock);
  if (!time) return std::nullopt;
  *time += Millis{millis};
  if (take(text, 'Z', 'z')) return text.empty() ? time : std::nullopt;
  const bool west = take(text, '-');
  if (!west && !take(text, '+')) return std::nullopt;
  const auto oh = take_number(text, 2);
  if (!oh || !take(text, ':')) return std::nullopt;
  const auto om = take_number(text, 2);
  if (!om || *oh > 23 || *om > 59 || !text.empty()) return std::nullopt;
  const auto offset = hours{*oh} + minutes{*om};
  return west ? *time + offset : *time - offset;
}

std::optional<WallTime> parse_http_date(std::string_view text) {
  static constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  // "Sun, 06 Nov 1994 08:49:37 GMT"
  if (text.size() != 29 || text.substr(3, 2) != ", " || text.substr(25) != " GMT") return std::nullopt;
  text.remove_prefix(5);
  const auto d = take_number(text, 2);
  if (!d || !take(text, ' ')) return std::nullopt;
  int month = 0;
  for (std::size_t i = 0; i < kMonths.size(); ++i) {
    if (text.substr(0, 3) == kMonths[i]) month = static_cast<int>(i) + 1;
  }
  if (month == 0) return std::nullopt;
  text.remove_prefix(3);
  if (!take(text, ' ')) return std::nullopt;
  const auto y = take_number(text, 4);
  if (!y || !take(text, ' ')) return std::nullopt;
  const auto clock = take_time_of_day(text);
  if (!clock) return std::nullopt;
  return civil(*y, month, *d, *clock);
}

}  // namespace codedriftd
