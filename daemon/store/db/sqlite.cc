#include "store/db/sqlite.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/unique_fd.h"
#include "store/db/engine.h"

namespace codedriftd::sqlite {
namespace {

using Kind = StoreError::Kind;

constexpr int kBusyTimeoutMs = 5000;
constexpr int64_t kJournalSizeLimit = 64LL * 1024 * 1024;

Kind kind_of(int extended_code) {
  switch (extended_code) {
    case SQLITE_IOERR_SHMSIZE:
      return Kind::full_io;
    case SQLITE_IOERR_FSYNC:
    case SQLITE_IOERR_DIR_FSYNC:
      return Kind::sync;
    default:
      break;
  }
  switch (extended_code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Kind::busy;
    case SQLITE_FULL:
      return Kind::full;
    case SQLITE_IOERR:
      return Kind::io;
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return Kind::readonly;
    case SQLITE_CORRUPT:
      return Kind::corrupt;
    case SQLITE_NOTADB:
      return Kind::not_a_database;
    case SQLITE_CANTOPEN:
      return Kind::cannot_open;
    case SQLITE_CONSTRAINT:
      return Kind::constraint;
    case SQLITE_NOMEM:
      return Kind::memory;
    case SQLITE_INTERRUPT:
      return Kind::given_up;
    default:
      return Kind::other;
  }
}

void sync_path(const std::string& path, int flags) {
  const UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC));
  if (!fd.valid() || ::fsync(fd.get()) != 0) throw std::system_error(errno, std::generic_category(), path);
}

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

/// The same file with every link in its folder's path resolved. The path as it is, if that cannot be done.
std::string resolved_folder(const std::string& path) {
  std::unique_ptr<char, decltype(&std::free)> folder(::realpath(folder_of(path).c_str(), nullptr), &std::free);
  return folder == nullptr ? path : fmt::format("{}/{}", folder.get(), path.substr(path.rfind('/') + 1));
}

/// Creates `path` if there is none, with mode 0640 whatever the umask: SQLite's files beside it take its mode.
UniqueFd create_file(const std::string& path) {
  UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (file.valid() && ::fchmod(file.get(), 0640) != 0) file.reset();
  return file;
}

std::string percent_encoded(std::string_view path) {
  std::string encoded;
  for (const char c : path) {
    if (c == '%' || c == '?' || c == '#') {
      encoded += fmt::format("%{:02x}", static_cast<unsigned char>(c));
    } else {
      encoded += c;
    }
  }
  return encoded;
}

/// Sees to it that -shm is the owner's alone. SQLite gives a new one the mode of the database, so it has to be there,
/// and not empty, before SQLite looks. One that others could open is replaced: they may have it open, with a lock on
/// it.
void own_shm(const std::string& database) {
  const std::string path = database + "-shm";
  struct stat info {};
  if (::lstat(path.c_str(), &info) == 0) {
    if ((info.st_mode & 077) == 0 && info.st_size > 0) return;
    ::unlink(path.c_str());
  }
  const UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid() || ::fchmod(file.get(), 0600) != 0 || ::ftruncate(file.get(), 1) != 0)
    throw StoreError(StoreError::Kind::cannot_open, fmt::format("{}: cannot be made: {}", path, std::strerror(errno)));
}

class SqliteConnection final : public Connection {
 public:
  SqliteConnection(sqlite3* handle, std::string path) : Connection(Engine::sqlite, std::move(path)), handle_(handle) {}
  SqliteConnection(const SqliteConnection&) = delete;
  ~SqliteConnection() override { sqlite3_close(handle_); }

