#pragma once
/// One codedriftd-sinkhost process: started, spoken with, ended. SinkProcess (process.h) is what the daemon uses.
#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "sinks/frame.h"
#include "sinks/log_limit.h"

namespace codedriftd {

// How the host process is started: "codedriftd-sinkhost --serve PLUGIN PARENT_PID", with these descriptors.
inline constexpr std::string_view kServeArgument = "--serve";
inline constexpr int kHostSocket = 3;  ///< SOCK_SEQPACKET: frames
inline constexpr int kHostCancel = 4;  ///< an eventfd: readable when the call should end

/// A running host process. For one thread, the one that spawned it: the child is killed when that thread ends.
///
/// The child leads a process group of its own, so that its end takes along what the plugin has started; it inherits
/// three descriptors beside the two above (/dev/null, and twice a pipe whose text goes to our log), and of the
/// environment the proxy variables alone.
class SinkChild {
 public:
  /// `name` is the destination's, for the log. An error if the process cannot be started.
  static Result<std::unique_ptr<SinkChild>> spawn(const std::string& sinkhost, const std::string& plugin,
                                                  const std::string& name);
  SinkChild(const SinkChild&) = delete;
  SinkChild& operator=(const SinkChild&) = delete;
  ~SinkChild();  ///< kills what is still running

  enum class Event {
    reply,    ///< `reply()` holds it
    ended,    ///< the process ended, or closed its socket: call kill()
    broken,   ///< it sent what is no frame: `what()` says so; call kill()
    woken,    ///< the wake descriptor became readable
    timeout,  ///< `until` has come
  };
  /// False if the frame could not be handed over until `until`, or is too long.
  bool send(const Frame<Request>& frame, MonoTime until);
  /// Waits for the next event. Log lines are forwarded on the way. `wake_fd`: -1 for none.
  Event wait(MonoTime until, int wake_fd);
  Frame<Reply>& reply() { return reply_; }
  const std::string& what() const { return what_; }

  /// Makes the cancel descriptor readable in the child, or unreadable again.
  void ask_to_cancel();
  void withdraw_cancel();

  /// False once the process has ended.
  bool alive() const;
  /// Waits until the process has ended by itself; false if it has not at `until`.
  bool wait_for_end(MonoTime until) const;
  struct End {
    std::string words;          ///< for people: "was killed by signal 11 (Segmentation fault)", "ended with status 3"
    bool from_outside = false;  ///< by a signal that neither we nor a fault of its own sent
  };
  /// Kills its process group, reaps it, and forwards its last words.
  End kill();

  /// What must not stand in the log: it is masked in what the plugin logs and prints from now on.
  void hide(std::vector<std::string> secrets) { secrets_ = std::move(secrets); }
  /// `text` without them.
  std::string masked(std::string_view text) const;

 private:
  SinkChild() = default;
  std::optional<Event> receive();
  /// When a wait until `until` has to look whether the process has ended.
  MonoTime next_look(MonoTime until) const;
  void read_output();
  void forward(int level, std::string_view text);
  void report_dropped();

  std::string name_;
  pid_t pid_ = -1;
  UniqueFd pidfd_;  ///< readable once it has ended; not valid where there is no pidfd_open
  UniqueFd socket_, cancel_, output_;
  std::string buffer_, partial_line_, what_;
  Frame<Reply> reply_;
  LogLimit limit_;
  std::vector<std::string> secrets_;
};

}  // namespace codedriftd
