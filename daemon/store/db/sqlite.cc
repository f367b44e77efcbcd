#include "store/db/sqlite.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
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
    throw SqliteError(SQLITE_CANTOPEN, fmt::format("{}: cannot be made: {}", path, std::strerror(errno)));
}

}  // namespace

std::string_view SqliteError::name() const {
  switch (primary_code()) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "busy";
    case SQLITE_FULL:
      return "full";
    case SQLITE_IOERR:
      return full() ? "full" : "io";
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return "readonly";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return "corrupt";
    case SQLITE_CONSTRAINT:
      return "constraint";
    case SQLITE_NOMEM:
      return "nomem";
    default:
      return "other";
  }
}
bool SqliteError::full() const { return primary_code() == SQLITE_FULL || code_ == SQLITE_IOERR_SHMSIZE; }
bool SqliteError::busy() const { return primary_code() == SQLITE_BUSY; }
bool SqliteError::io() const { return primary_code() == SQLITE_IOERR; }
bool SqliteError::given_up() const { return primary_code() == SQLITE_INTERRUPT; }
bool SqliteError::sync() const { return code_ == SQLITE_IOERR_FSYNC || code_ == SQLITE_IOERR_DIR_FSYNC; }

Sql Sql::forever(std::string_view text) {
  char* kept = new char[text.size()];
  text.copy(kept, text.size());
  return {Kept{}, {kept, text.size()}};
}

// ---- Query ------------------------------------------------------------------------------------------------------

Query::Query(Database& db, sqlite3_stmt* statement, std::string_view sql, bool* in_use)
    : db_(&db), statement_(statement), sql_(sql), in_use_(in_use) {}

Query::Query(Query&& other) noexcept
    : db_(other.db_), statement_(std::exchange(other.statement_, nullptr)), sql_(other.sql_), in_use_(other.in_use_) {}

Query::~Query() {
  if (statement_ == nullptr) return;
  if (in_use_ == nullptr) {
    sqlite3_finalize(statement_);
    return;
  }
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
  *in_use_ = false;
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
    damaged(fmt::format("a hash of {} bytes instead of 32", bytes.size()));
  }
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
  throw SqliteError(SQLITE_CORRUPT, fmt::format("{}: {} (in: {})", db_->path_, what, sql_));
}

// ---- Database -----------------------------------------------------------------------------------------------------

Database Database::open(const std::string& path, int flags, const char* vfs, bool locked) {
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
  Database db(handle, path);
  if (code != SQLITE_OK) db.fail(code, "open");
  // First of all: whatever fails from here on, a reader that ends moves nothing into the database and takes no -wal
  // away.
  if ((flags & SQLITE_OPEN_READONLY) != 0) sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_busy_timeout(handle, kBusyTimeoutMs);
  // Before the file is looked at: in this mode SQLite keeps the index of the WAL in memory of its own, instead of -shm.
  if (!locked) db.execute("PRAGMA locking_mode = EXCLUSIVE");
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
  // A small cache: what is read again is read from the kernel's.
  execute(fmt::format(
      "PRAGMA foreign_keys = ON; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA cache_size = -{}",
      kLeastCacheKib));
}

