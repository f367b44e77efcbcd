#pragma once
#include <memory>
#include <string>

#include "store/db/postgres.h"
#include "support/process.h"
#include "support/temp_dir.h"

namespace codedriftd::test {

/// A PostgreSQL server of its own (Debian's postgresql-15) on a Unix socket; it ends with this object,
/// and with this process. As root it runs as the user postgres. The role with_password, once there is one, needs its
/// password.
class PostgresServer {
 public:
  enum class Kind {
    quick,    ///< without fsync: nothing survives a power cut
    durable,  ///< as Debian sets it up
  };
  /// Throws std::runtime_error if it cannot be started.
  explicit PostgresServer(Kind kind = Kind::quick);

  /// A database on it, with a superuser's rights.
  postgres::Place place(const std::string& database) const;
  /// A new database, set up by config/postgres/roles.sql, which may be run again. Throws std::runtime_error.
  void create_database_with_roles(const std::string& database) const;
  void run_roles_script(const std::string& database) const;
  /// [store] url of a database on it.
  std::string url(const std::string& database) const {
    return "postgresql://" + dir_.path().string() + ":5432/" + database;
  }
  /// Ends it, and starts it anew as a standby that takes no writes: a server of its own, that no other test uses.
  /// REQUIRES: Kind::durable.
  void become_standby();
  const TempDir& dir() const { return dir_; }
  Child& process() { return *process_; }

  /// The one that the tests of this process share, started when it is first asked for.
  static PostgresServer& shared();

 private:
  void start();

  TempDir dir_;
  ChildOptions options_;
  std::unique_ptr<Child> process_;
};

}  // namespace codedriftd::test
