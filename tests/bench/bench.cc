#include "bench/bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <thread>

namespace codedriftd::test {
namespace {

double cpu_us(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

}  // namespace

double process_cpu_us() { return cpu_us(CLOCK_PROCESS_CPUTIME_ID); }
double thread_cpu_us() { return cpu_us(CLOCK_THREAD_CPUTIME_ID); }

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(values.size())));
  return values[std::clamp<std::size_t>(rank, 1, values.size()) - 1];
}

void Table::row(std::string what, std::string measured, std::string goal, std::string compared) {
  rows_.push_back({std::move(what), std::move(measured), std::move(goal), std::move(compared)});
}

void Table::print() const {
  double load[1] = {0};
  ::getloadavg(load, 1);
  std::vector<std::vector<std::string>> rows{{"what", "measured", "goal", "compared with"}};
  rows.insert(rows.end(), rows_.begin(), rows_.end());
  std::vector<std::size_t> widths(4, 0);
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  fmt::print("\n{} (load {:.1f} on {} processors)\n", title_, load[0], std::thread::hardware_concurrency());
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const auto& row = rows[r];
    fmt::print("{:{}} | {:{}} | {:{}} | {}\n", row[0], widths[0], row[1], widths[1], row[2], widths[2], row[3]);
    if (r == 0)
      fmt::print("{:-<{}}-|-{:-<{}}-|-{:-<{}}-|-{:-<{}}\n", "", widths[0], "", widths[1], "", widths[2], "", widths[3]);
  }
  std::fflush(stdout);
}

std::string judged(bool within, std::string measured) { return within ? measured : measured + "  MISSED"; }

}  // namespace codedriftd::test
