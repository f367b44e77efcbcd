#pragma once
/// What a query is asked for, as text: options of a command and parameters of a URL mean the same. Errors are
/// sentences.
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "audit/format/report.h"
#include "base/result.h"
#include "base/text.h"
#include "select/selection.h"

namespace codedriftd {

/// Globs, each as often as one likes; one value each; and switches.
inline constexpr std::array<std::string_view, 9> kGlobParameters{
    "target", "account", "region", "namespace", "function", "qualifier", "status", "kind", "state"};
inline constexpr std::array<std::string_view, 4> kValueParameters{"since", "until", "at", "limit"};
inline constexpr std::array<std::string_view, 2> kSwitchParameters{"all", "attempts"};

/// True if `report` ("status", … "report") can be asked for `parameter`, one of the above.
bool has_parameter(std::string_view report, std::string_view parameter);
/// Why not, beside that it has not; or empty.
std::string_view why_no_parameter(std::string_view parameter);
/// The report of that name, alerts with each attempt or without; nullptr: there is none that has rows.
const Report* report_named(std::string_view name, bool with_attempts);

/// The values by name. "TARGET" has names (Selection::names); a switch that is there is on.
using Parameters = std::multimap<std::string, std::string, std::less<>>;
/// Reads those of the above that are there, the first of what has one value; an age counts back from `now`. `dashes`
/// are the selection's: errors name a parameter with them.
Result<Selection> read_selection(const Parameters& parameters, WallTime now, std::string_view dashes = "--");

/// A point of time, in UTC where it says nothing else: RFC 3339, "2026-11-24", "2026-11-24 18:00", "now".
std::optional<WallTime> parse_point(std::string_view text, WallTime now);
/// The same, or an age ("90s", "15m", "1h30m", "7d", "1w") counted back from `now`.
std::optional<WallTime> parse_time(std::string_view text, WallTime now);
/// The same; the error says what would be a time, and calls it `name`: "--since".
Result<WallTime> read_time(std::string_view name, std::string_view text, WallTime now);
/// A whole number, 1 or more; nullopt for anything else.
std::optional<int64_t> whole_number(std::string_view text);

/// An argument as an error shows it.
std::string shown_argument(std::string_view text);
/// ", did you mean X?", or "" if nothing is near.
template <typename Range>
std::string did_you_mean(std::string_view word, const Range& candidates, std::string_view prefix = "") {
  const std::string near = nearest(word, candidates);
  return near.empty() ? "" : ", did you mean " + std::string(prefix) + near + "?";
}

}  // namespace codedriftd
