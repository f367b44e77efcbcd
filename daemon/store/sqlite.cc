#include "store/sqlite.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "base/unique_fd.h"

namespace codedriftd {
namespace {

constexpr int kBusyTimeoutMs = 5000;
constexpr int64_t kJournalSizeLimit = 64LL * 1024 * 1024;

void sync_path(const std::string& path, int flags) {
  const UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC));
  if (!fd.valid() || ::fsync(fd.get()) != 0) throw std::system_error(errno, std::generic_category(), path);
}

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

bool SqliteError::full() const { return primary_code() == SQLITE_FULL; }
bool SqliteError::busy() const { return primary_code() == SQLITE_BUSY; }
bool SqliteError::io() const { return primary_code() == SQLITE_IOERR; }

// ---- Query ------------------------------------------------------------------------------------------------------

Query::Query(Database& db, sqlite3_stmt* statement, std::string_view sql, bool owned)
    : db_(&db), statement_(statement), sql_(sql), owned_(owned) {}

Query::Query(Query&& other) noexcept
    : db_(other.db_), statement_(std::exchange(other.statement_, nullptr)), sql_(other.sql_), owned_(other.owned_) {}

Query::~Query() {
  if (statement_ == nullptr) return;
  if (owned_) {
    sqlite3_finalize(statement_);
    return;
  }
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
  db_->cache_.find(sql_)->second.in_use = false;
}

bool Query::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  db_->fail(code, sql_);
}

void Query::bind(int index, std::nullptr_t) { sqlite3_bind_null(statement_, index); }
void Query::bind(int index, int64_t value) { sqlite3_bind_int64(statement_, index, value); }
void Query::bind(int index, std::string_view value) {
  const int code = sqlite3_bind_text64(statement_, index, value.data() == nullptr ? "" : value.data(), value.size(),
                                       SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) db_->fail(code, sql_);
}
void Query::bind(int index, Blob value) {
  const int code = sqlite3_bind_blob64(statement_, index, value.bytes.data() == nullptr ? "" : value.bytes.data(),
                                       value.bytes.size(), SQLITE_TRANSIENT);
  if (code != SQLITE_OK) db_->fail(code, sql_);
}

bool Query::null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
int64_t Query::integer(int column) const { return sqlite3_column_int64(statement_, column); }
std::string_view Query::text(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  return data == nullptr ? std::string_view{}
                         : std::string_view(static_cast<const char*>(data), static_cast<std::size_t>(size));
}
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
  if (!digest) {
    throw SqliteError(SQLITE_CORRUPT,
                      fmt::format("{}: a hash of {} bytes instead of 32 (in: {})", db_->path_, bytes.size(), sql_));
  }
  return digest;
}

// ---- Database -----------------------------------------------------------------------------------------------------

Database Database::open(const std::string& path, int flags, const char* vfs) {
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, vfs);
  Database db(handle, path);
  if (code != SQLITE_OK) db.fail(code, "open");
  sqlite3_busy_timeout(handle, kBusyTimeoutMs);
  db.harden();
  return db;
}

void Database::harden() {
  // The file is untrusted input: a tampered schema must not run functions, write to shadow tables or load code.
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, nullptr);
  execute("PRAGMA foreign_keys = ON; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0");
}

