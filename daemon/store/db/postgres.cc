#include "store/db/postgres.h"

#include <endian.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstring>
#include <utility>

#include "store/db/engine.h"
#include "store/db/fence.h"
#include "store/db/postgres_session.h"

namespace codedriftd::postgres {
namespace {

using Kind = StoreError::Kind;

class PostgresConnection final : public Connection {
 public:
  PostgresConnection(Place place, Access access)
      : Connection(Engine::postgres, place.name()), session_(std::move(place), access) {
    session_.connect();
  }

  std::unique_ptr<PreparedStatement> prepare(std::string_view sql, bool kept) override;
  std::unique_ptr<PreparedStatement> prepare_stream(std::string_view sql) override;
  void execute(const std::string& sql) override {
    need_session(sql);
    count(*session_.run_script(sql));
  }
  void begin_read() override { begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"); }
  void begin_write() override { begin(kBeginWrite); }
  void begin_fenced(Database& db, Fence& fence, const Clock& clock) override {
    on_live_session(kBeginWrite, [&] { begin_behind(fence, db, clock); });
  }
  void commit() override {
    need_session("COMMIT");
    open_ = false;
    session_.commit();
  }
  void rollback() noexcept override {
    if (!std::exchange(open_, false) || !session_.connected()) return;
    try {
      session_.run_script("ROLLBACK");
    } catch (const std::exception&) {
      session_.close();  // which rolls back, too
    }
  }
  void give_up_when(const std::function<bool()>* over) override { session_.give_up_when(over); }
  int64_t changes() const override { return changes_; }
  int64_t total_changes() const override { return total_; }
  int64_t checkpoint(bool) override { return 0; }  // the server does its own
  void read_rows(const std::string& select, const std::vector<bulk::Column>& columns, const bulk::Each& each) override;
  std::unique_ptr<bulk::Sink> write_rows(const std::string& table, const std::vector<bulk::Column>& columns) override;

  /// Connects anew after a loss, but not within a transaction: what it did is gone.
  void need_session(std::string_view sql) {
    if (session_.connected()) return;
    if (open_)
      throw StoreError(Kind::unavailable, fmt::format("{}: the connection was lost within a transaction (before: {})",
                                                      name(), sql.substr(0, 200)));
    session_.connect();
  }
  Session& session() { return session_; }
  void count(const PGresult& result) {
    auto* asked = const_cast<PGresult*>(&result);  // libpq's functions change nothing
    changes_ = 0;
    const std::string_view command = PQcmdStatus(asked), rows = PQcmdTuples(asked);
    if (command.starts_with("SELECT") || command.starts_with("FETCH")) return;
    std::from_chars(rows.data(), rows.data() + rows.size(), changes_);
    total_ += changes_;
  }
  std::string next_statement() { return fmt::format("s{}", ++statements_); }
  bool in_transaction() const { return open_; }

 private:
  static constexpr const char* kBeginWrite = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";

  void begin(const char* sql) {
    on_live_session(sql, [&] { session_.run_script(sql); });
    open_ = true;
  }
  void on_live_session(std::string_view sql, const std::function<void()>& begin_it) {
    const bool used_before = session_.connected();
    need_session(sql);
    try {
      begin_it();
    } catch (const StoreError& error) {
      // It may have been lost since it was last used, and nothing has been done on it.
      if (!used_before || error.kind() != Kind::unavailable) throw;
      session_.connect();
      begin_it();
    }
  }
  void begin_behind(Fence& fence, Database& db, const Clock& clock) {
    if (fenced_session_ != session_.number()) {
      fence.connected(db);
      fenced_session_ = session_.number();
    }
    const std::string sql = fmt::format("{}; {}", kBeginWrite, fence.statement());
    const MonoTime sent = clock.mono();
    open_ = true;
    ResultPtr answer;
    try {
      answer = session_.run_script(sql);
    } catch (const StoreError&) {
      rollback();
      throw;
    }
    if (PQntuples(answer.get()) != 1) {
      rollback();
      fence.refused(db);
    }
    const std::string_view digits = PQgetvalue(answer.get(), 0, 0);
    int64_t number = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), number);
    fence.passed(number, sent);
  }

