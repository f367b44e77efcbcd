#include "commands/plan/sources.h"

#include "audit/story/changes_inside.h"
#include "commands/options/usage.h"

namespace codedriftd {

Result<Plan, NoPlan> plan_from_record(Database& db, Selection selection, WallTime now) {
  if (auto resolved = resolve_names(db, selection); !resolved) return NoPlan{kExitUsage, resolved.error().message};
  Plan plan;
  for (SelectedTarget& target : selected_targets(db, selection, now)) {
    if (!selection.in_window(target.status.since)) continue;
    find_changes_inside(db, target);
    plan.items.push_back({std::move(target)});
  }
  if (plan.items.empty()) return NoPlan{EXIT_FAILURE, explain_nothing(db, selection, now)};
  sort_plan(plan);
  return plan;
}

}  // namespace codedriftd
