#include "actions/package_actions.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/json.h"
#include "store/ledger/watch_list.h"
#include "support/kept_package.h"
#include "support/temp_dir.h"
#include "support/test_record.h"

namespace codedriftd::test {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kPruneDay{Millis{1'795'478'400'000}};
const Caller kPruner{1001, "uid:1001(alice)", "bob"};

struct PackagePruning : testing::Test {
  PackagePruning() {
    WatchList list;
    list.digest = "d";
    list.entries.push_back({{"prod", "ap-guangzhou", "default", "charge", "$LATEST"},
                            Watched{{}, "f.toml:7", Baseline::first_seen, 5min, 20min, 1h}});
    sync_watch_list(tx, ledger, list, kPruneDay);
    for (auto& hook : tx.take_hooks()) hook();
  }
  Sha256 keep(const std::string& content, Millis after) {
    return add_package(db, {{"index.py", content}}, kPruneDay + after, folder);
  }
  void live(const Sha256& code) {
    const auto row = targets::find(db, "prod/ap-guangzhou/default/charge:$LATEST");
    ledger.apply(tx, row->id, Observation{Outcome::observed, code, {}, "", false}, kPruneDay);
  }
  /// "done", or the code and words of why not.
  std::string prune(uint64_t max_total, const std::string& reason = "space") {
    const auto result = perform(tx, ledger, {max_total, reason, folder}, kPruner, kPruneDay + 1h);
    if (!result) return result.error().code + ": " + result.error().message;
    done = **result;
    return "done";
  }
  void commit() {
    for (auto& hook : tx.take_hooks()) hook();
  }
  int64_t pruned_events() {
    auto q = db.query_once("SELECT count(*) FROM event WHERE kind = 'package.pruned'");
    q.step();
    return q.integer(0);
  }
  uint64_t bytes_of(const Sha256& code) { return packages::find(db, code)->package_bytes; }

  TempDir dir;
  std::string folder = dir / "packages";
  TestRecord record{dir / "codedriftd.db"};
  Database db = record.open_writer();
  Tx tx{db};
  Ledger ledger{"test", "test/codedriftd"};
  Json done;
};

TEST_F(PackagePruning, WhatIsLiveGoesLastAndItsFilesGoAfterTheCommitAlone) {
  const Sha256 live_one = keep("print('live')", 0min), old = keep("print('old')", 1min),
               newer = keep("print('n')", 2min);
  live(live_one);
  commit();
  ASSERT_EQ(prune(bytes_of(live_one) + bytes_of(newer)), "done");
  EXPECT_EQ(done["count"], 1);
  EXPECT_EQ(done["bytes"], bytes_of(old));
  EXPECT_EQ(done["packages"], Json::array({old.hex()}));
  EXPECT_EQ(done["left"], (Json{{"count", 2}, {"bytes", bytes_of(live_one) + bytes_of(newer)}}));
  EXPECT_TRUE(file_is_kept(folder, old)) << "the transaction may yet fail";
  commit();
  EXPECT_FALSE(file_is_kept(folder, old));
  EXPECT_TRUE(file_is_kept(folder, newer));
  ASSERT_EQ(prune(bytes_of(live_one)), "done");
  commit();
  EXPECT_EQ(packages::kept(db), std::vector{live_one});
  EXPECT_TRUE(file_is_kept(folder, live_one));
  ASSERT_EQ(prune(0), "done") << "all of them";
  commit();
  EXPECT_TRUE(packages::kept(db).empty());
  EXPECT_FALSE(file_is_kept(folder, live_one));
  EXPECT_EQ(packages::manifest(db, live_one), manifest_of({{"index.py", "print('live')"}})) << "it stays on record";
}

TEST_F(PackagePruning, IsOneEventWithWhoAndWhyThatAlertsNobodyUnasked) {
  ledger.set_routes({{{"ops", {}, {}}, 72h, ""}});
  keep("a", 0min);
  keep("b", 0min);
  const uint64_t before = packages::kept_bytes(db);
  ASSERT_EQ(prune(0, "the disk is full"), "done");
  auto q = db.query_once("SELECT body FROM event WHERE kind = 'package.pruned'");
  ASSERT_TRUE(q.step());
  const Json event = Json::parse(q.text(0));
  EXPECT_EQ(event["severity"], "info");
  EXPECT_EQ(event["actor"], "uid:1001(alice)");
  EXPECT_EQ(event["target"], Json());
  EXPECT_EQ(event["data"]["packages"].size(), 2U);
  EXPECT_EQ(event["data"]["packages"], done.at("packages"));
  Json data = event["data"];
  data.erase("packages");
  EXPECT_EQ(data, (Json{{"count", 2}, {"bytes", before}, {"reason", "the disk is full"}, {"claimed", "bob"}}));
  EXPECT_FALSE(q.step());
  auto alerts = db.query_once("SELECT count(*) FROM outbox WHERE kind = 'package.pruned'");
  ASSERT_TRUE(alerts.step());
  EXPECT_EQ(alerts.integer(0), 0);
}

TEST_F(PackagePruning, NothingIsDoneWhereNothingHasToGoOrCannotBeRemoved) {
  EXPECT_EQ(prune(0), "nothing: no package is kept: there is nothing to remove");
  const Sha256 code = keep("a", 0min);
  EXPECT_EQ(prune(0, " \n").substr(0, 7), "usage: ");
  EXPECT_NE(prune(bytes_of(code)).find("nothing: the 1 package that is kept take"), std::string::npos);
  std::filesystem::rename(folder, folder + ".away");
  const std::string without = prune(0);
  EXPECT_EQ(without.substr(0, 8), "failed: ") << without;
  EXPECT_NE(without.find(folder), std::string::npos) << without;
  EXPECT_EQ(packages::kept(db), std::vector{code});
  EXPECT_EQ(pruned_events(), 0);
}

TEST_F(PackagePruning, ARequestThatDoesNotSayHowMuchMayStayIsNone) {
  const auto read = [](const Json& arguments) {
    const auto request = read_prune_request(arguments);
    return request ? fmt::format("{} {}", request->max_total, request->reason) : request.error().message;
  };
  const PruneRequest request{.max_total = uint64_t{3} << 30, .reason = "space", .folder = "/elsewhere"};
  EXPECT_EQ(read(*arguments_of(request)), "3221225472 space");
  EXPECT_EQ(read({{"reason", "space"}}), "the argument \"max_total\" is not a number of bytes");
  EXPECT_EQ(read({{"max_total", -1}, {"reason", "space"}}), "the argument \"max_total\" is not a number of bytes");
  EXPECT_NE(read({{"max_total", "all"}, {"reason", "space"}}).find("max_total"), std::string::npos);
  EXPECT_NE(read({{"max_total", 0}, {"reason", "x"}, {"folder", "/etc"}}).find("there is no argument \"folder\""),
            std::string::npos);
}

}  // namespace
}  // namespace codedriftd::test
