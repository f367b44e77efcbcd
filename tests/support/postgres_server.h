#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

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
  /// Throws std::runtime_error if it cannot be started. With a `port` it listens on 127.0.0.1, too.
  explicit PostgresServer(Kind kind = Kind::quick, uint16_t port = 0);
  /// A durable standby of `primary`, which it copies, and goes on copying through the socket in the folder `way`.
  PostgresServer(const PostgresServer& primary, const std::string& way, uint16_t port);
  /// Makes a standby the primary; returns when it takes writes.
  void promote();

  /// A database on it, with a superuser's rights.
  postgres::Place place(const std::string& database) const;
  /// A new database, set up by config/postgres/roles.sql, which may be run again. Throws std::runtime_error.
  void create_database_with_roles(const std::string& database) const;
  void run_roles_script(const std::string& database) const;
  /// [store] url of a database on it.
  std::string url(const std::string& database) const {
    return "postgresql://" + dir_.path().string() + ":" + std::to_string(port()) + "/" + database;
  }
  uint16_t port() const { return port_ == 0 ? 5432 : port_; }
  /// Its socket.
  std::string socket() const { return dir_ / (".s.PGSQL." + std::to_string(port())); }
  /// Ends it, and starts it anew as a standby that takes no writes: a server of its own, that no other test uses.
  /// REQUIRES: Kind::durable.
  void become_standby();
  /// Kills it (`pg_ctl stop -m immediate`): sessions end, and it has to recover when start() brings it back.
  void crash();
  /// Returns when it takes connections. REQUIRES: crash() before. Throws std::runtime_error.
  void start();
  const TempDir& dir() const { return dir_; }
  Child& process() { return *process_; }

  /// The one that the tests of this process share, started when it is first asked for.
  static PostgresServer& shared();

 private:
  void act_as_postgres();
  void run_to_end(std::vector<std::string> argv) const;
  void set_command(const std::vector<std::string>& settings);

  TempDir dir_;
  uint16_t port_;
  ChildOptions options_;
  std::unique_ptr<Child> process_;
};

}  // namespace codedriftd::test
