#pragma once
/// A SQLite VFS for tests that passes everything to the default one, counts what changes files (writes, flushes,
/// truncations of databases, journals and write-ahead logs) and lets the N-th of them fail.
namespace codedriftd::test::fault_vfs {

enum class Operation { write, sync, truncate, any };

struct Plan {
  int fail_at = 0;                  ///< 1: the first operation from now on; 0: none
  Operation only = Operation::any;  ///< what is counted and fails
  bool disk_full = false;           ///< a write fails with SQLITE_FULL instead of an I/O error
  bool torn = false;                ///< half of the failing write reaches the file
  bool for_good = false;            ///< every later one fails too: the device is gone
};

/// Registers the VFS (once for the process) and returns its name.
const char* name();
/// Begins to count from zero.
void arm(Plan plan);
/// What was counted since arm().
int operations();
/// Flushes since arm(), counted whatever the plan says.
int syncs();
bool fired();

}  // namespace codedriftd::test::fault_vfs
