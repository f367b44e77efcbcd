#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "service/record_head.h"
#include "store/db/writer.h"
#include "store/fleet/membership.h"
#include "store/ledger/ledger.h"

namespace codedriftd {

/// This daemon as one of a fleet: which of the leases it holds, and what it says of that in the record. The calls are
/// the first thread's, but where it says otherwise. It outlives the writer.
class FleetPart {
 public:
  using Leases = Claims::Leases;
  /// On the writer's thread.
  struct Hooks {
    std::function<void()> wake;             ///< something has changed that share() or over() tells
    std::function<void(Tx& tx)> each_turn;  ///< for what others have left in the record for this member
  };
  FleetPart(const std::string& host, FleetClock& clock, Hooks hooks);

  /// Becomes a member. What the fence is given from then on is this membership's. Throws StoreError.
  void join(Database& db) { membership_.join(db); }
  /// For Writer::Options: they are the writer's.
  Fence& fence() { return membership_; }
  void shut_out(const StoreError& error);
  /// For Ledger::Hooks: `logged` is durable. On the writer's thread.
  void written(const LoggedEvent& logged, const std::string& origin);

  /// The leases that there are to be from now on, and whether this member may hold any. Thread-safe.
  void wish(Membership::Wishes wishes) { *wishes_.lock() = std::move(wishes); }
  /// What it holds is its own for now: nobody can have taken it over yet. Thread-safe.
  bool may_act() const { return claims_.valid(); }
  /// The leases whose work it is to do from now on: those it holds, but for what it is to let go of, and for lanes that
  /// it took a moment ago, as the cloud still counts the calls of who had them.
  Leases share(MonoTime now) const;
  /// How many it holds. Thread-safe.
  std::size_t held() const { return claims_.leases().size(); }
  /// The work for these has ended: they are let go of, after what was given to the writer before. Thread-safe.
  void let_go(Writer& writer, Leases leases);
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
  static constexpr Millis kQuiet{1'000};
  void tell_clock();
  void take_turn(Tx& tx, Ledger& ledger);
  void tell(Tx& tx, Ledger& ledger, const Membership::Turn& turn, WallTime now);
  void note_head(Tx& tx, const std::string& origin);
  NewEvent event(std::string kind, std::string summary) const;

  const std::string host_;
  FleetClock& clock_;
  const Hooks hooks_;
  Claims claims_;
  Membership membership_;
  Guarded<Membership::Wishes> wishes_;
  struct Holding {
    std::map<std::string, MonoTime> since;  ///< of what it took
    Leases give;                            ///< it is to let go of
  };
  mutable Guarded<Holding> holding_;
  Guarded<std::optional<std::string>> over_;
  Guarded<std::optional<RecordHead>> head_;
  std::atomic<bool> turning_{false};  ///< a turn is on its way to the writer
  MonoTime next_turn_{};
  bool told_clock_ = false;  ///< that the host's clock is off, and by how much
};

}  // namespace codedriftd
