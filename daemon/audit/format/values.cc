#include "audit/format/values.h"

#include <fmt/format.h>

#include <utility>

namespace codedriftd {

OrderedJson value_of(const std::optional<WallTime>& time) { return time ? OrderedJson(rfc3339(*time)) : OrderedJson(); }
OrderedJson value_of(const std::optional<Sha256>& digest) {
  return digest ? OrderedJson(digest->hex()) : OrderedJson();
}
OrderedJson value_of(const std::optional<std::string>& text) { return text ? OrderedJson(*text) : OrderedJson(); }

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
    fmt::format_to(std::back_inserter(words), "{}{}{}", words.empty() ? "" : " ", rest / length, unit);
    rest %= length;
  }
  return words;
}

OrderedJson ratio_value(Millis observed, Millis unobserved) {
  const auto ratio = coverage_ratio(observed, unobserved);
  return ratio ? OrderedJson(*ratio) : OrderedJson();
}

OrderedJson gaps_value(const std::vector<Gap>& gaps) {
  OrderedJson list = OrderedJson::array();
  for (const Gap& gap : gaps)
    list.push_back({{"from", rfc3339(gap.from)}, {"until", rfc3339(gap.until)}, {"reason", gap.reason}});
  return list;
}

}  // namespace codedriftd