  std::unique_ptr<PreparedStatement> prepare(std::string_view sql, bool kept) override;
  void execute(const std::string& sql) override {
    const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) fail(code, sql.substr(0, 200));
  }
  void begin_read() override { execute("BEGIN"); }
  void begin_write() override { execute("BEGIN IMMEDIATE"); }
  void commit() override { execute("COMMIT"); }
  void rollback() noexcept override {
    if (sqlite3_get_autocommit(handle_) == 0) sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
  }
  void give_up_when(const std::function<bool()>* over) override {
    constexpr int kSteps = 10'000;  // of SQLite's machine: a millisecond or less
    sqlite3_progress_handler(
        handle_, over != nullptr ? kSteps : 0,
        [](void* asked) { return (*static_cast<const std::function<bool()>*>(asked))() ? 1 : 0; },
        const_cast<std::function<bool()>*>(over));
  }
  int64_t changes() const override { return sqlite3_changes64(handle_); }
  int64_t total_changes() const override { return sqlite3_total_changes64(handle_); }
  int64_t checkpoint(bool truncate) override;

  sqlite3* handle() const { return handle_; }
  [[noreturn]] void fail(int code, std::string_view sql) const {
    const char* words = handle_ != nullptr ? sqlite3_errmsg(handle_) : sqlite3_errstr(code);
    throw StoreError(kind_of(code), fmt::format("{}: {} (code {}, in: {})", name(), words, code, sql));
  }

 private:
  sqlite3* handle_;
};

class SqliteStatement final : public PreparedStatement {
 public:
  SqliteStatement(const SqliteConnection& connection, sqlite3_stmt* statement, std::string_view sql)
      : connection_(connection), statement_(statement), sql_(sql) {}
  SqliteStatement(const SqliteStatement&) = delete;
  ~SqliteStatement() override { sqlite3_finalize(statement_); }

  void bind_null(int index) override { sqlite3_bind_null(statement_, index); }
  void bind_integer(int index, int64_t value) override { sqlite3_bind_int64(statement_, index, value); }
  void bind_text(int index, std::string_view value) override {
    check(sqlite3_bind_text64(statement_, index, value.data() == nullptr ? "" : value.data(), value.size(),
                              SQLITE_TRANSIENT, SQLITE_UTF8));
  }
  void bind_blob(int index, std::string_view value) override {
    check(sqlite3_bind_blob64(statement_, index, value.data() == nullptr ? "" : value.data(), value.size(),
                              SQLITE_TRANSIENT));
  }
  bool step() override {
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    connection_.fail(code, sql_);
  }
  bool null(int column) const override { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  int64_t integer(int column) const override { return sqlite3_column_int64(statement_, column); }
  std::string_view bytes(int column) const override {
    const void* data = sqlite3_column_blob(statement_, column);
    const int size = sqlite3_column_bytes(statement_, column);
    return data == nullptr ? std::string_view{}
                           : std::string_view(static_cast<const char*>(data), static_cast<std::size_t>(size));
  }
  void reset() override {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }

 private:
  void check(int code) const {
    if (code != SQLITE_OK) connection_.fail(code, sql_);
  }
  const SqliteConnection& connection_;
  sqlite3_stmt* statement_;
  std::string sql_;  ///< for errors
};

std::unique_ptr<PreparedStatement> SqliteConnection::prepare(std::string_view sql, bool kept) {
  sqlite3_stmt* statement = nullptr;
  const unsigned flags = kept ? SQLITE_PREPARE_PERSISTENT : 0U;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), flags, &statement, nullptr);
  if (code != SQLITE_OK) fail(code, sql);
  return std::make_unique<SqliteStatement>(*this, statement, sql);
}

int64_t SqliteConnection::checkpoint(bool truncate) {
  int frames = 0;
  int moved = 0;
  // SQLITE_BUSY only says that a reader still needs old frames: the next one gets further. Waiting for it would hold up
  // every write, and a stop.
  sqlite3_busy_timeout(handle_, 0);
  const int code = sqlite3_wal_checkpoint_v2(
      handle_, "main", truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE, &frames, &moved);
  sqlite3_busy_timeout(handle_, kBusyTimeoutMs);
  if (code != SQLITE_OK && (code & 0xFF) != SQLITE_BUSY && (code & 0xFF) != SQLITE_LOCKED) fail(code, "checkpoint");
  return frames;
}

