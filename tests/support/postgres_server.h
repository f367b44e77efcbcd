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
  const TempDir& dir() const { return dir_; }
  Child& process() { return *process_; }

  /// The one that the tests of this process share, started when it is first asked for.
  static PostgresServer& shared();

 private:
  TempDir dir_;
  std::unique_ptr<Child> process_;
};

}  // namespace codedriftd::test
