#include "store/record/hashes.h"

#include <gtest/gtest.h>

#include "store/ledger/ledger.h"
#include "store/ledger/watch_list.h"
#include "support/temp_dir.h"
#include "support/test_record.h"

namespace codedriftd::test {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kFirstSeen{Millis{1'795'478'400'000}};

struct HashesOfATarget : testing::Test {
  HashesOfATarget() {
    WatchList list;
    list.digest = "d";
    for (const char* name : {"charge", "refund"})
      list.entries.push_back({{"prod", "ap-guangzhou", "default", name, "$LATEST"},
                              Watched{{}, "f.toml:7", Baseline::first_seen, 5min, 20min, 1h}});
    sync_watch_list(tx, ledger, list, kFirstSeen);
  }
  TargetRow row(const std::string& name = "charge") {
    return *targets::find(db, "prod/ap-guangzhou/default/" + name + ":$LATEST");
  }
  void see(std::string_view code, Millis after, const std::string& name = "charge") {
    ledger.apply(tx, row(name).id, Observation{Outcome::observed, sha256(code), {}, "", false}, kFirstSeen + after);
  }

  TempDir dir;
  TestRecord record{dir / "codedriftd.db"};
  Database db = record.open_writer();
  Tx tx{db};
  Ledger ledger{"test", "test/codedriftd"};
};

TEST_F(HashesOfATarget, WhatWasLiveBeforeIsTheLastOtherHashHoweverOftenTheLiveOneWasSeen) {
  see("a", 0min);
  EXPECT_EQ(hashes::live_before(db, row().id, sha256("a")), std::nullopt) << "nothing else was ever seen";
  see("b", 1min);
  see("c", 2min);
  EXPECT_EQ(hashes::live_before(db, row().id, sha256("c")), sha256("b"));
  see("c", 50min);  // a gap longer than stale_after: another run of the same hash
  EXPECT_EQ(hashes::live_before(db, row().id, sha256("c")), sha256("b"));
  see("a", 51min);
  EXPECT_EQ(hashes::live_before(db, row().id, sha256("a")), sha256("c")) << "a rollback: what was live meanwhile";
  EXPECT_EQ(hashes::live_before(db, row("refund").id, sha256("a")), std::nullopt) << "another target";
}

TEST_F(HashesOfATarget, AreFoundByHowTheyBeginAmongThoseOfTheTargetAlone) {
  see("a", 0min);
  see("b", 1min);
  see("r", 1min, "refund");
  const std::string a = sha256("a").hex();
  EXPECT_EQ(hashes::beginning_with(db, row(), a.substr(0, 8)), std::vector{sha256("a")});
  std::string upper = a.substr(0, 10);
  for (char& c : upper) c = static_cast<char>(std::toupper(c));
  EXPECT_EQ(hashes::beginning_with(db, row(), upper), std::vector{sha256("a")});
  EXPECT_EQ(hashes::beginning_with(db, row(), "").size(), 2U);
  EXPECT_TRUE(hashes::beginning_with(db, row(), sha256("r").hex()).empty()) << "it is another target's";
  EXPECT_TRUE(hashes::beginning_with(db, row(), "0000000000").empty());
}

TEST_F(HashesOfATarget, AnAnnouncedHashIsFoundBeforeItIsLive) {
  see("a", 0min);
  ledger.apply(tx, row().id, Expected{sha256("x"), kFirstSeen + 1h, "", "", "uid:1001(alice)"}, kFirstSeen + 1min);
  ASSERT_EQ(row().state.announced.size(), 1U);
  EXPECT_EQ(hashes::beginning_with(db, row(), sha256("x").hex().substr(0, 12)), std::vector{sha256("x")});
}

}  // namespace
}  // namespace codedriftd::test
