/// A fleet's server with a standby, which takes over where the primary is lost.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <thread>

#include "e2e/fleet.h"
#include "e2e/record.h"
#include "support/free_port.h"

namespace codedriftd::test {
namespace {

constexpr Millis kSeenByTheOthersWithin{4'000};

/// A primary of which a standby is made, and the members' [store] url with both.
class FleetFailover : public testing::Test {
 protected:
  FleetFailover() {
    while (second_ == first_) second_ = free_port();
  }

  void start(std::size_t members) {
    fleet_.emplace(
        Fleet::Options{.members = members,
                       .functions = 5,
                       .url = fmt::format("postgresql://127.0.0.1:{},127.0.0.1:{}/codedriftd", first_, second_),
                       .port = first_});
    fleet_->start();
    PostgresServer& primary = fleet_->server();
    const std::string folder = primary.dir() / "way";
    std::filesystem::create_directory(folder);
    const std::string socket = fmt::format("{}/.s.PGSQL.{}", folder, first_);
    way_ = std::make_unique<DelayLine>(socket, primary.socket(), Millis{0});
    std::filesystem::permissions(folder, std::filesystem::perms(0755));
    std::filesystem::permissions(socket, std::filesystem::perms::all);
    standby_ = std::make_unique<PostgresServer>(primary, folder, second_);
    administrator_ = std::make_unique<Database>(postgres::open(primary.place("codedriftd"), postgres::Access::write));
    ASSERT_TRUE(eventually([&] { return replicates("state = 'streaming'"); }));
  }
  void replicate_synchronously() {
    administrator_->execute("ALTER SYSTEM SET synchronous_standby_names = '*'");
    administrator_->execute("SELECT pg_reload_conf()");
    ASSERT_TRUE(eventually([&] { return replicates("sync_state = 'sync'"); }));
  }
  bool replicates(const std::string& how) {
    return administrator_->query_once("SELECT 1 FROM pg_stat_replication WHERE " + how).step();
  }
  void kill_primary() {
    administrator_.reset();
    fleet_->server().process().signal(SIGKILL);
    fleet_->server().process().wait(kSoonEnough);
  }
  void promote() {
    standby_->promote();
    fleet_->look_at(*standby_);
  }
  void deploy(std::size_t function, std::string_view code) {
    fleet_->cloud().set(Daemon::key(Fleet::function(function)), hash_of(code));
  }

  uint16_t first_ = free_port(), second_ = first_;
  std::optional<Fleet> fleet_;
  std::unique_ptr<DelayLine> way_;  ///< of the standby
  std::unique_ptr<PostgresServer> standby_;
  std::unique_ptr<Database> administrator_;
};

TEST_F(FleetFailover, ToASynchronousStandbyLosesNothing) {
  start(2);
  replicate_synchronously();
  for (std::size_t i = 0; i < 5; ++i) deploy(i, fmt::format("before {}", i));
  ASSERT_TRUE(fleet_->wait_for_drift_told("before 0"));
  kill_primary();
  deploy(0, "meanwhile");
  std::this_thread::sleep_for(Millis{2'000});
  promote();
  const WallTime promoted = fleet_->now();
  const bool back = eventually([&] {
    for (const Fleet::Act& call : fleet_->calls()) {
      if (call.at > promoted) return true;
    }
    return false;
  });
  EXPECT_TRUE(back) << fleet_->logs();
  EXPECT_TRUE(eventually([&] { return !fleet_->drifts_to("meanwhile").empty(); })) << fleet_->logs();
  const Millis took = std::chrono::duration_cast<Millis>(fleet_->now() - promoted);
  std::printf("a drift is recorded %lld ms after the promotion\n", static_cast<long long>(took.count()));
  EXPECT_LT(took, kFleetTimeToLive);
  EXPECT_TRUE(fleet_->wait_for_drift_told("meanwhile")) << fleet_->logs();
  for (std::size_t i = 0; i < 5; ++i) EXPECT_TRUE(fleet_->wait_for_drift_told(fmt::format("before {}", i)));
  EXPECT_TRUE(fleet_->whole()) << fleet_->logs();
  EXPECT_EQ(fleet_->count("record.restored"), 0);
  for (std::size_t member : {0U, 1U}) EXPECT_FALSE(fleet_->daemon(member).logged("store.rolled_back"));
}

TEST_F(FleetFailover, ToAStandbyThatLacksEventsIsNoticedByAllAndNothingIsWrittenUntilItIsAdopted) {
  start(2);
  way_->cut();
  deploy(0, "lost");
  ASSERT_TRUE(fleet_->wait_for_drift_told("lost")) << fleet_->logs();
  std::this_thread::sleep_for(kSeenByTheOthersWithin);
  kill_primary();
  promote();
  for (std::size_t member : {0U, 1U}) {
    EXPECT_TRUE(fleet_->daemon(member).child().wait_for_output("store.rolled_back", kTakenOverWithin))
        << fleet_->logs();
  }
  const std::size_t events = fleet_->events().size();
  const std::size_t calls = fleet_->calls().size();
  deploy(1, "afterwards");
  std::this_thread::sleep_for(kTakenOverWithin);
  EXPECT_EQ(fleet_->events().size(), events) << "an event's number is given once";
  EXPECT_EQ(fleet_->calls().size(), calls) << "what is seen cannot be recorded";
  EXPECT_TRUE(fleet_->drifts_to("lost").empty());
  for (std::size_t member : {0U, 1U}) EXPECT_TRUE(fleet_->daemon(member).running()) << fleet_->logs();

  const RunResult adopted = fleet_->daemon(0).command({"adopt", "--rolled-back", "--yes"});
  EXPECT_EQ(code_of(adopted), 0) << adopted.out << adopted.err;
  for (const char* code : {"lost", "afterwards"})
    EXPECT_TRUE(fleet_->wait_for_drift_told(code)) << code << " " << fleet_->logs();
  EXPECT_EQ(fleet_->count("store.rolled_back"), 1);
  Database record = postgres::open(standby_->place("codedriftd"), postgres::Access::read_current);
  EXPECT_TRUE(whole_log(record));
}

}  // namespace
}  // namespace codedriftd::test
