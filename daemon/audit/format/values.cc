#include "audit/format/values.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "model/value.h"

namespace codedriftd {

OrderedJson seconds(Millis duration) {
  const int64_t ms = duration.count();
  if (ms % 1000 == 0) return ms / 1000;
  return static_cast<double>(ms) / 1000.0;
}

std::string value_line(std::string_view name, std::string_view text, std::size_t digits) {
  return fmt::format("{}: {}", name,
                     text.empty() ? "what the hash stands for is not on record" : words_of_value(text, digits));
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

NamedValues value_lines(const SelectedTarget& selected) {
  const TargetState& s = selected.row.state;
  const bool missing = selected.status.status == Status::missing;  // then nothing is live
  return value_lines(selected.row.target, missing ? std::nullopt : s.live, s.accepted, selected.observed_value,
                     selected.accepted_value);
}

NamedValues value_lines(const Target& target, const std::optional<Sha256>& live, const std::optional<Sha256>& accepted,
                        std::string_view observed_value, std::string_view accepted_value) {
  NamedValues lines;
  if (!has_text(kind_of_qualifier(target.qualifier))) return lines;
  if (live) lines.emplace_back("live", observed_value);
  if (accepted && accepted != live) lines.emplace_back("accepted", accepted_value);
  return lines;
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
