#pragma once
/// The arguments of `discover`. Private to commands/.
#include <string>
#include <vector>

#include "audit/format/render.h"
#include "base/result.h"
#include "select/selection.h"

namespace codedriftd {

struct DiscoverOptions {
  std::string help;     ///< not empty: help is asked for
  Selection selection;  ///< targets are globs; there are no names
  Format format = Format::table;
  std::string file;        ///< -o; empty: standard output
  std::string rules_file;  ///< --write; empty: nothing is written
  bool force = false;      ///< --force: rules_file may be there
  bool detailed_exit_code = false;
  bool wide = false, utc = false, bom = false;  ///< as in QueryOptions
};

/// Reads what follows the word "discover". The error is a sentence or two, for exit code 64.
Result<DiscoverOptions> parse_discover(const std::vector<std::string>& args, WallTime now);

}  // namespace codedriftd
