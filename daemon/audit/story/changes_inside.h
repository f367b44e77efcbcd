#pragma once
#include "select/selection.h"

namespace codedriftd {

/// What is known of the package of a target that drifts, against that of what is accepted, and of who changed one that
/// drifts, is missing or was not accepted yet: for who shows `target`.
/// With find_values(). Throws StoreError; std::runtime_error for a damaged row.
void find_changes_inside(Database& db, SelectedTarget& target);

/// What the hashes of `target` stand for, unless that of the live one is known already. Throws StoreError.
void find_values(Database& db, SelectedTarget& target);

}  // namespace codedriftd
