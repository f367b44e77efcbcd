#pragma once
/// A command started for one alert, and its end.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace codedriftd::exec {

/// What is started.
struct Command {
  std::vector<std::string> argv;  ///< argv[0] is an absolute path
  std::vector<std::string> environment;
  std::string_view input;  ///< on stdin, as a file
};

/// How it ended.
struct Ending {
  enum class How {
    exited,       ///< with `code`
    signalled,    ///< by the signal `code`
    not_started,  ///< the system's error is `code`
    deadline,     ///< killed, because `until` came
    cancelled,    ///< killed, because the cancel descriptor became readable
  };
  How how = How::exited;
  int code = 0;
  std::string first_line;  ///< the first line of what it wrote to stdout or stderr that is not empty, cut at 512 bytes
};

/// Runs the command to its end, and until then blocks. Everything it started ends with it, in another process group or
/// session too: when the command has ended, when `until` has come, when `cancel_fd` (-1: none) becomes readable, and
/// when this process dies, however it does. All of it is gone when this returns, but for what the kernel cannot kill
/// within a second. Throws std::system_error if this process has no descriptors or processes left. REQUIRES: this
/// process has one thread.
Ending run(const Command& command, MonoTime until, int cancel_fd);

}  // namespace codedriftd::exec
