#include "bench/cost.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace codedriftd::test {
namespace {

/// The number after `name` in a file of /proc; 0 if it is not there.
double proc_number(const std::string& file, const std::string& name) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(name)) return std::stod(line.substr(name.size()));
  }
  return 0;
}

double proc_mib(pid_t pid, const char* file, const char* name) {
  return proc_number(fmt::format("/proc/{}/{}", pid, file), name) / 1024;
}

std::vector<std::string> tasks_of(pid_t pid) {
  std::vector<std::string> tasks;
  std::error_code gone;
  for (const auto& task : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid), gone))
    tasks.push_back(task.path());
  return tasks;
}

}  // namespace

std::vector<pid_t> with_children(pid_t pid) {
  std::vector<pid_t> all{pid};
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (const std::string& task : tasks_of(all[i])) {
      std::ifstream children(task + "/children");
      for (pid_t child = 0; children >> child;) all.push_back(child);
    }
  }
  return all;
}

Effort effort_of(const std::vector<pid_t>& pids) {
  Effort effort;
  for (const pid_t pid : pids) {
    for (const std::string& task : tasks_of(pid)) {
      effort.wakeups += proc_number(task + "/status", "voluntary_ctxt_switches:") +
                        proc_number(task + "/status", "nonvoluntary_ctxt_switches:");
      // In nanoseconds; the ticks of /proc/PID/stat are too coarse for a program at rest.
      std::ifstream schedstat(task + "/schedstat");
      double ns = 0;
      schedstat >> ns;
      effort.cpu_us += ns / 1e3;
      ++effort.threads;
    }
  }
  return effort;
}

Memory memory_of(const std::vector<pid_t>& pids) {
  Memory memory;
  for (const pid_t pid : pids) {
    memory.resident += proc_mib(pid, "status", "VmRSS:");
    memory.own += proc_mib(pid, "status", "RssAnon:");
    memory.proportional += proc_mib(pid, "smaps_rollup", "Pss:");
  }
  return memory;
}

double peak_of(pid_t pid) { return proc_mib(pid, "status", "VmHWM:"); }

}  // namespace codedriftd::test
