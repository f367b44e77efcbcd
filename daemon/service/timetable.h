#pragma once
#include <optional>

#include "base/clock.h"

namespace codedriftd {

/// True if a thread that last came round at `last_turn` still works.
bool makes_progress(MonoTime last_turn, MonoTime now);

/// What the daemon's first thread does from time to time, and when. Pure: it is told the time.
class Timetable {
 public:
  struct Due {
    bool watchdog = false;  ///< tell systemd that the daemon works
    bool alive = false;     ///< a sign of life into the record
    bool status = false;    ///< systemd's status line
    bool summary = false;   ///< a line in the log
  };

  /// Everything but the summary is due at the start.
  explicit Timetable(MonoTime start);

  /// What is due now; it is next due an interval later. The watchdog is fed every `watchdog` (nullopt: systemd wants
  /// none), and only while there is `progress`.
  Due due(MonoTime now, std::optional<Millis> watchdog, bool progress);
  /// When something is due next.
  MonoTime next(bool watchdog) const;

 private:
  MonoTime watchdog_, alive_, status_, summary_;
};

}  // namespace codedriftd
