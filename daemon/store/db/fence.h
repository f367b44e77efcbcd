#pragma once
/// What keeps a member of a fleet from writing once others have taken over: a statement that each of its write
/// transactions begins with (Database::begin_write), and that locks what a take-over needs.
#include <cstdint>
#include <string>

#include "base/clock.h"
#include "store/db/database.h"

namespace codedriftd {

/// Used by the thread that writes. Database calls it; only was_durable() is for whoever commits.
class Fence {
 public:
  virtual ~Fence();
  /// Without parameters. With one row of one number from the last statement, the database's clock in milliseconds, it
  /// passed.
  virtual std::string statement() const = 0;
  /// On each new connection, before the first transaction: is this still the database that was written to? Throws
  /// StoreError (rolled_back).
  virtual void connected(Database& db) = 0;
  /// `sent`: before the statement was.
  virtual void passed(int64_t answer, MonoTime sent) = 0;
  /// There was no row, and the transaction is rolled back. Throws StoreError (fenced), with the reason.
  [[noreturn]] virtual void refused(Database& db) = 0;
  /// Before the COMMIT: a transaction that took long must not look like silence.
  virtual void before_commit(Database& /*db*/) {}
  /// The transaction that passed last is durable.
  virtual void committed() = 0;
  /// The COMMIT of the transaction that passed last failed with StoreError (in_doubt): asks on a new connection. True:
  /// it is durable, and committed() was called. False: it left no trace, and never will. Waits for a COMMIT that the
  /// server still works at, and for a server that is away, as long as the membership may last. Throws StoreError:
  /// fenced, rolled_back, given_up, or unavailable where it could not be known in time; the next transaction passes
  /// only if this one is not durable.
  virtual bool was_durable(Database& db) = 0;
};

}  // namespace codedriftd
