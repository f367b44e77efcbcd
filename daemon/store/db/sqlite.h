#pragma once
/// SQLite behind types: the only header that other folders need to read or write the database. Throws SqliteError.
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/sha256.h"

struct sqlite3;
struct sqlite3_stmt;

namespace codedriftd {

/// What SQLite refused, with the file, the statement and both codes.
class SqliteError : public std::runtime_error {
 public:
  SqliteError(int extended_code, const std::string& what) : std::runtime_error(what), code_(extended_code) {}
  int extended_code() const { return code_; }
  int primary_code() const { return code_ & 0xFF; }
  /// "busy" "full" "io" "readonly" "corrupt" "constraint" "nomem" or "other": one of kNames.
  std::string_view name() const;
  static constexpr std::array<std::string_view, 8> kNames{"busy",    "full",       "io",    "readonly",
                                                          "corrupt", "constraint", "nomem", "other"};
  bool full() const;  ///< the disk is full: nothing was written
  bool busy() const;
  bool io() const;        ///< an I/O error: after a COMMIT nobody knows whether it is durable
  bool given_up() const;  ///< Database::give_up_when() said so
  bool sync() const;  ///< a flush failed: the kernel may have dropped what it could not write, so no later flush counts

 private:
  int code_;
};

/// "DRFT": what says that a SQLite file is ours.
constexpr int64_t kApplicationId = 0x44524654;

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

class Database;

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
  /// Throws SqliteError (SQLITE_CORRUPT) for a time outside the years 1 to 9999: nothing here stores one.
  WallTime time(int column) const;
  /// Throws SqliteError (SQLITE_CORRUPT) for more than ten thousand years.
  Millis millis(int column) const;
  std::optional<int64_t> optional_integer(int column) const;
  std::optional<WallTime> optional_time(int column) const;
  std::optional<std::string> optional_string(int column) const;
  /// Nullopt for NULL. Throws SqliteError (SQLITE_CORRUPT) for a value that is not 32 bytes long.
  std::optional<Sha256> optional_sha256(int column) const;

 private:
  friend class Database;
  Query(Database& db, sqlite3_stmt* statement, std::string_view sql, bool* in_use);
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

  Database* db_;
  sqlite3_stmt* statement_;
  std::string_view sql_;
  bool* in_use_;  ///< the cache's mark that this statement is taken; nullptr: not from the cache, finalize it
};

/// One connection. Used by one thread at a time; keeps prepared statements by their text.
class Database {
 public:
  /// The write connection, hardened and set up as this program needs it (WAL, FULL, foreign keys, no trusted schema,
  /// …); creates the file with mode 0640, whatever the umask, and its -shm for the owner alone (snapshot.h says why; an
  /// older one is mended). REQUIRES: the state folder's lock. Does not migrate, and leaves a file of another program as
  /// it is, for migrate() to refuse. `vfs` is for fault injection in tests.
  /// Throws SqliteError for what is no database, a symbolic link included.
  static Database open_writer(const std::string& path, const char* vfs = nullptr);
  /// A read-only connection that never checkpoints, for the daemon itself: it takes part in the locks on -shm, which
  /// only the owner can (others: snapshot.h). `cache_kib` bounds the memory for what it has read: the daemon has little
  /// to spare, a command that reads much has plenty. Throws SqliteError if there is no such file, or it is a symbolic
  /// link.
  static Database open_reader(const std::string& path, int cache_kib = kLeastCacheKib);
  /// A read-only connection without any lock, to what the files hold now; see Snapshot, which alone may use it.
  static Database open_unlocked(const std::string& path, int cache_kib);
  static constexpr int kLeastCacheKib = 512, kReportCacheKib = 16 * 1024;

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
  /// The same for text made at run time: prepared for this one use.
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

  /// From now on `over` is asked before each statement and all the while one runs (not for execute(), unless it takes
  /// long): once it says yes, that is the end of it, with a SqliteError that is given_up(). It must be quick, and must
  /// not use this connection. Empty: nobody is asked any more.
  void give_up_when(std::function<bool()> over);

  int64_t last_id() const;
  int64_t total_changes() const;          ///< rows changed by this connection so far
  int64_t pragma(std::string_view name);  ///< the integer a pragma returns
  const std::string& path() const { return path_; }

  /// Moves the WAL into the database file: PASSIVE, or TRUNCATE when `truncate`. Never waits for a reader: what one
  /// still needs stays for the next time. Frames that the WAL had.
  int64_t checkpoint(bool truncate);
  /// A consistent copy in one step into a new file `to` (mode 0640), checked and flushed, then renamed into place.
  /// `good` is asked once all was read of this database, before the copy is checked. Throws SqliteError (SQLITE_BUSY if
  /// `good` said no) or std::system_error; `to` is then untouched.
  void backup_to(const std::string& to, const std::function<bool()>& good = {});

 private:
  friend class Query;
  Database(sqlite3* handle, std::string path) : handle_(handle), path_(std::move(path)) {}
  static Database open(const std::string& path, int flags, const char* vfs, bool locked = true);
  Query prepare(std::string_view sql, bool cached);
  int64_t changes() const;
  [[noreturn]] void fail(int code, std::string_view sql) const;
  void harden();

  struct Cached {
    sqlite3_stmt* statement = nullptr;
    bool in_use = false;
  };
  sqlite3* handle_;
  std::string path_;
  std::unique_ptr<std::function<bool()>> over_;    ///< SQLite has its address
  std::unordered_map<const char*, Cached> cache_;  ///< by the address of the text: no hash over long statements
};

}  // namespace codedriftd