  Session session_;
  int64_t fenced_session_ = 0;  ///< the last one that a fence has seen
  bool open_ = false;           ///< a transaction
  int64_t changes_ = 0, total_ = 0, statements_ = 0;
};

class PostgresStatement : public PreparedStatement {
 public:
  PostgresStatement(PostgresConnection& connection, std::string_view sql, bool kept)
      : connection_(connection), sql_(numbered_parameters(sql)), kept_(kept) {}

  void bind_null(int index) override { at(index) = {0, true, ""}; }
  void bind_integer(int index, int64_t value) override {
    const uint64_t wire = htobe64(static_cast<uint64_t>(value));
    bind(index, kInt8, {reinterpret_cast<const char*>(&wire), sizeof wire});
  }
  void bind_text(int index, std::string_view value) override { bind(index, kText, value); }
  void bind_blob(int index, std::string_view value) override { bind(index, kBytea, value); }

  bool step() override {
    if (!result_) {
      result_ = run();
      row_ = -1;
    }
    if (++row_ < PQntuples(result_.get())) return true;
    ResultPtr next = more(PQntuples(result_.get()));
    if (!next) return false;
    result_ = std::move(next);
    row_ = 0;
    return PQntuples(result_.get()) > 0;
  }
  bool null(int column) const override { return PQgetisnull(result_.get(), row_, column) == 1; }
  int64_t integer(int column) const override;
  std::string_view bytes(int column) const override;
  void reset() override {
    result_.reset();
    parameters_.clear();
  }

 protected:
  virtual ResultPtr run();
  /// The rows after the `read` ones; nullptr: that was all.
  virtual ResultPtr more(int /*read*/) { return nullptr; }
  const std::string& sql() const { return sql_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }
  PostgresConnection& connection() { return connection_; }

 private:
  void bind(int index, Oid type, std::string_view bytes) { at(index) = {type, false, std::string(bytes)}; }
  Parameter& at(int index) {
    if (static_cast<std::size_t>(index) > parameters_.size()) parameters_.resize(static_cast<std::size_t>(index));
    return parameters_[static_cast<std::size_t>(index - 1)];
  }
  std::string_view raw(int column) const {
    return {PQgetvalue(result_.get(), row_, column),
            static_cast<std::size_t>(PQgetlength(result_.get(), row_, column))};
  }
  [[noreturn]] void no_such_type(int column) const {
    throw StoreError(Kind::other, fmt::format("{}: column {} has type {}, which is read nowhere (in: {})",
                                              connection_.name(), column, PQftype(result_.get(), column), sql_));
  }

  PostgresConnection& connection_;
  std::string sql_;
  bool kept_;
  std::vector<Parameter> parameters_;
  std::vector<Oid> types_;  ///< of each parameter, as it was bound last; 0: only NULL so far
  /// What was prepared, for which types of parameters, on which of the session's connections.
  struct Prepared {
    std::vector<Oid> types;
    std::string name;
    int64_t session;
  };
  std::vector<Prepared> prepared_;
  ResultPtr result_;
  int row_ = -1;
};

ResultPtr PostgresStatement::run() {
  connection_.need_session(sql_);
  Session& session = connection_.session();
  ResultPtr result;
  if (!kept_) {
    result = session.run(sql_, parameters_);
  } else {
    // A NULL has the type that its parameter had before, so that not each set of them is prepared by itself.
    types_.resize(std::max(types_.size(), parameters_.size()));
    std::vector<Oid> types;
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      if (parameters_[i].type != 0) types_[i] = parameters_[i].type;
      parameters_[i].type = types_[i];
      types.push_back(types_[i]);
    }
    std::erase_if(prepared_, [&](const Prepared& each) { return each.session != session.number(); });
    const Prepared* found = nullptr;
    for (const Prepared& each : prepared_) {
      if (each.types == types) found = &each;
    }
    if (found == nullptr) {
      const std::string name = connection_.next_statement();
      session.prepare(name, sql_, parameters_);
      found = &prepared_.emplace_back(Prepared{std::move(types), name, session.number()});
    }
    result = session.run_prepared(found->name, sql_, parameters_);
  }
  connection_.count(*result);
  return result;
}

