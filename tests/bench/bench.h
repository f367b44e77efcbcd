#pragma once
/// What the benchmarks share: clocks of CPU time, numbers, and the table they all print.
#include <string>
#include <vector>

namespace codedriftd::test {

double process_cpu_us();  ///< user and system time of this process, all threads, so far
double thread_cpu_us();   ///< of the calling thread

/// The q-quantile (0 to 1) of `values`; 0 of none.
double quantile(std::vector<double> values, double q);

/// Rows of "what | measured | goal | compared with", printed at once, with the load of the machine in front.
class Table {
 public:
  explicit Table(std::string title) : title_(std::move(title)) {}
  void row(std::string what, std::string measured, std::string goal = "", std::string compared = "");
  void print() const;

 private:
  std::string title_;
  std::vector<std::vector<std::string>> rows_;
};

/// "measured" with "  MISSED" behind it if it is not within the goal.
std::string judged(bool within, std::string measured);

}  // namespace codedriftd::test
