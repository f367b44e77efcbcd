/// codedriftd-examiner: reads one package. The daemon starts it with the package as descriptor 0 and a socket as
/// descriptor 1 (package/examiner.h), and it answers with what is inside. A package is foreign bytes, made by whoever
/// may deploy: should one take this process over, there is nothing it can do but give a wrong answer, and the daemon
/// reads that as warily as it reads the cloud's.
#include "package/examiner.h"

#include <fmt/format.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <iterator>
#include <string>
#include <string_view>

#include "base/sha256.h"
#include "package/examination_wire.h"
#include "package/zip_reader.h"

// A sanitizer maps terabytes and makes calls of its own, with descriptors of its own (UBSan looks at memory through a
// pipe): its builds go without these three.
#ifndef CODEDRIFTD_SANITIZED
#define LIMIT_DESCRIPTORS
#define LIMIT_MEMORY
#if defined __x86_64__ || defined __aarch64__
#define FILTER_CALLS
#endif
#endif

namespace codedriftd {
namespace {

constexpr int kUsage = 64;

void write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::write(kExaminerSocket, bytes.data(), bytes.size());
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) ::_exit(1);  // there is nobody to tell
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void answer(ExaminerAnswer kind, std::string_view bytes) {
  const char first = static_cast<char>(kind);
  write_all({&first, 1});
  write_all(bytes);
}

/// The request, up to its end.
std::string read_request() {
  std::string bytes(kLongestRequest + 1, '\0');
  std::size_t length = 0;
  while (length < bytes.size()) {
    const ssize_t got = ::read(kExaminerSocket, bytes.data() + length, bytes.size() - length);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    length += static_cast<std::size_t>(got);
  }
  bytes.resize(length);
  return bytes;
}

bool limit(__rlimit_resource_t what, rlim_t most) {
  rlimit now{};
  if (::getrlimit(what, &now) != 0) return false;
  const rlim_t value = std::min(most, now.rlim_max);
  const rlimit wanted{value, value};
  return ::setrlimit(what, &wanted) == 0;
}

/// Before the request is read.
bool harden(pid_t parent) {
  // The signal is asked for first and the parent looked at afterwards: whichever way it dies meanwhile, one of the two
  // sees it.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) return false;
  ::close_range(3, ~0U, 0);
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  ::signal(SIGPIPE, SIG_IGN);
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && limit(RLIMIT_CORE, 0);
}

#ifdef FILTER_CALLS
constexpr uint32_t kArch =
#ifdef __x86_64__
    AUDIT_ARCH_X86_64;
#else
    AUDIT_ARCH_AARCH64;
#endif

constexpr sock_filter load(std::size_t offset) {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset));
}
/// The low half of an argument: descriptors, protections and flags fit into it.
constexpr sock_filter load_argument(std::size_t number) {
  return load(offsetof(seccomp_data, args) + number * sizeof(uint64_t));
}
/// Goes on if it is `value`, and else leaves out that many.
constexpr sock_filter if_equal(uint32_t value, uint8_t otherwise) {
  return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, otherwise);
}
/// Leaves out `then` if it has one of the bits `mask`, and else `otherwise`.
constexpr sock_filter if_any(uint32_t mask, uint8_t then, uint8_t otherwise) {
  return BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, mask, then, otherwise);
}
constexpr sock_filter kAllow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
constexpr sock_filter kKill = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);

