#pragma once
#include <optional>

#include "base/clock.h"
#include "base/guarded.h"

namespace codedriftd {

/// The database's clock, which all members of a fleet store times of: as a fence told it last, carried on by the
/// monotonic clock. Until then it is the host's. Thread-safe.
class FleetClock final : public Clock {
 public:
  static constexpr Millis kTellOffset{2'000};   ///< a host's clock that is off by more is worth a warning
  static constexpr Millis kMostOffset{60'000};  ///< by more: the host takes no lease

  /// The host's clock must outlive it.
  explicit FleetClock(const Clock& host) : host_(host) {}
  WallTime wall() const override;
  MonoTime mono() const override { return host_.mono(); }

  /// The database's clock, read between `sent` and `received`: an answer that took long does not move this one.
  void told(WallTime database, MonoTime sent, MonoTime received);
  /// How far the host's clock is ahead of the database's; negative: behind. 0 until a fence has told.
  Millis host_offset() const;

 private:
  const Clock& host_;
  Guarded<std::optional<Millis>> ahead_;  ///< what the database's clock shows more than the monotonic one
};

}  // namespace codedriftd
