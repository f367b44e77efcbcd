#include "status/process_stats.h"

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace codedriftd {
namespace {

double now_on(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

int64_t count_open_fds() {
  std::error_code failed;
  int64_t count = -1;  // one of them is this look's own
  for (std::filesystem::directory_iterator entry("/proc/self/fd", failed), end; !failed && entry != end;
       entry.increment(failed))
    ++count;
  return count < 0 ? 0 : count;
}

}  // namespace

ProcessStats process_stats() {
  ProcessStats stats;
  // proc(5), /proc/PID/stat: the program's name, in parentheses, may hold anything.
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  const auto name_end = line.rfind(')');
  if (name_end != std::string::npos) {
    std::istringstream rest(line.substr(name_end + 1));
    constexpr int kState = 3, kThreads = 20, kStartTime = 22, kVirtual = 23, kResident = 24;
    const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
    std::string field;
    for (int number = kState; rest >> field && number <= kResident; ++number) {
      const double value = number == kState ? 0 : std::strtod(field.c_str(), nullptr);
      if (number == kThreads) stats.threads = static_cast<int64_t>(value);
      if (number == kStartTime) {
        // Ticks since the machine started. When that was, /proc/stat would say; the sandbox of the service hides it.
        // Once: what says when a process started says the same each time.
        static const double started = now_on(CLOCK_REALTIME) - now_on(CLOCK_BOOTTIME) + value / ticks;
        stats.start_time = started;
      }
      if (number == kVirtual) stats.virtual_bytes = static_cast<int64_t>(value);
      if (number == kResident) stats.resident_bytes = static_cast<int64_t>(value) * ::sysconf(_SC_PAGESIZE);
    }
  }
  stats.cpu_seconds = now_on(CLOCK_PROCESS_CPUTIME_ID);
  stats.open_fds = count_open_fds();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) stats.most_fds = static_cast<int64_t>(limit.rlim_cur);
  return stats;
}

}  // namespace codedriftd
