#include "support/test_record.h"

#include <fmt/format.h>

#include <cstdlib>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include "store/db/migrate.h"
#include "store/db/sqlite.h"
#include "support/postgres_server.h"

namespace codedriftd::test {
namespace {

void bring_up(Database& db) {
  constexpr WallTime kMadeAt{Millis{1'795'478'400'000}};  // 2026-11-24T00:00:00Z
  if (auto done = migrate(db, embedded_migrations(db.engine()), kMadeAt); !done)
    throw std::runtime_error(done.error().message);
}

/// The databases of this process, each used by one record at a time: to make one takes a third of a second, to empty
/// one a hundredth.
class Databases {
 public:
  std::string take() {
    if (!free_.empty()) {
      std::string database = std::move(free_.back());
      free_.pop_back();
      return database;
    }
    std::string database = fmt::format("t{}", ++made_);
    administration_.execute("CREATE DATABASE " + database);
    Database db = open(database);
    bring_up(db);
    if (shape_.empty()) shape_ = shape_of(db);
    return database;
  }
  /// Whatever a test did to its tables: a database of another shape is not used again.
  void give_back(std::string database) {
    administration_.query_once("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ?", database)
        .step();
    Database db = open(database);
    if (shape_of(db) != shape_) {
      return;
    }
    db.execute(
        "SET session_replication_role = replica; DO $$ DECLARE t text; BEGIN FOR t IN SELECT tablename FROM pg_tables "
        "WHERE schemaname = 'codedriftd' AND tablename != 'migration' LOOP EXECUTE format('DELETE FROM %I', t); END "
        "LOOP; FOR t IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'codedriftd' LOOP EXECUTE "
        "format('ALTER SEQUENCE %I RESTART', t); END LOOP; END $$; INSERT INTO lease (name) VALUES ('all')");
    free_.push_back(std::move(database));
  }
  static Database open(const std::string& database) {
    return postgres::open(PostgresServer::shared().place(database), postgres::Access::write);
  }

 private:
  static std::string shape_of(Database& db) {
    auto row = db.query_once(
        "SELECT CAST(md5((SELECT string_agg(relname || ':' || relnatts, ',' ORDER BY relname) FROM pg_class WHERE "
        "relnamespace = 'codedriftd'::regnamespace) || (SELECT string_agg(tgname || tgenabled::text, ',' ORDER BY "
        "tgname) FROM pg_trigger WHERE NOT tgisinternal) || (SELECT string_agg(conname, ',' ORDER BY conname) FROM "
        "pg_constraint) || (SELECT string_agg(definition, ',' ORDER BY viewname) FROM pg_views WHERE schemaname = "
        "'codedriftd')) AS text)");
    return row.step() ? row.string(0) : "";
  }

  Database administration_ = open("postgres");
  std::vector<std::string> free_;
  std::string shape_;
  int made_ = 0;
};

Databases& databases() {
  static Databases all;
  return all;
}

}  // namespace

Engine tested_engine() {
  const char* name = std::getenv("CODEDRIFTD_TEST_ENGINE");
  return name != nullptr && std::string_view(name) == "postgres" ? Engine::postgres : Engine::sqlite;
}

TestRecord::TestRecord(std::string path, Engine engine) : path_(std::move(path)) {
  if (engine == Engine::sqlite) {
    Database db = sqlite::open_writer(path_);
    bring_up(db);
    return;
  }
  database_ = databases().take();
}

TestRecord::~TestRecord() {
  if (database_.empty()) return;
  try {
    databases().give_back(std::move(database_));
  } catch (const std::exception&) {  // it is not used again
  }
}

Database TestRecord::open_writer() const {
  return database_.empty() ? sqlite::open_writer(path_) : postgres::open(place(), postgres::Access::write);
}

Database TestRecord::open_reader() const {
  return database_.empty() ? sqlite::open_reader(path_) : postgres::open(place(), postgres::Access::read);
}

postgres::Place TestRecord::place() const { return PostgresServer::shared().place(database_); }

}  // namespace codedriftd::test
