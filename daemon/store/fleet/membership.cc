#include "store/fleet/membership.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <thread>
#include <utility>

#include "store/fleet/shares.h"

namespace codedriftd {
namespace {

using Kind = StoreError::Kind;

/// Between two tries to ask a server that is away.
constexpr Millis kPause{100};

/// The server's clock, in milliseconds.
constexpr std::string_view kNow = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)";

/// Before the fence: whoever has waited long for its turn may have been found dead meanwhile.
constexpr std::string_view kTakeTurn = "SELECT pg_advisory_xact_lock(4203771290); ";

constexpr std::string_view kMemberColumns = "d.id, d.host, d.version, d.config_digest, d.started_at_ms, d.alive_at_ms";
constexpr int kMemberWidth = 6;

Member member_of(const Query& row) {
  return {row.integer(0), row.string(1), row.string(2), row.string(3), row.time(4), row.time(5), {}, {}};
}

Millis ahead_of(WallTime database, MonoTime mono) {
  return database.time_since_epoch() - std::chrono::floor<Millis>(mono.time_since_epoch());
}

}  // namespace

Membership::Membership(std::string host, std::string config_digest, FleetClock& clock, Claims& claims, Writers writers)
    : host_(std::move(host)),
      config_digest_(std::move(config_digest)),
      clock_(clock),
      claims_(claims),
      writers_(writers) {}

void Membership::join(Database& db) {
  pending_.reset();
  held_.clear();
  claims_.set(0, {}, {});
  id_ = batch_ = 0;
  db.begin_write();
  try {
    need_head(db);
    int64_t id = 0;
    {
      auto row = db.query_once(
          fmt::format(
              "INSERT INTO daemon_run (host, version, pid, config_digest, started_at_ms, alive_at_ms) SELECT ?, "
              "?, ?, ?, now_ms, now_ms FROM (SELECT {} AS now_ms) AS clock RETURNING id, started_at_ms",
              kNow),
          host_, CODEDRIFTD_VERSION, static_cast<int64_t>(::getpid()), config_digest_);
      row.step();
      id = row.integer(0);
      started_at_ms_ = row.integer(1);
    }
    db.commit();
    id_ = id;
  } catch (const std::exception&) {
    db.rollback();
    throw;
  }
  claims_.set(id_, {}, {});
}

// ---- The fence ----------------------------------------------------------------------------------------------------

std::string Membership::statement() const {
  // started_at_ms: a server that was put back to an earlier time may give an id once more.
  return fmt::format(
      "{0}UPDATE daemon_run SET batch = batch + 1, alive_at_ms = greatest(alive_at_ms, {1}) WHERE id = {2} AND "
      "batch = {3} AND started_at_ms = {4} AND stopped_at_ms IS NULL AND fenced_by IS NULL RETURNING {1}",
      writers_ == Writers::one_at_a_time ? kTakeTurn : "", kNow, id_, batch_, started_at_ms_);
}

void Membership::passed(int64_t answer, MonoTime sent) {
  const MonoTime received = clock_.mono();
  clock_.told(from_ms(answer), sent, received);
  watch_for_steps(from_ms(answer), sent, received);
  pending_ = Pending{sent, sent + kTimeToLive - kMargin, held_};
}

/// A database's clock that was set forward makes the living look dead, until each has renewed.
void Membership::watch_for_steps(WallTime database, MonoTime sent, MonoTime received) {
  if (most_ahead_ && ahead_of(database, received) - *most_ahead_ > kMargin)
    nobody_dead_before_ = received + kTimeToLive;
  most_ahead_ = ahead_of(database, sent);
}

void Membership::refused(Database& db) { ended(reason(db)); }

void Membership::before_commit(Database& db) {
  const MonoTime sent = clock_.mono();
  if (sent - pending().sent < kRenewal) return;
  static const Sql kRenew =
      Sql::forever(fmt::format("UPDATE daemon_run SET alive_at_ms = greatest(alive_at_ms, {}) WHERE id = ?", kNow));
  db.run(kRenew, id_);
  pending().valid_until = sent + kTimeToLive - kMargin;
}

void Membership::committed() {
  if (!pending_) return;
  ++batch_;
  held_ = std::move(pending_->held);
  claims_.set(id_, pending_->valid_until, held_);
  pending_.reset();
}

bool Membership::was_durable(Database& db) {
  const MonoTime until = pending().valid_until;
  for (;;) {
    try {
      return ask_whether_durable(db);
    } catch (const StoreError& error) {
      const bool may_pass = error.busy() || error.kind() == Kind::unavailable || error.kind() == Kind::cannot_open;
      if (!may_pass) throw;
      if (clock_.mono() >= until) {
        throw StoreError(Kind::unavailable,
                         fmt::format("whether the last COMMIT is durable was not known in time: {}", error.what()));
      }
    }
    std::this_thread::sleep_for(kPause);
  }
}

