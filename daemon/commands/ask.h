#pragma once
/// How a command that writes reaches the one writer. Private to commands/.
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/json_box.h"
#include "base/result.h"
#include "settings/settings.h"

namespace codedriftd {

/// How long a command waits for others.
struct Patience {
  Millis daemon{60'000};  ///< for the daemon's answer
  Millis socket{5'000};   ///< for a daemon that starts or stops
};

/// What the running daemon says to `verb`: a reply of service/control.h, with "done" or "error". Nullopt: no daemon
/// runs, nobody holds the state folder's lock. The error is for people, exit code 1.
Result<std::optional<JsonBox>> ask_running_daemon(const Settings& settings, std::string_view verb,
                                                  const JsonBox& arguments, const Clock& clock,
                                                  const Patience& patience);

/// The exit code for an "error" of a reply, or of NothingDone.
int exit_code_of(std::string_view error);

}  // namespace codedriftd
