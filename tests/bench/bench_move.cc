// How long it takes to move a record from its file to a server and back, and whether memory grows with it.
#include <fmt/format.h>
#include <malloc.h>

#include <fstream>
#include <stdexcept>

#include "bench/bench.h"
#include "bench/rig.h"
#include "bench/year.h"
#include "store/db/migrate.h"
#include "store/db/postgres.h"
#include "store/db/sqlite.h"
#include "store/move/move.h"
#include "support/postgres_server.h"
#include "support/program.h"

namespace codedriftd::test {
namespace {

void bring_up(Database& db, WallTime now) {
  if (const auto done = migrate(db, embedded_migrations(db.engine()), now); !done)
    throw std::runtime_error(done.error().message);
}

/// A number of /proc/self/status, in KiB.
int64_t status_kib(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    int64_t kib = 0;
    if (word == name && status >> kib) return kib;
  }
  throw std::runtime_error(name + " is not in /proc/self/status");
}
/// From now on VmHWM is the most of VmRSS that there is from now on.
void forget_peak() {
  ::malloc_trim(0);  // what was used before is not used again unseen
  std::ofstream("/proc/self/clear_refs") << "5";
}

void move_and_tell(Database& from, Database& to, const std::string& way, Table& table) {
  const SystemClock clock;
  forget_peak();
  const int64_t before = status_kib("VmRSS:");
  const MonoTime begun = clock.mono();
  from.begin_read();
  to.begin_write();
  const move::Moved moved = move::copy_record(from, to);
  if (to.engine() == Engine::sqlite) sqlite::check_whole(to);
  to.commit();
  from.commit();
  const double seconds = std::chrono::duration<double>(clock.mono() - begun).count();
  const double rate = static_cast<double>(moved.rows) / seconds;
  constexpr double kGoal = 20'000;
  table.row(way, judged(rate >= kGoal, fmt::format("{:.0f} rows/s", rate)), fmt::format("{:.0f}", kGoal),
            fmt::format("{} rows, {} events in {:.1f} s", moved.rows, moved.events, seconds));
  const int64_t grown = status_kib("VmHWM:") - before;
  constexpr int64_t kMostKib = 64 * 1024;
  table.row(way + ", memory", judged(grown <= kMostKib, fmt::format("{} KiB more", grown)),
            fmt::format("{} KiB", kMostKib));
}

void bench(int argc, char** argv) {
  const Flags flags(argc, argv, {"functions", "days"}, {});
  Year year;
  year.functions = static_cast<unsigned>(flags.number("functions", 5'000, 100'000));
  year.days = static_cast<unsigned>(flags.number("days", 365, 3'650));
  year.until = SystemClock{}.wall();
  prepare_process();
  const TempDir dir;
  const YearWritten written = write_year(dir / "a.db", year);
  Table table(fmt::format("the record of {} functions and {} days, {} MB", year.functions, year.days,
                          written.bytes / 1'000'000));
  const PostgresServer server(PostgresServer::Kind::durable);
  postgres::Place place = server.place("postgres");
  place.statement_limit = Millis{3'600'000};
  Database far = postgres::open(place, postgres::Access::write);
  bring_up(far, year.until);
  far.execute("SET idle_in_transaction_session_timeout = 0");
  {
    Database file = sqlite::open_writer(dir / "a.db");
    move_and_tell(file, far, "to the server", table);
  }
  Database back = sqlite::open_writer(dir / "b.db");
  bring_up(back, year.until);
  sqlite::load_quickly(back);
  move_and_tell(far, back, "back to a file", table);
  table.print();
}

}  // namespace
}  // namespace codedriftd::test

int main(int argc, char** argv) {
  return codedriftd::test::guarded_main("bench_move", [&] { codedriftd::test::bench(argc, argv); });
}
