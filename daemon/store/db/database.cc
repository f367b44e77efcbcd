#include "store/db/database.h"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

#include "store/db/engine.h"
#include "store/db/fence.h"

namespace codedriftd {

std::string_view StoreError::name() const {
  switch (kind_) {
    case Kind::busy:
      return "busy";
    case Kind::full:
    case Kind::full_io:
      return "full";
    case Kind::io:
    case Kind::sync:
      return "io";
    case Kind::readonly:
      return "readonly";
    case Kind::corrupt:
    case Kind::not_a_database:
      return "corrupt";
    case Kind::constraint:
      return "constraint";
    case Kind::memory:
      return "nomem";
    case Kind::unavailable:
    case Kind::in_doubt:
    case Kind::fenced:
    case Kind::rolled_back:
      return "unavailable";
    case Kind::cannot_open:
    case Kind::given_up:
    case Kind::other:
      break;
  }
  return "other";
}

Sql Sql::forever(std::string_view text) {
  char* kept = new char[text.size()];
  text.copy(kept, text.size());
  return {Kept{}, {kept, text.size()}};
}

// ---- Query ------------------------------------------------------------------------------------------------------

struct Query::Cached {
  std::unique_ptr<PreparedStatement> statement;
  bool in_use = false;
};

Query::Query(const Connection& connection, std::string_view sql, Cached& cached)
    : connection_(&connection), sql_(sql), statement_(cached.statement.get()), in_use_(&cached.in_use) {
  cached.in_use = true;
}
Query::Query(const Connection& connection, std::string_view sql, std::unique_ptr<PreparedStatement> own)
    : connection_(&connection), sql_(sql), statement_(own.get()), own_(std::move(own)) {}

Query::Query(Query&& other) noexcept
    : connection_(other.connection_),
      sql_(other.sql_),
      statement_(std::exchange(other.statement_, nullptr)),
      in_use_(other.in_use_),
      own_(std::move(other.own_)) {}

Query::~Query() {
  if (statement_ == nullptr || in_use_ == nullptr) return;
  statement_->reset();
  *in_use_ = false;
}

bool Query::step() { return statement_->step(); }

void Query::bind(int index, std::nullptr_t) { statement_->bind_null(index); }
void Query::bind(int index, int64_t value) { statement_->bind_integer(index, value); }
void Query::bind(int index, std::string_view value) { statement_->bind_text(index, value); }
void Query::bind(int index, Blob value) { statement_->bind_blob(index, value.bytes); }

bool Query::null(int column) const { return statement_->null(column); }
int64_t Query::integer(int column) const { return statement_->integer(column); }
std::string_view Query::text(int column) const { return statement_->bytes(column); }
std::optional<int64_t> Query::optional_integer(int column) const {
  return null(column) ? std::nullopt : std::optional(integer(column));
}
std::optional<WallTime> Query::optional_time(int column) const {
  return null(column) ? std::nullopt : std::optional(time(column));
}
std::optional<std::string> Query::optional_string(int column) const {
  return null(column) ? std::nullopt : std::optional(string(column));
}
std::optional<Sha256> Query::optional_sha256(int column) const {
  if (null(column)) return std::nullopt;
  const std::string_view bytes = text(column);
  auto digest = Sha256::from_bytes({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  if (!digest) damaged(fmt::format("a hash of {} bytes instead of 32", bytes.size()));
  return digest;
}
WallTime Query::time(int column) const {
  constexpr int64_t kYear1 = -62'135'596'800'000;
  constexpr int64_t kEndOfYear9999 = 253'402'300'799'999;
  const int64_t ms = integer(column);
  if (ms < kYear1 || ms > kEndOfYear9999) damaged(fmt::format("a time of {} ms", ms));
  return from_ms(ms);
}
Millis Query::millis(int column) const {
  constexpr int64_t kTenThousandYears = 315'576'000'000'000;
  const int64_t ms = integer(column);
  if (ms < -kTenThousandYears || ms > kTenThousandYears) damaged(fmt::format("a duration of {} ms", ms));
  return Millis{ms};
}
void Query::damaged(std::string_view what) const {
  throw StoreError(StoreError::Kind::corrupt, fmt::format("{}: {} (in: {})", connection_->name(), what, sql_));
}

void Connection::begin_fenced(Database&, Fence&, const Clock&) {
  throw std::logic_error(name_ + ": a record in SQLite has no fleet");
}
Fence::~Fence() = default;

// ---- Database -----------------------------------------------------------------------------------------------------

Database::Database(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
Database::Database(Database&&) noexcept = default;
Database::~Database() {
  cache_.clear();  // statements end before their connection
}

Query Database::prepare(std::string_view sql, bool kept) {
  if (over_ && (*over_)())
    throw StoreError(StoreError::Kind::given_up, fmt::format("{}: given up (before: {})", name(), sql));
  if (!kept) return {*connection_, sql, connection_->prepare(sql, false)};
  std::unique_ptr<Query::Cached>& cached = cache_[sql.data()];
  if (!cached) cached = std::make_unique<Query::Cached>();
  if (!cached->statement) cached->statement = connection_->prepare(sql, true);
  if (!cached->in_use) return {*connection_, sql, *cached};
  return {*connection_, sql, connection_->prepare(sql, false)};  // already running further up: this use gets its own
}

Query Database::prepare_stream(std::string_view sql) {
  std::unique_ptr<PreparedStatement> stream = connection_->prepare_stream(sql);
  if (!stream) return prepare(sql, true);
  return {*connection_, sql, std::move(stream)};
}

Query Database::query_once_list(std::string_view sql, const std::vector<std::string>& args) {
  Query q = prepare(sql, false);
  int index = 0;
  for (const std::string& arg : args) q.bind(++index, arg);
  return q;
}

void Database::give_up_when(std::function<bool()> over) {
  over_ = over ? std::make_unique<std::function<bool()>>(std::move(over)) : nullptr;
  connection_->give_up_when(over_.get());
}

void Database::execute(const std::string& sql) { connection_->execute(sql); }
void Database::begin_read() { connection_->begin_read(); }
void Database::begin_write() { connection_->begin_write(); }
void Database::begin_write(Fence& fence, const Clock& clock) {
  connection_->begin_fenced(*this, fence, clock);
  fence_ = &fence;
}
void Database::commit() {
  Fence* const fence = std::exchange(fence_, nullptr);
  connection_->commit();
  if (fence != nullptr) fence->committed();
}
void Database::rollback() {
  fence_ = nullptr;
  connection_->rollback();
}
int64_t Database::changes() const { return connection_->changes(); }
int64_t Database::total_changes() const { return connection_->total_changes(); }
Engine Database::engine() const { return connection_->engine(); }
const std::string& Database::name() const { return connection_->name(); }
int64_t Database::checkpoint(bool truncate) { return connection_->checkpoint(truncate); }

}  // namespace codedriftd
