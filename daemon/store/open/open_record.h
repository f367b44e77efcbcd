#pragma once
/// From [store] of the configuration to a record that is open, whichever engine has it.
#include "settings/settings.h"
#include "store/db/postgres.h"

namespace codedriftd {

/// The server's database as the daemon gets there: as `user`. Throws StoreError (cannot_open) where the file with its
/// password cannot be read, with what to do. REQUIRES: there is a server.
postgres::Place place_of(const StoreSettings& store);

/// The same for who only reads: as `reader`, if there is one, else as `user`.
postgres::Place reading_place_of(const StoreSettings& store);

/// The same for who migrates: as `user` (empty: as libpq takes it, like psql), acting as the owner of the schema, with
/// the password in `password_file` (empty: none, or what libpq finds itself). With time for what migrations do.
postgres::Place owning_place_of(const StoreSettings& store, const std::string& user, const std::string& password_file);

/// The schema's owner, as config/postgres/roles.sql makes it.
inline constexpr char kOwnerRole[] = "codedriftd_owner";

/// A connection for the daemon itself that only reads (sqlite::open_reader; on a server what was committed so far).
/// Throws StoreError.
Database open_reader(const Settings& settings);
/// The same of a server's, for whoever has no more than that. REQUIRES: there is a server.
/// `limit`: for each statement, instead of what a report may take.
Database open_reader_of(const StoreSettings& store, std::optional<Millis> limit = std::nullopt);

}  // namespace codedriftd
