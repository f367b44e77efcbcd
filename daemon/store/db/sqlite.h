#pragma once
/// The record in a file of SQLite's: how it is opened, and what SQLite alone has.
#include <functional>
#include <string>
#include <string_view>

#include "store/db/database.h"

namespace codedriftd::sqlite {

/// "DRFT": what says that a SQLite file is ours.
constexpr int64_t kApplicationId = 0x44524654;

constexpr int kLeastCacheKib = 512, kReportCacheKib = 16 * 1024;

/// The write connection, hardened and set up as this program needs it (WAL, FULL, foreign keys, no trusted schema,
/// …); creates the file with mode 0640, whatever the umask, and its -shm for the owner alone (snapshot.h says why; an
/// older one is mended). REQUIRES: the state folder's lock. Does not migrate, and leaves a file of another program as
/// it is, for migrate() to refuse. `vfs` is for fault injection in tests.
/// Throws StoreError for what is no database, a symbolic link included.
Database open_writer(const std::string& path, const char* vfs = nullptr);

/// A read-only connection that never checkpoints, for the daemon itself: it takes part in the locks on -shm, which
/// only the owner can (others: snapshot.h). `cache_kib` bounds the memory for what it has read: the daemon has little
/// to spare, a command that reads much has plenty. Throws StoreError if there is no such file, or it is a symbolic
/// link.
Database open_reader(const std::string& path, int cache_kib = kLeastCacheKib);

/// A read-only connection without any lock, to what the files hold now; see Snapshot, which alone may use it.
Database open_unlocked(const std::string& path, int cache_kib);

/// The integer a pragma returns. REQUIRES: `db` is one of SQLite's; so for backup_to.
int64_t pragma(Database& db, std::string_view name);

/// A consistent copy in one step into a new file `to` (mode 0640), checked and flushed, then renamed into place.
/// `good` is asked once all was read of `db`, before the copy is checked. Throws StoreError (busy if `good` said no) or
/// std::system_error; `to` is then untouched.
void backup_to(Database& db, const std::string& to, const std::function<bool()>& good = {});

/// From now on, until `db` ends: nothing is flushed, there is no write-ahead log, and foreign keys are not looked at.
/// For a new file that one transaction fills, check_whole() looks through, and put_in_place() makes durable.
void load_quickly(Database& db);
/// Throws StoreError (corrupt) where a page, an index or a foreign key is not as it should be.
void check_whole(Database& db);
/// Makes `part`, a file without -wal and -shm that no connection has open, durable, and then renames it to `to`, in the
/// same folder. Throws std::system_error.
void put_in_place(const std::string& part, const std::string& to);
/// The same for a database and its -wal and -shm, which keep their ends: out of the way, with all that is in it.
void move_away(const std::string& path, const std::string& to);
/// Removes a database that no connection has open, with its -wal, -shm and -journal, as far as they are there.
void remove(const std::string& path);

}  // namespace codedriftd::sqlite
