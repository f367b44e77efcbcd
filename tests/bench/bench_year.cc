// A year of polls on record: how large it is, and how fast it answers, in a file (SQLite) and on a server (PostgreSQL),
// beside a table with a row for each poll.
//
//   bench_year [--functions 10000] [--days 365] [--naive-functions 1000] [--naive-days 30] [--keep FOLDER]
//
// Everything is measured on real databases. The naive one has by default a tenth of the functions and one month, which
// is 8.6 million rows; --naive-functions 10000 makes all 86.4 million of them (some 6 GB).
#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "audit/report/writers.h"
#include "bench/bench.h"
#include "bench/cost.h"
#include "bench/reading.h"
#include "bench/rig.h"
#include "bench/year.h"
#include "store/db/postgres.h"
#include "store/db/sqlite.h"
#include "support/postgres_server.h"
#include "support/program.h"
#include "web/api/api.h"

namespace codedriftd::test {
namespace {

const SystemClock kClock;

/// The same over HTTP, without the HTTP: its time and its size. The connection is kept, as the site keeps it.
struct ApiAnswer {
  double took = 0;
  std::size_t bytes = 0;
};
ApiAnswer api_answer(const OpenRecord& open, const std::string& report, WallTime now) {
  Database db = open();
  ApiAnswer answer;
  answer.took = median_ms(5, [&] {
    db.begin_read();
    const WebReply reply = answer_api(db, {"/api/v1/" + report, {}, ""}, now);
    db.commit();
    if (reply.status != 200) throw std::runtime_error(reply.body);
    answer.bytes = reply.body.size();
  });
  return answer;
}

/// A statement, all rows of it read.
double sql_ms(const OpenRecord& open, const std::string& sql, int times) {
  return median_ms(times, [&] {
    Database db = open();
    auto rows = db.query_once(sql);
    while (rows.step()) {
    }
  });
}

/// The most memory that a report takes beside what it gives away row by row, in MiB.
double report_mib(const OpenRecord& open, const Report& report, WallTime now, const Selection& selection) {
  Database db = open();
  ::malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << 5;  // the peak begins anew
  const double before = memory_of({::getpid()}).resident;
  db.begin_read();
  report.run(db, selection, now, [](const Row&) {});
  db.commit();
  return std::max(0.0, peak_of(::getpid()) - before);
}

/// The same questions to the naive table: statements as one would write them for it.
struct Naive {
  int64_t rows = 0, bytes = 0;
  double status = 0, history = 0, coverage = 0;
};
Naive naive(const std::string& path, unsigned functions, unsigned days, WallTime until) {
  const OpenRecord open = [&] { return sqlite::open_reader(path, sqlite::kReportCacheKib); };
  Naive result;
  result.rows = write_naive(path, functions, days, until);
  result.bytes = static_cast<int64_t>(std::filesystem::file_size(path));
  result.status = sql_ms(
      open,
      "SELECT t.address, p.at_ms, p.sha256, p.sha256 = t.accepted FROM target t JOIN poll p ON p.id = (SELECT id FROM "
      "poll WHERE target = t.id ORDER BY at_ms DESC LIMIT 1)",
      3);
  result.history =
      sql_ms(open,
             "WITH marked AS (SELECT at_ms, sha256, sha256 IS NOT lag(sha256) OVER (ORDER BY at_ms) AS new "
             "FROM poll WHERE target = 0), numbered AS (SELECT *, sum(new) OVER (ORDER BY at_ms) AS run "
             "FROM marked) SELECT sha256, min(at_ms), max(at_ms), count(*) FROM numbered GROUP BY run",
             5);
  result.coverage = sql_ms(open,
                           "SELECT target, count(*), sum(iif(gap > 1200000, gap, 0)), max(gap) FROM (SELECT target, "
                           "at_ms - lag(at_ms) OVER (PARTITION BY target ORDER BY at_ms) AS gap FROM poll) GROUP BY "
                           "target",
                           1);
  return result;
}

void bench(int argc, char** argv) {
  const Flags flags(argc, argv, {"functions", "days", "naive-functions", "naive-days", "keep"}, {});
  prepare_process();
  const TempDir dir;
  const std::string folder = flags.text("keep", dir.path().string());
  Year year;
  year.functions = static_cast<unsigned>(flags.number("functions", 10'000, 1'000'000));
  year.days = static_cast<unsigned>(flags.number("days", 365, 3'650));
  year.until = kClock.wall();
  const auto naive_functions = static_cast<unsigned>(flags.number("naive-functions", 1'000, 100'000));
  const auto naive_days = static_cast<unsigned>(flags.number("naive-days", 30, 365));

  const std::string path = folder + "/year.db";
  const auto timed = [](const auto& write) {
    const MonoTime before = kClock.mono();
    const YearWritten written = write();
    return std::pair(written, std::chrono::duration<double>(kClock.mono() - before).count());
  };
  const auto [written, wrote] = timed([&] { return write_year(path, year); });
  const PostgresServer server;
  postgres::open(server.place("postgres"), postgres::Access::write).execute("CREATE DATABASE year");
  postgres::Place place = server.place("year");
  place.statement_limit = Millis{600'000};
  const auto [on_server, wrote_on_server] =
      timed([&] { return write_year(postgres::open(place, postgres::Access::write), year); });
  const Naive rows = naive(folder + "/naive.db", naive_functions, naive_days, year.until);
  const OpenRecord file = [&] { return sqlite::open_reader(path, sqlite::kReportCacheKib); };
  const OpenRecord remote = [&] { return postgres::open(place, postgres::Access::read); };

  Selection all, one, month, newest;
  one.targets = {bench_target(year.functions / 2).address()};
  month.since = year.until - std::chrono::hours(24 * 30);
  newest.limit = 1'000;
  // A thousand of ten thousand; with fewer, what there is.
  Selection thousand = month;
  if (year.functions >= 2'000) thousand.functions = {"f1???"};

  Table table(fmt::format(
      "{} functions, {} days of five-minute polls: {} polls, {} deployments, {} of them drift; "
      "written in {:.0f} s, on the server in {:.0f} s",
      year.functions, year.days, written.polls, written.deployments, written.drifts, wrote, wrote_on_server));
  table.row(
      "size of the database", judged(written.bytes <= 100'000'000, mb(written.bytes)), "100 MB",
      fmt::format("PostgreSQL: {}; a row for each poll: {} for {} functions and {} days, {} rows (measured); {} for as "
                  "many as here (calculated)",
                  mb(on_server.bytes), mb(rows.bytes), naive_functions, naive_days, rows.rows,
                  mb(rows.bytes / std::max<int64_t>(rows.rows, 1) * written.polls)));
  table.row("rows: runs, events, alerts", fmt::format("{}, {}, {}", written.runs, written.events, written.alerts), "",
            fmt::format("PostgreSQL: {}, {}, {}", on_server.runs, on_server.events, on_server.alerts));

  const auto both = [&](const std::string& what, double goal, const auto& took, const std::string& naive = "") {
    const double here = took(file), there = took(remote);
    table.row(what, goal == 0 ? ms(here) : judged(here <= goal, ms(here)),
              goal == 0 ? "" : fmt::format("{:.0f} ms", goal),
              fmt::format("PostgreSQL: {}, {:.1f} x{}{}", ms(there), there / here,
                          naive.empty() ? "" : "; a row for each poll: ", naive));
  };
  const auto report = [&](const Report& asked, const Selection& selection, int times) {
    return [&, times](const OpenRecord& open) { return report_ms(open, asked, year.until, selection, times); };
  };
  const auto beside = [&](double value) {
    return fmt::format("{} ({} functions, measured)", ms(value), naive_functions);
  };
  both("query status", 50, report(kStatusReport, all, 5), beside(rows.status));
  both("query history of one function, all time", 10, report(kHistoryReport, one, 9),
       fmt::format("{} ({} days, measured)", ms(rows.history), naive_days));
  both("query coverage of all, 30 days", 500, report(kCoverageReport, month, 5), beside(rows.coverage));
  both("query report of 1,000 functions, 30 days, HTML", 1'000, [&](const OpenRecord& open) {
    return median_ms(3, [&] {
      Database db = open();
      db.begin_read();
      if (report_html(gather_audit_report(db, thousand, year.until)).empty())
        throw std::runtime_error("the report is empty");
      db.commit();
    });
  });
  for (const auto& [name, asked] :
       {std::pair("history", &kHistoryReport), {"events", &kEventsReport}, {"alerts", &kAlertsReport}}) {
    both(fmt::format("query {}, all", name), 0, report(*asked, all, 1));
    both(fmt::format("query {}, the newest 1,000", name), 0, report(*asked, newest, 3));
  }
  const std::string target = fmt::format(" WHERE target = '{}'", *one.targets.begin());
  for (const auto& [what, sql, goal] :
       {std::tuple{"v_status, all rows", std::string("SELECT * FROM v_status"), 1000.0},
        {"v_history of one function", "SELECT * FROM v_history" + target, 10.0},
        {"v_history, all rows", "SELECT * FROM v_history", 2000.0},
        {"v_events, the newest 1,000", "SELECT * FROM v_events ORDER BY seq DESC LIMIT 1000", 50.0},
        {"v_coverage, all rows, all time", "SELECT * FROM v_coverage", 2000.0}}) {
    both(what, goal, [sql = sql](const OpenRecord& open) { return sql_ms(open, sql, 3); });
  }
  for (const auto& [name, what] : {std::pair("status", "all"),
                                   {"history", "the newest 1,000"},
                                   {"events", "the newest 1,000"},
                                   {"alerts", "the newest 1,000"},
                                   {"coverage", "all, 30 days"}}) {
    std::size_t bytes = 0;
    const auto took = [&bytes, name = name, &year](const OpenRecord& open) {
      const ApiAnswer answer = api_answer(open, name, year.until);
      bytes = answer.bytes;
      return answer.took;
    };
    const double here = took(file), there = took(remote);
    table.row(fmt::format("/api/v1/{}, {}: {}", name, what, mb(static_cast<int64_t>(bytes))), ms(here), "",
              fmt::format("PostgreSQL: {}, {:.1f} x", ms(there), there / here));
  }
  for (const auto& [name, asked] : {std::pair("status", &kStatusReport),
                                    {"history", &kHistoryReport},
                                    {"events", &kEventsReport},
                                    {"alerts", &kAlertsReport},
                                    {"coverage", &kCoverageReport}}) {
    table.row(fmt::format("memory of query {}, all, beside its text", name),
              fmt::format("{:.1f} MiB", report_mib(file, *asked, year.until, all)), "",
              fmt::format("PostgreSQL: {:.1f} MiB", report_mib(remote, *asked, year.until, all)));
  }
  table.print();
}

}  // namespace
}  // namespace codedriftd::test

int main(int argc, char** argv) {
  return codedriftd::test::guarded_main("bench_year", [&] { codedriftd::test::bench(argc, argv); });
}
