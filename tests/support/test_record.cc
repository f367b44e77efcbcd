#include "support/test_record.h"

#include <fmt/format.h>

#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include "store/db/migrate.h"
#include "store/db/sqlite.h"
#include "support/postgres_server.h"

namespace codedriftd::test {
namespace {

constexpr const char* kTemplate = "migrated";

void bring_up(Database& db) {
  constexpr WallTime kMadeAt{Millis{1'795'478'400'000}};  // 2026-11-24T00:00:00Z
  if (auto done = migrate(db, embedded_migrations(db.engine()), kMadeAt); !done)
    throw std::runtime_error(done.error().message);
}

/// Where databases are made and dropped; the migrated one that they are copies of is there.
Database& administration() {
  static Database db = [] {
    Database made = postgres::open(PostgresServer::shared().place("postgres"), postgres::Access::write);
    made.execute(fmt::format("CREATE DATABASE {}", kTemplate));
    Database migrated = postgres::open(PostgresServer::shared().place(kTemplate), postgres::Access::write);
    bring_up(migrated);
    return made;
  }();
  return db;
}

}  // namespace

Engine tested_engine() {
  const char* name = std::getenv("CODEDRIFTD_TEST_ENGINE");
  return name != nullptr && std::string_view(name) == "postgres" ? Engine::postgres : Engine::sqlite;
}

TestRecord::TestRecord(std::string path) : path_(std::move(path)) {
  if (tested_engine() == Engine::sqlite) {
    Database db = sqlite::open_writer(path_);
    bring_up(db);
    return;
  }
  static int made = 0;
  database_ = fmt::format("t{}", ++made);
  administration().execute(fmt::format("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy", database_, kTemplate));
}

TestRecord::~TestRecord() {
  if (!database_.empty()) administration().execute(fmt::format("DROP DATABASE {} WITH (FORCE)", database_));
}

Database TestRecord::open_writer() const {
  if (tested_engine() == Engine::sqlite) return sqlite::open_writer(path_);
  return postgres::open(PostgresServer::shared().place(database_), postgres::Access::write);
}

Database TestRecord::open_reader() const {
  if (tested_engine() == Engine::sqlite) return sqlite::open_reader(path_);
  return postgres::open(PostgresServer::shared().place(database_), postgres::Access::read);
}

}  // namespace codedriftd::test
