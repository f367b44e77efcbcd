#pragma once
/// Stored values as the values of reports.
#include <optional>
#include <string>

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
/// For people: "2d 3h", "6m 3s", "0s"; rounded up to a second, so that a gap is never understated.
std::string spell(Millis duration);

}  // namespace codedriftd
