#pragma once
/// The daemon's side of codedriftd-examiner: a package is read by a process that can do nothing else.
///
/// The examiner gets the package as descriptor 0, our socket as descriptor 1, no environment, and is killed at the
/// deadline, when it is cancelled, or when the thread that called ends. Blocks until it has ended and is reaped; any
/// thread, several at a time.
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "package/examination.h"

namespace codedriftd {

/// How the examiner is started: "codedriftd-examiner --serve PARENT_PID", with these descriptors.
inline constexpr std::string_view kExaminerArgument = "--serve";
inline constexpr int kExaminerPackage = 0;  ///< a regular file, read only where it could be opened anew
inline constexpr int kExaminerSocket = 1;   ///< a stream: the request up to its end, then the answer up to its end

struct ExaminerJob {
  std::string program;  ///< find_examiner()
  PackageLimits limits{};
  Millis deadline{60'000};  ///< for all of it
};

/// What is in the package. An error, for people, if nobody can say: the program could not be started, took too long,
/// was killed by a signal, could not read the file, answered what no examiner would. `cancel_fd`: it is an error too as
/// soon as this becomes readable; -1 for none. The descriptors stay the caller's.
Result<Examination> examine(int package_fd, const ExaminerJob& job, int cancel_fd = -1);

/// The same, with the job in it, for who is given a package to look into. A package that can be read in more than one
/// way is no error.
using Examine = std::function<Result<Examination>(int package_fd)>;

/// The content of the file that the manifest names so, of at most `cap` bytes. Errors as above, and of extract_file().
Result<std::string> extract(int package_fd, std::string_view name, uint64_t cap, const ExaminerJob& job);

/// The program as it is installed with this one.
std::string find_examiner();

}  // namespace codedriftd
