#pragma once
#include <string>
#include <vector>

#include "actions/reconcile_requests.h"
#include "base/result.h"

namespace codedriftd {

/// What a saved plan (`plan --out`, schema codedriftd.plan.v1) holds to be accepted.
struct PlannedRow {
  std::string status;  ///< drifted or unreviewed
  ApproveRequest::Item item;
  /// What changed inside, for people: in one line, then up to 20 files, each in a line; harmless. Of layers and aliases
  /// what is live, and what is accepted, each in a line. Empty: the plan does not tell.
  std::vector<std::string> changes;
  bool of_value = false;  ///< of layers or an alias, which have no inside
};

/// The drifted and unreviewed rows of a plan's text, in its order. The error says which row and field is wrong; `name`
/// stands for the file.
Result<std::vector<PlannedRow>> read_plan(const std::string& name, const std::string& text);

inline constexpr std::size_t kLargestPlan = 64U << 20;

}  // namespace codedriftd
