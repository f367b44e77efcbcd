#pragma once
/// What an engine has to be able to do. Private to store/db: everybody else uses Database.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "store/db/bulk.h"
#include "store/db/database.h"

namespace codedriftd {

/// One prepared statement. Columns count from 0, parameters from 1. Throws StoreError.
class PreparedStatement {
 public:
  virtual ~PreparedStatement() = default;
  virtual void bind_null(int index) = 0;
  virtual void bind_integer(int index, int64_t value) = 0;
  virtual void bind_text(int index, std::string_view value) = 0;
  virtual void bind_blob(int index, std::string_view value) = 0;
  /// The first one after reset() runs it.
  virtual bool step() = 0;
  virtual bool null(int column) const = 0;
  virtual int64_t integer(int column) const = 0;
  /// Text and blobs. Valid until the next step.
  virtual std::string_view bytes(int column) const = 0;
  /// Forgets rows and parameters.
  virtual void reset() = 0;
};

/// One connection to a database.
class Connection {
 public:
  virtual ~Connection() = default;
  /// `kept`: it is used again and again.
  virtual std::unique_ptr<PreparedStatement> prepare(std::string_view sql, bool kept) = 0;
  /// One that holds some rows of many at a time; nullptr: prepare()'s does.
  virtual std::unique_ptr<PreparedStatement> prepare_stream(std::string_view /*sql*/) { return nullptr; }
  virtual void execute(const std::string& sql) = 0;
  virtual void begin_read() = 0;
  virtual void begin_write() = 0;
  /// Database::begin_write() behind a fence; `db` is whose connection this is. Throws std::logic_error without a fleet.
  virtual void begin_fenced(Database& db, Fence& fence, const Clock& clock);
  virtual void commit() = 0;
  virtual void rollback() noexcept = 0;
  virtual void give_up_when(const std::function<bool()>* over) = 0;  ///< nullptr: never
  virtual int64_t changes() const = 0;                               ///< of the last statement
  virtual int64_t total_changes() const = 0;
  virtual int64_t checkpoint(bool truncate) = 0;
  /// bulk::read() and bulk::write(): row by row, unless an engine has a faster way.
  virtual void read_rows(const std::string& select, const std::vector<bulk::Column>& columns, const bulk::Each& each);
  virtual std::unique_ptr<bulk::Sink> write_rows(const std::string& table, const std::vector<bulk::Column>& columns);
  Engine engine() const { return engine_; }
  const std::string& name() const { return name_; }

 protected:
  Connection(Engine engine, std::string name) : engine_(engine), name_(std::move(name)) {}

 private:
  Engine engine_;
  std::string name_;
};

}  // namespace codedriftd
