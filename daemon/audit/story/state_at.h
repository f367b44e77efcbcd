#pragma once
/// What was known of the targets at a moment that is past, told from the record: runs, acceptances, watch periods, the
/// daemon's stays and the event log.
#include <optional>
#include <string>
#include <vector>

#include "audit/story/target_story.h"
#include "base/result.h"
#include "select/selection.h"

namespace codedriftd {

/// One target as it stood then. `known.row.state` has what decides the status and what a row of `query status` shows;
/// of the configuration only `watched` and `stale_after`.
struct TargetAt {
  SelectedTarget known;
  /// An unchanged poll moves the end of its run, and which one was the last before that moment is not kept. What is not
  /// known any more:
  bool poll_time_unknown = false;
  bool success_time_unknown = false;  ///< the state then has the latest that it can be
  bool failures_unknown = false;      ///< how many failed in a row, or which error was the last
  bool error_words_unknown = false;   ///< of the last error the code alone is known
  std::optional<Suspension> held{};   ///< its alerts
  TargetRecord record{};              ///< until then, what all of this was told from
  std::string problem{};              ///< not empty: a stored event contradicts itself, and how
};

/// The targets that `selection` selects, by address, as they stood at `at`; those watched then, or with `all` those
/// known then. Throws StoreError.
std::vector<TargetAt> targets_at(Database& db, const Selection& selection, WallTime at);

/// Fails if the record says nothing of `at`: it begins later, or nothing was ever recorded.
Checked record_covers(Database& db, WallTime at);

}  // namespace codedriftd
