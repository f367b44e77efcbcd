#pragma once
#include <atomic>
#include <functional>
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

/// This daemon as one of a fleet: it stands by until it holds the lease of all the fleet's work. The calls are the
/// first thread's, but where it says otherwise. It outlives the writer.
class FleetPart {
 public:
  /// `digest`: of the configuration (work_digest). `wake`: something has changed that leads(), over() or leaving()
  /// tells. Runs on the writer's thread.
  FleetPart(const std::string& host, std::string digest, FleetClock& clock, std::function<void()> wake);

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
  /// Why it is to leave in order, and let go of what it holds: others do its work by another configuration, or with
  /// another program. nullopt: it is not. Thread-safe.
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
  static constexpr std::string_view kLease = "all";
  bool may_take(Tx& tx, Ledger& ledger, WallTime now);
  void tell_outdated(Tx& tx, Ledger& ledger, const Generation& counts, WallTime now);
  bool schema_is_known(Tx& tx);
  void tell(Tx& tx, Ledger& ledger, const Membership::Turn& turn, WallTime now);
  void note_head(Tx& tx, const std::string& origin);
  NewEvent event(std::string kind, std::string summary) const;

  const std::string host_;
  FleetClock& clock_;
  const std::function<void()> wake_;
  Claims claims_;
  Membership membership_;
  Guarded<std::string> digest_;
  Guarded<std::optional<std::string>> over_, leaving_, outdated_;
  std::atomic<bool> outgrown_{false};
  Guarded<std::optional<RecordHead>> head_;
  std::atomic<bool> turning_{false};  ///< a turn is on its way to the writer
  MonoTime next_turn_{};
  bool told_clock_ = false;  ///< that the host's clock is off, and by how much
};

}  // namespace codedriftd
