#pragma once
#include <string>

#include "store/db/database.h"
#include "store/db/postgres.h"

namespace codedriftd::test {

/// The engine that tests of the record run on in this process: CODEDRIFTD_TEST_ENGINE, else SQLite.
Engine tested_engine();

/// A record of its own, as migrate() makes it; gone with this object.
class TestRecord {
 public:
  /// SQLite's is the file `path`, which is not removed.
  explicit TestRecord(std::string path, Engine engine = tested_engine());
  TestRecord(const TestRecord&) = delete;
  ~TestRecord();

  /// Any number of connections. They end before this object.
  Database open_writer() const;
  Database open_reader() const;
  /// REQUIRES: it is on PostgreSQL.
  postgres::Place place() const;

 private:
  std::string path_, database_;
};

}  // namespace codedriftd::test
