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
#include "store/fleet/generations.h"
#include "store/fleet/membership.h"
#include "store/ledger/ledger.h"
#include "store/ledger/watch_list.h"

namespace codedriftd {

/// What was to be done by a configuration that does not count (any more). Nothing was done.
class OutdatedConfiguration : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A configuration of this digest is none that counts, which is `counts`: what is to be done. For people.
std::string words_of_outdated(std::string_view digest, const Generation& counts);

/// This daemon as one of a fleet: which of the leases it holds, and what it says of that in the record. The calls are
/// the first thread's, but where it says otherwise. It outlives the writer.
class FleetPart {
 public:
  using Leases = Claims::Leases;
  /// On the writer's thread.
  struct Hooks {
    std::function<void()> wake;             ///< something has changed that share(), over() or leaving() tells
    std::function<void(Tx& tx)> each_turn;  ///< for what others have left in the record for this member
  };
  /// `digest`: of the configuration (work_digest).
  FleetPart(const std::string& host, std::string digest, FleetClock& clock, Hooks hooks);

  /// Becomes a member. What the fence is given from then on is this membership's. Throws StoreError.
  void join(Database& db) { membership_.join(db); }
  /// For Writer::Options: they are the writer's.
  Fence& fence() { return membership_; }
  void shut_out(const StoreError& error);
  /// For Ledger::Hooks: `logged` is durable. On the writer's thread.
  void written(const LoggedEvent& logged, const std::string& origin);

  /// The leases that there are to be from now on. Thread-safe.
  void wish(Leases leases) { *wishes_.lock() = std::move(leases); }
  /// What it holds is its own for now: nobody can have taken it over yet. Thread-safe.
  bool may_act() const { return claims_.valid(); }
  /// The same of one lease. Thread-safe.
  bool may_act(std::string_view lease) const { return claims_.hold(lease); }
  /// The leases whose work it is to do from now on: those it holds, but for what it is to let go of, and for lanes that
  /// it took a moment ago, as the cloud still counts the calls of who had them.
  Leases share(MonoTime now) const;
  /// How many there are to be. Thread-safe.
  std::size_t wished() const { return wishes_.copy().size(); }
  /// How many it holds. Thread-safe.
  std::size_t held() const { return claims_.leases().size(); }
  /// The work for these ends now: let_go() follows once it has. Thread-safe.
  void is_ending(const Leases& leases) { holding_.lock()->going.insert(leases.begin(), leases.end()); }
  /// The work for these has ended: they are let go of, after what was given to the writer before. Thread-safe.
  void let_go(Writer& writer, const Leases& leases);
  /// Lets go of what it is to let go of and never worked on; `share` is what it works on.
  void let_go_of_idle(Writer& writer, const Leases& share);
  /// Why this membership is no more; nullopt: it lasts. Thread-safe.
  std::optional<std::string> over() const { return over_.copy(); }
  /// Why it is to leave in order, and let go of what it holds: others do its work with a newer program. nullopt: it is
  /// not. Thread-safe.
  std::optional<std::string> leaving() const { return leaving_.copy(); }
  /// The record's schema is one that this program does not know. Thread-safe.
  bool outgrown() const { return outgrown_; }
  /// Why its configuration does not count, for people: it takes no lease. nullopt: it counts. Thread-safe.
  std::optional<std::string> outdated() const { return outdated_.copy(); }
  /// The newest event that is known to have been durable. Thread-safe.
  std::optional<RecordHead> head() const { return head_.copy(); }

  /// Says in the record that it joined, after log.genesis where that is missing, and with which configuration: one that
  /// nobody had before is the fleet's from then on. Throws StoreError.
  void tell_joined(Writer& writer, Ledger& ledger);
  /// In the transaction that makes the watch list that of a configuration: one that nobody had before becomes the
  /// fleet's, and this daemon's. Throws OutdatedConfiguration where it does not count.
  ListGeneration take_up(Tx& tx, const std::string& digest, WallTime now);
  /// Of its own, as in force. Thread-safe.
  std::string digest() const { return digest_.copy(); }

  /// Renews the membership and looks after the others, if it is time to. When it is next.
  MonoTime turn(Writer& writer, Ledger& ledger, MonoTime now);
  /// Lets go of all, and says so in the record.
  void leave(Tx& tx, Ledger& ledger, WallTime now);
  int64_t member() const { return membership_.id(); }
  /// The host's clock minus the database's. Thread-safe.
  Millis clock_offset() const { return clock_.host_offset(); }

 private:
  static constexpr Millis kQuiet{1'000};  ///< as long as the cloud counts a call
  void tell_clock();
  void take_turn(Tx& tx, Ledger& ledger);
  bool may_take(Tx& tx, Ledger& ledger, WallTime now);
  void tell_outdated(Tx& tx, Ledger& ledger, const Generation& counts, WallTime now);
  bool schema_is_known(Tx& tx);
  void tell(Tx& tx, Ledger& ledger, const Membership::Turn& turn, WallTime now);
  void note_head(Tx& tx, const std::string& origin);
  NewEvent event(std::string kind, std::string summary) const;

  const std::string host_;
  FleetClock& clock_;
  const Hooks hooks_;
  Claims claims_;
  Membership membership_;
  Guarded<Leases> wishes_;
  struct Holding {
    std::map<std::string, MonoTime> since;  ///< of what it took
    Leases give;                            ///< it is to let go of
    Leases going;                           ///< and does, once that is committed
  };
  mutable Guarded<Holding> holding_;
  Guarded<std::string> digest_;
  Guarded<std::optional<std::string>> over_, leaving_, outdated_;
  std::atomic<bool> outgrown_{false};
  Guarded<std::optional<RecordHead>> head_;
  std::atomic<bool> turning_{false};  ///< a turn is on its way to the writer
  MonoTime next_turn_{};
  bool told_clock_ = false;  ///< that the host's clock is off, and by how much
};

}  // namespace codedriftd
