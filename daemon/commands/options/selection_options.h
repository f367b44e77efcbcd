#pragma once
/// Options that several commands have: what to select, how to print it. Private to commands/. Errors are sentences, for
/// exit code 64.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/format/render.h"
#include "base/result.h"
#include "base/text.h"
#include "select/selection.h"

namespace boost::program_options {
class variables_map;
}

namespace codedriftd {

/// A point of time, in UTC where it says nothing else: RFC 3339, "2026-11-24", "2026-11-24 18:00", "now".
std::optional<WallTime> parse_point(std::string_view text, WallTime now);
/// The same, or an age ("90s", "15m", "1h30m", "7d", "1w") counted back from `now`.
std::optional<WallTime> parse_time(std::string_view text, WallTime now);

/// The same for the option `--NAME`; nullopt if it is not there. The error says what would be a time.
Result<std::optional<WallTime>> time_option(const char* name, const boost::program_options::variables_map& values,
                                            WallTime now);

/// Reads TARGET, --target, --account … --kind, --since, --until, --limit and --all, as far as they are there; an age
/// counts back from `now`.
Result<Selection> selection_option(const boost::program_options::variables_map& values, WallTime now);
/// Reads --format and the switch --json.
Result<Format> format_option(const boost::program_options::variables_map& values);
/// Reads the switch --bom, which is for CSV alone.
Result<bool> bom_option(const boost::program_options::variables_map& values, Format format);

/// What a help text says of TARGET and the options that compare an address.
extern const std::string_view kTargetsHelp;
/// The same of functions that were found: they are no targets, and have a state.
extern const std::string_view kFoundHelp;

/// An argument as an error shows it.
std::string shown_argument(std::string_view text);
/// ", did you mean X?", or "" if nothing is near.
template <typename Range>
std::string did_you_mean(std::string_view word, const Range& candidates, std::string_view prefix = "") {
  const std::string near = nearest(word, candidates);
  return near.empty() ? "" : ", did you mean " + std::string(prefix) + near + "?";
}

}  // namespace codedriftd
