#include "service/fleet_part.h"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>

#include "base/json.h"
#include "settings/digest.h"
#include "store/db/migrate.h"
#include "support/test_record.h"

namespace codedriftd::test {
namespace {

/// A daemon's part of the fleet with its writer, as App has them. Its turns come when a test asks for them.
class FleetDaemon {
 public:
  FleetDaemon(TestRecord& record, const std::string& host, const std::string& digest)
      : part(host, digest, clock, {[this] { ++woken; }, [](Tx&) {}}), ledger("prod/" + host, "prod/codedriftd") {
    Database db = record.open_writer();
    part.join(db);
    part.wish({"alert/ops", "house", "lane/prod"});
    Writer::Options options;
    options.fence = &part.fence();
    options.shut_out = [this](const StoreError& error) { part.shut_out(error); };
    writer.emplace(std::move(db), clock, std::move(options));
    part.tell_joined(*writer, ledger);
  }
  /// At a time when it is due, whenever that is.
  void turn() {
    later_ += Millis{60'000};
    part.turn(*writer, ledger, clock.mono() + later_);
    for (int i = 0; i < 2; ++i) writer->run([](Tx&) {});  // what was posted, and what follows its commit
  }
  void leave() {
    writer->run([&](Tx& tx) { part.leave(tx, ledger, clock.wall()); });
  }
  bool works() const { return part.held() == 3; }
  void let_go() {
    part.let_go(*writer, {"alert/ops", "house", "lane/prod"});
    writer->run([](Tx&) {});
  }
  ListGeneration take_up(const std::string& digest) {
    ListGeneration generation;
    writer->run([&](Tx& tx) { generation = part.take_up(tx, digest, clock.wall()); });
    return generation;
  }

  const SystemClock host_clock;
  FleetClock clock{host_clock};
  std::atomic<int> woken{0};
  FleetPart part;
  Ledger ledger;
  std::optional<Writer> writer;

 private:
  Millis later_{0};
};

class PostgresFleetPart : public testing::Test {
 protected:
  std::unique_ptr<FleetDaemon> daemon(const std::string& host, const std::string& digest) {
    return std::make_unique<FleetDaemon>(record_, host, digest);
  }
  /// The events about configurations: kind, severity if it is a warning, host and generation.
  std::string told() {
    std::string all;
    auto row = reader_.query_once("SELECT kind, severity, body FROM event WHERE kind LIKE 'config.%' ORDER BY seq");
    while (row.step()) {
      const Json data = Json::parse(row.text(2)).at("data");
      all += fmt::format("{}{}({} {}) ", row.text(0), row.text(1) == "warning" ? "!" : "",
                         data.at("host").get<std::string>(),
                         data.contains("generation") ? data.at("generation").get<int64_t>()
                                                     : data.at("current").at("generation").get<int64_t>());
    }
    return all;
  }

