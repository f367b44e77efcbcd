#include "model/storage.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace codedriftd {
namespace {

constexpr int64_t kMiB = 1024 * 1024;
constexpr int64_t kFloor = 100 * kMiB;

StorageLook look_of(std::optional<int64_t> free_bytes, int64_t wal_bytes = 0, int64_t floor_bytes = kFloor) {
  return {"/state", "/state/codedriftd.db", free_bytes, floor_bytes, wal_bytes};
}

TEST(Storage, TellsOnceOfWhatBeginsAndOnceOfItsEndAndNothingInBetween) {
  struct Case {
    const char* what;
    StorageTold told;
    StorageLook look;
    std::string events;
    StorageTold after;
  };
  const StorageTold none{}, low{true, false}, blocked{false, true}, both{true, true};
  const Case cases[] = {
      {"plenty", none, look_of(10 * kFloor), "", none},
      {"the floor itself is enough", none, look_of(kFloor), "", none},
      {"a byte below the floor", none, look_of(kFloor - 1), "storage.low ", low},
      {"nothing at all", none, look_of(0), "storage.low ", low},
      {"below as before", low, look_of(kFloor - 1), "", low},
      {"above, by less than a quarter", low, look_of(kFloor + kFloor / 4 - 1), "", low},
      {"above, by a quarter", low, look_of(kFloor + kFloor / 4), "storage.recovered ", none},
      {"above, by a quarter, never told", none, look_of(kFloor + kFloor / 4), "", none},
      {"unknown", none, look_of(std::nullopt), "", none},
      {"unknown after it was told", low, look_of(std::nullopt), "", low},
      {"no floor", none, look_of(0, 0, 0), "", none},
      {"the floor was taken away", low, look_of(0, 0, 0), "storage.recovered ", none},
      {"the floor was raised", none, look_of(kFloor, 0, kFloor + 1), "storage.low ", low},
      {"as much log as is usual at most", none, look_of(10 * kFloor, kMostWalBytes), "", none},
      {"a byte more", none, look_of(10 * kFloor, kMostWalBytes + 1), "storage.blocked ", blocked},
      {"more as before", blocked, look_of(10 * kFloor, 2 * kMostWalBytes), "", blocked},
      {"a little less", blocked, look_of(10 * kFloor, kMostWalBytes / 2 + 1), "", blocked},
      {"moved", blocked, look_of(10 * kFloor, kMostWalBytes / 2), "storage.unblocked ", none},
      {"both", none, look_of(0, 2 * kMostWalBytes), "storage.low storage.blocked ", both},
      {"one ends", both, look_of(0, 0), "storage.unblocked ", low},
      {"both end", both, look_of(10 * kFloor, 0), "storage.recovered storage.unblocked ", none},
  };
  for (const Case& c : cases) {
    const StorageDecision decision = decide_storage(c.told, c.look);
    std::string events;
    for (const NewEvent& event : decision.events) {
      events += event.kind + " ";
      EXPECT_TRUE(alerts_by_default(event)) << c.what;
    }
    EXPECT_EQ(events, c.events) << c.what;
    EXPECT_EQ(decision.told, c.after) << c.what;
  }
}

TEST(Storage, AnEventSaysWhereAndHowMuch) {
  const NewEvent low = decide_storage({}, look_of(5 * kMiB)).events.at(0);
  EXPECT_EQ(low.severity, Severity::warning);
  EXPECT_EQ(*low.data, (Json{{"path", "/state"}, {"free_bytes", 5 * kMiB}, {"floor_bytes", kFloor}}));
  EXPECT_EQ(low.facts.summary,
            "5 MiB are free where the record is (/state), less than the floor of 100 MiB: polling goes on, and once "
            "nothing is free, nothing can be recorded.");
  const NewEvent recovered = decide_storage({true, false}, look_of(200 * kMiB)).events.at(0);
  EXPECT_EQ(recovered.severity, Severity::info);
  EXPECT_EQ(recovered.facts.summary,
            "200 MiB are free where the record is (/state), enough above the floor of 100 MiB.");
  EXPECT_EQ(decide_storage({true, false}, look_of(5 * kMiB, 0, 0)).events.at(0).facts.summary,
            "5 MiB are free where the record is (/state), and no floor is set now.");

  const NewEvent blocked = decide_storage({}, look_of(10 * kFloor, 300 * kMiB)).events.at(0);
  EXPECT_EQ(blocked.severity, Severity::warning);
  EXPECT_EQ(*blocked.data,
            (Json{{"path", "/state/codedriftd.db"}, {"wal_bytes", 300 * kMiB}, {"limit_bytes", kMostWalBytes}}));
  EXPECT_NE(blocked.facts.summary.find("sudo fuser -v /state/codedriftd.db says who"), std::string::npos);
  EXPECT_EQ(decide_storage({false, true}, look_of(10 * kFloor, kMiB)).events.at(0).severity, Severity::info);
}

}  // namespace
}  // namespace codedriftd
