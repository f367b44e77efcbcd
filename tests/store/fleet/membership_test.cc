#include "store/fleet/membership.h"

#include <random>

#include "store/fleet/fleet_support.h"
#include "support/seed.h"

namespace codedriftd::test {
namespace {

using FleetNames = std::vector<std::string>;

class PostgresMembership : public PostgresFleet {
 protected:
  static FleetNames hosts_of(const std::vector<Member>& members) {
    FleetNames names;
    for (const Member& member : members) names.push_back(member.host);
    return names;
  }
  int64_t token() { return number("SELECT token FROM lease WHERE name = 'all'"); }
};

TEST_F(PostgresMembership, BeginsWithARowAndHoldsNothing) {
  auto a = host("a");
  EXPECT_GT(a->member.id(), 0);
  EXPECT_EQ(a->claims.member(), a->member.id());
  EXPECT_FALSE(a->holds());
  const auto members = Membership::members(administrator_);
  ASSERT_EQ(members.size(), 1U);
  EXPECT_EQ(members[0].id, a->member.id());
  EXPECT_EQ(members[0].host, "a");
  EXPECT_EQ(members[0].version, CODEDRIFTD_VERSION);
  EXPECT_EQ(members[0].config_digest, "digest of a");
  EXPECT_TRUE(members[0].leases.empty());
  EXPECT_LT(std::chrono::abs(members[0].alive_at - SystemClock{}.wall()), 60s);
  EXPECT_EQ(members[0].started_at, members[0].alive_at);
  EXPECT_EQ(number("SELECT pid FROM daemon_run"), ::getpid());
}

TEST_F(PostgresMembership, HoldsWhatItTookOnceThatIsCommitted) {
  auto a = host("a");
  a->write([&] {
    EXPECT_EQ(a->member.turn(a->db, a->wishes).taken, FleetNames{"all"});
    EXPECT_FALSE(a->holds());
  });
  EXPECT_TRUE(a->holds());
  EXPECT_FALSE(a->holds("another"));
  EXPECT_TRUE(a->turn().taken.empty());
  clock_.step_mono(Membership::kTimeToLive - Membership::kMargin - 1ms);
  EXPECT_TRUE(a->holds());
  clock_.step_mono(1ms);
  EXPECT_FALSE(a->holds()) << "its time is over";
  a->renew();
  EXPECT_TRUE(a->holds());
}

TEST_F(PostgresMembership, WhatWasTakenInVainIsToldAgain) {
  auto a = host("a");
  for (int round = 0; round < 2; ++round) {
    a->db.begin_write(a->member, a->clock);
    EXPECT_EQ(a->member.turn(a->db, a->wishes).taken, FleetNames{"all"});
    a->db.rollback();
    a->renew();
    EXPECT_FALSE(a->holds());
  }
  EXPECT_EQ(a->turn().taken, FleetNames{"all"});
  EXPECT_EQ(token(), 1);
}

TEST_F(PostgresMembership, GoesOnWithAnotherConfiguration) {
  auto a = host("a");
  a->write([&] { a->member.use_config(a->db, "another"); });
  EXPECT_EQ(Membership::members(administrator_).at(0).config_digest, "another");
}

TEST_F(PostgresMembership, NobodyIsTakenOverBeforeItsTime) {
  auto a = host("a"), b = host("b");
  a->turn();
  pass(Membership::kTimeToLive - 1s);
  EXPECT_TRUE(b->turn().fenced.empty());
  EXPECT_FALSE(a->holds()) << "it stops before that";
  pass(2s);
  const auto turn = b->turn();
  ASSERT_EQ(hosts_of(turn.fenced), FleetNames{"a"});
  EXPECT_EQ(turn.fenced[0].id, a->member.id());
  EXPECT_EQ(turn.taken, FleetNames{"all"});
  EXPECT_TRUE(b->holds());
  EXPECT_EQ(number("SELECT fenced_by FROM daemon_run WHERE host = 'a'"), b->member.id());
  EXPECT_EQ(token(), 2);
  EXPECT_EQ(hosts_of(Membership::members(administrator_)), FleetNames{"b"});
}

TEST_F(PostgresMembership, WhoRenewsKeepsItsLease) {
  auto a = host("a"), b = host("b");
  a->turn();
  for (int round = 0; round < 10; ++round) {
    pass(Membership::kRenewal);
    a->renew();
    const auto turn = b->turn();
    EXPECT_TRUE(turn.fenced.empty());
    EXPECT_TRUE(turn.taken.empty());
    EXPECT_TRUE(a->holds());
  }
  EXPECT_EQ(token(), 1);
}

TEST_F(PostgresMembership, WhoIsInATransactionIsNotFencedUntilTheServerEndsIt) {
  auto a = host("a"), b = host("b");
  a->turn();
  pass(20s);
  a->db.begin_write(a->member, a->clock);
  EXPECT_TRUE(b->turn().fenced.empty());
  administrator_
      .query(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND state = "
          "'idle in transaction'")
      .step();
  while (number("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in "
                "transaction'") > 0) {
  }
  EXPECT_EQ(hosts_of(b->turn().fenced), FleetNames{"a"});
  EXPECT_EQ(refusal_of([&] { a->db.commit(); }).first, Refused::in_doubt);
  EXPECT_EQ(refusal_of([&] { a->renew(); }).first, Refused::fenced);
}

TEST_F(PostgresMembership, WhoWasFencedJoinsAnewUnderAHigherId) {
  auto a = host("a"), b = host("b");
  a->turn();
  const int64_t before = a->member.id();
  pass(16s);
  b->turn();
  EXPECT_EQ(refusal_of([&] { a->turn(); }).first, Refused::fenced);
  a->member.join(a->db);
  EXPECT_GT(a->member.id(), before);
  EXPECT_GT(a->member.id(), b->member.id());
  EXPECT_TRUE(a->turn().taken.empty());
  EXPECT_FALSE(a->holds());
  pass(16s);
  EXPECT_EQ(a->turn().taken, FleetNames{"all"});
  EXPECT_EQ(token(), 3);
}

TEST_F(PostgresMembership, LeavingFreesWhatItHeldAtOnce) {
  auto a = host("a"), b = host("b");
  a->turn();
  a->write([&] {
    a->member.leave(a->db);
    EXPECT_FALSE(a->holds()) << "before anybody else can";
  });
  EXPECT_FALSE(a->holds());
  EXPECT_EQ(number("SELECT stopped_at_ms - alive_at_ms FROM daemon_run WHERE host = 'a'"), 0);
  const auto turn = b->turn();
  EXPECT_TRUE(turn.fenced.empty());
  EXPECT_EQ(turn.taken, FleetNames{"all"});
  EXPECT_EQ(refusal_of([&] { a->renew(); }).first, Refused::fenced);
}

TEST_F(PostgresMembership, ALeaseThatIsLetGoIsAnybodys) {
  auto a = host("a"), b = host("b");
  a->turn();
  a->write([&] {
    a->member.let_go(a->db, "all");
    EXPECT_FALSE(a->holds());
  });
  EXPECT_FALSE(a->holds());
  EXPECT_EQ(b->turn().taken, FleetNames{"all"});
  // In vain: it is held as before, and that is told.
  b->db.begin_write(b->member, b->clock);
  b->member.let_go(b->db, "all");
  b->db.rollback();
  b->renew();
  EXPECT_FALSE(b->holds());
  EXPECT_EQ(b->turn().taken, FleetNames{"all"});
  EXPECT_TRUE(b->holds());
  // Not what somebody else holds.
  a->write([&] { a->member.let_go(a->db, "all"); });
  EXPECT_EQ(number("SELECT holder FROM lease"), b->member.id());
}

TEST_F(PostgresMembership, LeasesAreSharedFairly) {
  auto a = host("a"), b = host("b"), c = host("c");
  for (FleetHost* each : {a.get(), b.get(), c.get()})
    each->wishes.leases = {"alert/w", "alert/x", "alert/y", "alert/z"};
  EXPECT_EQ(a->turn().taken, (FleetNames{"alert/w", "alert/x", "alert/y", "alert/z"}))
      << "the others have not said that they may hold any";
  b->turn();
  EXPECT_EQ(a->turn().give, (FleetNames{"alert/y", "alert/z"}));
  a->write([&] {
    a->member.let_go(a->db, "alert/y");
    a->member.let_go(a->db, "alert/z");
  });
  EXPECT_EQ(b->turn().taken, (FleetNames{"alert/y", "alert/z"}));
  EXPECT_TRUE(c->turn().taken.empty());
  EXPECT_EQ(a->turn().give, FleetNames{"alert/x"}) << "one has none";
  const auto members = Membership::members(administrator_);
  ASSERT_EQ(members.size(), 3U);
  ASSERT_EQ(members[1].leases.size(), 2U);
  EXPECT_EQ(members[1].leases[1].lease, "alert/z");
  EXPECT_EQ(members[1].leases[1].token, 2);
  a->write([&] { a->member.leave(a->db); });
  EXPECT_EQ(c->turn().taken, (FleetNames{"alert/w", "alert/x"}));
  administrator_.run("UPDATE lease SET holder = ? WHERE name = 'alert/w'", b->member.id());
  EXPECT_EQ(c->turn().lost, FleetNames{"alert/w"});
  EXPECT_FALSE(c->holds("alert/w"));
}

TEST_F(PostgresMembership, WhoMayHoldNothingGivesAllAndCountsForNobodysShare) {
  auto a = host("a"), b = host("b");
  a->wishes.leases = b->wishes.leases = {"alert/x", "alert/y"};
  a->turn();
  b->wishes.may_hold = false;
  EXPECT_TRUE(b->turn().taken.empty());
  EXPECT_TRUE(a->turn().give.empty());
  b->wishes.may_hold = true;
  b->turn();
  EXPECT_EQ(a->turn().give, FleetNames{"alert/y"});
  a->wishes.may_hold = false;
  EXPECT_EQ(a->turn().give, (FleetNames{"alert/x", "alert/y"}));
  EXPECT_TRUE(a->holds("alert/x")) << "until it has let go";
}

TEST_F(PostgresMembership, WhatIsNotWishedForIsLetGoBeforeAnythingElseIsTaken) {
  auto a = host("a"), b = host("b");
  a->wishes.leases = {"lane/x", "lane/y"};
  a->turn();
  b->wishes.leases = {"lane/x+y"};
  EXPECT_TRUE(b->turn().taken.empty()) << "it may be the same account's, by another configuration";
  a->wishes.leases = {"lane/x+y"};
  const auto turn = a->turn();
  EXPECT_EQ(turn.give, (FleetNames{"lane/x", "lane/y"}));
  EXPECT_TRUE(turn.taken.empty());
  a->write([&] {
    for (const std::string& lease : turn.give) a->member.let_go(a->db, lease);
  });
  EXPECT_EQ(b->turn().taken, FleetNames{"lane/x+y"});
  EXPECT_EQ(joined(administrator_, "SELECT name FROM lease ORDER BY name"), "lane/x+y");
}

TEST_F(PostgresMembership, AHostWhoseClockIsOffTakesNothing) {
  auto a = host("a");
  for (const Millis off : {61s, -122s}) {
    clock_.step_wall(off);
    EXPECT_TRUE(a->turn().taken.empty());
  }
  clock_.step_wall(61s);
  EXPECT_EQ(a->turn().taken, FleetNames{"all"});
}

TEST_F(PostgresMembership, ADatabaseWhoseClockIsSetForwardEndsNoMembership) {
  auto a = host("a"), b = host("b");
  a->turn();
  b->turn();
  const auto turn_at = [&](Millis database_ahead) {
    Membership::Turn turn;
    b->write([&] {
      b->member.passed(to_ms(SystemClock{}.wall() + database_ahead), clock_.mono());
      turn = b->member.turn(b->db, b->wishes);
    });
    return turn;
  };
  EXPECT_TRUE(turn_at(0s).fenced.empty());
  pass_in_database(1h);
  EXPECT_TRUE(turn_at(1h).fenced.empty());
  EXPECT_TRUE(a->holds());
  clock_.step_mono(Membership::kTimeToLive);
  EXPECT_EQ(hosts_of(b->turn().fenced), FleetNames{"a"}) << "who renewed since then would not be";
}

TEST_F(PostgresMembership, OnlyActsInATransactionOfItsOwn) {
  auto a = host("a");
  EXPECT_THROW(a->member.turn(a->db, a->wishes), std::logic_error);
  EXPECT_THROW(a->member.let_go(a->db, "all"), std::logic_error);
  EXPECT_THROW(a->member.leave(a->db), std::logic_error);
}

/// Whatever three daemons do, and however long each is paused between any two steps and within a transaction: no two of
/// them ever hold the same lease.
class PostgresMembershipAtRandom : public PostgresMembership {
 protected:
  int below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }
  FleetHost& any_host() { return *hosts_[static_cast<std::size_t>(below(3))]; }
  const std::string& any_lease() { return leases_[static_cast<std::size_t>(below(2))]; }
  Millis any_pause() { return Millis{below(5) * 1'000 + below(3) * 3'000}; }
  /// Who was fenced joins anew.
  void act(FleetHost& one, const std::function<void()>& what) {
    try {
      what();
    } catch (const StoreError& error) {
      ASSERT_EQ(error.kind(), Refused::fenced) << error.what();
      ++refused_;
      one.member.join(one.db);
    }
  }
  void turn(FleetHost& one) {
    act(one, [&] { taken_ += static_cast<int>(one.turn().taken.size()); });
  }
  /// Its transaction takes long, and another one has a turn meanwhile.
  void pause_within(FleetHost& one) {
    one.write([&] {
      const auto fenced = below(2) == 0 ? hosts_of(one.member.turn(one.db, one.wishes).fenced) : FleetNames{};
      const Millis pause = any_pause();
      one.db.run("UPDATE daemon_run SET alive_at_ms = alive_at_ms - ? WHERE id = ?", pause, one.member.id());
      administrator_.run(
          "UPDATE daemon_run SET alive_at_ms = alive_at_ms - ? WHERE id IN (SELECT id FROM daemon_run FOR UPDATE SKIP "
          "LOCKED)",
          pause);
      clock_.step_mono(pause);
      for (const auto& other : hosts_) {
        // Who is being fenced would wait for how that ends.
        if (other.get() != &one && std::ranges::count(fenced, other->name) == 0) turn(*other);
      }
      expect_one_holder();
    });
  }
  void step() {
    FleetHost& one = any_host();
    switch (below(9)) {
      case 0:
      case 1:
        return turn(one);
      case 2:
        return act(one, [&] { one.renew(); });
      case 3:  // in vain
        return act(one, [&] {
          one.db.begin_write(one.member, one.clock);
          one.member.turn(one.db, one.wishes);
          one.db.rollback();
        });
      case 4:
        return act(one, [&] { one.write([&] { one.member.let_go(one.db, any_lease()); }); });
      case 5:
        if (below(5) == 0) act(one, [&] { one.write([&] { one.member.leave(one.db); }); });
        return;
      case 6:
        return act(one, [&] { pause_within(one); });
      default:
        pass(any_pause());
    }
  }
  void expect_one_holder() {
    for (const std::string& lease : leases_) {
      auto row = administrator_.query("SELECT coalesce(holder, 0), token FROM lease WHERE name = ?", lease);
      ASSERT_TRUE(row.step());
      for (const auto& each : hosts_) {
        if (!each->holds(lease)) continue;
        ASSERT_EQ(each->member.id(), row.integer(0)) << lease;
        ++held_;
      }
      ASSERT_GE(row.integer(1), tokens_[lease]);
      tokens_[lease] = row.integer(1);
    }
  }

  const FleetNames leases_{"all", "b"};
  std::mt19937_64 random_ = random_from(seed());
  std::vector<std::unique_ptr<FleetHost>> hosts_;
  std::map<std::string, int64_t> tokens_;
  int taken_ = 0, refused_ = 0, held_ = 0;
};

TEST_F(PostgresMembershipAtRandom, NoTwoMembersEverHoldTheSameLease) {
  for (const char* name : {"x", "y", "z"}) {
    hosts_.push_back(host(name));
    hosts_.back()->wishes.leases = {"all", "b"};
    administrator_.execute("INSERT INTO lease (name) VALUES ('all'), ('b') ON CONFLICT DO NOTHING");
  }
  for (int i = 0; i < 600; ++i) {
    SCOPED_TRACE(i);
    step();
    expect_one_holder();
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(taken_, 20);
  EXPECT_GT(refused_, 10);
  EXPECT_GT(held_, 100);
}

}  // namespace
}  // namespace codedriftd::test
