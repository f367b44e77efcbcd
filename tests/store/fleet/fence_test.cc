// Who lost its membership writes nothing.
#include "store/db/fence.h"

#include "store/fleet/fleet_support.h"

namespace codedriftd::test {
namespace {

/// A fence without a lock: it looks, and what it saw may be over when the transaction goes on.
class LookingFence final : public Fence {
 public:
  explicit LookingFence(int64_t id) : id_(id) {}
  std::string statement() const override {
    return fmt::format("SELECT alive_at_ms FROM daemon_run WHERE id = {} AND fenced_by IS NULL", id_);
  }
  void connected(Database&) override {}
  void passed(int64_t, MonoTime) override {}
  [[noreturn]] void refused(Database&) override { throw StoreError(Refused::fenced, "looked"); }
  void committed() override {}
  bool was_durable(Database&) override { return false; }

 private:
  int64_t id_;
};

class PostgresFence : public PostgresFleet {
 protected:
  /// `paused` wakes up after its time, begins a transaction, and pauses in it; the other one looks after it.
  std::vector<std::string> taken_behind(Fence& fence) {
    paused_->turn();
    pass(16s);
    paused_->db.begin_write(fence, paused_->clock);
    const auto turn = other_->turn();
    paused_->db.run("INSERT INTO written VALUES ('paused')");
    paused_->db.commit();
    return turn.taken;
  }
  std::unique_ptr<FleetHost> paused_ = host("paused"), other_ = host("other");
};

TEST_F(PostgresFence, APausedMemberWritesNothingOnceItsLeaseWasTaken) {
  paused_->turn();
  ASSERT_TRUE(paused_->holds());
  pass_in_database(16s);
  EXPECT_EQ(other_->turn().taken, std::vector<std::string>{"all"});
  EXPECT_TRUE(paused_->holds()) << "it does not know yet";
  const auto [kind, words] =
      refusal_of([&] { paused_->write([&] { paused_->db.run("INSERT INTO written VALUES ('paused')"); }); });
  EXPECT_EQ(kind, Refused::fenced);
  EXPECT_EQ(words, fmt::format("this daemon's membership (id {}) has ended: member {} (other) found it silent for too "
                               "long",
                               paused_->member.id(), other_->member.id()));
  EXPECT_FALSE(paused_->holds());
  EXPECT_EQ(paused_->claims.member(), 0);
  EXPECT_EQ(written(), "");
  paused_->db.run("INSERT INTO written VALUES ('no transaction is left open')");
  EXPECT_EQ(number("SELECT count(*) FROM written"), 1);
}

TEST_F(PostgresFence, HoldsATakeOverOffUntilTheTransactionEnds) {
  EXPECT_TRUE(taken_behind(paused_->member).empty());
  EXPECT_EQ(written(), "paused");
  EXPECT_TRUE(other_->turn().taken.empty()) << "it has renewed";
}

TEST_F(PostgresFence, WithoutItsLockWouldLetAMemberWriteWhoseLeaseWasTaken) {
  LookingFence looking(paused_->member.id());
  EXPECT_EQ(taken_behind(looking), std::vector<std::string>{"all"});
  EXPECT_EQ(written(), "paused");
}

TEST_F(PostgresFence, SaysHowAMembershipEnded) {
  const std::pair<const char*, const char*> cases[] = {
      {"UPDATE daemon_run SET batch = batch + 1 WHERE id = ", "has 2 transactions of it, this daemon 1"},
      {"UPDATE daemon_run SET stopped_at_ms = 0 WHERE id = ", "it was stopped"},
      {"UPDATE daemon_run SET started_at_ms = 0 WHERE id = ", "does not know it"},
      {"DELETE FROM daemon_run WHERE id = ", "does not know it"},
  };
  for (const auto& [sql, expected] : cases) {
    paused_->member.join(paused_->db);
    paused_->renew();
    administrator_.execute(sql + std::to_string(paused_->member.id()));
    const auto [kind, words] = refusal_of([&] { paused_->renew(); });
    EXPECT_EQ(kind, Refused::fenced) << words;
    EXPECT_NE(words.find(expected), std::string::npos) << words;
  }
}

TEST_F(PostgresFence, PassesOnAConnectionThatIsMadeAnew) {
  for (int round = 0; round < 2; ++round) {
    cut();
    paused_->renew();
  }
  EXPECT_EQ(number("SELECT batch FROM daemon_run WHERE host = 'paused'"), 2);
}

TEST_F(PostgresFence, WhatIsRolledBackRenewsNothing) {
  paused_->renew();
  const MonoTime before = paused_->claims.valid_until();
  clock_.step_mono(3s);
  paused_->db.begin_write(paused_->member, paused_->clock);
  paused_->db.rollback();
  EXPECT_EQ(paused_->claims.valid_until(), before);
  paused_->renew();
  EXPECT_EQ(paused_->claims.valid_until(), before + 3s);
  EXPECT_EQ(before + 3s, clock_.mono() + Membership::kTimeToLive - Membership::kMargin);
}

/// Each look at it finds a second later.
class TickingClock final : public Clock {
 public:
  WallTime wall() const override { return SystemClock{}.wall(); }
  MonoTime mono() const override { return MonoTime{std::chrono::seconds(++looks_)}; }

