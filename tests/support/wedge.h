#pragma once
#include <sys/types.h>

#include <memory>
#include <string>

namespace codedriftd::test {

/// One thread of a process that stands still while the others go on, as if it were stuck in the kernel: ptrace(2) has
/// it stopped. Takes the right to trace the process. It goes on when the object ends.
class Wedge {
 public:
  /// The thread stands still when it returns. `thread`: its name, as /proc/PID/task/TID/comm has it. Throws
  /// std::runtime_error if there is no such thread, or if it cannot be stopped.
  Wedge(pid_t process, const std::string& thread);
  ~Wedge();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace codedriftd::test