/// What is left: memory that holds no code, reading the package, writing the answer, the end. Whatever else is called,
/// or with other arguments, ends the process.
// clang-format off
sock_filter kFilter[] = {
    load(offsetof(seccomp_data, arch)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArch, 1, 0),
    kKill,
    load(offsetof(seccomp_data, nr)),
    if_equal(SYS_brk, 1), kAllow,
    if_equal(SYS_munmap, 1), kAllow,
    if_equal(SYS_mremap, 1), kAllow,
    if_equal(SYS_madvise, 1), kAllow,
    if_equal(SYS_futex, 1), kAllow,
    if_equal(SYS_rt_sigreturn, 1), kAllow,
    if_equal(SYS_exit_group, 1), kAllow,
    if_equal(SYS_mmap, 6), load_argument(2), if_any(PROT_EXEC, 3, 0), load_argument(3), if_any(MAP_ANONYMOUS, 0, 1),
        kAllow, kKill,
    if_equal(SYS_write, 4), load_argument(0), if_equal(kExaminerSocket, 1), kAllow, kKill,
    if_equal(SYS_pread64, 4), load_argument(0), if_equal(kExaminerPackage, 1), kAllow, kKill,
    // fstat() is the one or the other, by glibc's version.
    if_equal(SYS_fstat, 4), load_argument(0), if_equal(kExaminerPackage, 1), kAllow, kKill,
    if_equal(SYS_newfstatat, 4), load_argument(0), if_equal(kExaminerPackage, 1), kAllow, kKill,
    kKill,
};
// clang-format on
#endif

/// Before the first byte of the package is read. Null, or what could not be had.
const char* close_the_door() {
  sha256("");                          // OpenSSL opens what it needs when it is first used
  constexpr rlim_t kCpuSeconds = 300;  // the daemon's deadline comes first
  if (!limit(RLIMIT_FSIZE, 0) || !limit(RLIMIT_NPROC, 0) || !limit(RLIMIT_CPU, kCpuSeconds)) return "limits";
#ifdef LIMIT_DESCRIPTORS
  if (!limit(RLIMIT_NOFILE, 3)) return "a limit of descriptors";
#endif
#ifdef LIMIT_MEMORY
  if (!limit(RLIMIT_AS, rlim_t{256} << 20)) return "a limit of memory";
#endif
#ifdef FILTER_CALLS
  const sock_fprog program{static_cast<unsigned short>(std::size(kFilter)), kFilter};
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0) return "a filter of system calls";
#endif
  return nullptr;
}

void serve(const ExaminerRequest& request) {
  if (!request.extract) {
    answer(ExaminerAnswer::examination, encode(read_package(kExaminerPackage, request.limits)));
    return;
  }
  const auto content = extract_file(kExaminerPackage, request.extract->name, request.limits, request.extract->cap);
  if (content) {
    answer(ExaminerAnswer::content, *content);
  } else {
    answer(ExaminerAnswer::failure, content.error().message);
  }
}

int run(pid_t parent) {
  if (!harden(parent)) return 1;
  const auto request = decode_request(read_request());
  if (!request) {
    answer(ExaminerAnswer::failure, request.error().message);
    return 0;
  }
  if (const char* missing = close_the_door()) {
    // Not without them: what reads a package must be able to do nothing else.
    answer(ExaminerAnswer::failure,
           fmt::format("the examiner could not get {} here, and reads nothing without", missing));
    return 0;
  }
  try {
    serve(*request);
  } catch (const std::exception& error) {
    answer(ExaminerAnswer::failure, fmt::format("the package could not be read: {}", error.what()));
  }
  return 0;
}

int usage() {
  fmt::print(
      stderr,
      "codedriftd-examiner {} reads one package for the daemon codedriftd, which starts it; it is not meant to be "
      "started by hand.\nTo see what is in a package:\n  codedriftd digest --manifest FILE.zip\n",
      CODEDRIFTD_VERSION);
  return kUsage;
}

bool is_socket(int fd) {
  struct stat info {};
  return ::fstat(fd, &info) == 0 && S_ISSOCK(info.st_mode);
}

}  // namespace
}  // namespace codedriftd

int main(int argc, char** argv) {
  using namespace codedriftd;
  if (argc != 3 || argv[1] != kExaminerArgument || !is_socket(kExaminerSocket)) return usage();
  const std::string_view text = argv[2];
  pid_t parent = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parent);
  if (error != std::errc{} || end != text.data() + text.size()) return usage();
  // Without the destructors of what is static: nothing of it is worth another system call.
  ::_exit(run(parent));
}
