#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace codedriftd {

/// What systemd hears from us over $NOTIFY_SOCKET (sd_notify(3)); silent where it is not set. One datagram a call,
/// never blocks, never fails loudly. Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment, so
/// that no child speaks for us.
class Notify {
 public:
  Notify();

  /// False where nobody listens.
  bool heard() const { return !socket_.empty(); }
  void ready(std::string_view status);
  void reloading(MonoTime now);
  void stopping();
  void status(std::string_view status);
  /// Asks for `more` time to start or stop (a long migration).
  void extend(Millis more);
  void watchdog();
  /// How often systemd wants to hear watchdog(), halved; nullopt: not at all.
  std::optional<Millis> watchdog_interval() const { return watchdog_interval_; }

 private:
  void send(std::string_view message) const;
  std::string socket_;
  std::optional<Millis> watchdog_interval_;
};

}  // namespace codedriftd