/// Throws StoreError (busy) while the transaction is not over.
bool Membership::ask_whether_durable(Database& db) {
  int64_t found = -1;
  bool is_over = true;
  {
    // FOR UPDATE waits for a backend that is still committing.
    auto row = db.query(
        "SELECT batch, stopped_at_ms IS NOT NULL OR fenced_by IS NOT NULL FROM daemon_run WHERE id = ? AND "
        "started_at_ms = ? FOR UPDATE",
        id_, started_at_ms_);
    if (row.step()) {
      found = row.integer(0);
      is_over = row.boolean(1);
    }
  }
  need_head(db);
  if (found == batch_ + 1) {
    committed();
    return true;
  }
  if (found != batch_ || is_over) ended(reason(db));
  pending_.reset();
  return false;
}

void Membership::ended(std::string_view why) {
  pending_.reset();
  held_.clear();
  claims_.set(0, {}, {});
  throw StoreError(Kind::fenced, fmt::format("this daemon's membership (id {}) has ended: {}", id_, why));
}

std::string Membership::reason(Database& db) const {
  try {
    auto row = db.query(
        "SELECT d.batch, d.stopped_at_ms, d.fenced_by, other.host FROM daemon_run AS d LEFT JOIN daemon_run AS other "
        "ON "
        "other.id = d.fenced_by WHERE d.id = ? AND d.started_at_ms = ?",
        id_, started_at_ms_);
    if (!row.step()) return "the database does not know it";
    if (!row.null(2)) return fmt::format("member {} ({}) found it silent for too long", row.integer(2), row.text(3));
    if (!row.null(1)) return "it was stopped";
    return fmt::format("the database has {} transactions of it, this daemon {}", row.integer(0), batch_);
  } catch (const StoreError& error) {
    return fmt::format("it did not pass the fence, and why could not be asked: {}", error.what());
  }
}

// ---- The newest event ---------------------------------------------------------------------------------------------

bool Membership::head_is_there(Database& db) const {
  if (!head_) return true;
  auto row = db.query("SELECT leaf_hash FROM event WHERE seq = ?", head_->seq);
  return row.step() && row.optional_sha256(0) == head_->leaf;
}

void Membership::need_head(Database& db) {
  if (head_is_there(db)) return;
  claims_.let_go_of_all();
  throw StoreError(
      Kind::rolled_back,
      fmt::format("{}: event {}, which this daemon was told is durable, is gone or another one: a replica that was "
                  "behind has taken over, or a backup was restored. Nothing is written until an operator has looked",
                  db.name(), head_->seq));
}

// ---- The others, and the leases -----------------------------------------------------------------------------------

Membership::Pending& Membership::pending() {
  if (!pending_) throw std::logic_error("a member of a fleet acts in a transaction behind its fence");
  return *pending_;
}

Membership::Turn Membership::turn(Database& db, const Wishes& wishes) {
  Pending& after = pending();
  Turn turn;
  if (clock_.mono() >= nobody_dead_before_) turn.fenced = fence_the_dead(db);
  const bool may_hold = wishes.may_hold && std::chrono::abs(clock_.host_offset()) <= FleetClock::kMostOffset;
  db.run("UPDATE daemon_run SET able = ?1 WHERE id = ?2 AND able <> ?1", static_cast<int64_t>(may_hold), id_);
  if (may_hold) keep_leases(db, wishes.leases);
  Shares shares;
  {
    std::vector<LeaseRow> leases;
    bool in_the_way = false;  // of somebody alive, for what is not wished any more
    auto rows = db.query(
        "SELECT l.name, CASE WHEN d.stopped_at_ms IS NULL AND d.fenced_by IS NULL THEN d.id END FROM lease AS l LEFT "
        "JOIN daemon_run AS d ON d.id = l.holder ORDER BY l.name");
    while (rows.step()) {
      LeaseRow lease{rows.string(0), rows.optional_integer(1)};
      if (wishes.leases.contains(lease.name)) {
        leases.push_back(std::move(lease));
      } else {
        in_the_way = in_the_way || lease.holder;
        if (lease.holder == id_) turn.give.push_back(std::move(lease.name));
      }
    }
    if (may_hold) {
      shares = share_out(leases, able(db), id_);
    } else {
      for (const LeaseRow& lease : leases) {
        if (lease.holder == id_) shares.give.push_back(lease.name);
      }
    }
    if (in_the_way) shares.take.clear();
  }
  take(db, shares.take);
  turn.give.insert(turn.give.end(), shares.give.begin(), shares.give.end());
  after.held = held_in(db);
  std::ranges::set_difference(after.held, held_, std::back_inserter(turn.taken));
  std::ranges::set_difference(held_, after.held, std::back_inserter(turn.lost));
  for (const std::string& lease : turn.lost) claims_.let_go(lease);
  return turn;
}

