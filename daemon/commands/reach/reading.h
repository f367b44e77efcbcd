#pragma once
/// How commands read the record. Private to commands/.
#include <string>

#include "base/result.h"
#include "store/db/sqlite.h"

namespace codedriftd {

/// A read-only connection to the record at `path`, of this program's schema; or why there is none, and what to do.
/// Throws nothing for what is wrong with the file.
Result<Database> open_record(const std::string& path);
/// What to do about a database that cannot be opened or read.
std::string explain_unreadable(const std::string& path, const SqliteError& error);

/// A read transaction: every row of a report is of the same moment.
class ReadTransaction {
 public:
  explicit ReadTransaction(Database& db) : db_(db) { db_.execute("BEGIN"); }
  ~ReadTransaction();
  ReadTransaction(const ReadTransaction&) = delete;

 private:
  Database& db_;
};

/// Whether output is coloured, for the whole process: at first by itself.
enum class Colour { by_itself, always, never };
void choose_colour(Colour colour);
/// By itself: on a terminal, unless NO_COLOR is set, or TERM is not or is "dumb".
bool use_colour(bool terminal);
/// Columns of the terminal at standard output: COLUMNS, else what it says itself, else 80.
std::size_t terminal_width();

}  // namespace codedriftd
