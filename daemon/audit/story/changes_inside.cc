#include "audit/story/changes_inside.h"

#include "store/ledger/inside.h"

namespace codedriftd {

void find_changes_inside(Database& db, SelectedTarget& target) {
  const TargetState& state = target.row.state;
  if (state.drift_open && state.live) target.inside = inside_of(db, *state.live, state);
}

}  // namespace codedriftd
