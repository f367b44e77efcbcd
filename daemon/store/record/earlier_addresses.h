#pragma once
#include <string>
#include <utility>
#include <vector>

#include "store/record/targets.h"

namespace codedriftd::targets {

/// What targets were called before their account got another label (rename_account()): (target, address), without what
/// is the present address of another one. Throws StoreError.
std::vector<std::pair<TargetId, std::string>> earlier_addresses(Database& db);

}  // namespace codedriftd::targets
