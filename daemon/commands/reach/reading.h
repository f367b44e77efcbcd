#pragma once
/// How commands read the record. Private to commands/.
#include <stdexcept>
#include <string>
#include <type_traits>

#include "settings/settings.h"
#include "store/db/migrate.h"
#include "store/db/snapshot.h"
#include "store/db/sqlite.h"

namespace codedriftd {

/// Throws std::runtime_error if the record at `path` cannot be read as far as the file system tells, with what to do.
void check_readable(const std::string& path);
/// What to do about a database that cannot be opened or read.
std::string explain_unreadable(const std::string& path, const StoreError& error);

/// Calls `work(Database&)` on the record at `path`, of this program's schema, as it was at one moment, and returns what
/// it returns. It may be called again if the record was disturbed (store/db/snapshot.h), so until it has returned
/// nothing of it may be shown. Throws std::runtime_error for what is wrong with the record, with what to do, and what
/// `work` throws.
template <typename Work>
std::invoke_result_t<Work, Database&> read_record(const std::string& path, Work work) {
  check_readable(path);
  try {
    return with_snapshot(path, sqlite::kReportCacheKib, [&](Snapshot& snapshot) {
      if (auto good = check_schema(snapshot.db()); !good) throw std::runtime_error(good.error().message);
      return work(snapshot.db());
    });
  } catch (const StoreError& error) {
    throw std::runtime_error(explain_unreadable(path, error));
  }
}

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
