#include "store/move/move.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <vector>

#include "base/sha256.h"
#include "base/text.h"
#include "model/event.h"
#include "store/db/bulk.h"
#include "store/db/postgres.h"

namespace codedriftd::move {
namespace {

/// In an order in which what a row names comes before it; of target and run, which name each other, the server looks at
/// the end of the transaction. And the key that its rows are compared by.
struct Table {
  std::string_view name, key;
};
constexpr Table kTables[] = {
    {"fact", "name"},
    {"daemon_run", "id"},
    {"fleet_config", "generation"},
    {"target", "id"},
    {"run", "id"},
    {"baseline", "id"},
    {"watch_period", "id"},
    {"account_state", "account, region"},
    {"event", "seq"},
    {"destination", "name"},
    {"outbox", "id"},
    {"attempt", "outbox, n"},
    {"suspension", "target"},
    {"flapping", "destination, target"},
    {"earlier_address", "target, address"},
    {"package", "sha256"},
    {"package_file", "id"},
    {"attestation", "sha256"},
    {"attested", "target, attestation"},
    {"value_text", "sha256"},
    {"inventory", "id"},
    {"inventory_state", "function, from_ms"},
    {"listing", "id"},
    {"discovery", "account, region"},
    {"discovery_told", "account, region, kind, function_id"},
    {"attribution", "event_seq"},
    {"change_record", "attribution, number"},
};
/// Each engine's own; and what members of a fleet have for each other, which they make anew.
constexpr std::string_view kStays[] = {"lane", "lease", "migration", "poll_request"};

bool stays(std::string_view table) { return std::ranges::find(kStays, table) != std::end(kStays); }
bool on_server(const Database& db) { return db.engine() == Engine::postgres; }

/// Both have exactly the tables that are moved, and those that stay.
void check_tables(Database& db) {
  std::vector<std::string> expected(std::begin(kStays), std::end(kStays));
  for (const Table& table : kTables) expected.emplace_back(table.name);
  std::ranges::sort(expected);
  const std::vector<std::string> found = bulk::tables(db);
  std::vector<std::string> strange, missing;
  std::ranges::set_difference(found, expected, std::back_inserter(strange));
  std::ranges::set_difference(expected, found, std::back_inserter(missing));
  if (!strange.empty())
    throw Refused(
        fmt::format("{}: has tables that are none of the record's and would not be moved: {}; move them "
                    "elsewhere first",
                    db.name(), fmt::join(strange, ", ")));
  if (!missing.empty())
    throw Refused(fmt::format("{}: has no table {}; restore a copy", db.name(), fmt::join(missing, ", ")));
}

std::vector<bulk::Column> columns_of_both(Database& from, Database& to, const std::string& table) {
  std::vector<bulk::Column> columns = bulk::columns(from, table);
  if (columns != bulk::columns(to, table))
    throw Refused(fmt::format("table {} has other columns in {} than in {}", table, from.name(), to.name()));
  return columns;
}

/// What a column becomes on the way from a file to a server, or back; empty: it stays as it is.
std::string_view changed(std::string_view table, std::string_view column, bool to_server) {
  if (table == "package" && column == "kept" && to_server) return "0";
  if (table != "daemon_run" || column != "fenced_by") return {};
  return to_server ? "CASE WHEN stopped_at_ms IS NULL AND fenced_by IS NULL THEN id ELSE fenced_by END"
                   : "CASE WHEN host = '' AND fenced_by = id THEN NULL WHEN host != '' AND stopped_at_ms IS NULL AND "
                     "fenced_by IS NULL THEN id ELSE fenced_by END";
}

std::string select_all(const Table& table, const std::vector<bulk::Column>& columns, bool as_moved, bool to_server) {
  std::string list;
  for (const bulk::Column& column : columns) {
    const std::string_view instead = as_moved ? changed(table.name, column.name, to_server) : "";
    list += list.empty() ? "" : ", ";
    list += instead.empty() ? fmt::format("\"{}\"", column.name) : fmt::format("{} AS \"{}\"", instead, column.name);
  }
  return fmt::format("SELECT {} FROM \"{}\" ORDER BY {}", list, table.name, table.key);
}

/// Events as they come, in order: their numbers, and their leaves.
class LogCheck {
 public:
  LogCheck(const Database& db, const std::vector<bulk::Column>& columns) : db_(db), columns_(columns) {}
  void see(std::string_view row) {
    std::string_view body, leaf;
    int64_t seq = -1;
    bulk::Fields fields(row);
    for (const bulk::Column& column : columns_) {
      const std::string_view field = fields.next().value_or("");
      if (column.name == "seq") seq = bulk::Fields::number(field);
      if (column.name == "body") body = field;
      if (column.name == "leaf_hash") leaf = field;
    }
    if (seq != next_)
      throw Refused(seq == next_ + 1
                        ? fmt::format("{}: event {} is missing; restore a copy", db_.name(), next_)
                        : fmt::format("{}: events {} to {} are missing; restore a copy", db_.name(), next_, seq - 1));
    ++next_;
    const Sha256 computed = leaf_hash(body);
    if (leaf != std::string_view(reinterpret_cast<const char*>(computed.bytes.data()), computed.bytes.size()))
      throw Refused(
          fmt::format("{}: event {} is not what was recorded: its body has another leaf hash ({}) than is "
                      "stored; `codedriftd query events` says more; restore a copy",
                      db_.name(), seq, computed.hex()));
  }
  int64_t events() const { return next_; }

