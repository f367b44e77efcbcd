#pragma once
#include <cstdint>

namespace codedriftd {

/// What this process costs, as Prometheus's client libraries count it.
struct ProcessStats {
  double cpu_seconds = 0;  ///< user and system, all threads
  double start_time = 0;   ///< Unix seconds
  int64_t resident_bytes = 0, virtual_bytes = 0;
  int64_t open_fds = 0, most_fds = 0;
  int64_t threads = 0;
};

/// From /proc/self. What cannot be read there is 0.
ProcessStats process_stats();

}  // namespace codedriftd
