#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "store/db/database.h"

namespace codedriftd {

/// One file of migrations/sqlite or migrations/postgres (the same number: the same tables and columns): applied once,
/// in one transaction of its own.
struct Migration {
  int version;
  std::string name;
  std::string sql;
};

/// The files of one engine as compiled in, by number, without a gap; SQLite's from 1, PostgreSQL's from the one that
/// its first file begins with.
const std::vector<Migration>& embedded_migrations(Engine engine = Engine::sqlite);

/// The number of the newest schema: the same for every engine.
int newest_schema();

struct MigrationReport {
  int from = 0;      ///< the version found; 0: a new database
  int to = 0;        ///< the version it has now
  std::string copy;  ///< the copy kept of the old one; empty when there was none to keep
};

/// Brings the database to the newest of `migrations`. Before an upgrade a copy is kept beside it: PATH.vFROM, named
/// after the version it holds, so that an upgrade that failed half way and is tried again keeps a copy of where it
/// stands now beside that of where it began. What stands there is never written over: then it is PATH.vFROM.2, and so
/// on. (A server's administrator keeps copies; there none is made, and
/// two programs that migrate one database wait for each other, up to four seconds.) Fails, with both numbers, on a
/// database of another program, on one that is newer, and where an applied migration has another text than the one
/// known here. Throws StoreError.
Result<MigrationReport> migrate(Database& db, const std::vector<Migration>& migrations, WallTime now);

/// `name`, or `name`.2, `name`.3 …: the first at which no file stands.
std::string free_name(const std::string& name);

/// For whoever copies it: fails for a file of another program and for one that is newer.
Checked check_owner(Database& db, int newest = newest_schema());

/// The number of its schema; 0: none. REQUIRES: check_owner() of any number. Throws StoreError.
int schema_version(Database& db);

/// For readers: fails as above, and also if the database is older than `newest`.
Checked check_schema(Database& db, int newest = newest_schema());

}  // namespace codedriftd
