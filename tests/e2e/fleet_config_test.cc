/// Several daemons with one record, and more than one configuration, or more than one program.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <thread>

#include "e2e/fleet.h"
#include "e2e/page.h"
#include "support/test_signer.h"

namespace codedriftd::test {
namespace {

class FleetConfiguration : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NO_THROW(fleet_.start());
    ASSERT_EQ(fleet_.holder(), 0U);
  }
  /// The file of a member has so many functions from now on.
  void watch(std::size_t member, std::size_t functions) {
    Daemon& daemon = fleet_.daemon(member);
    daemon.config.functions.clear();
    for (std::size_t i = 0; i < functions; ++i) daemon.config.functions.emplace_back(Fleet::function(i), "");
    daemon.write_config();
  }
  RunResult reload(std::size_t member) { return fleet_.daemon(member).command({"reload"}); }
  bool says_outdated(std::size_t member, std::size_t times) {
    return eventually([&] { return fleet_.daemon(member).log_count("config.outdated") >= times; });
  }
  std::string page(std::size_t member, const char* path) {
    return ask_page(fleet_.daemon(member).status_page() + path).body;
  }
  Json row_of(std::size_t member) {
    const Json members = fleet_.daemon(0).query({"status"}).at("fleet");
    for (const Json& row : members) {
      if (row.at("host") == Fleet::host(member)) return row;
    }
    return {};
  }
  /// Added, removed, and the generations that were told of.
  std::string changes() {
    return fmt::format("+{} -{} {}", fleet_.count("watch.added"), fleet_.count("watch.removed"),
                       fleet_.count("config.loaded"));
  }

  Fleet fleet_{{}};
};

