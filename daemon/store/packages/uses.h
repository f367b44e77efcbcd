#pragma once
/// For the .cc files of store/packages only: which targets a hash belongs to, as their rows say.
#include <map>

#include "store/packages/packages.h"

namespace codedriftd::packages {

/// In the order in which what is kept may go: the first goes first.
enum class Use { nobody, formerly_watched, announced, live_or_accepted };

std::map<Sha256, PackageUses> uses_of_watched(Database& db);
/// The strongest use of each hash that any target has.
std::map<Sha256, Use> strongest_uses(Database& db);

}  // namespace codedriftd::packages
