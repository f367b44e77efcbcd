#include "audit/story/changes_inside.h"

#include "store/ledger/inside.h"
#include "store/record/attributions.h"

namespace codedriftd {

void find_changes_inside(Database& db, SelectedTarget& target) {
  const TargetState& state = target.row.state;
  if (state.drift_open && state.live) target.inside = inside_of(db, *state.live, state);
  if (state.missing || state.drift_open || !state.accepted)
    target.who = attributions::words_about(db, target.row.id, state.missing ? std::nullopt : state.live);
}

}  // namespace codedriftd
