// A day of polls on PostgreSQL, compressed: how fast, what becomes of the tables, how much is written; beside it
// SQLite.
//
//   bench_fleet_day [--functions 10000] [--cycles 288] [--drifts 24]
//
// Each cycle is a poll of every function, five minutes apart, in groups of 100. In real time a checkpoint lies in each,
// so there is one here; autovacuum comes round every second, as it does every minute there, or more often.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "bench/bench.h"
#include "bench/reading.h"
#include "bench/recorder.h"
#include "bench/rig.h"
#include "store/db/postgres.h"
#include "store/db/sqlite.h"
#include "store/fleet/membership.h"
#include "support/postgres_server.h"
#include "support/program.h"

namespace codedriftd::test {
namespace {

constexpr Millis kCycle{300'000};
constexpr std::size_t kGroup = 100;
constexpr double kMostGrowth = 1.2;
constexpr int64_t kMostWal = 1'500'000'000;  ///< of the whole day
constexpr unsigned kDay = 288;               ///< cycles

struct Amounts {
  unsigned functions, cycles, drifts;
};

class Day {
 public:
  Day(Database db, const Amounts& amounts, WallTime from, Fence* fence = nullptr)
      : recorder_(std::move(db), amounts.functions, kGroup, from, fence), amounts_(amounts), from_(from) {
    poll_all(0);
  }
  /// Seconds, without what `after_each` takes.
  double run(const std::function<void()>& after_each) {
    const SystemClock clock;
    double seconds = 0;
    for (unsigned cycle = 1; cycle <= amounts_.cycles; ++cycle) {
      const MonoTime begun = clock.mono();
      poll_all(cycle);
      seconds += std::chrono::duration<double>(clock.mono() - begun).count();
      after_each();
    }
    return seconds;
  }

 private:
  /// Another function drifts every few cycles, and is put back by the next.
  bool drifts(unsigned function, unsigned cycle) const {
    const unsigned between = std::max(2U, amounts_.cycles / std::max(1U, amounts_.drifts));
    return amounts_.drifts > 0 && cycle % between == 1 && cycle / between * 401 % amounts_.functions == function;
  }
  void poll_all(unsigned cycle) {
    for (unsigned i = 0; i < amounts_.functions; ++i)
      recorder_.post(recorder_.seen(i, drifts(i, cycle) ? "changed" : "reviewed",
                                    from_ + cycle * kCycle + i * kCycle / amounts_.functions));
    recorder_.wait();
  }

  Recorder recorder_;
  Amounts amounts_;
  WallTime from_;
};

struct SqliteDay {
  double seconds = 0, status_ms = 0;
  int64_t before = 0, after = 0;
};
SqliteDay on_sqlite(const Amounts& amounts, WallTime from, WallTime until) {
  const TempDir dir;
  const std::string path = dir / "codedriftd.db";
  const auto size = [&] {
    Database db = sqlite::open_reader(path);
    return sqlite::pragma(db, "page_count") * sqlite::pragma(db, "page_size");
  };
  SqliteDay result;
  {
    Day day(with_newest_schema(sqlite::open_writer(path), from), amounts, from);
    result.before = size();
    result.seconds = day.run([] {});
  }
  result.after = size();
  result.status_ms =
      report_ms([&] { return sqlite::open_reader(path, sqlite::kReportCacheKib); }, kStatusReport, until, {}, 5);
  return result;
}

struct TableOf {
  int64_t before = 0, after = 0;  ///< bytes, with its indexes
  int64_t updated = 0, hot = 0;   ///< rows
};
struct PostgresDay {
  double seconds = 0, status_ms = 0;
  int64_t wal = 0;
  std::map<std::string, TableOf> tables;
};

std::map<std::string, int64_t> sizes(Database& db) {
  std::map<std::string, int64_t> all;
  auto q = db.query("SELECT relname, pg_total_relation_size(relid) FROM pg_stat_user_tables");
  while (q.step()) all[q.string(0)] = q.integer(1);
  return all;
}

int64_t wal_written(Database& db) {
  auto q = db.query("SELECT CAST(pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') AS BIGINT)");
  q.step();
  return q.integer(0);
}

PostgresDay on_postgres(const Amounts& amounts, WallTime from, WallTime until) {
  const PostgresServer server(PostgresServer::Kind::durable);
  Database administration = postgres::open(server.place("postgres"), postgres::Access::write);
  for (const char* sql : {"ALTER SYSTEM SET wal_compression = 'lz4'", "ALTER SYSTEM SET autovacuum_naptime = '1s'",
                          "SELECT pg_reload_conf()", "CREATE DATABASE day"})
    administration.execute(sql);
  const postgres::Place place = server.place("day");
  const SystemClock host;
  FleetClock clock(host);
  Claims claims(clock);
  Membership member("bench", "", clock, claims, Membership::Writers::one_at_a_time);
  PostgresDay result;
  {
    Database db = with_newest_schema(postgres::open(place, postgres::Access::write), from);
    member.join(db);
    Database looking = postgres::open(place, postgres::Access::write);
    Day day(std::move(db), amounts, from, &member);
    administration.execute("CHECKPOINT");
    for (const auto& [table, bytes] : sizes(looking)) result.tables[table].before = bytes;
    const int64_t wal = wal_written(looking);
    result.seconds = day.run([&] { administration.execute("CHECKPOINT"); });
    result.wal = wal_written(looking) - wal;
    for (const auto& [table, bytes] : sizes(looking)) result.tables[table].after = bytes;
  }
  Database looking = postgres::open(place, postgres::Access::read);
  auto q = looking.query("SELECT relname, n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables");
  while (q.step()) {
    TableOf& table = result.tables[q.string(0)];
    table.updated = q.integer(1);
    table.hot = q.integer(2);
  }
  result.status_ms =
      report_ms([&] { return postgres::open(place, postgres::Access::read); }, kStatusReport, until, {}, 5);
  return result;
}

void tell(const Amounts& amounts, const PostgresDay& postgres, const SqliteDay& sqlite) {
  const int64_t polls = int64_t{amounts.functions} * amounts.cycles;
  const auto rate = [&](double seconds) { return static_cast<double>(polls) / seconds; };
  Table table(
      fmt::format("{} functions, {} cycles of five minutes, a checkpoint in each: {} polls in groups of {}, "
                  "{} drifts",
                  amounts.functions, amounts.cycles, polls, kGroup, amounts.drifts));
  table.row("recorded, without the checkpoints", fmt::format("{:.1f} s", postgres.seconds), "",
            fmt::format("SQLite: {:.1f} s, with its own", sqlite.seconds));
  table.row("polls a second", fmt::format("{:.0f}", rate(postgres.seconds)), "",
            fmt::format("SQLite: {:.0f}", rate(sqlite.seconds)));
  int64_t before = 0, after = 0;
  for (const auto& [name, of] : postgres.tables) {
    before += of.before;
    after += of.after;
    const double growth = static_cast<double>(of.after) / static_cast<double>(std::max<int64_t>(of.before, 1));
    if (name == "target" || name == "run")
      table.row(name,
                judged(growth <= kMostGrowth, fmt::format("{} to {}: {:.2f} x", mb(of.before), mb(of.after), growth)),
                fmt::format("{:.1f} x", kMostGrowth));
    else if (of.after != of.before)
      table.row(name, fmt::format("{} to {}", mb(of.before), mb(of.after)));
    if (of.updated > 0 && (name == "target" || name == "run" || name == "daemon_run"))
      table.row(name + ", updates that touch no index (HOT)",
                fmt::format("{:.2f} % of {}", 100.0 * static_cast<double>(of.hot) / static_cast<double>(of.updated),
                            of.updated));
  }
  const double growth = static_cast<double>(after) / static_cast<double>(before);
  table.row("all tables",
            judged(growth <= kMostGrowth, fmt::format("{} to {}: {:.2f} x", mb(before), mb(after), growth)),
            fmt::format("{:.1f} x", kMostGrowth), fmt::format("SQLite: {} to {}", mb(sqlite.before), mb(sqlite.after)));
  const int64_t most_wal = kMostWal / kDay * amounts.cycles;
  table.row("write-ahead log, wal_compression = lz4", judged(postgres.wal <= most_wal, mb(postgres.wal)), mb(most_wal));
  table.row("query status of all", judged(postgres.status_ms <= 1.5 * sqlite.status_ms, ms(postgres.status_ms)),
            "1.5 x SQLite", fmt::format("SQLite: {}", ms(sqlite.status_ms)));
  table.print();
}

void bench(int argc, char** argv) {
  const Flags flags(argc, argv, {"functions", "cycles", "drifts"}, {});
  const Amounts amounts{static_cast<unsigned>(flags.number("functions", 10'000, 1'000'000)),
                        static_cast<unsigned>(flags.number("cycles", kDay, 100'000)),
                        static_cast<unsigned>(flags.number("drifts", 24, 10'000))};
  prepare_process();
  const SystemClock clock;
  const WallTime until = clock.wall(), from = until - (amounts.cycles + 1) * kCycle;
  const SqliteDay sqlite = on_sqlite(amounts, from, until);
  tell(amounts, on_postgres(amounts, from, until), sqlite);
}

}  // namespace
}  // namespace codedriftd::test

int main(int argc, char** argv) {
  return codedriftd::test::guarded_main("bench_fleet_day", [&] { codedriftd::test::bench(argc, argv); });
}