Database Database::open_writer(const std::string& path, const char* vfs) {
  // Created here and not by SQLite, for the mode: its -wal and -shm files take the database file's.
  const UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (!file.valid())
    throw SqliteError(SQLITE_CANTOPEN, fmt::format("{}: cannot be opened: {}", path,
                                                   std::system_error(errno, std::generic_category()).code().message()));
  Database db = open(path, SQLITE_OPEN_READWRITE, vfs);
  db.execute("PRAGMA locking_mode = NORMAL");
  {
    auto mode = db.query("PRAGMA journal_mode = WAL");
    if (!mode.step() || mode.text(0) != "wal") {
      throw SqliteError(
          SQLITE_CANTOPEN,
          fmt::format(
              "{}: cannot use a write-ahead log there (journal mode is '{}'); a network file system is not supported",
              path, mode.text(0)));
    }
  }
  // FULL: what COMMIT returned OK for survives a power cut. No automatic checkpoints: this connection does them itself,
  // between transactions, and no other connection ever does.
  db.execute(fmt::format("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = {}",
                         kJournalSizeLimit));
  if (db.pragma("synchronous") != 2)
    throw SqliteError(SQLITE_ERROR, path + ": PRAGMA synchronous = FULL had no effect");
  // The -wal and -shm files stay after a clean stop: without them a reader without write permission cannot open.
  int persist = 1;
  sqlite3_file_control(db.handle_, "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
  return db;
}

Database Database::open_reader(const std::string& path) {
  Database db = open(path, SQLITE_OPEN_READONLY, nullptr);
  sqlite3_db_config(db.handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  db.execute("PRAGMA query_only = ON; PRAGMA wal_autocheckpoint = 0");
  return db;
}

Database::Database(Database&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)), path_(std::move(other.path_)), cache_(std::move(other.cache_)) {}

Database::~Database() {
  for (auto& [sql, cached] : cache_) sqlite3_finalize(cached.statement);
  sqlite3_close(handle_);
}

void Database::fail(int code, std::string_view sql) const {
  const char* words = handle_ != nullptr ? sqlite3_errmsg(handle_) : sqlite3_errstr(code);
  throw SqliteError(code, fmt::format("{}: {} (code {}, in: {})", path_, words, code, sql));
}

Query Database::prepare(std::string_view sql, bool cached) {
  if (cached) {
    const auto found = cache_.find(sql);
    if (found != cache_.end() && !found->second.in_use) {
      found->second.in_use = true;
      return Query(*this, found->second.statement, found->first, false);
    }
    if (found != cache_.end()) cached = false;  // already running further up: this use gets its own
  }
  sqlite3_stmt* statement = nullptr;
  const unsigned flags = cached ? SQLITE_PREPARE_PERSISTENT : 0U;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), flags, &statement, nullptr);
  if (code != SQLITE_OK) fail(code, sql);
  if (cached) cache_.emplace(sql, Cached{statement, true});
  return Query(*this, statement, sql, !cached);
}

Query Database::query_once_list(std::string_view sql, const std::vector<std::string>& args) {
  Query q = prepare(sql, false);
  int index = 0;
  for (const std::string& arg : args) q.bind(++index, arg);
  return q;
}

void Database::execute(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code, sql.substr(0, 200));
}

int64_t Database::changes() const { return sqlite3_changes64(handle_); }
int64_t Database::last_id() const { return sqlite3_last_insert_rowid(handle_); }

int64_t Database::pragma(std::string_view name) {
  const std::string sql = fmt::format("PRAGMA {}", name);
  auto rows = query_once(sql);
  return rows.step() ? rows.integer(0) : 0;
}

int64_t Database::checkpoint(bool truncate) {
  int frames = 0;
  int moved = 0;
  // SQLITE_BUSY only says that a reader still needs old frames: the next one gets further.
  const int code = sqlite3_wal_checkpoint_v2(
      handle_, "main", truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE, &frames, &moved);
  if (code != SQLITE_OK && (code & 0xFF) != SQLITE_BUSY && (code & 0xFF) != SQLITE_LOCKED) fail(code, "checkpoint");
  return frames;
}

void Database::backup_to(const std::string& to) {
  const std::string part = to + ".part";
  ::unlink(part.c_str());
  const UniqueFd file(::open(part.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640));
  if (!file.valid()) throw std::system_error(errno, std::generic_category(), part);
  struct Remover {
    const std::string& path;
    ~Remover() { ::unlink(path.c_str()), ::unlink((path + "-journal").c_str()); }
  } remover{part};
  {
    Database copy = open(part, SQLITE_OPEN_READWRITE, nullptr);
    sqlite3_backup* backup = sqlite3_backup_init(copy.handle_, "main", handle_, "main");
    if (backup == nullptr) copy.fail(sqlite3_extended_errcode(copy.handle_), "backup");
    // In one step: in several, a busy writer makes it start over again and again.
    sqlite3_backup_step(backup, -1);
    const int code = sqlite3_backup_finish(backup);
    if (code != SQLITE_OK) copy.fail(code, "backup");
    copy.query("PRAGMA journal_mode = DELETE").step();
    auto check = copy.query("PRAGMA integrity_check");
    if (!check.step() || check.text(0) != "ok") {
      throw SqliteError(SQLITE_CORRUPT, fmt::format("{}: the copy failed its integrity check: {}", to, check.text(0)));
    }
  }
  sync_path(part, O_RDONLY);
  if (::rename(part.c_str(), to.c_str()) != 0) throw std::system_error(errno, std::generic_category(), to);
  sync_path(folder_of(to), O_RDONLY | O_DIRECTORY);
}

}  // namespace codedriftd
