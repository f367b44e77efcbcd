#include "base/byte_size.h"

#include <array>
#include <charconv>
#include <limits>
#include <system_error>

namespace codedriftd {
namespace {

struct SizeUnit {
  std::string_view name;
  uint64_t bytes;
};
// Largest first: format_byte_size takes the first that divides.
constexpr std::array<SizeUnit, 5> kByteUnits{{{"TiB", uint64_t{1} << 40},
                                              {"GiB", uint64_t{1} << 30},
                                              {"MiB", uint64_t{1} << 20},
                                              {"KiB", uint64_t{1} << 10},
                                              {"B", 1}}};
constexpr uint64_t kMostBytes = std::numeric_limits<int64_t>::max();

}  // namespace

std::optional<uint64_t> parse_byte_size(std::string_view text) {
  if (text == "0") return 0;
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  const std::string_view name = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const SizeUnit& unit : kByteUnits) {
    if (name != unit.name) continue;
    if (number > kMostBytes / unit.bytes) return std::nullopt;
    return number * unit.bytes;
  }
  return std::nullopt;
}

std::string format_byte_size(uint64_t bytes) {
  if (bytes == 0) return "0";
  for (const SizeUnit& unit : kByteUnits) {
    if (bytes % unit.bytes == 0) return std::to_string(bytes / unit.bytes) + std::string(unit.name);
  }
  return {};
}

}  // namespace codedriftd