int64_t PostgresStatement::integer(int column) const {
  if (null(column)) return 0;
  const std::string_view wire = raw(column);
  switch (PQftype(result_.get(), column)) {
    case kInt8: {
      uint64_t value = 0;
      std::memcpy(&value, wire.data(), sizeof value);
      return static_cast<int64_t>(be64toh(value));
    }
    case kInt4: {
      uint32_t value = 0;
      std::memcpy(&value, wire.data(), sizeof value);
      return static_cast<int32_t>(be32toh(value));
    }
    case kInt2: {
      uint16_t value = 0;
      std::memcpy(&value, wire.data(), sizeof value);
      return static_cast<int16_t>(be16toh(value));
    }
    case kBool:
      return wire[0] != 0 ? 1 : 0;
    default:
      no_such_type(column);
  }
}

std::string_view PostgresStatement::bytes(int column) const {
  if (null(column)) return {};
  switch (PQftype(result_.get(), column)) {
    case kText:
    case kVarchar:
    case kBpchar:
    case kName:
    case kUnknown:
    case kBytea:
      return raw(column);
    default:
      no_such_type(column);
  }
}

// ---- COPY in its binary format: a header, rows as bulk.h has them behind the number of their fields, and -1 ---------

constexpr std::string_view kCopyHeader{"PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19};
constexpr std::string_view kCopyEnd{"\377\377", 2};

/// Finds the rows in what comes in pieces of any length.
class CopyReader {
 public:
  CopyReader(std::size_t columns, const bulk::Each& each) : columns_(columns), each_(each) {}
  void add(std::string_view piece) {
    pending_ += piece;
    std::string_view left = pending_;
    if (!begun_) {
      if (left.size() < kCopyHeader.size()) return;
      left.remove_prefix(kCopyHeader.size());
      begun_ = true;
    }
    while (!left.starts_with(kCopyEnd)) {
      const std::size_t size = row_size(left);
      if (size == 0) break;
      each_(left.substr(sizeof(uint16_t), size - sizeof(uint16_t)));
      left.remove_prefix(size);
    }
    pending_.erase(0, pending_.size() - left.size());
  }

 private:
  /// 0: not all of it is here.
  std::size_t row_size(std::string_view left) const {
    std::size_t size = sizeof(uint16_t);
    for (std::size_t i = 0; i < columns_; ++i) {
      uint32_t wire = 0;
      if (left.size() < size + sizeof wire) return 0;
      std::memcpy(&wire, left.data() + size, sizeof wire);
      const auto length = static_cast<int32_t>(be32toh(wire));
      size += sizeof wire + static_cast<std::size_t>(std::max(length, 0));
    }
    return left.size() < size ? 0 : size;
  }
  std::size_t columns_;
  const bulk::Each& each_;
  std::string pending_;
  bool begun_ = false;
};

class CopyIn final : public bulk::Sink {
 public:
  CopyIn(PostgresConnection& connection, const std::string& table, const std::vector<bulk::Column>& columns)
      : connection_(connection),
        sql_(fmt::format("COPY \"{}\" ({}) FROM STDIN (FORMAT binary)", table, bulk::listed(columns))) {
    const uint16_t fields = htobe16(static_cast<uint16_t>(columns.size()));
    fields_.assign(reinterpret_cast<const char*>(&fields), sizeof fields);
    connection_.need_session(sql_);
    connection_.session().begin_copy_in(sql_);
    waiting_ = kCopyHeader;
  }
  void add(std::string_view row) override {
    constexpr std::size_t kPiece = 64 * 1024;
    waiting_ += fields_;
    waiting_ += row;
    if (waiting_.size() >= kPiece) send();
  }
  int64_t end() override {
    waiting_ += kCopyEnd;
    send();
    connection_.count(*connection_.session().end_copy_in(sql_));
    return connection_.changes();
  }

 private:
  void send() {
    connection_.session().send_copy(waiting_, sql_);
    waiting_.clear();
  }
  PostgresConnection& connection_;
  std::string sql_, fields_, waiting_;
};

void PostgresConnection::read_rows(const std::string& select, const std::vector<bulk::Column>& columns,
                                   const bulk::Each& each) {
  const std::string sql = fmt::format("COPY ({}) TO STDOUT (FORMAT binary)", select);
  need_session(sql);
  CopyReader rows(columns.size(), each);
  session_.copy_out(sql, [&](std::string_view piece) { rows.add(piece); });
}

std::unique_ptr<bulk::Sink> PostgresConnection::write_rows(const std::string& table,
                                                           const std::vector<bulk::Column>& columns) {
  return std::make_unique<CopyIn>(*this, table, columns);
}

/// By a cursor, which ends with the transaction; other statements may run between its steps.
class PostgresStream final : public PostgresStatement {
 public:
  PostgresStream(PostgresConnection& connection, std::string_view sql) : PostgresStatement(connection, sql, false) {}

 private:
  static constexpr int kAtOnce = 500;

  ResultPtr run() override {
    if (!connection().in_transaction()) return PostgresStatement::run();
    connection().need_session(sql());
    cursor_ = connection().next_statement();
    connection().session().run(fmt::format("DECLARE {} NO SCROLL CURSOR FOR {}", cursor_, sql()), parameters());
    return fetch();
  }
  ResultPtr more(int read) override { return cursor_.empty() || read < kAtOnce ? nullptr : fetch(); }
  ResultPtr fetch() {
    connection().need_session(sql());
    return connection().session().run(fmt::format("FETCH {} FROM {}", kAtOnce, cursor_), {});
  }

  std::string cursor_;  ///< empty: there is none, all rows are there
};

std::unique_ptr<PreparedStatement> PostgresConnection::prepare(std::string_view sql, bool kept) {
  return std::make_unique<PostgresStatement>(*this, sql, kept);
}

std::unique_ptr<PreparedStatement> PostgresConnection::prepare_stream(std::string_view sql) {
  return std::make_unique<PostgresStream>(*this, sql);
}

}  // namespace

Database open(const Place& place, Access access) {
  return Database(std::make_unique<PostgresConnection>(place.clone(), access));
}

std::string numbered_parameters(std::string_view sql) {
  std::string text;
  int last = 0;
  for (std::size_t i = 0; i < sql.size();) {
    const char c = sql[i];
    std::size_t end = i + 1;
    if (c == '\'' || c == '"') {
      end = sql.find(c, i + 1);  // a doubled quote is the end of one and the beginning of another
      end = end == std::string_view::npos ? sql.size() : end + 1;
    } else if (sql.substr(i, 2) == "--") {
      end = std::min(sql.find('\n', i), sql.size());
    } else if (c == '?') {
      int number = 0;
      if (end < sql.size() && std::isdigit(static_cast<unsigned char>(sql[end])) != 0) {
        end = static_cast<std::size_t>(std::from_chars(sql.data() + end, sql.data() + sql.size(), number).ptr -
                                       sql.data());
      } else {
        number = last + 1;
      }
      last = std::max(last, number);
      text += fmt::format("${}", number);
      i = end;
      continue;
    }
    text += sql.substr(i, end - i);
    i = end;
  }
  return text;
}

}  // namespace codedriftd::postgres
