#pragma once
/// Whole tables in and out of a database, row by row: no more of one is in memory than a few rows, whatever the engine.
///
/// A row is bytes: of each column its length (4 bytes, big-endian; -1: NULL) and then as many. A number is 8 bytes,
/// big-endian; texts and blobs are as they are stored. So equal rows are equal bytes, whichever engine they are from.
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/db/database.h"

namespace codedriftd::bulk {

enum class Type { integer, text, blob };
struct Column {
  std::string name;
  Type type = Type::text;
  friend bool operator==(const Column&, const Column&) = default;
};

/// The tables of the schema that holds the record, by name; not what an engine keeps for itself. Throws StoreError.
std::vector<std::string> tables(Database& db);
/// Those of one table, by name. Throws StoreError, with the kind `other` for a type that is none of ours.
std::vector<Column> columns(Database& db, const std::string& table);

/// Valid during the call.
using Each = std::function<void(std::string_view row)>;
/// What `select` (without parameters) gives, in its order; `columns` are its types. What `each` throws passes through:
/// then the transaction can only be rolled back. Throws StoreError.
void read(Database& db, const std::string& select, const std::vector<Column>& columns, const Each& each);

/// Rows on their way into a table. One at a time on a connection, which does nothing else meanwhile. What was added is
/// there once end() returned; without it, the transaction can only be rolled back.
class Sink {
 public:
  virtual ~Sink() = default;
  /// Throws StoreError, here or later in end().
  virtual void add(std::string_view row) = 0;
  /// How many the database took.
  virtual int64_t end() = 0;
};
/// REQUIRES: a transaction; `columns` are of this table.
std::unique_ptr<Sink> write(Database& db, const std::string& table, const std::vector<Column>& columns);

/// "a", "b": names as they stand in a statement.
std::string listed(const std::vector<Column>& columns);

/// The fields of one row, one after the other.
class Fields {
 public:
  explicit Fields(std::string_view row) : left_(row) {}
  /// Nullopt: NULL.
  std::optional<std::string_view> next();
  static int64_t number(std::string_view field);

 private:
  std::string_view left_;
};

}  // namespace codedriftd::bulk
