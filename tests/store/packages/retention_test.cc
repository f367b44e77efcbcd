#include <gtest/gtest.h>

#include <algorithm>

#include "store/packages/packages.h"
#include "store/store_support.h"
#include "support/seed.h"

namespace codedriftd::test {
namespace {

void add_kept(Database& db, const std::string& name, uint64_t bytes, WallTime at) {
  Examination examination;
  examination.package_bytes = bytes;
  packages::save(db, hash_of(name), examination, at);
  packages::set_kept(db, hash_of(name));
}

/// The names of what has to go, in its order.
std::string going(Database& db, uint64_t max_total, const std::vector<std::string>& names) {
  std::string text;
  for (const Sha256& code : packages::prune_candidates(db, max_total)) {
    for (const std::string& name : names) {
      if (hash_of(name) == code) text += name;
    }
  }
  return text;
}

TEST(PackageRetention, RemovesNothingThatFits) {
  Store store;
  EXPECT_TRUE(packages::prune_candidates(store.db, 0).empty());
  add_kept(store.db, "A", 10, kStart);
  EXPECT_TRUE(packages::prune_candidates(store.db, 10).empty());
  EXPECT_EQ(packages::prune_candidates(store.db, 9).size(), 1U);
  packages::drop_contents(store.db, hash_of("A"));
  EXPECT_TRUE(packages::prune_candidates(store.db, 0).empty()) << "what is not in the folder takes no room there";
}

TEST(PackageRetention, RemovesWhatIsNobodysThenWhatIsNoLongerWatchedThenWhatIsAnnouncedThenTheRest) {
  Store store;
  Ledger ledger = ledger_with_routes();
  const TargetId watched_one = add_target(store.db, ledger, "one");
  const TargetId gone = add_target(store.db, ledger, "gone");
  {
    Tx tx(store.db);
    ledger.apply(tx, watched_one, saw("accepted"), kStart);
    ledger.apply(tx, watched_one, saw("live"), kStart + kMinute);
    ledger.apply(tx, watched_one, Expected{hash_of("announced"), kStart + kHour, "", "", "uid:0"}, kStart + kMinute);
    ledger.apply(tx, gone, saw("gone"), kStart);
    ledger.apply(tx, gone, Unwatched{}, kStart + kMinute);
  }
  // The names as letters, so that the order can be read; the newest is nobody's.
  const std::vector<std::string> names{"live", "accepted", "announced", "gone", "old", "newest"};
  WallTime at = kStart;
  for (const std::string& name : names) add_kept(store.db, name, 10, at += kMinute);
  EXPECT_EQ(going(store.db, 0, names), "oldnewestgoneannouncedliveaccepted");
  EXPECT_EQ(going(store.db, 59, names), "old");
  EXPECT_EQ(going(store.db, 40, names), "oldnewest");
  packages::wanted(store.db, hash_of("old"), kStart + kHour);
  packages::wanted(store.db, hash_of("old"), kStart);
  EXPECT_EQ(going(store.db, 59, names), "newest") << "what mattered lately is not the oldest";
}

TEST(PackageRetention, ADamagedTargetIsAnErrorThatNamesIt) {
  Store store;
  Ledger ledger = ledger_with_routes();
  add_target(store.db, ledger, "one");
  add_kept(store.db, "A", 10, kStart);
  store.db.execute("UPDATE target SET announced = '{'");
  try {
    (void)packages::prune_candidates(store.db, 0);
    FAIL() << "nothing was thrown";
  } catch (const std::exception& error) {
    EXPECT_NE(std::string(error.what()).find(function_named("one").address()), std::string::npos) << error.what();
  }
}

TEST(PackageRetention, NeverRemovesWhatIsLiveOrAcceptedWhileAnotherCanGo) {
  auto random = random_from(seed());
  const auto below = [&](uint64_t end) { return random() % end; };
  Store store;
  for (int round = 0; round < 60; ++round) {
    store.db.execute("BEGIN");
    Ledger ledger = ledger_with_routes();
    Tx tx(store.db);
    std::vector<TargetId> ids;
    for (uint64_t i = 0; i < 1 + below(6); ++i) {
      ids.push_back(targets::insert(store.db, function_named(std::to_string(i))));
      ledger.apply(tx, ids.back(), watched(), kStart);
    }
    const auto some_hash = [&] { return std::to_string(below(20)); };
    WallTime now = kStart;
    for (uint64_t step = below(40); step > 0; --step) {
      now += kMinute;
      const TargetId id = ids[below(ids.size())];
      switch (below(5)) {
        case 0:
          ledger.apply(tx, id, Expected{hash_of(some_hash()), now + kHour, "", "", "uid:0"}, now);
          break;
        case 1:
          ledger.apply(tx, id, Approved{targets::load(store.db, id).state.live.value_or(hash_of("0")), "", "", "uid:0"},
                       now);
          break;
        default:
          ledger.apply(tx, id, saw(some_hash()), now);
      }
      if (below(10) == 0) ledger.apply(tx, id, Unwatched{}, now);
    }
    struct Kept {
      uint64_t bytes;
      WallTime at;
      bool used;
    };
    std::map<Sha256, Kept> all;
    for (int i = 0; i < 20; ++i) {
      if (below(3) == 0) continue;
      const Kept kept{below(100), kStart + static_cast<int64_t>(below(5)) * kMinute, false};
      add_kept(store.db, std::to_string(i), kept.bytes, kept.at);
      all[hash_of(std::to_string(i))] = kept;
    }
    uint64_t total = 0;
    targets::each(store.db, false, [&](TargetRow&& row) {
      for (const auto& code : {row.state.live, row.state.accepted}) {
        if (code && all.contains(*code)) all[*code].used = true;
      }
    });
    for (const auto& [code, kept] : all) total += kept.bytes;
    ASSERT_EQ(packages::kept_bytes(store.db), total);

    const uint64_t max_total = below(total + 10);
    const std::vector<Sha256> go = packages::prune_candidates(store.db, max_total);
    const std::set<Sha256> going(go.begin(), go.end());
    ASSERT_EQ(going.size(), go.size()) << "none twice";
    uint64_t left = total;
    for (std::size_t i = 0; i < go.size(); ++i) {
      ASSERT_TRUE(all.contains(go[i]));
      ASSERT_GT(left, max_total) << "no more than has to";
      left -= all[go[i]].bytes;
    }
    ASSERT_LE(left, max_total);
    const bool used_goes = std::ranges::any_of(go, [&](const Sha256& code) { return all[code].used; });
    for (const auto& [code, kept] : all) {
      if (!going.contains(code) && used_goes) {
        ASSERT_TRUE(kept.used) << "one that is live goes, and " << code.hex() << " stays";
      }
    }
    store.db.execute("ROLLBACK");
  }
}

}  // namespace
}  // namespace codedriftd::test
