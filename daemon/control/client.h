#pragma once
#include <sys/types.h>

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/json_box.h"
#include "base/result.h"

namespace codedriftd {

/// Why the daemon gave no reply.
struct NoReply {
  bool nobody = false;  ///< nobody listens there: it is starting or stopping, or its runtime_dir is another one
  std::string message;  ///< for people
};

/// Sends `request` to the daemon that listens at runtime_dir/control.sock, and waits for its reply: an object, with
/// "done" or "error". Whatever happens, it comes back `within` that time.
Result<JsonBox, NoReply> ask_daemon(const std::string& runtime_dir, const JsonBox& request, Millis within);

/// The pid of the daemon that listens at runtime_dir/control.sock; nullopt: nobody does. Fails if this user may not
/// ask.
Result<std::optional<pid_t>> daemon_listening(const std::string& runtime_dir);

}  // namespace codedriftd
