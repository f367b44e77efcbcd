#pragma once
/// What a running program costs its host, as /proc says.
#include <sys/types.h>

#include <vector>

namespace codedriftd::test {

/// The program and all that it started, that which they started too.
std::vector<pid_t> with_children(pid_t pid);

/// What all threads of these processes have done so far. A thread that has ended is not in it.
struct Effort {
  double wakeups = 0;  ///< voluntary and involuntary context switches: how often a thread was put on a processor
  double cpu_us = 0;   ///< user and system time
  unsigned threads = 0;
};
Effort effort_of(const std::vector<pid_t>& pids);

/// Memory, all processes together, in MiB.
struct Memory {
  double resident = 0;      ///< RSS; what two processes share counts twice
  double proportional = 0;  ///< PSS; what n processes of the whole machine share counts a n-th
  double own = 0;           ///< of the resident memory what is no file's
};
Memory memory_of(const std::vector<pid_t>& pids);

/// The most that was ever resident of one process, in MiB.
double peak_of(pid_t pid);

}  // namespace codedriftd::test