 private:
  mutable int looks_ = 0;
};

TEST_F(PostgresFence, TheTimeCountsFromBeforeItWasSent) {
  const TickingClock ticking;
  paused_->db.begin_write(paused_->member, ticking);
  clock_.step_mono(30s);
  paused_->db.commit();
  EXPECT_EQ(paused_->claims.valid_until(), MonoTime{1s} + Membership::kTimeToLive - Membership::kMargin);
}

TEST_F(PostgresFence, AnErrorOfItsStatementLeavesNoTransactionBehind) {
  class BrokenFence : public Fence {
    std::string statement() const override { return "SELECT nothing"; }
    void connected(Database&) override {}
    void passed(int64_t, MonoTime) override {}
    [[noreturn]] void refused(Database&) override { throw StoreError(Refused::fenced, ""); }
    void committed() override {}
    bool was_durable(Database&) override { return false; }
  } broken;
  EXPECT_EQ(refusal_of([&] { paused_->db.begin_write(broken, clock_); }).first, Refused::other);
  paused_->db.run("INSERT INTO written VALUES ('x')");
  EXPECT_EQ(written(), "x");
}

TEST_F(PostgresFence, NeedsAServer) {
  TempDir dir;
  Database file = sqlite::open_writer(dir / "codedriftd.db");
  EXPECT_THROW(file.begin_write(paused_->member, clock_), std::logic_error);
}

// ---- Which server it is -------------------------------------------------------------------------------------------

TEST_F(PostgresFence, AnotherServerAndAnOldPrimaryAreRefused) {
  const std::string system = text(administrator_, "SELECT CAST(system_identifier AS text) FROM pg_control_system()");
  const std::tuple<postgres::Lineage::Server, const char*> cases[] = {
      {{"4711", 1}, "is another server"},
      {{system, 2}, "is an old primary that came back (timeline 1)"},
  };
  for (const auto& [seen, expected] : cases) {
    const postgres::Place place = record_.place();
    Database db = postgres::open(place, postgres::Access::write);
    place.lineage->check({system, 1}, "");  // what it has seen itself
    const postgres::Place changed = record_.place();
    changed.lineage->check(seen, "");
    const auto [kind, words] = refusal_of([&] { postgres::open(changed, postgres::Access::write); });
    EXPECT_EQ(kind, Refused::cannot_open);
    EXPECT_NE(words.find(expected), std::string::npos) << words;
    EXPECT_EQ(test::number(db, "SELECT 1"), 1);
    EXPECT_NO_THROW(postgres::open(changed, postgres::Access::read)) << "who writes nothing may look";
  }
}

TEST_F(PostgresFence, AnOldPrimaryIsRefusedWhenTheConnectionIsMadeAnew) {
  const postgres::Place place = record_.place();
  FleetHost late(postgres::open(place, postgres::Access::write), clock_, "late");
  late.renew();
  place.lineage->check({text(administrator_, "SELECT CAST(system_identifier AS text) FROM pg_control_system()"), 7},
                       "");
  late.renew();  // on the connection that it has
  cut();
  EXPECT_EQ(refusal_of([&] { late.renew(); }).first, Refused::cannot_open);
}

// ---- What it has acknowledged -------------------------------------------------------------------------------------

TEST_F(PostgresFence, AServerThatLostTheNewestEventIsNotWrittenTo) {
  const auto append = [&](int64_t seq, const char* body) {
    paused_->db.run(
        "INSERT INTO event (seq, id, time_ms, kind, severity, actor, body, leaf_hash) VALUES (?, ?, 0, 'x', 'info', "
        "'', ?, ?)",
        seq, body, Blob{body}, sha256(body));
  };
  paused_->write([&] { append(0, "first"); });
  paused_->member.committed_head(0, sha256("first"));
  EXPECT_TRUE(paused_->member.head_is_there(paused_->db));
  cut();
  paused_->turn();
  // What is in its place now is another one; then none is.
  for (const auto& [seq, leaf] : {std::pair(int64_t{0}, "another"), std::pair(int64_t{1}, "lost")}) {
    paused_->member.committed_head(seq, sha256(leaf));
    EXPECT_FALSE(paused_->member.head_is_there(paused_->db));
    ASSERT_NO_THROW(paused_->turn()) << "it is asked on a new connection";
    ASSERT_TRUE(paused_->holds());
    cut();
    for (int again = 0; again < 2; ++again) {
      const auto [kind, words] = refusal_of([&] { paused_->turn(); });
      EXPECT_EQ(kind, Refused::rolled_back);
      EXPECT_NE(words.find(fmt::format("event {}", seq)), std::string::npos) << words;
      EXPECT_FALSE(paused_->holds());
    }
    EXPECT_EQ(refusal_of([&] { paused_->member.join(paused_->db); }).first, Refused::rolled_back);
    paused_->member.committed_head(0, sha256("first"));
    paused_->member.join(paused_->db);
    paused_->db.begin_write(paused_->member, paused_->clock);
    paused_->db.execute("UPDATE lease SET holder = NULL");
    paused_->db.commit();
    ASSERT_EQ(paused_->turn().taken.size(), 1U);
  }
}

}  // namespace
}  // namespace codedriftd::test
