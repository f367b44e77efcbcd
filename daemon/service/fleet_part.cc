#include "service/fleet_part.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/json.h"
#include "base/log.h"
#include "service/leases.h"
#include "service/stay.h"
#include "settings/digest.h"
#include "store/db/migrate.h"

namespace codedriftd {
namespace {

/// Far more often than it has to renew: a lease that is let go is soon taken, and what others leave for it soon seen.
constexpr Millis kTurn{500};

}  // namespace

std::string words_of_outdated(std::string_view digest, const Generation& counts) {
  return fmt::format(
      "its configuration ({}) is outdated: generation {} ({}), which {} brought at {}, counts now. Bring the file up "
      "to date and reload it, or make it the next generation with `codedriftd adopt --config`",
      short_digest(digest), counts.number, short_digest(counts.digest), counts.adopted_by, rfc3339(counts.adopted_at));
}

FleetPart::FleetPart(const std::string& host, std::string digest, FleetClock& clock, Hooks hooks)
    : host_(host),
      clock_(clock),
      hooks_(std::move(hooks)),
      claims_(clock),
      membership_(host, digest, clock, claims_, Membership::Writers::one_at_a_time) {
  *digest_.lock() = std::move(digest);
}

void FleetPart::shut_out(const StoreError& error) {
  *over_.lock() = error.what();
  hooks_.wake();
}

FleetPart::Leases FleetPart::share(MonoTime now) const {
  Leases share = claims_.leases();
  Locked holding(holding_);
  std::erase_if(share, [&](const std::string& lease) {
    const auto since = holding->since.find(lease);
    const bool quiet = is_lane(lease) && since != holding->since.end() && now < since->second + kQuiet;
    return quiet || holding->give.contains(lease) || holding->going.contains(lease);
  });
  return share;
}

void FleetPart::let_go(Writer& writer, const Leases& leases) {
  if (leases.empty()) return;
  is_ending(leases);
  writer.post(
      [this, leases](Tx& tx) {
        for (const std::string& lease : leases) membership_.let_go(tx.db, lease);
      },
      [this, leases](std::exception_ptr) {
        Locked holding(holding_);
        for (const std::string& lease : leases) holding->going.erase(lease);
      });
}

void FleetPart::let_go_of_idle(Writer& writer, const Leases& share) {
  Leases idle;
  {
    Locked holding(holding_);
    for (const std::string& lease : holding->give) {
      if (!holding->going.contains(lease) && !share.contains(lease)) idle.insert(lease);
    }
  }
  let_go(writer, idle);
}

void FleetPart::written(const LoggedEvent& logged, const std::string& origin) {
  membership_.committed_head(logged.seq, logged.leaf);
  *head_.lock() = RecordHead{origin, logged.seq, logged.id, logged.time};
}

NewEvent FleetPart::event(std::string kind, std::string summary) const {
  NewEvent told;
  told.kind = std::move(kind);
  told.data = Json{{"host", host_}, {"member", membership_.id()}};
  told.facts.summary = std::move(summary);
  return told;
}

void FleetPart::tell_joined(Writer& writer, Ledger& ledger) {
  writer.run([&](Tx& tx) {
    const WallTime now = clock_.wall();
    stay::begin_log_if_empty(tx, ledger, now);
    NewEvent joined = event("fleet.joined", fmt::format("{} joined the fleet as member {}.", host_, membership_.id()));
    (*joined.data)["version"] = CODEDRIFTD_VERSION;
    ledger.append(tx, joined, now);
    may_take(tx, ledger, now);
  });
}

// ---- The configuration, and the schema ----------------------------------------------------------------------------

/// Whether its configuration counts. One that nobody had before does from now on.
bool FleetPart::may_take(Tx& tx, Ledger& ledger, WallTime now) {
  using generations::Standing;
  const std::string digest = digest_.copy();
  const Standing standing = generations::standing_of(tx.db, digest);
  if (standing == Standing::replaced) {
    tell_outdated(tx, ledger, generations::current(tx.db).value(), now);
    return false;
  }
  if (standing == Standing::never_seen) {
    const Generation next = generations::adopt(tx.db, digest, host_, now);
    NewEvent loaded = event("config.loaded", fmt::format("{} came with a new configuration ({}): generation {} of the "
                                                         "fleet's, which counts from now on.",
                                                         host_, short_digest(digest), next.number));
    loaded.actor = "config";
    (*loaded.data)["generation"] = next.number;
    (*loaded.data)["digest"] = digest;
    ledger.append(tx, loaded, now);
  }
  tx.after_commit([this] { *outdated_.lock() = std::nullopt; });
  return true;
}

/// Once, until it counts again.
void FleetPart::tell_outdated(Tx& tx, Ledger& ledger, const Generation& counts, WallTime now) {
  const std::string digest = digest_.copy();
  const std::string words = words_of_outdated(digest, counts);
  if (!outdated_.copy()) {
    NewEvent outdated =
        event("config.outdated", fmt::format("{}, member {} of the fleet: {}.", host_, membership_.id(), words));
    outdated.severity = Severity::warning;
    (*outdated.data)["digest"] = digest;
    (*outdated.data)["current"] = Json{{"generation", counts.number}, {"digest", counts.digest}};
    ledger.append(tx, outdated, now);
  }
  tx.after_commit([this, words] { *outdated_.lock() = words; });
}

ListGeneration FleetPart::take_up(Tx& tx, const std::string& digest, WallTime now) {
  using generations::Standing;
  const Standing standing = generations::standing_of(tx.db, digest);
  if (standing == Standing::replaced)
    throw OutdatedConfiguration(words_of_outdated(digest, generations::current(tx.db).value()));
  const bool fresh = standing == Standing::never_seen;
  const Generation generation =
      fresh ? generations::adopt(tx.db, digest, host_, now) : generations::current(tx.db).value();
  if (digest_.copy() != digest) membership_.use_config(tx.db, digest);
  tx.after_commit([this, digest] { *digest_.lock() = digest; });
  return {generation.number, host_, !fresh};
}

/// A newer program has migrated the record: this one leaves it alone.
bool FleetPart::schema_is_known(Tx& tx) {
  const int found = schema_version(tx.db);
  if (found <= newest_schema()) return true;
  tx.after_commit([this, found] {
    outgrown_ = true;
    *leaving_.lock() =
        fmt::format("the record has schema {} now, and this program (codedriftd " CODEDRIFTD_VERSION
                    ") knows up to {}: it lets go of its work, and ends; install the newer package here, too",
                    found, newest_schema());
    hooks_.wake();
  });
  return false;
}

// ---- The turn -----------------------------------------------------------------------------------------------------

MonoTime FleetPart::turn(Writer& writer, Ledger& ledger, MonoTime now) {
  if (now < next_turn_ || turning_) return std::max(next_turn_, now + kTurn / 4);
  next_turn_ = now + kTurn;
  tell_clock();
  turning_ = true;
  writer.post([this, &ledger](Tx& tx) { take_turn(tx, ledger); }, [this](std::exception_ptr) { turning_ = false; });
  return next_turn_;
}

void FleetPart::tell_clock() {
  const auto offset = std::chrono::abs(clock_.host_offset());
  if (std::exchange(told_clock_, offset > FleetClock::kTellOffset) == told_clock_ || !told_clock_) return;
  log(LogLevel::warning, "fleet.clock",
      fmt::format("the clock of this host is {} ms off the database's, whose times are recorded: set it right{}",
                  clock_.host_offset().count(),
                  offset > FleetClock::kMostOffset ? "; until then this daemon takes no lease" : ""));
}

void FleetPart::take_turn(Tx& tx, Ledger& ledger) {
  const WallTime now = clock_.wall();
  const bool may_hold = schema_is_known(tx) && may_take(tx, ledger, now);
  const Membership::Turn turn = membership_.turn(tx.db, {wishes_.copy(), may_hold});
  tell(tx, ledger, turn, now);
  if (!turn.lost.empty()) {
    tx.after_commit([this] {
      *over_.lock() = "a lease of it is another member's";
      hooks_.wake();
    });
  }
  note_head(tx, ledger.origin());
  hooks_.each_turn(tx);
  tx.after_commit([this, taken = turn.taken, give = Leases(turn.give.begin(), turn.give.end())] {
    Locked holding(holding_);
    for (const std::string& lease : taken) holding->since[lease] = clock_.mono();
    const bool other = std::exchange(holding->give, give) != give;
    if (other || !taken.empty()) hooks_.wake();
  });
}

/// What others wrote counts, too: whoever takes over on another server must not go on without it.
void FleetPart::note_head(Tx& tx, const std::string& origin) {
  enum Column : int { kSeq, kLeaf, kId, kTime };
  auto last = tx.db.query("SELECT seq, leaf_hash, id, time_ms FROM event ORDER BY seq DESC LIMIT 1");
  if (!last.step()) return;
  tx.after_commit([this, leaf = last.optional_sha256(kLeaf).value(),
                   head = RecordHead{origin, last.integer(kSeq), last.string(kId), last.time(kTime)}] {
    membership_.committed_head(head.seq, leaf);
    *head_.lock() = head;
  });
}

void FleetPart::tell(Tx& tx, Ledger& ledger, const Membership::Turn& turn, WallTime now) {
  for (const Member& dead : turn.fenced) {
    NewEvent left =
        event("fleet.left", fmt::format("{}, member {} of the fleet, was silent for too long: last heard of "
                                        "at {}.",
                                        dead.host, dead.id, rfc3339(dead.alive_at)));
    left.severity = Severity::warning;
    left.data = Json{{"host", dead.host},
                     {"member", dead.id},
                     {"reason", "silent"},
                     {"alive_at", rfc3339(dead.alive_at)},
                     {"noticed_by", membership_.id()}};
    ledger.append(tx, left, now);
  }
  if (turn.taken.empty()) return;
  NewEvent took = event("fleet.took_over", fmt::format("{}, member {} of the fleet, took over {}.", host_,
                                                       membership_.id(), fmt::join(turn.taken, ", ")));
  (*took.data)["leases"] = turn.taken;
  ledger.append(tx, took, now);
}

void FleetPart::leave(Tx& tx, Ledger& ledger, WallTime now) {
  NewEvent left = event("fleet.left", fmt::format("{}, member {} of the fleet, stopped.", host_, membership_.id()));
  (*left.data)["reason"] = "stopped";
  ledger.append(tx, left, now);
  membership_.leave(tx.db);
}

}  // namespace codedriftd
