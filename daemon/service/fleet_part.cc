#include "service/fleet_part.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/json.h"
#include "base/log.h"
#include "service/stay.h"

namespace codedriftd {
namespace {

/// Far more often than it has to renew: a lease that is let go is soon taken, and what others leave for it soon seen.
constexpr Millis kTurn{500};

}  // namespace

FleetPart::FleetPart(const std::string& host, FleetClock& clock, Hooks hooks)
    : host_(host),
      clock_(clock),
      hooks_(std::move(hooks)),
      claims_(clock),
      membership_(host, "", clock, claims_, Membership::Writers::one_at_a_time) {}

void FleetPart::shut_out(const StoreError& error) {
  *over_.lock() = error.what();
  hooks_.wake();
}

FleetPart::Leases FleetPart::share(MonoTime now) const {
  Leases share = claims_.leases();
  Locked holding(holding_);
  std::erase_if(share, [&](const std::string& lease) {
    const auto since = holding->since.find(lease);
    const bool quiet = lease.starts_with("lane/") && since != holding->since.end() && now < since->second + kQuiet;
    return quiet || holding->give.contains(lease);
  });
  return share;
}

void FleetPart::let_go(Writer& writer, Leases leases) {
  if (leases.empty()) return;
  writer.post([this, leases = std::move(leases)](Tx& tx) {
    for (const std::string& lease : leases) membership_.let_go(tx.db, lease);
  });
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
  });
}

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
  const Membership::Turn turn = membership_.turn(tx.db, wishes_.copy());
  tell(tx, ledger, turn, clock_.wall());
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
