#pragma once
/// A whole record from one engine to the other: every row of every table, held against what it was read as.
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "store/db/database.h"

namespace codedriftd::move {

/// The record is not moved, and why: it is damaged, or differs where it arrived. Names table or event.
class Refused : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What was moved and verified.
struct Moved {
  int tables = 0;
  int64_t rows = 0;
  int64_t events = 0;  ///< from 0 to events - 1
};

/// What stands in a record that is to be empty, in words such as "rows in table event: 12"; empty: nothing. Of any
/// schema.
std::string contents(Database& db);

/// Every row of `from`'s record into `to`'s, and then, of what is stored in `to`: as many rows of each table, the same
/// digest over them in the order of their keys, and events without a gap from 0 on, whose leaf hash is that of their
/// body, in `from` as in `to`. Throws Refused, and StoreError.
///
/// What belongs to an engine stays with it: `migration`, `lease`. What changes on the way:
///   daemon_run  who ended without a word is fenced on a server, by itself, so that no member finds it dead once more;
///               in a file, where nobody is, it is so again. Whoever wakes up as an old member does not pass the fence
///   package     on a server none is kept whole
///
/// REQUIRES: one in a file, one on a server, both of this program's schema; `to` has nothing in it; a transaction is
/// open on each, in which `from` is of one moment; a file to move to is loaded quickly (sqlite::load_quickly), and is
/// looked through before the commit (sqlite::check_whole).
Moved copy_record(Database& from, Database& to);

}  // namespace codedriftd::move