Database Database::open_writer(const std::string& path, const char* vfs) {
  UniqueFd file = create_file(path);
  if (!file.valid()) file.reset(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (!file.valid()) {
    throw SqliteError(SQLITE_CANTOPEN, fmt::format("{}: cannot be opened: {}", path, std::strerror(errno)));
  }
  file.reset();  // before SQLite locks the file: closing any other descriptor of it would drop its locks
  own_shm(resolved_folder(path));
  Database db = open(path, SQLITE_OPEN_READWRITE, vfs);
  // Somebody else's file stays as it is; what it is and what would help, migrate() says.
  const bool foreign = db.pragma("application_id") != kApplicationId && db.query("SELECT 1 FROM sqlite_schema").step();
  if (foreign) return db;
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

Database Database::open_reader(const std::string& path, int cache_kib) {
  Database db = open(path, SQLITE_OPEN_READONLY, nullptr);
  db.execute(fmt::format("PRAGMA query_only = ON; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -{}", cache_kib));
  return db;
}

Database Database::open_unlocked(const std::string& path, int cache_kib) {
  Database db = open(path, SQLITE_OPEN_READONLY, "unix-none", false);
  db.execute(fmt::format("PRAGMA query_only = ON; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -{}", cache_kib));
  return db;
}

Database::Database(Database&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)),
      path_(std::move(other.path_)),
      over_(std::move(other.over_)),
      cache_(std::move(other.cache_)) {}

Database::~Database() {
  for (auto& [text, cached] : cache_) sqlite3_finalize(cached.statement);
  sqlite3_close(handle_);
}

void Database::fail(int code, std::string_view sql) const {
  const char* words = handle_ != nullptr ? sqlite3_errmsg(handle_) : sqlite3_errstr(code);
  throw SqliteError(code, fmt::format("{}: {} (code {}, in: {})", path_, words, code, sql));
}

void Database::give_up_when(std::function<bool()> over) {
  constexpr int kSteps = 10'000;  // of SQLite's machine: a millisecond or less
  over_ = over ? std::make_unique<std::function<bool()>>(std::move(over)) : nullptr;
  sqlite3_progress_handler(
      handle_, over_ ? kSteps : 0, [](void* asked) { return (*static_cast<std::function<bool()>*>(asked))() ? 1 : 0; },
      over_.get());
}

Query Database::prepare(std::string_view sql, bool cached) {
  if (over_ && (*over_)()) throw SqliteError(SQLITE_INTERRUPT, fmt::format("{}: given up (before: {})", path_, sql));
  if (cached) {
    const auto found = cache_.find(sql.data());
    if (found != cache_.end() && !found->second.in_use) {
      found->second.in_use = true;
      return Query(*this, found->second.statement, sql, &found->second.in_use);
    }
    if (found != cache_.end()) cached = false;  // already running further up: this use gets its own
  }
  sqlite3_stmt* statement = nullptr;
  const unsigned flags = cached ? SQLITE_PREPARE_PERSISTENT : 0U;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), flags, &statement, nullptr);
  if (code != SQLITE_OK) fail(code, sql);
  if (!cached) return Query(*this, statement, sql, nullptr);
  Cached& kept = cache_[sql.data()];
  kept = {statement, true};
  return Query(*this, statement, sql, &kept.in_use);
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
int64_t Database::total_changes() const { return sqlite3_total_changes64(handle_); }
int64_t Database::last_id() const { return sqlite3_last_insert_rowid(handle_); }

int64_t Database::pragma(std::string_view name) {
  const std::string sql = fmt::format("PRAGMA {}", name);
  auto rows = query_once(sql);
  return rows.step() ? rows.integer(0) : 0;
}

int64_t Database::checkpoint(bool truncate) {
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

void Database::backup_to(const std::string& to, const std::function<bool()>& good) {
  const std::string part = to + ".part";
  ::unlink(part.c_str());
  struct Remover {
    const std::string& path;
    ~Remover() {
      for (const char* end : {"", "-journal", "-wal", "-shm"}) ::unlink((path + end).c_str());
    }
  } remover{part};
  if (!create_file(part).valid()) throw std::system_error(errno, std::generic_category(), part);
  {
    Database copy = open(part, SQLITE_OPEN_READWRITE, nullptr);
    sqlite3_backup* backup = sqlite3_backup_init(copy.handle_, "main", handle_, "main");
    if (backup == nullptr) copy.fail(sqlite3_extended_errcode(copy.handle_), "backup");
    // In one step: in several, a busy writer makes it start over again and again.
    const int step = sqlite3_backup_step(backup, -1);
    const int finish = sqlite3_backup_finish(backup);  // says OK where the step was only busy
    if (step != SQLITE_DONE) copy.fail(finish != SQLITE_OK ? finish : step, "backup");
    // Asked now: what follows takes long, and reads nothing of the source.
    if (good && !good()) throw SqliteError(SQLITE_BUSY, path_ + ": was written to while it was copied");
    // A single file that needs no -wal and -shm beside it.
    {
      auto mode = copy.query("PRAGMA journal_mode = DELETE");
      if (!mode.step() || mode.text(0) != "delete") copy.fail(SQLITE_ERROR, "PRAGMA journal_mode = DELETE");
    }
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
