#include "store/db/bulk.h"

#include <endian.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "store/db/engine.h"
#include "store/db/postgres.h"

namespace codedriftd {
namespace bulk {
namespace {

Type type_of(std::string_view name, const Database& db, const std::string& table) {
  static constexpr std::pair<std::string_view, Type> kTypes[] = {{"INTEGER", Type::integer}, {"bigint", Type::integer},
                                                                 {"TEXT", Type::text},       {"text", Type::text},
                                                                 {"BLOB", Type::blob},       {"bytea", Type::blob}};
  for (const auto& [word, type] : kTypes) {
    if (word == name) return type;
  }
  throw StoreError(
      StoreError::Kind::other,
      fmt::format("{}: table {} has a column of type {}, which no column of the record has", db.name(), table, name));
}

void put_length(std::string& row, int32_t length) {
  const uint32_t wire = htobe32(static_cast<uint32_t>(length));
  row.append(reinterpret_cast<const char*>(&wire), sizeof wire);
}

/// A prepared INSERT, run for each row.
class Inserts final : public Sink {
 public:
  Inserts(std::unique_ptr<PreparedStatement> insert, const std::vector<Column>& columns)
      : insert_(std::move(insert)), columns_(columns) {}
  void add(std::string_view row) override {
    Fields fields(row);
    int index = 0;
    for (const Column& column : columns_) bind(++index, column.type, fields.next());
    insert_->step();
    insert_->reset();
    ++added_;
  }
  int64_t end() override { return added_; }

 private:
  void bind(int index, Type type, std::optional<std::string_view> field) {
    if (!field) return insert_->bind_null(index);
    if (type == Type::integer) return insert_->bind_integer(index, Fields::number(*field));
    if (type == Type::text) return insert_->bind_text(index, *field);
    insert_->bind_blob(index, *field);
  }
  std::unique_ptr<PreparedStatement> insert_;
  std::vector<Column> columns_;
  int64_t added_ = 0;
};

}  // namespace

std::vector<std::string> tables(Database& db) {
  std::vector<std::string> names;
  auto rows = db.engine() == Engine::sqlite
                  ? db.query("SELECT name FROM sqlite_schema WHERE type = 'table' AND substr(name, 1, 7) != 'sqlite_'")
                  : db.query_once(
                        "SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE "
                        "nspname = ? AND relkind IN ('r', 'p')",
                        postgres::kSchema);
  while (rows.step()) names.push_back(rows.string(0));
  std::ranges::sort(names);
  return names;
}

std::vector<Column> columns(Database& db, const std::string& table) {
  std::vector<Column> all;
  auto rows = db.engine() == Engine::sqlite
                  ? db.query_once("SELECT name, type FROM pragma_table_info(?)", table)
                  : db.query_once(
                        "SELECT attname, CAST(CAST(atttypid AS regtype) AS text) FROM pg_attribute JOIN pg_class c "
                        "ON c.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = ? AND "
                        "relname = ? AND attnum > 0 AND NOT attisdropped",
                        postgres::kSchema, table);
  while (rows.step()) all.push_back({rows.string(0), type_of(rows.text(1), db, table)});
  std::ranges::sort(all, {}, &Column::name);
  return all;
}

void read(Database& db, const std::string& select, const std::vector<Column>& columns, const Each& each) {
  db.connection().read_rows(select, columns, each);
}

std::unique_ptr<Sink> write(Database& db, const std::string& table, const std::vector<Column>& columns) {
  return db.connection().write_rows(table, columns);
}

std::string listed(const std::vector<Column>& columns) {
  std::string list;
  for (const Column& column : columns) list += fmt::format("{}\"{}\"", list.empty() ? "" : ", ", column.name);
  return list;
}

std::optional<std::string_view> Fields::next() {
  uint32_t wire = 0;
  if (left_.size() < sizeof wire) throw std::logic_error("a row has fewer fields than columns");
  std::memcpy(&wire, left_.data(), sizeof wire);
  left_.remove_prefix(sizeof wire);
  const auto length = static_cast<int32_t>(be32toh(wire));
  if (length < 0) return std::nullopt;
  const std::string_view field = left_.substr(0, static_cast<std::size_t>(length));
  left_.remove_prefix(field.size());
  return field;
}

int64_t Fields::number(std::string_view field) {
  uint64_t wire = 0;
  std::memcpy(&wire, field.data(), std::min(field.size(), sizeof wire));
  return static_cast<int64_t>(be64toh(wire));
}

}  // namespace bulk

void Connection::read_rows(const std::string& select, const std::vector<bulk::Column>& columns,
                           const bulk::Each& each) {
  const auto statement = prepare(select, false);
  std::string row;
  while (statement->step()) {
    row.clear();
    int index = -1;
    for (const bulk::Column& column : columns) {
      ++index;
      if (statement->null(index)) {
        bulk::put_length(row, -1);
      } else if (column.type == bulk::Type::integer) {
        const uint64_t wire = htobe64(static_cast<uint64_t>(statement->integer(index)));
        bulk::put_length(row, sizeof wire);
        row.append(reinterpret_cast<const char*>(&wire), sizeof wire);
      } else {
        const std::string_view bytes = statement->bytes(index);
        bulk::put_length(row, static_cast<int32_t>(bytes.size()));
        row += bytes;
      }
    }
    each(row);
  }
}

std::unique_ptr<bulk::Sink> Connection::write_rows(const std::string& table, const std::vector<bulk::Column>& columns) {
  std::string marks;
  for (std::size_t i = 0; i < columns.size(); ++i) marks += i == 0 ? "?" : ", ?";
  return std::make_unique<bulk::Inserts>(
      prepare(fmt::format("INSERT INTO \"{}\" ({}) VALUES ({})", table, bulk::listed(columns), marks), true), columns);
}

}  // namespace codedriftd
