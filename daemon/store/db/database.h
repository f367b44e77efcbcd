#pragma once
/// A database behind types, whatever engine is below (sqlite.h, postgres.h): all that other folders need to read or
/// write the record. One SQL text serves every engine (CONTRIBUTING.md says which). Throws StoreError.
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/sha256.h"

namespace codedriftd {

/// What the engine refused, with the database, the statement and the engine's own words and code.
class StoreError : public std::runtime_error {
 public:
  enum class Kind {
    busy,            ///< somebody else holds a lock: the same may work later
    full,            ///< the disk is full: nothing was written
    full_io,         ///< the same, found where it counts as an I/O error
    io,              ///< an I/O error: after a COMMIT nobody knows whether it is durable
    sync,            ///< a flush failed: the kernel may have dropped what it could not write, so no later flush counts
    readonly,        ///< may not be written to
    corrupt,         ///< damaged, or tampered with
    not_a_database,  ///< something else
    cannot_open,     ///< there is none, or none that may be opened
    constraint,      ///< against the schema's rules
    memory,
    given_up,     ///< Database::give_up_when() said so
    unavailable,  ///< the server cannot be reached, or went away: what was not committed is lost
    in_doubt,     ///< a COMMIT was sent and no answer came: it may be durable
    fenced,       ///< this member of a fleet is none any more: nothing was written
    rolled_back,  ///< the server does not have what it had acknowledged
    other,
  };
  StoreError(Kind kind, const std::string& what) : std::runtime_error(what), kind_(kind) {}
  Kind kind() const { return kind_; }
  /// The metrics' word for it: one of kNames.
  std::string_view name() const;
  static constexpr std::array<std::string_view, 9> kNames{"busy",       "full",  "io",          "readonly", "corrupt",
                                                          "constraint", "nomem", "unavailable", "other"};
  bool full() const { return kind_ == Kind::full || kind_ == Kind::full_io; }
  bool busy() const { return kind_ == Kind::busy; }
  /// It may be over soon, and the same works then.
  bool passing() const { return busy() || kind_ == Kind::unavailable; }
  /// Nothing works any more for this member of a fleet.
  bool shut_out() const { return kind_ == Kind::fenced || kind_ == Kind::rolled_back; }
  bool io() const { return kind_ == Kind::io || kind_ == Kind::sync || kind_ == Kind::full_io; }
  bool given_up() const { return kind_ == Kind::given_up; }
  bool sync() const { return kind_ == Kind::sync; }

 private:
  Kind kind_;
};

enum class Engine { sqlite, postgres };

/// Bytes to bind as a BLOB. Does not own them.
struct Blob {
  std::string_view bytes;
};

/// The text of a statement that is kept: a literal, or a static constant. Anything else does not compile, because the
/// statement is kept under the text's address.
class Sql {
 public:
  template <std::size_t N>
  consteval Sql(const char (&literal)[N]) : text_(literal, N - 1) {}  // NOLINT: a literal is one
  consteval Sql(std::string_view constant) : text_(constant) {}       // NOLINT: so is a constexpr view of one
  /// Text put together at run time, kept until the process ends: for a `static const Sql`, made once.
  static Sql forever(std::string_view text);
  constexpr std::string_view text() const { return text_; }

 private:
  struct Kept {};
  constexpr Sql(Kept, std::string_view text) : text_(text) {}
  std::string_view text_;
};

class Connection;
class Database;
class Fence;
class PreparedStatement;

/// One statement being run: bound, stepped, read. Resets itself when it goes out of scope.
///
///   auto rows = db.query("SELECT seq, id FROM event WHERE seq >= ?", from);
///   while (rows.step()) use(rows.integer(0), rows.text(1));
class Query {
 public:
  Query(Query&& other) noexcept;
  Query& operator=(Query&&) = delete;
  ~Query();

  /// True if there is a row to read.
  bool step();

  bool null(int column) const;
  int64_t integer(int column) const;
  bool boolean(int column) const { return integer(column) != 0; }
  /// Valid until the next step. Text and blobs alike; empty for NULL.
  std::string_view text(int column) const;
  std::string string(int column) const { return std::string(text(column)); }
  /// Throws StoreError (corrupt) for a time outside the years 1 to 9999: nothing here stores one.
  WallTime time(int column) const;
  /// Throws StoreError (corrupt) for more than ten thousand years.
  Millis millis(int column) const;
  std::optional<int64_t> optional_integer(int column) const;
  std::optional<WallTime> optional_time(int column) const;
  std::optional<std::string> optional_string(int column) const;
  /// Nullopt for NULL. Throws StoreError (corrupt) for a value that is not 32 bytes long.
  std::optional<Sha256> optional_sha256(int column) const;

 private:
  friend class Database;
  struct Cached;
  Query(const Connection& connection, std::string_view sql, Cached& cached);
  Query(const Connection& connection, std::string_view sql, std::unique_ptr<PreparedStatement> own);
  [[noreturn]] void damaged(std::string_view what) const;

