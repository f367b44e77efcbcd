#include "package/examiner.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "base/spawn.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "package/examination_wire.h"

namespace codedriftd {
namespace {

/// How long the end of the process may go unnoticed where there is no pidfd_open.
constexpr Millis kLookForItsEnd{20};

[[noreturn]] void cannot(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

/// Why there is no answer. Goes no further than this file.
struct NoAnswer {
  std::string why;
};

/// The started examiner: killed if it still runs, and reaped in any case.
class Examiner {
 public:
  Examiner(int package_fd, const ExaminerJob& job, int cancel_fd)
      : deadline_(SystemClock{}.mono() + job.deadline), at_most_(job.deadline), cancel_fd_(cancel_fd) {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) cannot("socketpair");
    socket_.reset(pair[0]);
    const UniqueFd theirs(pair[1]);
    // Opened anew it cannot be written to through the descriptor, and its offset is another.
    const UniqueFd read_only(::open(fmt::format("/proc/self/fd/{}", package_fd).c_str(), O_RDONLY | O_CLOEXEC));
    Spawn spawn;
    spawn.give(read_only.valid() ? read_only.get() : package_fd, kExaminerPackage);
    spawn.give(theirs, kExaminerSocket);
#ifdef CODEDRIFTD_SANITIZED
    spawn.give(STDERR_FILENO, STDERR_FILENO);  // where a sanitizer reports
#endif
    pid_ = spawn.start(job.program, {job.program, std::string(kExaminerArgument), std::to_string(::getpid())},
                       sanitizer_variables());
  }
  Examiner(const Examiner&) = delete;
  Examiner& operator=(const Examiner&) = delete;
  ~Examiner() {
    if (pid_ > 0) kill_and_reap(pid_);
  }

  std::string ask(const ExaminerRequest& request, std::size_t longest) {
    const UniqueFd ended = pidfd_of(pid_);
    const std::string bytes = encode(request);
    // It fits into the socket. If the examiner has ended already, its status tells more than this.
    if (::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0 && errno != EPIPE) cannot("send");
    ::shutdown(socket_.get(), SHUT_WR);
    std::string answer;
    while (read_more(answer, longest)) {
    }
    while (still_runs(pid_)) wait_for(ended.valid() ? ended.get() : -1, ended.valid() ? Millis::max() : kLookForItsEnd);
    const int status = kill_and_reap(std::exchange(pid_, -1));
    if (status != 0) throw NoAnswer{end_in_words(status)};
    return answer;
  }

 private:
  /// False at the end of the answer.
  bool read_more(std::string& answer, std::size_t longest) {
    wait_for(socket_.get(), Millis::max());
    char piece[65536];
    const ssize_t got = ::recv(socket_.get(), piece, sizeof piece, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (got <= 0) return false;  // reset: it ended without reading the request, and its status says how
    if (static_cast<std::size_t>(got) > longest - answer.size()) throw NoAnswer{"said too much"};
    answer.append(piece, static_cast<std::size_t>(got));
    return true;
  }

  /// Until `fd` is readable, or `at_most` is over. Throws NoAnswer at the deadline and when cancelled.
  void wait_for(int fd, Millis at_most) const {
    const auto left = std::chrono::ceil<Millis>(deadline_ - SystemClock{}.mono());
    if (left <= Millis{0}) throw NoAnswer{fmt::format("took longer than {} ms and was killed", at_most_.count())};
    const int64_t timeout = std::clamp<int64_t>(std::min(left, at_most).count(), 0, 3'600'000);
    pollfd fds[] = {{fd, POLLIN, 0}, {cancel_fd_, POLLIN, 0}};
    if (::poll(fds, std::size(fds), static_cast<int>(timeout)) < 0 && errno != EINTR) cannot("poll");
    if (fds[1].revents != 0) throw NoAnswer{"was stopped"};
  }

  MonoTime deadline_;
  Millis at_most_;
  int cancel_fd_;
  UniqueFd socket_;
  pid_t pid_ = -1;
};

/// The answer without its first byte, which has to be `wanted`.
Result<std::string> ask(int package_fd, const ExaminerRequest& request, const ExaminerJob& job, ExaminerAnswer wanted,
                        std::size_t longest, int cancel_fd) {
  constexpr std::size_t kLongestFailure = 2000;
  std::string answer;
  try {
    Examiner examiner(package_fd, job, cancel_fd);
    answer = examiner.ask(request, std::max(longest, kLongestFailure) + 1);
  } catch (const NoAnswer& none) {
    return Error{fmt::format("the examiner {}", none.why)};
  } catch (const std::system_error& error) {
    return Error{fmt::format("{} could not be started: {}", job.program, error.what())};
  }
  const char kind = answer.empty() ? '\0' : answer.front();
  answer.erase(0, 1);
  if (kind == static_cast<char>(ExaminerAnswer::failure)) return Error{harmless(clean_utf8(answer))};
  if (kind != static_cast<char>(wanted)) return Error{"the examiner's answer cannot be read: it is of no known kind"};
  return answer;
}

}  // namespace

Result<Examination> examine(int package_fd, const ExaminerJob& job, int cancel_fd) {
  const auto answer =
      ask(package_fd, {job.limits}, job, ExaminerAnswer::examination, longest_examination(job.limits), cancel_fd);
  if (!answer) return answer.error();
  auto result = decode_examination(*answer, job.limits);
  struct stat info {};
  if (result && (::fstat(package_fd, &info) != 0 || result->package_bytes != static_cast<uint64_t>(info.st_size)))
    return Error{"the examiner's answer is of another package"};
  return result;
}

Result<std::string> extract(int package_fd, std::string_view name, uint64_t cap, const ExaminerJob& job) {
  auto content = ask(package_fd, {job.limits, ExtractRequest{std::string(name), cap}}, job, ExaminerAnswer::content,
                     static_cast<std::size_t>(std::min(cap, job.limits.unpacked)), -1);
  if (content && content->size() > cap) return Error{"the examiner said too much"};
  return content;
}

std::string find_examiner() { return find_own_program("codedriftd-examiner"); }

}  // namespace codedriftd
