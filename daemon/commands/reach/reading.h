#pragma once
/// How commands read the record. Private to commands/.
#include <stdexcept>
#include <string>
#include <type_traits>

#include "settings/settings.h"
#include "store/db/migrate.h"
#include "store/db/postgres.h"
#include "store/db/snapshot.h"
#include "store/db/sqlite.h"
#include "store/open/open_record.h"

namespace codedriftd {

/// What a command needs to see of a record on several servers.
enum class Freshness {
  current,  ///< all that was committed before
  may_lag,  ///< what a standby has, if there is one
};

/// Throws std::runtime_error if the file of the record cannot be read as far as the file system tells, with what to do.
void check_readable(const std::string& path);
/// What to do about a record that cannot be opened or read.
std::string explain_unreadable(const Settings& settings, const StoreError& error);

/// Calls `work(Database&)` on the record that the settings name, of this program's schema, as it was at one moment, and
/// returns what it returns. It may be called again if the record was disturbed (store/db/snapshot.h), so until it has
/// returned nothing of it may be shown. Throws std::runtime_error for what is wrong with the record, with what to do,
/// and what `work` throws.
template <typename Work>
std::invoke_result_t<Work, Database&> read_record(const Settings& settings, Work work,
                                                  Freshness freshness = Freshness::current) {
  const auto checked = [&work](Database& db) {
    if (auto good = check_schema(db); !good) throw std::runtime_error(good.error().message);
    return work(db);
  };
  const auto on_server = [&] {
    Database db =
        postgres::open(reading_place_of(settings.store),
                       freshness == Freshness::current ? postgres::Access::read_current : postgres::Access::read);
    db.begin_read();
    return checked(db);
  };
  try {
    if (!settings.store.server) {
      check_readable(settings.database());
      return with_snapshot(settings.database(), sqlite::kReportCacheKib,
                           [&](Snapshot& snapshot) { return checked(snapshot.db()); });
    }
    try {
      return on_server();
    } catch (const StoreError& error) {
      if (!error.busy()) throw;
    }
    return on_server();  // a standby ends what is in the way of its own work
  } catch (const StoreError& error) {
    throw std::runtime_error(explain_unreadable(settings, error));
  }
}

/// Where a standby of a server answers, words for people on how far behind it is; empty where nothing is missing.
std::string answered_as_of(Database& db);

/// match_rules() with the record that the settings name; without one that can be read the rules match nothing.
void match_rules_on_record(Settings& settings);

/// Whether output is coloured, for the whole process: at first by itself.
enum class Colour { by_itself, always, never };
void choose_colour(Colour colour);
/// By itself: on a terminal, unless NO_COLOR is set, or TERM is not or is "dumb".
bool use_colour(bool terminal);
/// Columns of the terminal at standard output: COLUMNS, else what it says itself, else 80.
std::size_t terminal_width();

}  // namespace codedriftd