  void bind(int index, std::nullptr_t);
  void bind(int index, int64_t value);
  void bind(int index, std::string_view value);
  void bind(int index, Blob value);
  void bind(int index, int value) { bind(index, static_cast<int64_t>(value)); }
  void bind(int index, unsigned value) { bind(index, static_cast<int64_t>(value)); }
  void bind(int index, bool value) { bind(index, static_cast<int64_t>(value)); }
  void bind(int index, const std::string& value) { bind(index, std::string_view(value)); }
  void bind(int index, const char* value) { bind(index, std::string_view(value)); }
  void bind(int index, WallTime value) { bind(index, to_ms(value)); }
  void bind(int index, Millis value) { bind(index, static_cast<int64_t>(value.count())); }
  void bind(int index, const Sha256& value) {
    bind(index, Blob{{reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size()}});
  }
  template <typename T>
  void bind(int index, const std::optional<T>& value) {
    if (value) {
      bind(index, *value);
    } else {
      bind(index, nullptr);
    }
  }

  const Connection* connection_;
  std::string_view sql_;
  PreparedStatement* statement_;            ///< nullptr: moved from
  bool* in_use_ = nullptr;                  ///< the cache's mark that this statement is taken; nullptr: it is own_
  std::unique_ptr<PreparedStatement> own_;  ///< prepared for this use alone
};

/// One connection. Used by one thread at a time; keeps prepared statements by their text.
class Database {
 public:
  /// Made by an engine: sqlite::open_writer() and its like, postgres::open().
  explicit Database(std::unique_ptr<Connection> connection);
  Database(Database&&) noexcept;
  Database& operator=(Database&&) = delete;
  ~Database();

  /// Binds `args` in order to `?`. The statement is kept under the address of `sql`.
  template <typename... Args>
  Query query(Sql sql, const Args&... args) {
    Query q = prepare(sql.text(), true);
    int index = 0;
    (q.bind(++index, args), ...);
    return q;
  }
  /// The same for what may have very many rows, or is left before its end: they come some hundred at a time, where
  /// else all would be read at the first step. On a server that takes a round trip for each time, and what there is to
  /// hold stays until the transaction is over; without one it is query().
  template <typename... Args>
  Query stream(Sql sql, const Args&... args) {
    Query q = prepare_stream(sql.text());
    int index = 0;
    (q.bind(++index, args), ...);
    return q;
  }
  /// query() for text made at run time: prepared for this one use.
  template <typename... Args>
  Query query_once(std::string_view sql, const Args&... args) {
    Query q = prepare(sql, false);
    int index = 0;
    (q.bind(++index, args), ...);
    return q;
  }
  /// The same with a list of text arguments.
  Query query_once_list(std::string_view sql, const std::vector<std::string>& args);

  /// Runs a statement that returns no rows; how many rows it changed.
  template <typename... Args>
  int64_t run(Sql sql, const Args&... args) {
    query(sql, args...).step();
    return changes();
  }
  /// Runs text with any number of statements, without arguments.
  void execute(const std::string& sql);

  /// What is read until commit() is of one moment.
  void begin_read();
  /// SQLite: nobody else writes until commit(). On a server others may; rows that were locked or changed here wait for
  /// it.
  void begin_write();
  /// The same for a member of a fleet, behind its fence, in one round trip; `clock` says when that began. Until
  /// commit() or rollback() the fence hears what becomes of it. Throws StoreError; with the kind `fenced` where it did
  /// not pass. REQUIRES: an engine that can have a fleet.
  void begin_write(Fence& fence, const Clock& clock);
  /// What it returned from is durable. Throws StoreError: see its kinds for what may be.
  void commit();
  /// Never throws. Without a transaction, or with one that the engine has given up already, it does nothing.
  void rollback();

  /// From now on `over` is asked before each statement and all the while one runs (not for execute(), unless it takes
  /// long): once it says yes, that is the end of it, with a StoreError that is given_up(). It must be quick, and must
  /// not use this connection. Empty: nobody is asked any more.
  void give_up_when(std::function<bool()> over);

  int64_t total_changes() const;  ///< rows changed by this connection so far
  Engine engine() const;
  /// For people: a file, or a server and its database. Holds no password.
  const std::string& name() const;
  /// Moves what only the log holds into the database itself, where an engine leaves that to its user. Never waits for a
  /// reader: what one still needs stays for the next time. With `truncate` the log gets short. Frames that it had.
  int64_t checkpoint(bool truncate);

  /// For what one engine alone has, in that engine's own functions.
  Connection& connection() { return *connection_; }

 private:
  Query prepare(std::string_view sql, bool kept);
  Query prepare_stream(std::string_view sql);
  int64_t changes() const;

  std::unique_ptr<std::function<bool()>> over_;  ///< the connection has its address
  std::unique_ptr<Connection> connection_;
  Fence* fence_ = nullptr;  ///< of the transaction that is open
  /// By the address of the text: no hash over long statements.
  std::unordered_map<const char*, std::unique_ptr<Query::Cached>> cache_;
};

}  // namespace codedriftd
