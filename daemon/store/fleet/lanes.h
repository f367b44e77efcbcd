#pragma once
#include <map>
#include <string>

#include "store/db/database.h"

namespace codedriftd::lanes {

/// Table `lane`: which lease the work for each account comes with, for who reads the record. Writes what changed.
/// Throws StoreError.
void keep(Database& db, const std::map<std::string, std::string>& lease_by_account);

}  // namespace codedriftd::lanes
