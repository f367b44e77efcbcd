#pragma once
#include <map>
#include <optional>
#include <thread>

#include "base/bell.h"
#include "base/clock.h"
#include "base/guarded.h"
#include "base/unique_fd.h"

namespace codedriftd {

/// SIGTERM, SIGINT and SIGHUP as values. Make it before any thread: it blocks them in the calling thread, and new
/// threads inherit that. Also ignores SIGPIPE; and, with a line in the log, every other signal that would end the
/// process though it is no fault of its own and asks for no end: SIGUSR1 and SIGUSR2, which log rotation sends by
/// habit, timers, SIGIO, real-time signals. Throws std::system_error.
///
/// A thread of its own hears them, whatever the others are at (starting, reloading): from SIGTERM or SIGINT on the
/// process has `stop_within` to end by itself; then it is ended as it is, which the next start calls an unclean stop.
class Signals {
 public:
  explicit Signals(Millis stop_within);
  ~Signals();
  Signals(const Signals&) = delete;

  /// The next signal's number, or nullopt after `at_most`. SIGTERM or SIGINT first, and any number of SIGHUPs that came
  /// since the last one was returned as one: what is loaded then is what the last of them meant.
  std::optional<int> wait(Millis at_most);
  /// As if SIGHUP had come. Thread-safe.
  void hang_up();
  /// Ends a wait() without a signal. Thread-safe.
  void nudge();
  /// True from SIGTERM or SIGINT on, also before wait() has returned it.
  bool stopping() const { return state_.copy().stopping; }

 private:
  struct State {
    std::optional<int> stop;  ///< the signal, until wait() returned it
    bool hang_up = false;
    bool stopping = false;
  };
  void listen(std::stop_token stop);
  void ignore(int number);

  const Millis stop_within_;
  UniqueFd fd_;
  UniqueFd wake_;  ///< an eventfd: ends the thread
  Guarded<State> state_;
  Bell bell_;
  std::map<int, MonoTime> ignored_;  ///< when the log was told last; the thread's own
  std::jthread thread_;              ///< last: stops first
};

}  // namespace codedriftd
