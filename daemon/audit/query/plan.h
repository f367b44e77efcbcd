#pragma once
/// A plan: how live code differs from what is accepted.
#include <optional>
#include <string>
#include <vector>

#include "audit/format/render.h"
#include "audit/query/status_rows.h"
#include "select/selection.h"

namespace codedriftd {

struct Plan {
  struct Item {
    SelectedTarget selected;
    bool answered = true;   ///< false: asked now, it gave neither a hash nor "not found"; what is shown was seen before
    std::string note = {};  ///< why not, where that is not the target's last_error
  };
  std::vector<Item> items;
  std::vector<std::string> remarks;  ///< for people

  StatusCounts counts() const;
  std::size_t unanswered() const;
  /// As --detailed-exitcode says: 2, 3 or 0. What could not be looked at is never 0.
  int detailed_exit() const;
};

/// What needs attention first; else by address.
void sort_plan(Plan& plan);

/// The plan as text. json, ndjson and csv have every target, with the fields of the status report; table and markdown
/// only what is not in sync or did not answer, and at last one line that sums up. The table begins each row with
/// `~` (live differs), `-` (missing), `?` (not observed) or `+` (nothing accepted yet, or what was announced still to
/// come), and has the command that would accept what is live. `limit`: so many of the targets; the summary counts all.
std::string render_plan(const Plan& plan, Format format, WallTime generated_at, const Look& look,
                        std::optional<int64_t> limit = std::nullopt);

}  // namespace codedriftd
