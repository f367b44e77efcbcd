#pragma once
/// Stored values as the values of reports.
#include <optional>
#include <string>

#include "audit/format/report.h"
#include "audit/story/coverage.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/sha256.h"

namespace codedriftd {

/// As or_null() writes it.
template <typename T>
OrderedJson value_of(const std::optional<T>& value) {
  return or_null<OrderedJson>(value);
}
inline OrderedJson text_or_null(std::string_view text) { return or_null<OrderedJson>(text); }
/// Seconds: a whole number where it is one, else with up to three decimals.
OrderedJson seconds(Millis duration);
/// What coverage_ratio() says, or null.
OrderedJson ratio_value(Millis observed, Millis unobserved);
/// A ratio for people: "99.98 %", rounded down, so that nothing but all is 100 %.
std::string percent(double ratio);
/// A list of {from, until, reason}.
OrderedJson gaps_value(const std::vector<Gap>& gaps);
/// For people: "live: deps:2 0123456789ab, agent:3 …", of each hash so many digits; harmless.
std::string value_line(std::string_view name, std::string_view text, std::size_t digits);
/// What people read beneath a row whose hashes stand for something that is no code: what is live, and what is accepted
/// where that is another.
NamedValues value_lines(const SelectedTarget& selected);
NamedValues value_lines(const Target& target, const std::optional<Sha256>& live, const std::optional<Sha256>& accepted,
                        std::string_view observed_value, std::string_view accepted_value);
/// For people: "2d 3h", "6m 3s", "0s"; rounded up to a second, so that a gap is never understated.
std::string spell(Millis duration);

}  // namespace codedriftd
