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

}  // namespace
}  // namespace codedriftd
