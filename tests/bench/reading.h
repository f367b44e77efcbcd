#pragma once
/// How long reports take, on any engine.
#include <functional>
#include <string>
#include <vector>

#include "audit/query/reports.h"
#include "bench/bench.h"

namespace codedriftd::test {

using OpenRecord = std::function<Database()>;

/// The median time of several runs, in milliseconds.
template <typename Work>
double median_ms(int times, const Work& work) {
  const SystemClock clock;
  std::vector<double> took;
  for (int i = 0; i < times; ++i) {
    const MonoTime before = clock.mono();
    work();
    took.push_back(std::chrono::duration<double, std::milli>(clock.mono() - before).count());
  }
  return quantile(took, 0.5);
}

/// A report as a command prints it: a new connection, its rows, its text.
double report_ms(const OpenRecord& open, const Report& report, WallTime now, const Selection& selection, int times);

std::string ms(double value);
std::string mb(int64_t bytes);

}  // namespace codedriftd::test
