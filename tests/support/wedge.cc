#include "support/wedge.h"

#include <fmt/format.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <future>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "base/bell.h"
#include "support/program.h"

namespace codedriftd::test {
namespace {

pid_t thread_named(pid_t process, const std::string& name) {
  for (const auto& entry : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", process))) {
    if (read_file(entry.path() / "comm") == name + "\n") return std::stoi(entry.path().filename().string());
  }
  throw std::runtime_error(fmt::format("process {} has no thread {}", process, name));
}

void stop_thread(pid_t thread) {
  if (::ptrace(PTRACE_SEIZE, thread, nullptr, nullptr) != 0 ||
      ::ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr) != 0 || ::waitpid(thread, nullptr, __WALL) != thread)
    throw std::system_error(errno, std::generic_category(), "ptrace");
}

}  // namespace

struct Wedge::Impl {
  std::promise<void> stopped;
  std::jthread tracer;

  /// What is traced belongs to the thread that traces it: when that ends, the other one goes on.
  void hold(const std::stop_token& stop, pid_t thread) {
    try {
      stop_thread(thread);
      stopped.set_value();
    } catch (...) {
      stopped.set_exception(std::current_exception());
      return;
    }
    // Its end has to be taken note of, or nobody else sees that of the process.
    constexpr Millis kBetweenLooks{20};
    for (Bell pause; !stop.stop_requested(); pause.wait_for(stop, kBetweenLooks)) {
      int status = 0;
      const pid_t changed = ::waitpid(thread, &status, __WALL | WNOHANG);
      if (changed < 0 || (changed == thread && !WIFSTOPPED(status))) return;
    }
  }
};

Wedge::Wedge(pid_t process, const std::string& thread) : impl_(new Impl) {
  const pid_t id = thread_named(process, thread);
  impl_->tracer = std::jthread([impl = impl_.get(), id](const std::stop_token& stop) { impl->hold(stop, id); });
  impl_->stopped.get_future().get();
}

Wedge::~Wedge() = default;

}  // namespace codedriftd::test