 private:
  const Database& db_;
  const std::vector<bulk::Column>& columns_;
  int64_t next_ = 0;
};

/// What is said of a table's rows, once they were all read.
struct Seen {
  int64_t rows = 0;
  Sha256 digest;
  int64_t events = 0;
};

Seen read_table(Database& db, const Table& table, const std::vector<bulk::Column>& columns, const std::string& select,
                const bulk::Each& each = {}) {
  Seen seen;
  Sha256Stream digest;
  LogCheck log(db, columns);
  const bool events = table.name == "event";
  bulk::read(db, select, columns, [&](std::string_view row) {
    if (events) log.see(row);
    digest.add(row);
    ++seen.rows;
    if (each) each(row);
  });
  seen.digest = digest.digest();
  seen.events = log.events();
  return seen;
}

/// PostgreSQL has no text that is not UTF-8 or has a U+0000, and says so of its own form of the row.
void check_text(const Database& db, const Table& table, const std::vector<bulk::Column>& columns,
                std::string_view row) {
  bulk::Fields fields(row);
  for (const bulk::Column& column : columns) {
    const auto field = fields.next();
    if (!field || column.type != bulk::Type::text) continue;
    if (field->find('\0') != std::string_view::npos || !valid_utf8(*field))
      throw Refused(
          fmt::format("{}: column {} of table {} has a text that no server can hold (with U+0000, or not "
                      "UTF-8): \"{}\"",
                      db.name(), column.name, table.name, harmless(utf8_prefix(*field, 100))));
  }
}

Seen copy_table(Database& from, Database& to, const Table& table, const std::vector<bulk::Column>& columns) {
  const bool to_server = on_server(to);
  const auto sink = bulk::write(to, std::string(table.name), columns);
  const Seen seen =
      read_table(from, table, columns, select_all(table, columns, true, to_server), [&](std::string_view row) {
        if (to_server) check_text(from, table, columns, row);
        sink->add(row);
      });
  if (const int64_t added = sink->end(); added != seen.rows)
    throw Refused(fmt::format("{}: took {} of the {} rows of table {}", to.name(), added, seen.rows, table.name));
  return seen;
}

void verify_table(Database& to, const Table& table, const std::vector<bulk::Column>& columns, const Seen& expected) {
  const Seen found = read_table(to, table, columns, select_all(table, columns, false, false));
  if (found.rows != expected.rows)
    throw Refused(
        fmt::format("{}: has {} rows in table {} instead of {}", to.name(), found.rows, table.name, expected.rows));
  if (found.digest != expected.digest)
    throw Refused(fmt::format("{}: the rows of table {} are not those that were moved", to.name(), table.name));
}

/// Ids that are given from now on follow those that are there.
void set_identities(Database& to) {
  std::vector<std::pair<std::string, std::string>> identities;
  {
    auto rows = to.query_once(
        "SELECT relname, attname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = "
        "relnamespace WHERE nspname = ? AND attidentity != ''",
        postgres::kSchema);
    while (rows.step()) identities.emplace_back(rows.string(0), rows.string(1));
  }
  for (const auto& [table, column] : identities)
    to.execute(
        fmt::format("SELECT setval(pg_get_serial_sequence('{0}.{1}', '{2}'), max({2})) FROM {1} HAVING max({2}) "
                    "IS NOT NULL",
                    postgres::kSchema, table, column));
}

}  // namespace

std::string contents(Database& db) {
  for (const std::string& table : bulk::tables(db)) {
    if (stays(table)) continue;
    auto row = db.query_once(fmt::format("SELECT count(*) FROM \"{}\"", table));
    if (row.step() && row.integer(0) > 0) return fmt::format("rows in table {}: {}", table, row.integer(0));
  }
  return {};
}

Moved copy_record(Database& from, Database& to) {
  check_tables(from);
  check_tables(to);
  struct Copied {
    const Table* table;
    std::vector<bulk::Column> columns;
    Seen seen;
  };
  std::vector<Copied> all;
  for (const Table& table : kTables) {
    std::vector<bulk::Column> columns = columns_of_both(from, to, std::string(table.name));
    const Seen seen = copy_table(from, to, table, columns);
    all.push_back({&table, std::move(columns), seen});
  }
  if (on_server(to)) {
    to.execute("SET CONSTRAINTS ALL IMMEDIATE");
    for (const Table& table : kTables) to.execute(fmt::format("ANALYZE \"{}\"", table.name));
  }
  Moved moved;
  for (const Copied& copied : all) {
    verify_table(to, *copied.table, copied.columns, copied.seen);
    ++moved.tables;
    moved.rows += copied.seen.rows;
    moved.events += copied.seen.events;
  }
  if (on_server(to)) set_identities(to);
  return moved;
}

}  // namespace codedriftd::move
