#include "audit/format/values.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

namespace codedriftd {

OrderedJson seconds(Millis duration) {
  const int64_t ms = duration.count();
  if (ms % 1000 == 0) return ms / 1000;
  return static_cast<double>(ms) / 1000.0;
}

std::string spell(Millis duration) {
  int64_t rest = std::chrono::ceil<std::chrono::seconds>(duration).count();
  std::string words;
  for (const auto& [unit, length] : {std::pair{'d', 86'400}, {'h', 3'600}, {'m', 60}, {'s', 1}}) {
    if (rest < length && !(unit == 's' && words.empty())) continue;
    words += fmt::format("{}{}{}", words.empty() ? "" : " ", rest / length, unit);
    rest %= length;
  }
  return words;
}

OrderedJson ratio_value(Millis observed, Millis unobserved) { return value_of(coverage_ratio(observed, unobserved)); }

std::string percent(double ratio) {
  // Ratios have six decimals: what is below a unit of the last is the floating point's.
  const auto parts = std::llround(ratio * 1'000'000) / 100;
  return fmt::format("{}.{:02} %", parts / 100, parts % 100);
}

OrderedJson gaps_value(const std::vector<Gap>& gaps) {
  OrderedJson list = OrderedJson::array();
  for (const Gap& gap : gaps)
    list.push_back({{"from", rfc3339(gap.from)}, {"until", rfc3339(gap.until)}, {"reason", gap.reason}});
  return list;
}

}  // namespace codedriftd
