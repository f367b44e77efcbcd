#include "service/record_head.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/json.h"
#include "store/log/event_log.h"
#include "support/recorded.h"

namespace codedriftd {
namespace {

using test::at;
using test::Recorded;
using test::TempDir;

TEST(RecordHead, IsReadBackAsItWasWritten) {
  const TempDir dir;
  const RecordHead head{"ops-1/codedriftd", 41, "abcdef", at(1)};
  EXPECT_EQ(record_head::read(dir / "head"), std::nullopt);
  record_head::write(dir / "head", {"ops-1/codedriftd", 4, "older", at(0)});
  record_head::write(dir / "head", head);
  EXPECT_EQ(record_head::read(dir / "head"), head);
}

TEST(RecordHead, WhatIsNoSuchFileIsNone) {
  const TempDir dir;
  for (const char* text : {"", "{", "[]", "{\"seq\":1}", "{\"seq\":\"1\",\"id\":\"x\",\"time\":\"y\"}"}) {
    std::ofstream(dir / "head") << text;
    EXPECT_EQ(record_head::read(dir / "head"), std::nullopt) << text;
  }
}

TEST(RecordHead, ARecordThatGoesOnIsNotRestored) {
  Recorded r;
  EXPECT_EQ(record_head::of(r.db(), "o"), std::nullopt);
  r.watch({"f"}, at(0));
  const auto head = record_head::of(r.db(), "o");
  ASSERT_TRUE(head);
  EXPECT_FALSE(record_head::restored(r.db(), *head));
  r.watch({"f", "g"}, at(1));
  EXPECT_FALSE(record_head::restored(r.db(), *head)) << "the copy may be a little older";
}

TEST(RecordHead, AnOlderCopyAnotherRecordAndOneBegunAnewAreTold) {
  Recorded before;
  before.watch({"f"}, at(0));
  const auto old = record_head::of(before.db(), "o");
  before.watch({"f", "g"}, at(1));
  const auto head = record_head::of(before.db(), "o");
  ASSERT_TRUE(old && head);
  Recorded older, other, anew;
  older.watch({"f"}, at(0));
  other.watch({"f", "g", "h", "i", "j"}, at(2));
  for (const auto& [record, reason] :
       {std::pair(&older, "older_copy"), {&other, "another_record"}, {&anew, "begun_anew"}}) {
    const auto event = record_head::restored(record->db(), *head);
    ASSERT_TRUE(event) << reason;
    EXPECT_EQ(event->kind, "record.restored");
    EXPECT_EQ(event->data->at("reason"), reason);
    EXPECT_EQ(event->data->at("last_seq"), head->seq);
    EXPECT_TRUE(alerts_by_default(*event));
  }
}

NewEvent told_of(Database& db, const RecordHead& known) {
  const auto event = record_head::rolled_back(db, known);
  if (!event) throw std::runtime_error("nothing is lost");
  EXPECT_EQ(event->kind, "store.rolled_back");
  EXPECT_EQ(event->severity, Severity::warning);
  EXPECT_TRUE(alerts_by_default(*event));
  EXPECT_EQ(event->data->at("to_seq"), known.seq);
  EXPECT_EQ(event->data->at("last_id"), known.id);
  EXPECT_EQ(event->data->at("last_event_at"), rfc3339(known.time));
  return *event;
}

TEST(RecordHead, WhatAServerLostIsFromWhereTheTimesPart) {
  Recorded before;
  before.watch({"f"}, at(0));
  const auto kept = record_head::of(before.db(), "o");
  before.watch({"f", "g", "h"}, at(10));
  const auto head = record_head::of(before.db(), "o");
  ASSERT_TRUE(kept && head);
  EXPECT_FALSE(record_head::rolled_back(before.db(), *head));
  Recorded behind, gone_on, empty;
  behind.watch({"f"}, at(0));
  gone_on.watch({"f"}, at(0));
  gone_on.watch({"f", "i", "j", "k", "l", "m"}, at(20));
  for (Recorded* record : {&behind, &gone_on}) {
    const Json data = *told_of(record->db(), *head).data;
    EXPECT_EQ(data.at("kept_seq"), kept->seq);
    EXPECT_EQ(data.at("from_seq"), kept->seq + 1);
  }
  const Json data = *told_of(empty.db(), *head).data;
  EXPECT_EQ(data.at("kept_seq"), Json());
  EXPECT_EQ(data.at("from_seq"), 0);
}

TEST(RecordHead, ALossThatWasAdoptedIsToldOnceForAllHosts) {
  Recorded r;
  r.watch({"f"}, at(0));
  const auto kept = record_head::of(r.db(), "o");
  ASSERT_TRUE(kept);
  const auto lost = [&](int64_t more, double second) {
    return RecordHead{"o", kept->seq + more, "of-" + std::to_string(more), at(second)};
  };
  const RecordHead adopted = lost(3, 10);
  const NewEvent event = told_of(r.db(), adopted);
  r.write([&](Tx& tx) { r.ledger().append(tx, event, at(20)); });
  EXPECT_FALSE(record_head::rolled_back(r.db(), adopted));
  EXPECT_FALSE(record_head::rolled_back(r.db(), lost(2, 9))) << "another host, which was told less";
  EXPECT_TRUE(record_head::rolled_back(r.db(), lost(4, 11))) << "another host, which was told more";
  EXPECT_TRUE(record_head::rolled_back(r.db(), lost(3, 30))) << "of after the adoption, lost with another roll-back";
}

}  // namespace
}  // namespace codedriftd
