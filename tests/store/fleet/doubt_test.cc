// A COMMIT that got no answer.
#include <thread>

#include "store/fleet/fleet_support.h"
#include "support/postgres_server.h"

namespace codedriftd::test {
namespace {

class PostgresDoubt : public PostgresFleet {
 protected:
  PostgresDoubt() {
    postgres::Place place = record_.place();
    place.deadline = 1500ms;  // longer than the server takes to look for its client once more
    one_ = std::make_unique<FleetHost>(postgres::open(place, postgres::Access::write), clock_, "one");
    one_->turn();
    EXPECT_TRUE(one_->holds());
  }
  ~PostgresDoubt() override { administrator_.execute("DROP FUNCTION IF EXISTS in_commit() CASCADE"); }

  /// What the server does within the COMMIT of a transaction that writes.
  void in_commit(const std::string& what) {
    administrator_.execute("CREATE FUNCTION in_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN " + what +
                           "; RETURN NULL; END $$; CREATE CONSTRAINT TRIGGER in_commit AFTER INSERT ON written "
                           "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION in_commit()");
  }
  void write_in_doubt(const std::string& before_commit = "SELECT 1") {
    EXPECT_EQ(refusal_of([&] {
                one_->write([&] {
                  one_->db.run("INSERT INTO written VALUES ('one')");
                  one_->db.execute(before_commit);
                });
              }).first,
              Refused::in_doubt);
  }
  /// It is a member as before.
  void expect_goes_on() {
    EXPECT_NO_THROW(one_->renew());
    EXPECT_TRUE(one_->holds());
  }
  int64_t batch() { return number("SELECT batch FROM daemon_run WHERE host = 'one'"); }

  std::unique_ptr<FleetHost> one_;
};

/// With this the server does not notice within a COMMIT that its client has gone.
constexpr const char* kUnnoticed = "SET LOCAL client_connection_check_interval = 0";

TEST_F(PostgresDoubt, IsOverWhereTheCommitWasDurable) {
  in_commit("RAISE WARNING 'simulated'");
  clock_.step_mono(3s);
  write_in_doubt();
  EXPECT_LT(one_->claims.valid_until(), clock_.mono() + 12s) << "not before it is known";
  EXPECT_TRUE(one_->member.was_durable(one_->db));
  EXPECT_EQ(one_->claims.valid_until(), clock_.mono() + 13s);
  EXPECT_EQ(written(), "one");
  expect_goes_on();
}

TEST_F(PostgresDoubt, IsOverWhereTheCommitLeftNoTrace) {
  in_commit("PERFORM pg_terminate_backend(pg_backend_pid())");
  write_in_doubt();
  EXPECT_FALSE(one_->member.was_durable(one_->db));
  EXPECT_EQ(written(), "");
  expect_goes_on();
}

TEST_F(PostgresDoubt, WaitsForABackendThatIsStillCommitting) {
  in_commit("PERFORM pg_sleep(3)");
  write_in_doubt(kUnnoticed);
  EXPECT_EQ(batch(), 1) << "who just looks takes it for lost";
  EXPECT_TRUE(one_->member.was_durable(one_->db));
  EXPECT_EQ(batch(), 2);
  EXPECT_EQ(written(), "one");
  expect_goes_on();
}

TEST_F(PostgresDoubt, WaitsForABackendThatFailsInTheEnd) {
  in_commit("PERFORM pg_sleep(3); RAISE EXCEPTION 'simulated'");
  write_in_doubt(kUnnoticed);
  EXPECT_FALSE(one_->member.was_durable(one_->db));
  EXPECT_EQ(batch(), 1);
  expect_goes_on();
}

TEST_F(PostgresDoubt, WaitsForAServerThatIsAway) {
  in_commit("RAISE WARNING 'simulated'");
  write_in_doubt();
  Database elsewhere = postgres::open(PostgresServer::shared().place("postgres"), postgres::Access::write);
  const std::string database = record_.place().database;
  elsewhere.execute(fmt::format("ALTER DATABASE {} ALLOW_CONNECTIONS false", database));
  std::jthread back([&] {
    std::this_thread::sleep_for(500ms);
    elsewhere.execute(fmt::format("ALTER DATABASE {} ALLOW_CONNECTIONS true", database));
  });
  EXPECT_TRUE(one_->member.was_durable(one_->db));
  back.join();
  expect_goes_on();
}

TEST_F(PostgresDoubt, GivesUpWhenTheTimeIsOverAndTheNextTransactionPassesOnlyIfItLeftNoTrace) {
  for (const bool durable : {false, true}) {
    in_commit(durable ? "PERFORM pg_sleep(5)" : "PERFORM pg_sleep(5); RAISE EXCEPTION 'simulated'");
    write_in_doubt(kUnnoticed);
    clock_.step_mono(Membership::kTimeToLive);
    EXPECT_FALSE(one_->holds());
    const auto [kind, words] = refusal_of([&] { one_->member.was_durable(one_->db); });
    EXPECT_EQ(kind, Refused::unavailable);
    EXPECT_NE(words.find("was not known in time"), std::string::npos) << words;
    administrator_.query("SELECT id FROM daemon_run WHERE host = 'one' FOR UPDATE").step();  // it is over
    if (durable) {
      EXPECT_EQ(refusal_of([&] { one_->renew(); }).first, Refused::fenced);
    } else {
      expect_goes_on();
    }
    administrator_.execute("DROP FUNCTION in_commit() CASCADE");
  }
}

TEST_F(PostgresDoubt, OfAMemberThatWasFencedMeanwhileIsStillAnswered) {
  auto other = host("other");
  for (const bool durable : {true, false}) {
    in_commit(durable ? "RAISE WARNING 'simulated'" : "PERFORM pg_terminate_backend(pg_backend_pid())");
    write_in_doubt();
    pass_in_database(16s);
    other->turn();
    if (durable) {
      EXPECT_TRUE(one_->member.was_durable(one_->db));
      EXPECT_EQ(refusal_of([&] { one_->renew(); }).first, Refused::fenced);
      one_->member.join(one_->db);
    } else {
      EXPECT_EQ(refusal_of([&] { one_->member.was_durable(one_->db); }).first, Refused::fenced);
    }
    EXPECT_FALSE(one_->holds());
    administrator_.execute("DROP FUNCTION in_commit() CASCADE; DELETE FROM written");
  }
}

TEST_F(PostgresDoubt, EndsWithTheMembershipWhereTheDatabaseKnowsNothingOfIt) {
  in_commit("RAISE WARNING 'simulated'");
  write_in_doubt();
  administrator_.execute("UPDATE daemon_run SET batch = 0");
  EXPECT_EQ(refusal_of([&] { one_->member.was_durable(one_->db); }).first, Refused::fenced);
  EXPECT_FALSE(one_->holds());
}

TEST_F(PostgresDoubt, SaysWhereTheServerLostWhatItHadAcknowledged) {
  in_commit("RAISE WARNING 'simulated'");
  one_->member.committed_head(5, sha256("lost"));
  write_in_doubt();
  EXPECT_EQ(refusal_of([&] { one_->member.was_durable(one_->db); }).first, Refused::rolled_back);
  EXPECT_FALSE(one_->holds());
}

}  // namespace
}  // namespace codedriftd::test
