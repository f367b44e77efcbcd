// The pages of the site over a record of many functions: how long each takes from the request to the whole reply.
//
//   bench_site [--functions 10000] [--days 90]
#include <fmt/format.h>

#include <algorithm>

#include "bench/bench.h"
#include "bench/rig.h"
#include "bench/year.h"
#include "store/db/sqlite.h"
#include "support/program.h"
#include "web/site.h"

namespace codedriftd::test {
namespace {

class StillClock final : public Clock {
 public:
  explicit StillClock(WallTime now) : now_(now) {}
  WallTime wall() const override { return now_; }
  MonoTime mono() const override { return system_.mono(); }

 private:
  WallTime now_;
  SystemClock system_;
};

void bench(int argc, char** argv) {
  const Flags flags(argc, argv, {"functions", "days"}, {});
  prepare_process();
  const SystemClock system;
  Year year;
  year.functions = static_cast<unsigned>(flags.number("functions", 10'000, 1'000'000));
  year.days = static_cast<unsigned>(flags.number("days", 90, 3'650));
  year.until = system.wall();
  const TempDir dir;
  const std::string path = dir / "codedriftd.db";
  const YearWritten written = write_year(path, year);
  const StillClock clock(year.until);
  Site site([&] { return sqlite::open_reader(path); }, PageSetting{"bench"}, clock);
  Table table(fmt::format("the site over {} functions, {} days: {} events, {} alerts", year.functions, year.days,
                          written.events, written.alerts));
  constexpr int kTimes = 15;
  constexpr double kWhole = 50;
  const std::string function = "/function/" + bench_target(7).address();
  for (const auto& [what, path_of, values] :
       std::vector<std::tuple<std::string, std::string, std::multimap<std::string, std::string>>>{
           {"/", "/", {}},
           {"/?page=50", "/", {{"page", std::to_string((year.functions + 199) / 200)}}},
           {"/?q=f12", "/", {{"q", "f12"}}},
           {"/?status=in_sync", "/", {{"status", "in_sync"}}},
           {"/function/ADDRESS", function, {}},
           {"/function/ADDRESS?since=365d", function, {{"since", "365d"}}},
           {"/alerts", "/alerts", {}},
           {"/alerts?target=f12", "/alerts", {{"target", "f12"}}},
           {"/log", "/log", {}},
           {"/log?kind=drift.*", "/log", {{"kind", "drift.*"}}},
           {"/log?target=f12", "/log", {{"target", "f12"}}},
       }) {
    std::vector<double> took;
    std::size_t bytes = 0;
    const double cpu_before = thread_cpu_us();
    for (int i = 0; i < kTimes; ++i) {
      const MonoTime before = system.mono();
      const WebReply reply = site.answer({path_of, values, {}});
      took.push_back(std::chrono::duration<double, std::milli>(system.mono() - before).count());
      if (reply.status != 200) throw std::runtime_error(fmt::format("{}: {}", what, reply.body));
      bytes = reply.body.size();
    }
    const double cpu_ms = (thread_cpu_us() - cpu_before) / 1000 / kTimes;
    const double median = quantile(took, 0.5);
    table.row(what, judged(median <= kWhole, fmt::format("{:.1f} ms", median)), fmt::format("{:.0f} ms", kWhole),
              fmt::format("most {:.1f} ms; CPU {:.1f} ms; {} kB", quantile(took, 1), cpu_ms, bytes / 1024));
  }
  table.print();
}

}  // namespace
}  // namespace codedriftd::test

int main(int argc, char** argv) {
  return codedriftd::test::guarded_main("bench_site", [&] { codedriftd::test::bench(argc, argv); });
}
