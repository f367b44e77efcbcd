#pragma once
#include <string>

#include "settings/settings.h"
#include "store/db/database.h"

namespace codedriftd {

/// A connection to the record's server as `user` (empty: who psql would log in as), acting as the owner of its schema.
/// Throws StoreError, and std::runtime_error with what to do where the server does not let it. REQUIRES: there is one.
Database open_as_schema_owner(const StoreSettings& store, const std::string& user, const std::string& password_file);

}  // namespace codedriftd
