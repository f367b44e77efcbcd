#include "commands/reach/schema_owner.h"

#include <fmt/format.h>

#include <stdexcept>

#include "store/open/open_record.h"

namespace codedriftd {

Database open_as_schema_owner(const StoreSettings& store, const std::string& user, const std::string& password_file) {
  try {
    return postgres::open(owning_place_of(store, user, password_file), postgres::Access::write);
  } catch (const StoreError& error) {
    if (error.kind() != StoreError::Kind::cannot_open) throw;
    throw std::runtime_error(
        fmt::format("{}; who migrates logs in (--user, --password-file) as a member of {}, which {} makes: "
                    "GRANT {} TO …",
                    error.what(), kOwnerRole, postgres::kRolesScript, kOwnerRole));
  }
}

}  // namespace codedriftd
