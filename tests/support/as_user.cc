#include "support/as_user.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <system_error>
#include <thread>

namespace codedriftd::test {
namespace {

void checked(long result, const char* what) {
  if (result != 0) throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

void as_user(uid_t user, const std::vector<gid_t>& groups, const std::function<void()>& work) {
  std::exception_ptr failed;
  // The system calls themselves: what the C library has under these names changes every thread of the process.
  std::thread thread([&] {
    try {
      checked(::syscall(SYS_setgroups, groups.size(), groups.data()), "setgroups");
      const gid_t primary = groups.empty() ? static_cast<gid_t>(user) : groups.front();
      checked(::syscall(SYS_setresgid, primary, primary, primary), "setresgid");
      checked(::syscall(SYS_setresuid, user, user, user), "setresuid");
      work();
    } catch (...) {
      failed = std::current_exception();
    }
  });
  thread.join();
  if (failed) std::rethrow_exception(failed);
}

}  // namespace codedriftd::test
