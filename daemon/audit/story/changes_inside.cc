#include "audit/story/changes_inside.h"

#include "store/ledger/inside.h"
#include "store/record/attributions.h"
#include "store/record/values.h"

namespace codedriftd {

void find_changes_inside(Database& db, SelectedTarget& target) {
  const TargetState& state = target.row.state;
  if (state.drift_open && state.live) target.inside = inside_of(db, *state.live, state);
  if (state.missing || state.drift_open || !state.accepted)
    target.who = attributions::words_about(db, target.row.id, state.missing ? std::nullopt : state.live);
  find_values(db, target);
}

void find_values(Database& db, SelectedTarget& target) {
  const TargetState& state = target.row.state;
  if (target.observed_value.empty()) target.observed_value = values::text_of(db, target.row.target, state.live);
  target.accepted_value =
      state.accepted == state.live ? target.observed_value : values::text_of(db, target.row.target, state.accepted);
}

}  // namespace codedriftd
