#include "store/fault_vfs.h"

#include <sqlite3.h>

#include <atomic>
#include <new>

#include "base/guarded.h"

namespace codedriftd::test::fault_vfs {
namespace {

Guarded<Plan> armed;  // a test arms it while a writer thread works
std::atomic<int> counted{0};
std::atomic<int> flushed{0};
std::atomic<bool> has_fired{false};

/// True if this operation is to fail.
bool fails(Operation operation) {
  const Plan plan = armed.copy();
  if (operation == Operation::sync) ++flushed;
  if (plan.only != Operation::any && plan.only != operation) return false;
  const int n = ++counted;
  const bool now = plan.fail_at > 0 && (n == plan.fail_at || (plan.for_good && n > plan.fail_at));
  if (now) has_fired = true;
  return now;
}

/// Laid out in front of the real file, in the memory that SQLite gives.
struct File {
  sqlite3_file base;
  sqlite3_file* real;
};
sqlite3_file* real(sqlite3_file* file) { return reinterpret_cast<File*>(file)->real; }

int close(sqlite3_file* file) { return real(file)->pMethods->xClose(real(file)); }
int read(sqlite3_file* file, void* to, int size, sqlite3_int64 at) {
  return real(file)->pMethods->xRead(real(file), to, size, at);
}
int write(sqlite3_file* file, const void* from, int size, sqlite3_int64 at) {
  if (fails(Operation::write)) {
    const Plan plan = armed.copy();
    if (plan.torn) real(file)->pMethods->xWrite(real(file), from, size / 2, at);
    return plan.disk_full ? SQLITE_FULL : SQLITE_IOERR_WRITE;
  }
  return real(file)->pMethods->xWrite(real(file), from, size, at);
}
int truncate(sqlite3_file* file, sqlite3_int64 size) {
  if (fails(Operation::truncate)) return SQLITE_IOERR_TRUNCATE;
  return real(file)->pMethods->xTruncate(real(file), size);
}
int sync(sqlite3_file* file, int flags) {
  if (fails(Operation::sync)) return SQLITE_IOERR_FSYNC;
  return real(file)->pMethods->xSync(real(file), flags);
}
int file_size(sqlite3_file* file, sqlite3_int64* size) { return real(file)->pMethods->xFileSize(real(file), size); }
int lock(sqlite3_file* file, int level) { return real(file)->pMethods->xLock(real(file), level); }
int unlock(sqlite3_file* file, int level) { return real(file)->pMethods->xUnlock(real(file), level); }
int check_reserved_lock(sqlite3_file* file, int* out) {
  return real(file)->pMethods->xCheckReservedLock(real(file), out);
}
int file_control(sqlite3_file* file, int what, void* arg) {
  return real(file)->pMethods->xFileControl(real(file), what, arg);
}
int sector_size(sqlite3_file* file) { return real(file)->pMethods->xSectorSize(real(file)); }
int device_characteristics(sqlite3_file* file) { return real(file)->pMethods->xDeviceCharacteristics(real(file)); }
int shm_map(sqlite3_file* file, int page, int size, int extend, void volatile** out) {
  return real(file)->pMethods->xShmMap(real(file), page, size, extend, out);
}
int shm_lock(sqlite3_file* file, int offset, int n, int flags) {
  return real(file)->pMethods->xShmLock(real(file), offset, n, flags);
}
void shm_barrier(sqlite3_file* file) { real(file)->pMethods->xShmBarrier(real(file)); }
int shm_unmap(sqlite3_file* file, int remove) { return real(file)->pMethods->xShmUnmap(real(file), remove); }

// Version 2: shared memory, which a write-ahead log needs, and no memory mapping, which writes could go around by.
const sqlite3_io_methods kMethods{2,
                                  close,
                                  read,
                                  write,
                                  truncate,
                                  sync,
                                  file_size,
                                  lock,
                                  unlock,
                                  check_reserved_lock,
                                  file_control,
                                  sector_size,
                                  device_characteristics,
                                  shm_map,
                                  shm_lock,
                                  shm_barrier,
                                  shm_unmap,
                                  nullptr,
                                  nullptr};

sqlite3_vfs* below = nullptr;

int open(sqlite3_vfs*, const char* path, sqlite3_file* file, int flags, int* out_flags) {
  auto* ours = new (file) File{{nullptr}, reinterpret_cast<sqlite3_file*>(reinterpret_cast<File*>(file) + 1)};
  const int code = below->xOpen(below, path, ours->real, flags, out_flags);
  if (ours->real->pMethods != nullptr) ours->base.pMethods = &kMethods;
  return code;
}

}  // namespace

const char* name() {
  static sqlite3_vfs vfs = [] {
    below = sqlite3_vfs_find(nullptr);
    sqlite3_vfs shim = *below;
    shim.zName = "fault";
    shim.szOsFile = static_cast<int>(sizeof(File)) + below->szOsFile;
    shim.pNext = nullptr;
    shim.xOpen = open;
    return shim;
  }();
  static const int registered = sqlite3_vfs_register(&vfs, 0);
  return registered == SQLITE_OK ? vfs.zName : nullptr;
}

void arm(Plan next) {
  *armed.lock() = next;
  counted = 0;
  flushed = 0;
  has_fired = false;
}

int operations() { return counted; }
int syncs() { return flushed; }
bool fired() { return has_fired; }

}  // namespace codedriftd::test::fault_vfs
