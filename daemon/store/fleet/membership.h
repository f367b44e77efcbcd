#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/sha256.h"
#include "store/db/fence.h"
#include "store/fleet/claims.h"
#include "store/fleet/fleet_clock.h"

namespace codedriftd {

/// A row of daemon_run that is neither stopped nor fenced.
struct Member {
  struct Held {
    std::string lease;
    int64_t token = 0;  ///< grows with each time that it is taken
  };
  int64_t id = 0;
  std::string host, version, config_digest;
  WallTime started_at, alive_at;  ///< by the database's clock
  std::vector<Held> leases;
  Millis silent{0};  ///< from alive_at to when it was read, by the same clock; of members() alone
};

/// This daemon as one of several that keep one record on a PostgreSQL server. It is dead to the others when it has not
/// committed for kTimeToLive by the database's clock; then one of them fences it, and only what the dead held is taken.
/// Who was fenced joins anew, as another member, and drops what it got as the old one.
///
/// Used by the thread that writes; the others ask the Claims.
class Membership final : public Fence {
 public:
  static constexpr Millis kTimeToLive{15'000};
  static constexpr Millis kMargin{2'000};   ///< between the end of what one claims and the time it may be taken
  static constexpr Millis kRenewal{5'000};  ///< the longest time from one committed transaction to the next

  /// Whether members wait for each other at the fence: then what one has read nobody else changes before it commits.
  enum class Writers { side_by_side, one_at_a_time };
  /// Clock and claims must outlive it.
  Membership(std::string host, std::string config_digest, FleetClock& clock, Claims& claims,
             Writers writers = Writers::side_by_side);

  /// Begins a membership, in a transaction of its own; what the last one held is not held any more. Throws StoreError.
  void join(Database& db);
  int64_t id() const { return id_; }

  struct Wishes {
    Claims::Leases leases;  ///< all that there are to be, whoever holds them
    bool may_hold = true;   ///< false: it takes nothing, and is to give all
  };
  struct Turn {
    std::vector<Member> fenced;            ///< who was found dead; without what they held
    std::vector<std::string> taken, lost;  ///< taken: held once the transaction is committed
    std::vector<std::string> give;         ///< held, and to be let go of soon: over its share, or not wished for
  };
  /// Looks after the others, and takes what is free up to a fair share (shares.h); nothing while the host's clock is
  /// off by more than FleetClock::kMostOffset, nor while somebody alive holds a lease that is not wished for: what it
  /// was for may have another name now. Every kRenewal. What an earlier transaction did in vain is told again.
  /// These four REQUIRE: in a transaction behind this fence.
  Turn turn(Database& db, const Wishes& wishes);
  /// Its configuration is another one from now on; so it is for a later join(), too.
  void use_config(Database& db, std::string digest);
  /// In the transaction that writes the last results of that lease's work.
  void let_go(Database& db, const std::string& lease);
  /// Ends the membership: lets go of all, and does not pass the fence again.
  void leave(Database& db);

  /// Who there is, by id.
  static std::vector<Member> members(Database& db);

  /// The newest event that this daemon holds a COMMIT for: on each new connection it must be there.
  void committed_head(int64_t seq, const Sha256& leaf) { head_ = {seq, leaf}; }
  bool head_is_there(Database& db) const;

  std::string statement() const override;
  void connected(Database& db) override { need_head(db); }
  void passed(int64_t answer, MonoTime sent) override;
  [[noreturn]] void refused(Database& db) override;
  void before_commit(Database& db) override;
  void committed() override;
  bool was_durable(Database& db) override;

 private:
  struct Head {
    int64_t seq;
    Sha256 leaf;
  };
  /// What counts once the transaction is durable that passed last.
  struct Pending {
    MonoTime sent, valid_until;
    Claims::Leases held;
  };
  bool ask_whether_durable(Database& db);
  Pending& pending();
  void need_head(Database& db);
  void watch_for_steps(WallTime database, MonoTime sent, MonoTime received);
  [[noreturn]] void ended(std::string_view why);
  std::string reason(Database& db) const;
  std::vector<Member> fence_the_dead(Database& db);
  void keep_leases(Database& db, const Claims::Leases& wished) const;
  void take(Database& db, const std::vector<std::string>& leases) const;
  std::vector<int64_t> able(Database& db) const;
  Claims::Leases held_in(Database& db) const;

  std::string host_, config_digest_;
  FleetClock& clock_;
  Claims& claims_;
  Writers writers_;
  int64_t id_ = 0, started_at_ms_ = 0, batch_ = 0;
  Claims::Leases held_;  ///< as of the last transaction that was durable
  std::optional<Pending> pending_;
  std::optional<Head> head_;
  std::optional<Millis> most_ahead_;  ///< the database's clock of the monotonic one, at the last fence
  MonoTime nobody_dead_before_{};
};

}  // namespace codedriftd