TEST_F(FleetConfiguration, WhoHasAnOlderOneHoldsNothingUntilItIsAdopted) {
  EXPECT_EQ(changes(), "+5 -0 1") << "both have the same";
  watch(0, 4);
  const RunResult reloaded = reload(0);
  ASSERT_EQ(code_of(reloaded), 0) << reloaded.out << reloaded.err;
  EXPECT_EQ(changes(), "+5 -1 2");
  std::vector<Json> loaded = fleet_.events();
  std::erase_if(loaded, [](const Json& event) { return event.at("kind") != "config.loaded"; });
  EXPECT_EQ(loaded.back().at("data").at("generation"), 2) << loaded.back();

  ASSERT_TRUE(says_outdated(1, 1)) << fleet_.logs();
  EXPECT_TRUE(eventually([&] {
    return page(1, "/readyz?verbose").find(": it takes no work: its configuration (") != std::string::npos;
  })) << page(1, "/readyz?verbose");
  EXPECT_TRUE(eventually(
      [&] { return page(1, "/metrics").find("codedriftd_fleet_config_outdated 1\n") != std::string::npos; }));
  EXPECT_NE(page(0, "/metrics").find("codedriftd_fleet_config_outdated 0\n"), std::string::npos);
  EXPECT_EQ(row_of(1).at("config_outdated"), true) << row_of(1);
  EXPECT_EQ(row_of(0).at("config_outdated"), false) << row_of(0);
  const RunResult refused = reload(1);
  EXPECT_EQ(code_of(refused), 1) << refused.out << refused.err;
  EXPECT_NE((refused.out + refused.err).find("is outdated"), std::string::npos) << refused.out << refused.err;
  EXPECT_EQ(fleet_.count("fleet.joined"), 2) << "it changed nothing";

  EXPECT_EQ(fleet_.daemon(0).stop(), (ExitStatus{0, 0}));
  std::this_thread::sleep_for(Millis{5'000});
  EXPECT_EQ(fleet_.holder(), std::nullopt);
  EXPECT_EQ(changes(), "+5 -1 2") << "it un-watches nothing, and watches nothing";
  const RunResult adopted = fleet_.daemon(1).command({"adopt", "--config", "--yes"});
  EXPECT_EQ(code_of(adopted), 0) << adopted.out << adopted.err;
  EXPECT_TRUE(fleet_.wait_for_holder(1)) << fleet_.logs();
  EXPECT_TRUE(eventually([&] { return changes() == "+6 -1 3"; })) << changes();

  fleet_.launch(0);
  ASSERT_TRUE(fleet_.daemon(0).child().wait_for_output("config.outdated", kSoonEnough)) << fleet_.logs();
  watch(0, 5);
  EXPECT_EQ(code_of(reload(0)), 0) << fleet_.logs();
  EXPECT_TRUE(eventually([&] { return page(0, "/readyz?verbose").find("ok   fleet: ") != std::string::npos; }))
      << page(0, "/readyz?verbose");
  EXPECT_EQ(fleet_.holder(), 1U);
  EXPECT_EQ(changes(), "+6 -1 3");
  EXPECT_TRUE(fleet_.whole());
}

TEST_F(FleetConfiguration, ANewerOneOfAnotherHostTakesTheWorkOverInOrder) {
  watch(1, 4);
  const RunResult reloaded = reload(1);
  ASSERT_EQ(code_of(reloaded), 0) << reloaded.out << reloaded.err;
  EXPECT_TRUE(fleet_.wait_for_holder(1)) << fleet_.logs();
  EXPECT_TRUE(says_outdated(0, 1)) << fleet_.logs();
  EXPECT_TRUE(eventually([&] { return changes() == "+5 -1 2"; })) << changes();
  std::this_thread::sleep_for(Millis{5'000});
  EXPECT_EQ(fleet_.holder(), 1U);
  EXPECT_EQ(changes(), "+5 -1 2") << "it does not go to and fro";
  for (const Json& event : fleet_.events()) EXPECT_NE(event.at("data").value("reason", Json()), "silent") << event;
  EXPECT_TRUE(fleet_.daemon(0).running());
  const RunResult suspended = fleet_.daemon(0).command({"suspend", "f0", "--until", "1h", "--reason", "x"});
  EXPECT_EQ(code_of(suspended), 0) << suspended.out << suspended.err;
  std::vector<Json> suspensions = fleet_.events();
  std::erase_if(suspensions, [](const Json& event) { return event.at("kind") != "watch.suspended"; });
  ASSERT_FALSE(suspensions.empty());
  const std::string actor = suspensions.back().at("actor");
  EXPECT_TRUE(actor.starts_with("uid:") && actor.ends_with("@host-a")) << actor;
  EXPECT_EQ(Fleet::of_others(fleet_.calls(), fleet_.take_overs("lane/")).size(), 0U);
  EXPECT_TRUE(fleet_.whole());
}

TEST(FleetAttested, CountsOnEachHostForAsLongAsItRuns) {
  Fleet fleet{{}};
  const TestSigner signer = TestSigner::ed25519();
  for (std::size_t member : {0U, 1U}) {
    Daemon& daemon = fleet.daemon(member);
    daemon.dir().write("ci.pub", signer.public_pem());
    daemon.config.defaults = "require = \"attested\"\n";
    daemon.config.more += "[trust.ci]\npublic_key_file = \"ci.pub\"\ntargets = [\"prod/*\"]\n";
    daemon.write_config();
  }
  ASSERT_NO_THROW(fleet.start());
  fleet.cloud().set(Daemon::key(Fleet::function(0)), hash_of("hurried"));
  EXPECT_TRUE(fleet.wait_for_drift_told("hurried")) << fleet.logs();
  for (std::size_t member : {0U, 1U}) {
    const RunResult approved = fleet.daemon(member).command(
        {"approve", Fleet::function(0), "--sha256", hash_of("hurried"), "--reason", "quick"});
    EXPECT_EQ(code_of(approved), 1) << member << approved.out << approved.err;
    EXPECT_NE((approved.out + approved.err).find("require = \"attested\""), std::string::npos) << approved.err;
  }
}

TEST_F(FleetConfiguration, ANewerSchemaEndsAllForTheNewerProgram) {
  postgres::open(fleet_.server().place("codedriftd"), postgres::Access::write)
      .execute("INSERT INTO migration VALUES (999, 'newer', '', 0, '')");
  for (std::size_t member : {0U, 1U}) {
    EXPECT_EQ(fleet_.daemon(member).child().wait(kSoonEnough), (ExitStatus{75, 0})) << fleet_.logs();
    EXPECT_TRUE(fleet_.daemon(member).logged("the record has schema 999 now")) << fleet_.logs();
  }
  EXPECT_EQ(fleet_.holder(), std::nullopt);
  EXPECT_EQ(fleet_.count("fleet.left"), 2);
  EXPECT_TRUE(fleet_.whole());
}

}  // namespace
}  // namespace codedriftd::test
