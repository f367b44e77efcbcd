#pragma once
/// How a command that writes reaches the one writer. Private to commands/.
#include <optional>
#include <string_view>

#include "actions/arguments.h"
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

struct Holder {
  std::optional<std::string> pid;  ///< nullopt: nobody
  bool certain = false;            ///< the lock was asked; else nobody may mean a daemon that does not listen yet
};
/// Who writes the record now, a daemon as a rule. Who may not open the state folder's lock sees by the control socket
/// whether a daemon listens there. Fails if this user can tell neither way.
Result<Holder> record_holder(const Settings& settings);

/// Asks the running daemon for `verb`: the "done" of its reply (control/server.h). Nullopt: no daemon runs, nobody
/// holds the state folder's lock. Else its error, or "failed" where it cannot be reached; where this user may not open
/// the lock, nobody who listens for as long as `patience.socket` is "failed" too.
Result<std::optional<JsonBox>, NothingDone> ask_running_daemon(const Settings& settings, std::string_view verb,
                                                               const JsonBox& arguments, const Clock& clock,
                                                               const Patience& patience);

int exit_code_of(const NothingDone& nothing);

}  // namespace codedriftd
