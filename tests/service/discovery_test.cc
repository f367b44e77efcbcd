#include "service/discovery.h"

#include <gtest/gtest.h>

#include "base/bell.h"
#include "discovery/catalogue.h"
#include "store/record/inventory.h"
#include "support/process.h"
#include "support/temp_dir.h"
#include "support/test_record.h"
#include "support/test_sql.h"

namespace codedriftd::test {
namespace {

using namespace std::chrono_literals;

/// Answers at once from a catalogue that the test may change meanwhile.
class CatalogueApi final : public ReadApi {
 public:
  explicit CatalogueApi(Guarded<Catalogue>& cloud) : cloud_(cloud) {}
  void start(const ReadCall& call, Callback done) override { flight_.emplace_back(call, std::move(done)); }
  void turn(Millis at_most) override {
    if (flight_.empty()) bell_.wait_for(std::stop_token(), at_most);
    for (auto& [call, done] : std::exchange(flight_, {})) done(cloud_.lock()->answer(call));
  }
  void wake() override { bell_.ring(); }
  std::size_t in_flight() const override { return flight_.size(); }

 private:
  Guarded<Catalogue>& cloud_;
  Bell bell_;
  std::vector<std::pair<ReadCall, Callback>> flight_;
};

/// What is found cannot be recorded for a while.
class DiscoveryTest : public testing::Test {
 protected:
  DiscoveryTest() {
    writer.emplace(record.open_writer(), clock, Writer::Options{});
    cloud.lock()->add("default", "charge", ago(1h));
    rules.plan.rules.emplace_back();
    WatchRule& rule = rules.plan.rules.front();
    rule.where = "w.toml:1";
    rule.account = "prod";
    rule.regions = {"ap-guangzhou"};
    rule.aliases = true;
    rules.report_unmanaged["prod"] = true;
    rules.details_every[rule.where] = 24h;
  }
  ~DiscoveryTest() override { end(); }

  /// A process begins, on the record as it is.
  void begin(Millis every, Millis changes_every) {
    rules.scopes = {{"prod", "ap-guangzhou", every, changes_every, {}, {}}};
    discovery.emplace(std::make_unique<CatalogueApi>(cloud), *writer, ledger, clock,
                      Discovery::Hooks{[](const std::vector<TargetId>&) {}, [] {}});
    Database reader = record.open_reader();
    discovery->apply(rules, {{"prod", {"a key", 15}}}, {}, reader);
  }
  void end() {
    if (!discovery) return;
    discovery->stop();
    on_record([](Database&) {});  // what is queued refers to it
    discovery.reset();
  }
  void on_record(void (*work)(Database&)) {
    writer->run([&](Tx& tx) { work(tx.db); });
  }
  int64_t ago(Millis time) const { return to_ms(clock.wall() - time) / 1000; }
  std::optional<WallTime> modified_on_record() const {
    Database reader = record.open_reader();
    const auto entry = inventory::find(reader, "prod", "ap-guangzhou", "default", "charge");
    return entry ? entry->function.modified_at : std::nullopt;
  }
  /// So many more of them have ended, and been given to the writer.
  bool more(uint64_t SurveyStats::*count, uint64_t by) {
    const uint64_t before = discovery->stats().*count;
    return wait_until([&] { return discovery->stats().*count >= before + by; }, 30s);
  }

  TempDir dir;
  TestRecord record{dir / "codedriftd.db"};
  const SystemClock clock;
  Guarded<Catalogue> cloud;
  Ledger ledger{"test", "test/codedriftd"};
  std::optional<Writer> writer;
  DiscoveryRules rules;
  std::optional<Discovery> discovery;
};

TEST_F(DiscoveryTest, ALookThatCouldNotBeRecordedIsMadeUpForByTheNext) {
  begin(1h, 1s);
  ASSERT_TRUE(wait_until([&] { return modified_on_record().has_value(); }, 30s));
  on_record([](Database& db) { refuse_writes(db, "UPDATE ON inventory"); });
  const WallTime written{std::chrono::seconds(ago(5min))};
  cloud.lock()->namespaces["default"]["charge"].modified_at = written;
  ASSERT_TRUE(more(&SurveyStats::looks, 3));
  on_record([](Database& db) { allow_writes(db, "inventory"); });
  EXPECT_TRUE(wait_until([&] { return modified_on_record() == written; }, 10s));
  EXPECT_EQ(discovery->stats().listings, 1U);
}

TEST_F(DiscoveryTest, AListingThatCouldNotBeRecordedHasAskedForNoDetails) {
  begin(1h, 1h);
  ASSERT_TRUE(wait_until([&] { return cloud.lock()->calls_of(Action::list_aliases) > 0; }, 30s));
  end();
  cloud.lock()->calls.clear();
  on_record([](Database& db) { refuse_writes(db, "UPDATE ON listing"); });
  begin(1s, 1h);
  ASSERT_TRUE(more(&SurveyStats::listings, 2));
  on_record([](Database& db) { allow_writes(db, "listing"); });
  ASSERT_TRUE(more(&SurveyStats::listings, 2));
  EXPECT_TRUE(wait_until([&] { return cloud.lock()->calls_of(Action::list_aliases) > 0; }, 10s));
}

}  // namespace
}  // namespace codedriftd::test
