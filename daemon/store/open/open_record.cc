#include "store/open/open_record.h"

#include <fmt/format.h>

#include "base/ca_file.h"
#include "store/db/sqlite.h"

namespace codedriftd {
namespace {

/// What one statement of a migration may take.
constexpr Millis kMigrationLimit{3'600'000};

Secret password_in(const std::string& file) {
  if (file.empty()) return {};
  auto password = read_secret_file(file);
  if (!password) throw StoreError(StoreError::Kind::cannot_open, password.error().message);
  return std::move(*password);
}

postgres::Place place_as(const StoreSettings& store, const std::string& user, const std::string& password_file) {
  postgres::Place place;
  for (const ServerUrl::Host& host : store.server->hosts) place.hosts.push_back({host.name, host.port});
  place.database = store.server->database;
  place.user = user;
  place.password = password_in(password_file);
  place.tls = store.server->hosts.front().socket() ? "disable" : store.tls;
  // Without one libpq looks below the home folder, and a service has none.
  const bool verifies = place.tls.starts_with("verify-");
  place.ca_file = store.ca_file.empty() && verifies ? kSystemCaFile : store.ca_file;
  if (!store.certificate.empty()) {
    place.certificate = secret_file_path(store.certificate);
    place.key = secret_file_path(store.key);
  }
  return place;
}

}  // namespace

postgres::Place place_of(const StoreSettings& store) { return place_as(store, store.user, store.password_file); }

postgres::Place reading_place_of(const StoreSettings& store) {
  return store.reader.empty() ? place_of(store) : place_as(store, store.reader, store.reader_password_file);
}

postgres::Place owning_place_of(const StoreSettings& store, const std::string& user, const std::string& password_file) {
  postgres::Place place = place_as(store, user, password_file);
  place.role = kOwnerRole;
  place.statement_limit = kMigrationLimit;
  return place;
}

Database open_reader(const Settings& settings) {
  return settings.store.server ? open_reader_of(settings.store) : sqlite::open_reader(settings.database());
}

Database open_reader_of(const StoreSettings& store, std::optional<Millis> limit) {
  postgres::Place place = reading_place_of(store);
  place.statement_limit = limit;
  return postgres::open(place, postgres::Access::read_current);
}

}  // namespace codedriftd
