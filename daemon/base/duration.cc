#include "base/duration.h"

#include <array>
#include <charconv>

namespace codedriftd {
namespace {

struct Unit {
  std::string_view name;
  int64_t ms;
};
// Largest first: format_duration takes the first that divides.
constexpr std::array<Unit, 5> kUnits{{{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr int64_t kLongest = 10LL * 366 * 86'400'000;

}  // namespace

std::optional<Millis> parse_duration(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || text.front() == '-') return std::nullopt;  // "-0" is a number to from_chars
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  if (unit.empty() && number == 0) return Millis{0};
  for (const Unit& known : kUnits) {
    if (unit != known.name) continue;
    if (number > kLongest / known.ms) return std::nullopt;
    return Millis{number * known.ms};
  }
  return std::nullopt;
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
