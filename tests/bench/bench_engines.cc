// What it costs to record on SQLite and on PostgreSQL, near and far: polls that changed nothing, and a drift.
#include <fmt/format.h>

#include <filesystem>
#include <vector>

#include "bench/bench.h"
#include "bench/recorder.h"
#include "bench/rig.h"
#include "store/db/postgres.h"
#include "store/db/sqlite.h"
#include "support/delay_line.h"
#include "support/postgres_server.h"
#include "support/program.h"

namespace codedriftd::test {
namespace {

struct Figures {
  std::vector<double> polls_per_second;  ///< of each round
  std::vector<double> commit_ms;         ///< of each drift
};

struct Amounts {
  unsigned polls, drifts, rounds;
};

Figures measure(Database db, const Amounts& amounts) {
  constexpr unsigned kFunctions = 1'000, kGroup = 100;
  const SystemClock clock;
  Recorder recorder(with_newest_schema(std::move(db), clock.wall()), kFunctions, kGroup, clock.wall());
  WallTime now = clock.wall();
  const auto see = [&](unsigned i, const char* code) { return recorder.seen(i % kFunctions, code, now += Millis{1}); };
  for (unsigned i = 0; i < kFunctions; ++i) recorder.post(see(i, "reviewed"));
  recorder.wait();

  Figures figures;
  for (unsigned round = 0; round < amounts.rounds; ++round) {
    const MonoTime begun = clock.mono();
    for (unsigned i = 0; i < amounts.polls; ++i) recorder.post(see(i, "reviewed"));
    recorder.wait();
    figures.polls_per_second.push_back(amounts.polls / std::chrono::duration<double>(clock.mono() - begun).count());
  }
  for (unsigned i = 0; i < amounts.drifts; ++i) {
    const MonoTime begun = clock.mono();
    recorder.apply(see(i, i < kFunctions ? "changed" : "changed again"));
    figures.commit_ms.push_back(1'000 * std::chrono::duration<double>(clock.mono() - begun).count());
  }
  return figures;
}

void tell(Table& table, const std::string& where, const Figures& figures, const Figures& sqlite, double goal) {
  const double rate = quantile(figures.polls_per_second, 0.5);
  const double p99 = quantile(figures.commit_ms, 0.99);
  table.row(where + ", polls a second", judged(goal == 0 || rate >= goal, fmt::format("{:.0f}", rate)),
            goal == 0 ? "" : fmt::format("{:.0f}", goal),
            fmt::format("SQLite: {:.0f}", quantile(sqlite.polls_per_second, 0.5)));
  table.row(where + ", a drift's commit, median", fmt::format("{:.2f} ms", quantile(figures.commit_ms, 0.5)), "",
            fmt::format("SQLite: {:.2f} ms", quantile(sqlite.commit_ms, 0.5)));
  table.row(where + ", p99", judged(p99 < 20, fmt::format("{:.2f} ms", p99)), "< 20 ms",
            fmt::format("SQLite: {:.2f} ms", quantile(sqlite.commit_ms, 0.99)));
}

void bench(int argc, char** argv) {
  const Flags flags(argc, argv, {"polls", "drifts", "rounds"}, {});
  const Amounts near{static_cast<unsigned>(flags.number("polls", 20'000, 1'000'000)),
                     static_cast<unsigned>(flags.number("drifts", 200, 2'000)),
                     static_cast<unsigned>(flags.number("rounds", 5, 100))};
  prepare_process();
  const TempDir dir;
  const Figures sqlite = measure(sqlite::open_writer(dir / "codedriftd.db"), near);
  Table table(fmt::format("{} polls that changed nothing, in groups of 100, {} rounds; {} drifts, one after the other",
                          near.polls, near.rounds, near.drifts));
  const PostgresServer server(PostgresServer::Kind::durable);
  Database administration = postgres::open(server.place("postgres"), postgres::Access::write);
  int number = 0;
  for (const auto& [micros, goal] : {std::pair(0, 10'000.0), std::pair(700, 0.0), std::pair(2'200, 3'000.0)}) {
    const std::string database = fmt::format("far{}", ++number);
    administration.execute("CREATE DATABASE " + database);
    postgres::Place place = server.place(database);
    const std::string far = dir / database;
    std::filesystem::create_directory(far);
    const DelayLine line(far + "/.s.PGSQL.5432", server.dir() / ".s.PGSQL.5432", std::chrono::microseconds{micros});
    Amounts amounts = near;
    if (micros != 0) {
      place.hosts = {{far, 5432}};
      amounts.polls = std::max(1U, near.polls / 20);
      amounts.rounds = std::min(near.rounds, 3U);
    }
    const Figures figures = measure(postgres::open(place, postgres::Access::write), amounts);
    tell(table, micros == 0 ? "PostgreSQL, same machine" : fmt::format("{:.1f} ms away", micros / 1000.0), figures,
         sqlite, goal);
  }
  table.print();
}

}  // namespace
}  // namespace codedriftd::test

int main(int argc, char** argv) {
  return codedriftd::test::guarded_main("bench_engines", [&] { codedriftd::test::bench(argc, argv); });
}
