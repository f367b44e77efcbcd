/// The writer of a fleet's member.
#include <filesystem>
#include <future>

#include "store/db/writer.h"
#include "store/fleet/fleet_support.h"
#include "support/delay_line.h"
#include "support/process.h"
#include "support/temp_dir.h"

namespace codedriftd::test {
namespace {

class PostgresFencedWriter : public PostgresFleet {
 protected:
  PostgresFencedWriter() {
    place_.deadline = 1500ms;
    start();
  }
  ~PostgresFencedWriter() override {
    writer_->stop();
    administrator_.execute("DROP FUNCTION IF EXISTS in_commit() CASCADE");
  }

  /// `member_` joins; the writer gets its connection.
  void start() {
    Database db = postgres::open(place_, postgres::Access::write);
    member_.join(db);
    Writer::Options options;
    options.fence = &member_;
    options.shut_out = [this](const StoreError& error) { shut_out_.push_back(error.kind()); };
    options.fatal = [](const std::string& why) { ADD_FAILURE() << why; };
    writer_ = std::make_unique<Writer>(std::move(db), clock_, options);
  }
  /// What the server does within the COMMIT that adds a row to `written`; as often as that says.
  void in_commit(const std::string& what) {
    administrator_.execute("CREATE FUNCTION in_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN " + what +
                           "; RETURN NULL; END $$; CREATE CONSTRAINT TRIGGER in_commit AFTER INSERT ON written "
                           "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION in_commit()");
  }
  /// Posts work that adds `by`; what came of it is told in told_.
  void post(const std::string& by) {
    writer_->post(
        [this, by](Tx& tx) {
          ++runs_;
          tx.db.run("INSERT INTO written VALUES (?)", by);
          tx.after_commit([this, by] { told_ += "hook of " + by + ", "; });
        },
        [this, by](std::exception_ptr why) { told_ += by + (why ? " failed, " : " done, "); });
  }
  /// Until everything before it is over.
  void wait() {
    std::promise<void> over;
    writer_->post([](Tx&) {}, [&](std::exception_ptr) { over.set_value(); });
    over.get_future().get();
  }

  postgres::Place place_ = record_.place();
  FleetClock fleet_clock_{clock_};
  Claims claims_{fleet_clock_};
  Membership member_{"one", "", fleet_clock_, claims_, Membership::Writers::one_at_a_time};
  std::vector<Refused> shut_out_;  // the writer's thread; read behind wait()
  std::string told_;
  int runs_ = 0;
  std::unique_ptr<Writer> writer_;
};

TEST_F(PostgresFencedWriter, WritesAndRenewsWithEachCommit) {
  post("a");
  wait();
  EXPECT_EQ(told_, "hook of a, a done, ");
  EXPECT_EQ(written(), "a");
  EXPECT_EQ(claims_.valid_until(), clock_.mono() + 13s);
}

TEST_F(PostgresFencedWriter, ACommitWithoutAnAnswerThatIsDurableIsDoneOnce) {
  in_commit("RAISE WARNING 'simulated'");
  post("a");
  wait();
  EXPECT_EQ(told_, "hook of a, a done, ");
  EXPECT_EQ(runs_, 1);
  EXPECT_EQ(written(), "a");
}

TEST_F(PostgresFencedWriter, ACommitWithoutAnAnswerThatLeftNoTraceIsDoneAgain) {
  administrator_.execute("CREATE SEQUENCE IF NOT EXISTS commits");
  in_commit("IF nextval('commits') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF");
  post("a");
  wait();
  EXPECT_EQ(told_, "hook of a, a done, ");
  EXPECT_EQ(runs_, 2);
  EXPECT_EQ(written(), "a");
  administrator_.execute("DROP SEQUENCE commits");
}

TEST_F(PostgresFencedWriter, WhoWasFencedWritesNothingAnyMoreAndSaysSoOnce) {
  auto other = host("other");
  pass_in_database(16s);
  other->turn();
  post("a");
  post("b");
  wait();
  EXPECT_EQ(told_, "a failed, b failed, ");
  EXPECT_EQ(shut_out_, std::vector{Refused::fenced});
  EXPECT_EQ(runs_, 0) << "the fence comes first";
  EXPECT_THROW(writer_->run([](Tx&) {}), StoreError);
  EXPECT_EQ(shut_out_.size(), 1U);
  EXPECT_EQ(written(), "");
}

TEST_F(PostgresFencedWriter, ARecordThatLostWhatWasAcknowledgedIsNotWrittenTo) {
  member_.committed_head(5, sha256("lost"));
  cut();
  post("a");
  wait();
  EXPECT_EQ(told_, "a failed, ");
  EXPECT_EQ(shut_out_, std::vector{Refused::rolled_back});
  EXPECT_EQ(written(), "");
}

TEST_F(PostgresFencedWriter, WhileTheServerIsAwayWorkWaitsAndWhatSomebodyWaitsForFails) {
  writer_->stop();
  const TempDir dir;
  const std::string socket = dir / ".s.PGSQL.5432", server = place_.hosts.at(0).name + "/.s.PGSQL.5432";
  std::optional<DelayLine> line(std::in_place, socket, server, std::chrono::microseconds{0});
  place_.hosts = {{std::string(dir / ""), 5432}};
  start();
  post("a");
  wait();
  line.reset();
  std::filesystem::remove(socket);
  post("b");
  EXPECT_THROW(writer_->run([](Tx&) {}), StoreError);
  EXPECT_FALSE(writer_->trouble().empty());
  EXPECT_TRUE(writer_->trouble_since().waits);
  line.emplace(socket, server, std::chrono::microseconds{0});
  wait();
  EXPECT_EQ(written(), "a b");
  EXPECT_EQ(writer_->trouble(), "");
  writer_->stop();
}

TEST_F(PostgresFencedWriter, MembersWaitForEachOther) {
  std::promise<void> begun, go_on;
  writer_->post([&](Tx& tx) {
    tx.db.run("INSERT INTO written VALUES ('a')");
    begun.set_value();
    go_on.get_future().get();
  });
  begun.get_future().get();
  FleetClock clock(clock_);
  Claims claims(clock);
  Membership two("two", "", clock, claims, Membership::Writers::one_at_a_time);
  Database db = record_.open_writer();
  two.join(db);
  const auto waits = [&] {
    return number(
               "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid "
               "FROM pg_database WHERE datname = current_database())") == 1;
  };
  std::jthread later([&] {
    EXPECT_TRUE(wait_until(waits, 3s)) << "it did not wait";
    go_on.set_value();
  });
  db.begin_write(two, clock);
  later.join();
  auto row = db.query_once("SELECT count(*) FROM written");
  row.step();
  EXPECT_EQ(row.integer(0), 1) << "it sees what the one before it wrote";
  db.rollback();
  wait();
}

}  // namespace
}  // namespace codedriftd::test
