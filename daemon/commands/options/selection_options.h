#pragma once
/// Options that several commands have: what to select, how to print it. Private to commands/. Errors are sentences, for
/// exit code 64.
#include <optional>
#include <string_view>
#include <vector>

#include "audit/format/render.h"
#include "audit/query/parameters.h"
#include "base/result.h"
#include "select/selection.h"

namespace boost::program_options {
class variables_map;
}

namespace codedriftd {

/// parse_time() of the option `--NAME`; nullopt if it is not there. The error says what would be a time.
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

}  // namespace codedriftd
