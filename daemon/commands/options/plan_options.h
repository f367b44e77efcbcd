#pragma once
/// The arguments of `plan`. Private to commands/.
#include <string>
#include <vector>

#include "audit/format/render.h"
#include "base/result.h"
#include "select/selection.h"

namespace codedriftd {

struct PlanOptions {
  std::string help;  ///< not empty: help is asked for
  Selection selection;
  Format format = Format::table;
  std::string file;      ///< -o; empty: standard output
  std::string out_file;  ///< --out; empty: the plan is not saved
  bool refresh = true;
  bool detailed_exit_code = false;
  bool wide = false, utc = false, bom = false;  ///< as in QueryOptions
};

/// Reads what follows the word "plan". The error is a sentence or two, for exit code 64.
Result<PlanOptions> parse_plan(const std::vector<std::string>& args, WallTime now);

}  // namespace codedriftd
