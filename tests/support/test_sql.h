#pragma once
/// What tests ask of a record, and do to it, in the words of its engine where it has words of its own.
#include <string>
#include <string_view>

#include "base/json.h"
#include "store/db/database.h"

namespace codedriftd::test {

/// The first column of all rows, texts, with a blank between.
template <typename... Args>
std::string joined(Database& db, std::string_view sql, const Args&... args) {
  std::string all;
  auto rows = db.query_once(sql, args...);
  for (bool first = true; rows.step(); first = false) {
    if (!first) all += ' ';
    all += rows.text(0);
  }
  return all;
}

/// The body of the first event of those that follow "FROM event": "WHERE kind = 'x'", "ORDER BY seq DESC". Throws
/// std::out_of_range if there is none.
Json event_body(Database& db, const std::string& which);
inline Json event_data(Database& db, const std::string& which) { return event_body(db, which).at("data"); }

/// From now on `db` may write what the schema's CHECKs refuse; in PostgreSQL so may everybody.
void allow_damage(Database& db);
/// Takes away what keeps events from being changed and deleted.
void unlock_events(Database& db);

/// From now on writes of this sort are refused with the word "simulated": "INSERT ON event", "UPDATE OF live ON
/// target". One sort at a time. With `when` only those of rows for which it holds.
void refuse_writes(Database& db, const std::string& sort, const std::string& when = "");
/// No more, for the table that it was.
void allow_writes(Database& db, const std::string& table);

/// A transaction of `db` that keeps everybody else from writing, until rollback().
void lock_out_writers(Database& db);

/// Many transactions, and no crash to survive.
void hurry(Database& db);

}  // namespace codedriftd::test
