#pragma once
/// A record on any engine, and functions whose polls are made by hand.
#include <string_view>
#include <vector>

#include "store/db/fence.h"
#include "store/db/writer.h"
#include "store/ledger/ledger.h"
#include "store/ledger/watch_list.h"

namespace codedriftd::test {

/// `db`, brought to the newest schema. Throws std::runtime_error.
Database with_newest_schema(Database db, WallTime now);

class Recorder {
 public:
  /// Watches bench_target(0) … from then on. REQUIRES: the newest schema.
  Recorder(Database db, unsigned functions, std::size_t max_group, WallTime from, Fence* fence = nullptr);
  ~Recorder() { writer_.stop(); }

  /// A poll of function `i` that saw `code`.
  Poll seen(unsigned i, std::string_view code, WallTime at) const;
  void post(Poll poll);
  /// Records it at once, in a transaction of its own.
  void apply(const Poll& poll);
  /// Returns when everything that was posted is durable.
  void wait() {
    writer_.run([](Tx&) {});
  }

 private:
  SystemClock clock_;
  Ledger ledger_{"bench", "bench/codedriftd"};
  Writer writer_;
  std::vector<WatchedTarget> targets_;
};

}  // namespace codedriftd::test
