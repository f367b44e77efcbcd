#pragma once
/// The record in a database of a PostgreSQL server, 15 or newer, on libpq 15.
///
/// Every wait has a deadline and gives way to Database::give_up_when(). Where one passes, the connection is given up
/// and never a request cancelled: a cancelled COMMIT may be told as done though it is not replicated, and libpq 15
/// sends cancellations unencrypted. The next transaction connects anew. What was in flight then: an error of kind
/// `unavailable`, and for a COMMIT `in_doubt`.
///
/// libpq gets keywords, never a connection string: its messages about those repeat parts of them. It looks a host's
/// name up with the C library, which has limits of its own.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/guarded.h"
#include "base/secret.h"
#include "store/db/database.h"

namespace codedriftd::postgres {

/// The schema that holds the tables.
constexpr std::string_view kSchema = "codedriftd";
/// What sets up roles and their rights, where the package has it.
constexpr std::string_view kRolesScript = "/usr/share/codedriftd/postgres/roles.sql";

struct Host {
  std::string name;  ///< or, beginning with '/', the folder of a server's Unix socket
  uint16_t port = 5432;
};

/// Which server was written to: another one holds something else, and one with a lower timeline is an old primary that
/// came back. Thread-safe.
class Lineage {
 public:
  struct Server {
    std::string system;     ///< its system_identifier
    uint32_t timeline = 0;  ///< grows with each standby that is promoted
  };
  /// Remembers `now`, or throws StoreError (cannot_open); `name` is for its words.
  void check(const Server& now, const std::string& name);

 private:
  Guarded<Server> seen_;
};

/// Which database, and how to get there.
struct Place {
  std::vector<Host> hosts;  ///< tried in their order, until one takes writes
  std::string database;
  std::string user;  ///< empty: what libpq takes
  Secret password;   ///< empty: none, or what libpq finds in its own file
  std::string tls = "verify-full";
  std::string ca_file, certificate, key;
  std::string role;        ///< what `user` acts as, being a member of it; empty: as itself. A plain word
  Millis deadline{5'000};  ///< for silence in each wait; for connecting, for each host
  /// Shared by the clones: each connection that writes is compared with all before.
  std::shared_ptr<Lineage> lineage = std::make_shared<Lineage>();
  /// For one statement, and the silence until its answer; nullopt: what a daemon's or a report's may take.
  std::optional<Millis> statement_limit;

  Place clone() const;
  /// For people: "postgresql://db1:5432,db2:5432/codedriftd".
  std::string name() const;
};

enum class Access {
  write,  ///< a server that takes writes; commits are on disk (synchronous_commit as the server has it, never off)
  read,   ///< one that only answers, if there is one, which may be behind; every transaction is read-only
  read_current,  ///< the one that takes writes, for reading what was committed so far; every transaction is read-only
};

/// Connects, or throws StoreError: `unavailable` where no server answers in time, `cannot_open` where one refuses, with
/// its words. None of them holds the password.
Database open(const Place& place, Access access);

/// `?` and `?N` as PostgreSQL counts parameters: `$n`. Text in quotes and comments stays as it is. Exposed for tests.
std::string numbered_parameters(std::string_view sql);

}  // namespace codedriftd::postgres