const SqliteConnection& of(Database& db) { return dynamic_cast<const SqliteConnection&>(db.connection()); }

void leave_wal(Database& db) {
  auto mode = db.query("PRAGMA journal_mode = DELETE");
  if (!mode.step() || mode.text(0) != "delete") of(db).fail(SQLITE_ERROR, "PRAGMA journal_mode = DELETE");
}

void harden(Database& db) {
  // The file is untrusted input: a tampered schema must not run functions, write to shadow tables or load code.
  sqlite3_db_config(of(db).handle(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(of(db).handle(), SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(of(db).handle(), SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  sqlite3_db_config(of(db).handle(), SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
  sqlite3_db_config(of(db).handle(), SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, nullptr);
  // A small cache: what is read again is read from the kernel's.
  db.execute(fmt::format(
      "PRAGMA foreign_keys = ON; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA cache_size = -{}",
      kLeastCacheKib));
}

Database open(const std::string& path, int flags, const char* vfs, bool locked = true) {
  sqlite3* handle = nullptr;
  // NOFOLLOW refuses a link anywhere in the path, but the folder may well be behind one (systemd's DynamicUser).
  std::string real = resolved_folder(path);
  // Without -wal the file is all there is. SQLite would make one, unless it is told that nothing changes.
  if (!locked && ::access((real + "-wal").c_str(), F_OK) != 0) {
    real = "file:" + percent_encoded(real) + "?immutable=1";
    flags |= SQLITE_OPEN_URI;
  }
  const int code = sqlite3_open_v2(real.c_str(), &handle,
                                   flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_NOFOLLOW, vfs);
  auto connection = std::make_unique<SqliteConnection>(handle, path);
  if (code != SQLITE_OK) connection->fail(code, "open");
  Database db(std::move(connection));
  // First of all: whatever fails from here on, a reader that ends moves nothing into the database and takes no -wal
  // away.
  if ((flags & SQLITE_OPEN_READONLY) != 0) sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_busy_timeout(handle, kBusyTimeoutMs);
  // Before the file is looked at: in this mode SQLite keeps the index of the WAL in memory of its own, instead of -shm.
  if (!locked) db.execute("PRAGMA locking_mode = EXCLUSIVE");
  harden(db);
  return db;
}

}  // namespace

Database open_writer(const std::string& path, const char* vfs) {
  UniqueFd file = create_file(path);
  if (!file.valid()) file.reset(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (!file.valid()) {
    throw StoreError(Kind::cannot_open, fmt::format("{}: cannot be opened: {}", path, std::strerror(errno)));
  }
  file.reset();  // before SQLite locks the file: closing any other descriptor of it would drop its locks
  own_shm(resolved_folder(path));
  Database db = open(path, SQLITE_OPEN_READWRITE, vfs);
  // Somebody else's file stays as it is; what it is and what would help, migrate() says.
  const bool foreign = pragma(db, "application_id") != kApplicationId && db.query("SELECT 1 FROM sqlite_schema").step();
  if (foreign) return db;
  {
    auto mode = db.query("PRAGMA journal_mode = WAL");
    if (!mode.step() || mode.text(0) != "wal") {
      throw StoreError(
          Kind::cannot_open,
          fmt::format(
              "{}: cannot use a write-ahead log there (journal mode is '{}'); a network file system is not supported",
              path, mode.text(0)));
    }
  }
  // FULL: what COMMIT returned OK for survives a power cut. No automatic checkpoints: this connection does them itself,
  // between transactions, and no other connection ever does.
  db.execute(fmt::format("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = {}",
                         kJournalSizeLimit));
  if (pragma(db, "synchronous") != 2) throw StoreError(Kind::other, path + ": PRAGMA synchronous = FULL had no effect");
  // The -wal and -shm files stay after a clean stop: without them a reader without write permission cannot open.
  int persist = 1;
  sqlite3_file_control(of(db).handle(), "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
  return db;
}

Database open_reader(const std::string& path, int cache_kib) {
  Database db = open(path, SQLITE_OPEN_READONLY, nullptr);
  db.execute(fmt::format("PRAGMA query_only = ON; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -{}", cache_kib));
  return db;
}

Database open_unlocked(const std::string& path, int cache_kib) {
  Database db = open(path, SQLITE_OPEN_READONLY, "unix-none", false);
  db.execute(fmt::format("PRAGMA query_only = ON; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -{}", cache_kib));
  return db;
}

int64_t pragma(Database& db, std::string_view name) {
  const std::string sql = fmt::format("PRAGMA {}", name);
  auto rows = db.query_once(sql);
  return rows.step() ? rows.integer(0) : 0;
}

void backup_to(Database& db, const std::string& to, const std::function<bool()>& good) {
  const std::string part = to + ".part";
  ::unlink(part.c_str());
  struct Remover {
    const std::string& path;
    ~Remover() { remove(path); }
  } remover{part};
  if (!create_file(part).valid()) throw std::system_error(errno, std::generic_category(), part);
  {
    Database copy = open(part, SQLITE_OPEN_READWRITE, nullptr);
    sqlite3_backup* backup = sqlite3_backup_init(of(copy).handle(), "main", of(db).handle(), "main");
    if (backup == nullptr) of(copy).fail(sqlite3_extended_errcode(of(copy).handle()), "backup");
    // In one step: in several, a busy writer makes it start over again and again.
    const int step = sqlite3_backup_step(backup, -1);
    const int finish = sqlite3_backup_finish(backup);  // says OK where the step was only busy
    if (step != SQLITE_DONE) of(copy).fail(finish != SQLITE_OK ? finish : step, "backup");
    // Asked now: what follows takes long, and reads nothing of the source.
    if (good && !good()) throw StoreError(Kind::busy, db.name() + ": was written to while it was copied");
    // A single file that needs no -wal and -shm beside it.
    leave_wal(copy);
    auto check = copy.query("PRAGMA integrity_check");
    if (!check.step() || check.text(0) != "ok") {
      throw StoreError(Kind::corrupt, fmt::format("{}: the copy failed its integrity check: {}", to, check.text(0)));
    }
  }
  put_in_place(part, to);
}

void load_quickly(Database& db) {
  leave_wal(db);
  db.execute(
      fmt::format("PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; PRAGMA cache_size = -{}", kReportCacheKib));
}

void check_whole(Database& db) {
  auto check = db.query("PRAGMA integrity_check");
  if (!check.step() || check.text(0) != "ok")
    throw StoreError(Kind::corrupt, fmt::format("{}: failed its integrity check: {}", db.name(), check.text(0)));
  auto keys = db.query("PRAGMA foreign_key_check");
  if (keys.step())
    throw StoreError(Kind::corrupt, fmt::format("{}: row {} of {} names a row of {} that is not there", db.name(),
                                                keys.integer(1), keys.text(0), keys.text(2)));
}

void put_in_place(const std::string& part, const std::string& to) {
  sync_path(part, O_RDONLY);
  if (::rename(part.c_str(), to.c_str()) != 0) throw std::system_error(errno, std::generic_category(), to);
  sync_path(folder_of(to), O_RDONLY | O_DIRECTORY);
}

void move_away(const std::string& path, const std::string& to) {
  for (const char* end : {"", "-wal", "-shm"}) {
    if (::rename((path + end).c_str(), (to + end).c_str()) != 0 && (*end == '\0' || errno != ENOENT))
      throw std::system_error(errno, std::generic_category(), path + end);
  }
  sync_path(folder_of(to), O_RDONLY | O_DIRECTORY);
}

void remove(const std::string& path) {
  for (const char* end : {"", "-journal", "-wal", "-shm"}) ::unlink((path + end).c_str());
}

}  // namespace codedriftd::sqlite