/// Those that are wished for are there, and of the others those that somebody alive holds.
void Membership::keep_leases(Database& db, const Claims::Leases& wished) const {
  std::set<std::string> missing(wished.begin(), wished.end());
  std::vector<std::string> unwished;
  {
    auto rows = db.query("SELECT name FROM lease");
    while (rows.step()) {
      if (missing.erase(rows.string(0)) == 0) unwished.push_back(rows.string(0));
    }
  }
  std::erase_if(unwished, [&](const std::string& name) { return wished.contains(name); });
  for (const std::string& name : missing) db.run("INSERT INTO lease (name) VALUES (?) ON CONFLICT DO NOTHING", name);
  for (const std::string& name : unwished) {
    db.run(
        "DELETE FROM lease WHERE name = ? AND NOT EXISTS (SELECT 1 FROM daemon_run AS d WHERE d.id = lease.holder AND "
        "d.stopped_at_ms IS NULL AND d.fenced_by IS NULL)",
        name);
  }
}

/// Who may hold leases, as far as it has said so: this member, and the others that are alive.
std::vector<int64_t> Membership::able(Database& db) const {
  std::vector<int64_t> members;
  auto rows = db.query(
      "SELECT id FROM daemon_run WHERE stopped_at_ms IS NULL AND fenced_by IS NULL AND (able = 1 OR id = ?) ORDER BY "
      "id",
      id_);
  while (rows.step()) members.push_back(rows.integer(0));
  return members;
}

std::vector<Member> Membership::fence_the_dead(Database& db) {
  // Who is in a transaction at this moment has locked its row, and is passed over.
  auto rows = db.query_once(
      fmt::format("WITH dead AS MATERIALIZED (SELECT id FROM daemon_run WHERE stopped_at_ms IS NULL AND fenced_by IS "
                  "NULL AND id <> ?1 AND alive_at_ms < {} - ?2 ORDER BY id FOR UPDATE SKIP LOCKED) UPDATE daemon_run "
                  "AS d SET fenced_by = ?1 FROM dead WHERE d.id = dead.id RETURNING {}",
                  kNow, kMemberColumns),
      id_, kTimeToLive);
  std::vector<Member> fenced;
  while (rows.step()) fenced.push_back(member_of(rows));
  return fenced;
}

void Membership::take(Database& db, const std::vector<std::string>& leases) const {
  // Of a lease whose holder has changed meanwhile, all of `d` is NULL when the condition is looked at again: a holder
  // that is not found must not make a lease free.
  static const Sql kTake = Sql::forever(
      fmt::format("WITH free AS MATERIALIZED (SELECT l.name FROM lease AS l LEFT JOIN daemon_run AS d ON d.id = "
                  "l.holder WHERE l.name = ?2 AND (l.holder IS NULL OR d.stopped_at_ms IS NOT NULL OR d.fenced_by IS "
                  "NOT NULL) FOR UPDATE OF l SKIP LOCKED) UPDATE lease SET holder = ?1, token = token + 1, since_ms = "
                  "{} FROM free WHERE lease.name = free.name",
                  kNow));
  for (const std::string& lease : leases) db.run(kTake, id_, lease);
}

Claims::Leases Membership::held_in(Database& db) const {
  Claims::Leases held;
  auto rows = db.query("SELECT name FROM lease WHERE holder = ?", id_);
  while (rows.step()) held.insert(rows.string(0));
  return held;
}

void Membership::use_config(Database& db, std::string digest) {
  pending();
  db.run("UPDATE daemon_run SET config_digest = ? WHERE id = ?", digest, id_);
  config_digest_ = std::move(digest);
}

void Membership::let_go(Database& db, const std::string& lease) {
  pending().held.erase(lease);
  held_.erase(lease);
  claims_.let_go(lease);
  static const Sql kFree =
      Sql::forever(fmt::format("UPDATE lease SET holder = NULL, since_ms = {} WHERE name = ? AND holder = ?", kNow));
  db.run(kFree, lease, id_);
}

void Membership::leave(Database& db) {
  pending().held.clear();
  held_.clear();
  claims_.let_go_of_all();
  static const Sql kFreeAll =
      Sql::forever(fmt::format("UPDATE lease SET holder = NULL, since_ms = {} WHERE holder = ?", kNow));
  db.run(kFreeAll, id_);
  db.run("UPDATE daemon_run SET stopped_at_ms = alive_at_ms WHERE id = ?", id_);  // the fence has moved it
}

std::vector<Member> Membership::members(Database& db) {
  auto rows = db.query_once(
      fmt::format("SELECT {}, l.name, l.token, greatest(0, {} - d.alive_at_ms) FROM daemon_run AS d LEFT JOIN lease AS "
                  "l ON l.holder = d.id WHERE d.stopped_at_ms IS NULL AND d.fenced_by IS NULL ORDER BY d.id, l.name",
                  kMemberColumns, kNow));
  std::vector<Member> found;
  while (rows.step()) {
    if (found.empty() || found.back().id != rows.integer(0)) {
      found.push_back(member_of(rows));
      found.back().silent = rows.millis(kMemberWidth + 2);
    }
    if (!rows.null(kMemberWidth))
      found.back().leases.push_back({rows.string(kMemberWidth), rows.integer(kMemberWidth + 1)});
  }
  return found;
}

}  // namespace codedriftd
