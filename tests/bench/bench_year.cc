// A year of polls on record: how large it is, and how fast it answers, beside a table with a row for each poll.
//
//   bench_year [--functions 10000] [--days 365] [--naive-functions 1000] [--naive-days 30] [--keep FOLDER]
//
// Everything is measured on real databases. The naive one has by default a tenth of the functions and one month, which
// is 8.6 million rows; --naive-functions 10000 makes all 86.4 million of them (some 6 GB).
#include <fmt/format.h>

#include <filesystem>

#include "audit/format/render.h"
#include "audit/query/reports.h"
#include "audit/report/writers.h"
#include "bench/bench.h"
#include "bench/rig.h"
#include "bench/year.h"
#include "store/db/sqlite.h"
#include "support/program.h"
#include "web/api/api.h"

namespace codedriftd::test {
namespace {

const SystemClock kClock;

/// The median time of several runs, in milliseconds.
template <typename Work>
double median_ms(int times, const Work& work) {
  std::vector<double> took;
  for (int i = 0; i < times; ++i) {
    const MonoTime before = kClock.mono();
    work();
    took.push_back(std::chrono::duration<double, std::milli>(kClock.mono() - before).count());
  }
  return quantile(took, 0.5);
}

/// A report as a command prints it: a new connection, its rows, its text.
double report_ms(const std::string& path, const Report& report, WallTime now, const Selection& selection, int times) {
  return median_ms(times, [&] {
    Database db = sqlite::open_reader(path, sqlite::kReportCacheKib);
    std::string text;
    const auto renderer = make_renderer(Format::table, report, now, false, text);
    renderer->end(report.run(db, selection, now, [&](const Row& row) { renderer->row(row); }));
    if (text.empty()) throw std::runtime_error("the report is empty");
  });
}

/// The same over HTTP, without the HTTP: its time and its size. The connection is kept, as the site keeps it.
struct ApiAnswer {
  double took = 0;
  std::size_t bytes = 0;
};
ApiAnswer api_answer(const std::string& path, const std::string& report, WallTime now) {
  Database db = sqlite::open_reader(path);
  ApiAnswer answer;
  answer.took = median_ms(5, [&] {
    db.execute("BEGIN");
    const WebReply reply = answer_api(db, {"/api/v1/" + report, {}, ""}, now);
    db.execute("COMMIT");
    if (reply.status != 200) throw std::runtime_error(reply.body);
    answer.bytes = reply.body.size();
  });
  return answer;
}

/// A statement, all rows of it read.
double sql_ms(const std::string& path, const std::string& sql, int times) {
  return median_ms(times, [&] {
    Database db = sqlite::open_reader(path, sqlite::kReportCacheKib);
    auto rows = db.query_once(sql);
    while (rows.step()) {
    }
  });
}

std::string ms(double value) { return fmt::format("{:.1f} ms", value); }
std::string mb(int64_t bytes) { return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6); }

/// The same questions to the naive table: statements as one would write them for it.
struct Naive {
  int64_t rows = 0, bytes = 0;
  double status = 0, history = 0, coverage = 0;
};
Naive naive(const std::string& path, unsigned functions, unsigned days, WallTime until) {
  Naive result;
  result.rows = write_naive(path, functions, days, until);
  result.bytes = static_cast<int64_t>(std::filesystem::file_size(path));
  result.status = sql_ms(
      path,
      "SELECT t.address, p.at_ms, p.sha256, p.sha256 = t.accepted FROM target t JOIN poll p ON p.id = (SELECT id FROM "
      "poll WHERE target = t.id ORDER BY at_ms DESC LIMIT 1)",
      3);
  result.history =
      sql_ms(path,
             "WITH marked AS (SELECT at_ms, sha256, sha256 IS NOT lag(sha256) OVER (ORDER BY at_ms) AS new "
             "FROM poll WHERE target = 0), numbered AS (SELECT *, sum(new) OVER (ORDER BY at_ms) AS run "
             "FROM marked) SELECT sha256, min(at_ms), max(at_ms), count(*) FROM numbered GROUP BY run",
             5);
  result.coverage = sql_ms(path,
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
  const MonoTime before = kClock.mono();
  const YearWritten written = write_year(path, year);
  const double wrote = std::chrono::duration<double>(kClock.mono() - before).count();
  const Naive rows = naive(folder + "/naive.db", naive_functions, naive_days, year.until);

  Selection all, one, month;
  one.targets = {bench_target(year.functions / 2).address()};
  month.since = year.until - std::chrono::hours(24 * 30);
  const double status = report_ms(path, kStatusReport, year.until, all, 5);
  const double history = report_ms(path, kHistoryReport, year.until, one, 9);
  const double coverage = report_ms(path, kCoverageReport, year.until, month, 5);
  // A thousand of ten thousand; with fewer, what there is.
  Selection thousand = month;
  if (year.functions >= 2'000) thousand.functions = {"f1???"};
  const double audit = median_ms(3, [&] {
    Database db = sqlite::open_reader(path, sqlite::kReportCacheKib);
    if (report_html(gather_audit_report(db, thousand, year.until)).empty())
      throw std::runtime_error("the report is empty");
  });
  const auto beside = [&](double value) {
    return fmt::format("{} ({} functions, measured)", ms(value), naive_functions);
  };

  Table table(
      fmt::format("{} functions, {} days of five-minute polls: {} polls, {} deployments, {} of them drift; "
                  "written in {:.0f} s",
                  year.functions, year.days, written.polls, written.deployments, written.drifts, wrote));
  table.row(
      "size of the database", judged(written.bytes <= 100'000'000, mb(written.bytes)), "100 MB",
      fmt::format("a row for each poll: {} for {} functions and {} days, {} rows (measured); {} for as many as here "
                  "(calculated)",
                  mb(rows.bytes), naive_functions, naive_days, rows.rows,
                  mb(rows.bytes / std::max<int64_t>(rows.rows, 1) * written.polls)));
  table.row("rows: runs, events, alerts", fmt::format("{}, {}, {}", written.runs, written.events, written.alerts));
  table.row("query status", judged(status <= 50, ms(status)), "50 ms", beside(rows.status));
  table.row("query history of one function, all time", judged(history <= 10, ms(history)), "10 ms",
            fmt::format("{} ({} days, measured)", ms(rows.history), naive_days));
  table.row("query coverage of all, 30 days", judged(coverage <= 500, ms(coverage)), "500 ms", beside(rows.coverage));
  table.row("query report of 1,000 functions, 30 days, HTML", judged(audit <= 1'000, ms(audit)), "1 s");
  const std::string target = fmt::format(" WHERE target = '{}'", *one.targets.begin());
  for (const auto& [what, sql, goal] :
       {std::tuple{"v_status, all rows", std::string("SELECT * FROM v_status"), 1000.0},
        {"v_history of one function", "SELECT * FROM v_history" + target, 10.0},
        {"v_history, all rows", "SELECT * FROM v_history", 2000.0},
        {"v_events, the newest 1,000", "SELECT * FROM v_events ORDER BY seq DESC LIMIT 1000", 50.0},
        {"v_coverage, all rows, all time", "SELECT * FROM v_coverage", 2000.0}}) {
    const double took = sql_ms(path, sql, 3);
    table.row(what, judged(took <= goal, ms(took)), fmt::format("{:.0f} ms", goal));
  }
  for (const auto& [report, what] : {std::pair("status", "all"),
                                     {"history", "the newest 1,000"},
                                     {"events", "the newest 1,000"},
                                     {"alerts", "the newest 1,000"},
                                     {"coverage", "all, 30 days"}}) {
    const ApiAnswer answer = api_answer(path, report, year.until);
    table.row(fmt::format("/api/v1/{}, {}: {}", report, what, mb(static_cast<int64_t>(answer.bytes))), ms(answer.took));
  }
  table.print();
}

}  // namespace
}  // namespace codedriftd::test

int main(int argc, char** argv) {
  return codedriftd::test::guarded_main("bench_year", [&] { codedriftd::test::bench(argc, argv); });
}