  TestRecord record_{"", Engine::postgres};
  Database reader_ = record_.open_writer();
};

TEST_F(PostgresFleetPart, OfOneConfigurationSaysItOnce) {
  auto a = daemon("a", "one"), b = daemon("b", "one");
  EXPECT_EQ(told(), "config.loaded(a 1) ");
  a->turn();
  b->turn();
  EXPECT_TRUE(a->works());
  EXPECT_FALSE(a->part.outdated() || b->part.outdated());
  const ListGeneration generation = a->take_up("one");
  EXPECT_EQ(generation.number, 1);
  EXPECT_EQ(generation.host, "a");
  EXPECT_TRUE(generation.told);
  EXPECT_EQ(told(), "config.loaded(a 1) ");
}

TEST_F(PostgresFleetPart, ANewOneThatJoinsHasTheHolderLetGoInOrder) {
  auto a = daemon("a", "one");
  a->turn();
  ASSERT_TRUE(a->works());
  auto b = daemon("b", "two");
  EXPECT_EQ(told(), "config.loaded(a 1) config.loaded(b 2) ");
  b->turn();
  EXPECT_EQ(b->part.held(), 0U) << "nobody is pushed aside";
  const int woken = a->woken;
  a->turn();
  EXPECT_GT(a->woken, woken);
  EXPECT_TRUE(a->works()) << "until what it is at is over";
  EXPECT_TRUE(a->part.share(a->clock.mono() + Millis{60'000}).empty());
  EXPECT_FALSE(a->part.over() || a->part.leaving()) << "it stays a member";
  a->turn();
  EXPECT_EQ(told(), "config.loaded(a 1) config.loaded(b 2) config.outdated!(a 2) ");
  for (const char* words : {"codedriftd adopt --config", "generation 2 (two), which b brought at "})
    EXPECT_NE(a->part.outdated()->find(words), std::string::npos) << *a->part.outdated();
  EXPECT_THROW(a->take_up("one"), OutdatedConfiguration) << "it syncs no watch list";
  a->let_go();
  b->turn();
  EXPECT_TRUE(b->works());
  a->turn();
  EXPECT_EQ(a->part.held(), 0U);
  auto again = daemon("a", "one");
  again->turn();
  EXPECT_TRUE(again->part.outdated());
  EXPECT_EQ(told(), "config.loaded(a 1) config.loaded(b 2) config.outdated!(a 2) config.outdated!(a 2) ");
}

TEST_F(PostgresFleetPart, ALaneIsQuietForASecondAfterItWasTaken) {
  auto a = daemon("a", "one");
  a->turn();
  const MonoTime now = a->clock.mono();
  EXPECT_EQ(a->part.share(now - Millis{500}), (FleetPart::Leases{"alert/ops", "house"}));
  EXPECT_EQ(a->part.share(now + Millis{1'000}), (FleetPart::Leases{"alert/ops", "house", "lane/prod"}));
}

TEST_F(PostgresFleetPart, OneThatWasReplacedTakesNothingUntilItCountsAgain) {
  generations::adopt(reader_, "old", "a", SystemClock{}.wall());
  generations::adopt(reader_, "new", "b", SystemClock{}.wall());
  auto a = daemon("a", "old");
  EXPECT_TRUE(a->part.outdated());
  a->turn();
  EXPECT_FALSE(a->works());
  EXPECT_EQ(told(), "config.outdated!(a 2) ") << "once";
  EXPECT_THROW(a->take_up("old"), OutdatedConfiguration);
  generations::adopt(reader_, "old", "uid:0(root)@a", SystemClock{}.wall());
  a->turn();
  EXPECT_FALSE(a->part.outdated());
  EXPECT_TRUE(a->works());
}

TEST_F(PostgresFleetPart, AReloadTakesUpWhatIsNewAndRefusesWhatIsOld) {
  auto a = daemon("a", "one");
  a->turn();
  const ListGeneration generation = a->take_up("two");
  EXPECT_EQ(generation.number, 2);
  EXPECT_FALSE(generation.told) << "who writes the list tells";
  EXPECT_EQ(a->part.digest(), "two");
  EXPECT_EQ(Membership::members(reader_).at(0).config_digest, "two");
  a->turn();
  EXPECT_FALSE(a->part.outdated());
  EXPECT_THROW(a->take_up("one"), OutdatedConfiguration);
  EXPECT_EQ(a->part.digest(), "two");
  EXPECT_TRUE(a->works());
}

TEST_F(PostgresFleetPart, ANewerSchemaHasItLeave) {
  auto a = daemon("a", "one");
  a->turn();
  EXPECT_FALSE(a->part.outgrown());
  reader_.execute("INSERT INTO migration VALUES (999, 'newer', '', 0, '')");
  a->turn();
  EXPECT_TRUE(a->part.outgrown());
  ASSERT_TRUE(a->part.leaving());
  EXPECT_NE(a->part.leaving()->find("has schema 999 now"), std::string::npos) << *a->part.leaving();
  EXPECT_NE(a->part.leaving()->find(fmt::format("knows up to {}", newest_schema())), std::string::npos);
  a->leave();
  EXPECT_FALSE(a->works());
  reader_.execute("DELETE FROM migration WHERE version = 999");
}

}  // namespace
}  // namespace codedriftd::test
