#pragma once
/// The arguments of `query`. Private to commands/.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/format/render.h"
#include "audit/query/reports.h"
#include "base/result.h"
#include "commands/options/selection_options.h"

namespace codedriftd {

/// The formats of `query report`.
enum class AuditFormat { markdown, html, json };

struct QueryOptions {
  const Report* report = nullptr;      ///< nullptr: `audit` has a value, or help is asked for
  std::optional<AuditFormat> audit{};  ///< `query report`
  std::string help;                    ///< the help text, if it is
  Selection selection;
  Format format = Format::table;
  std::string file;  ///< -o; empty: standard output
  bool detailed_exit_code = false;
  bool wide = false;  ///< --wide: a table does not fit itself to the terminal
  bool utc = false;   ///< --utc: it has times in full all the same
  bool bom = false;   ///< --bom: CSV begins with a byte order mark
};

/// Reads what follows the word "query"; an age counts back from `now`. The error is a sentence or two, for exit
/// code 64.
Result<QueryOptions> parse_query(const std::vector<std::string>& args, WallTime now);

/// The help of `query`, or of one of its reports. REQUIRES: `report` is empty or a known one.
std::string query_help(std::string_view report);

}  // namespace codedriftd
