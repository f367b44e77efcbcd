#pragma once
#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "service/record_head.h"
#include "store/db/writer.h"
#include "store/fleet/membership.h"
#include "store/ledger/ledger.h"

namespace codedriftd {

/// This daemon as one of a fleet: it stands by until it holds the lease of all the fleet's work. The calls are the
/// first thread's, but where it says otherwise. It outlives the writer.
class FleetPart {
 public:
  /// `wake`: something has changed that leads() or over() tells. Runs on the writer's thread.
  FleetPart(const std::string& host, FleetClock& clock, std::function<void()> wake);

  /// Becomes a member. What the fence is given from then on is this membership's. Throws StoreError.
  void join(Database& db) { membership_.join(db); }
  /// For Writer::Options: they are the writer's.
  Fence& fence() { return membership_; }
  void shut_out(const StoreError& error);
  /// For Ledger::Hooks: `logged` is durable. On the writer's thread.
  void written(const LoggedEvent& logged, const std::string& origin);

  /// It holds the lease, and may act. Thread-safe.
  bool leads() const { return claims_.hold(kLease); }
  /// Why this membership is no more; nullopt: it lasts. Thread-safe.
  std::optional<std::string> over() const { return over_.copy(); }
  /// The newest event that is known to have been durable. Thread-safe.
  std::optional<RecordHead> head() const { return head_.copy(); }

  /// Says in the record that it joined, after log.genesis where that is missing. Throws StoreError.
  void tell_joined(Writer& writer, Ledger& ledger);
  /// Renews the membership and looks after the others, if it is time to. When it is next.
  MonoTime turn(Writer& writer, Ledger& ledger, MonoTime now);
  /// Lets go of all, and says so in the record.
  void leave(Tx& tx, Ledger& ledger, WallTime now);
  int64_t member() const { return membership_.id(); }
  /// The host's clock minus the database's. Thread-safe.
  Millis clock_offset() const { return clock_.host_offset(); }

 private:
  static constexpr std::string_view kLease = "all";
  void tell(Tx& tx, Ledger& ledger, const Membership::Turn& turn, WallTime now);
  void note_head(Tx& tx, const std::string& origin);
  NewEvent event(std::string kind, std::string summary) const;

  const std::string host_;
  FleetClock& clock_;
  const std::function<void()> wake_;
  Claims claims_;
  Membership membership_;
  Guarded<std::optional<std::string>> over_;
  Guarded<std::optional<RecordHead>> head_;
  std::atomic<bool> turning_{false};  ///< a turn is on its way to the writer
  MonoTime next_turn_{};
  bool told_clock_ = false;  ///< that the host's clock is off, and by how much
};

}  // namespace codedriftd
