#include "base/duration.h"

#include <array>
#include <charconv>
#include <system_error>

namespace codedriftd {
namespace {

struct Unit {
  std::string_view name;
  int64_t ms;
};
// Largest first: format_duration takes the first that divides.
constexpr std::array<Unit, 5> kUnits{{{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr int64_t kWeek = 7 * 86'400'000LL;
constexpr int64_t kLongest = 10LL * 366 * 86'400'000;

int64_t unit_named(std::string_view name) {
  for (const Unit& known : kUnits) {
    if (name == known.name) return known.ms;
  }
  return 0;
}

}  // namespace

std::optional<Millis> parse_duration(std::string_view text) {
  if (text == "0") return Millis{0};
  int64_t sum = 0;
  int64_t unit_before = INT64_MAX;
  do {
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || text.front() == '-') return std::nullopt;  // "-0" is a number to from_chars
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    const std::string_view name = text.substr(0, text.find_first_of("0123456789-"));
    const int64_t unit = name == "w" ? kWeek : unit_named(name);
    // Each unit once, the larger ones first: "1h30m", and nothing that could be a slip of the finger.
    if (unit == 0 || unit >= unit_before || number > (kLongest - sum) / unit) return std::nullopt;
    unit_before = unit;
    sum += number * unit;
    text.remove_prefix(name.size());
  } while (!text.empty());
  return Millis{sum};
}

std::string format_duration(Millis duration) {
  const int64_t ms = duration.count();
  if (ms == 0) return "0";
  for (const Unit& unit : kUnits) {
    if (ms % unit.ms == 0) return std::to_string(ms / unit.ms) + std::string(unit.name);
  }
  return {};
}

}  // namespace codedriftd
