#include "store/open/check_record.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "store/db/migrate.h"
#include "store/open/open_record.h"

namespace codedriftd {
namespace {

using postgres::Access;

/// Why no connection for writing came about, in the words of `error`, and what can be seen over one for reading.
std::string why_not_writable(const StoreSettings& store, const StoreError& error) {
  const std::string_view words = error.what();
  if (words.find("unsupported startup parameter") != words.npos)
    return fmt::format("{}; a connection pooler is in between, which keeps no session: name the server itself", words);
  try {
    Database db = postgres::open(place_of(store), Access::read);
    auto row = db.query_once("SELECT pg_is_in_recovery()");
    if (row.step() && row.boolean(0))
      return fmt::format(
          "{}: a standby answers, and no server that takes writes; name the primary, or promote one ({})", db.name(),
          words);
    return fmt::format(
        "{}: the server takes no writes from the role {} (default_transaction_read_only); 'user' has to be "
        "the daemon's role, codedriftd_writer ({})",
        db.name(), store.user, words);
  } catch (const StoreError&) {
    return std::string(words);  // neither this nor that: the first words say why
  }
}

constexpr int kOldestServer = 150'000;

/// What the server itself is; empty: as it should be.
std::string server_trouble(Database& db) {
  auto row =
      db.query_once("SELECT CAST(current_setting('server_version_num') AS INTEGER), current_setting('server_version')");
  if (row.step() && row.integer(0) < kOldestServer)
    return fmt::format("{}: the server is PostgreSQL {}; 15 or newer is needed", db.name(), row.text(1));
  return session_trouble(db);
}

bool may_change_events(Database& db) {
  auto row = db.query_once("SELECT has_table_privilege('codedriftd.event', 'UPDATE, DELETE, TRUNCATE')");
  return row.step() && row.boolean(0);
}

void check_writer(const StoreSettings& store, RecordCheck& check) {
  Database db = postgres::open(place_of(store), Access::write);
  if (const std::string trouble = server_trouble(db); !trouble.empty()) {
    check.faults.push_back({"url", trouble});
    return;
  }
  if (auto good = check_schema(db); !good) {
    check.faults.push_back({"url", good.error().message});
    return;
  }
  check.schema = newest_schema();
  if (auto here = check_not_moved(db); !here) check.faults.push_back({"url", here.error().message});
  if (const auto missing = missing_rights(db); !missing.empty()) {
    check.faults.push_back(
        {"user", fmt::format("{}: the role {} may not {}; 'user' has to be the daemon's role, codedriftd_writer, whose "
                             "rights {} sets",
                             db.name(), store.user, fmt::join(missing, ", "), postgres::kRolesScript)});
  } else if (may_change_events(db)) {
    check.warnings.push_back(
        {"user",
         fmt::format("{}: the role {} may change and delete events that were recorded; codedriftd_writer, which "
                     "{} makes, may not",
                     db.name(), store.user, postgres::kRolesScript)});
  }
}

void check_reader(const StoreSettings& store, RecordCheck& check) {
  Database db = postgres::open(reading_place_of(store), Access::read);
  if (auto good = check_schema(db); !good) check.faults.push_back({"reader", good.error().message});
}

/// The key of a file that systemd passes to the service alone; empty: there is none.
std::string out_of_reach(const StoreSettings& store) {
  for (const auto& [key, file] : {std::pair("password_file", &store.password_file),
                                  {"reader_password_file", &store.reader_password_file},
                                  {"certificate", &store.certificate},
                                  {"key", &store.key}}) {
    if (is_credential_of_the_service(*file)) return key;
  }
  return {};
}

}  // namespace

Checked check_not_moved(Database& db) {
  auto row = db.query("SELECT value FROM fact WHERE name = ?", kMovedTo);
  if (!row.step()) return Done{};
  return Error{fmt::format(
      "{}: the record was moved away, to {}, and goes on there: change [store] accordingly. To go on here after all, "
      "without what was recorded there, its administrator removes 'moved_to' from table fact",
      db.name(), row.text(0))};
}

std::string session_trouble(Database& db) {
  auto row = db.query_once("SELECT current_setting('search_path') = ? AND current_setting('lock_timeout') <> '0'",
                           postgres::kSchema);
  if (row.step() && row.boolean(0)) return {};
  return fmt::format(
      "{}: the settings of the session do not stay: a connection pooler is in between; name the server "
      "itself, as a daemon needs a session of its own",
      db.name());
}

std::vector<std::string> missing_rights(Database& db) {
  std::vector<std::string> missing;
  auto rows = db.query_once(
      "SELECT privilege || ' ' || name FROM (VALUES (1, 'INSERT', 'event'), (2, 'INSERT', 'baseline'), (3, 'INSERT', "
      "'target'), (4, 'UPDATE', 'target'), (5, 'UPDATE', 'run'), (6, 'INSERT', 'daemon_run'), (7, 'DELETE', 'outbox'), "
      "(8, 'INSERT', 'fleet_config')) "
      "AS needed (n, privilege, name) WHERE NOT has_table_privilege('codedriftd.' || name, privilege) ORDER BY n");
  while (rows.step()) missing.push_back(rows.string(0));
  return missing;
}

RecordCheck check_record(const StoreSettings& store) {
  RecordCheck check;
  if (std::string key = out_of_reach(store); !key.empty()) {
    check.warnings.push_back(
        {key, fmt::format("'{}' cannot be read here: it is relative, so it is looked up under "
                          "$CREDENTIALS_DIRECTORY (LoadCredential= of the unit), which is not set; "
                          "the record was not tried",
                          key)});
    return check;
  }
  try {
    (void)place_of(store);
  } catch (const StoreError& error) {
    check.faults.push_back({"password_file", error.what()});
    return check;
  }
  try {
    check_writer(store, check);
  } catch (const StoreError& error) {
    check.faults.push_back({"url", why_not_writable(store, error)});
    return check;
  }
  if (store.reader.empty() || !check.faults.empty()) return check;
  try {
    check_reader(store, check);
  } catch (const StoreError& error) {
    check.faults.push_back({"reader", error.what()});
  }
  return check;
}

}  // namespace codedriftd
