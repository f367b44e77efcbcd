#include "store/record/attributions.h"

#include <gtest/gtest.h>

#include "store/log/event_log.h"
#include "store/store_support.h"

namespace codedriftd::test {
namespace {

struct AttributionsTest : testing::Test {
  Store store;
  Database& db = store.db;
  Ledger ledger = ledger_with_routes();
  TargetId id = add_target(db, ledger, "charge");

  /// An event of the target that is asked about, due at `first_try`.
  int64_t asked(WallTime first_try = kStart + 2 * kMinute) {
    NewEvent event;
    event.kind = "drift.detected";
    event.target_id = id;
    event.target = function_named("charge").address();
    const int64_t seq = event_log::append(db, event, "ops-1/codedriftd", kStart).seq;
    attributions::ask(db, seq, id, kStart - kMinute, kStart, first_try);
    return seq;
  }
  std::vector<int64_t> due(WallTime until) {
    std::vector<int64_t> seqs;
    for (const auto& question : attributions::due(db, until, until)) seqs.push_back(question.event_seq);
    return seqs;
  }
};

ChangeRecord kept_record(std::string event_id, std::string error = {}) {
  return {std::move(event_id),
          "UpdateFunctionCode",
          kStart,
          "sub-user",
          "alice",
          "9f3a",
          "198.51.100.7",
          "curl/8",
          "r-1",
          true,
          std::move(error),
          "ap-guangzhou",
          "default",
          "charge"};
}

TEST_F(AttributionsTest, AQuestionIsDueAtItsTimeUntilItIsAnsweredForGood) {
  const int64_t seq = asked();
  EXPECT_TRUE(due(kStart + 2 * kMinute - Millis{1}).empty());
  ASSERT_EQ(due(kStart + 2 * kMinute), std::vector{seq});
  const auto question = attributions::due(db, kStart + kHour, kStart)[0];
  EXPECT_EQ(question.address, function_named("charge").address());
  EXPECT_EQ(question.account, "prod");
  EXPECT_EQ(question.change.region, "ap-guangzhou");
  EXPECT_EQ(question.change.ns, "default");
  EXPECT_EQ(question.change.function, "charge");
  EXPECT_EQ(question.change.from, kStart - kMinute);
  EXPECT_EQ(question.change.to, kStart);
  EXPECT_EQ(question.change.kind, ChangeKind::code);
  EXPECT_EQ(question.change.qualifier, "$LATEST");
  EXPECT_EQ(question.event_at, kStart);
  EXPECT_FALSE(question.asked_at);

  attributions::put_off(db, seq, 1, kStart + 10 * kMinute);
  EXPECT_TRUE(due(kStart + 9 * kMinute).empty());
  EXPECT_EQ(attributions::open(db, seq)->tries, 1U);
  attributions::save(db, seq, {}, kStart + 10 * kMinute, 2, kStart + 30 * kMinute);
  EXPECT_EQ(attributions::open(db, seq)->asked_at, kStart + 10 * kMinute);
  attributions::save(db, seq, {}, kStart + 30 * kMinute, 3, std::nullopt);
  EXPECT_TRUE(due(kStart + 24 * kHour).empty());
  EXPECT_FALSE(attributions::open(db, seq));
}

TEST_F(AttributionsTest, ADueTimeThatAClockThatWasAheadSetIsDue) {
  const int64_t seq = asked(kStart + 365 * 24 * kHour);
  EXPECT_EQ(due(kStart), std::vector{seq});
}

TEST_F(AttributionsTest, WhatWasFoundIsReadBackAndTakesThePlaceOfWhatWasFoundBefore) {
  const int64_t seq = asked();
  EXPECT_TRUE(attributions::of_target(db, id).empty()) << "no query had an answer yet";
  ASSERT_TRUE(attributions::of_event(db, seq));
  EXPECT_FALSE(attributions::of_event(db, seq)->asked_at);
  Attribution none;
  none.failed = {kept_record("e-0", "FailedOperation")};
  none.words = "No record found.";
  attributions::save(db, seq, none, kStart + kMinute, 1, kStart + 10 * kMinute);
  EXPECT_TRUE(attributions::of_event(db, seq)->open);
  const Attribution found{Attribution::Grade::several,
                          {kept_record("e-1"), kept_record("e-2")},
                          {kept_record("e-3", "FailedOperation")},
                          true,
                          "2 recorded changes"};
  attributions::save(db, seq, found, kStart + 10 * kMinute, 2, std::nullopt);
  const auto known = attributions::of_event(db, seq);
  ASSERT_TRUE(known);
  EXPECT_EQ(known->event_kind, "drift.detected");
  EXPECT_EQ(known->from, kStart - kMinute);
  EXPECT_EQ(known->to, kStart);
  EXPECT_FALSE(known->open);
  EXPECT_EQ(known->asked_at, kStart + 10 * kMinute);
  EXPECT_EQ(known->attribution.grade, found.grade);
  EXPECT_EQ(known->attribution.records, found.records);
  EXPECT_EQ(known->attribution.failed, found.failed);
  EXPECT_TRUE(known->attribution.by_deploy_principal);
  ASSERT_EQ(attributions::of_target(db, id).size(), 1U);
  EXPECT_EQ(attributions::of_target(db, id)[0].attribution.words, "2 recorded changes");
}

TEST_F(AttributionsTest, TheNewestOfManyRecordsAreKept) {
  const int64_t seq = asked();
  Attribution found;
  for (int i = 0; i < 250; ++i) found.records.push_back(kept_record(fmt::format("e-{:03}", i)));
  found.grade = Attribution::Grade::several;
  attributions::save(db, seq, found, kStart, 1, std::nullopt);
  const auto known = attributions::of_event(db, seq);
  ASSERT_EQ(known->attribution.records.size(), attributions::kMostKept);
  EXPECT_EQ(known->attribution.records.front().event_id, "e-150");
  EXPECT_EQ(known->attribution.records.back().event_id, "e-249");
}

TEST_F(AttributionsTest, AfterItsAccountWasRenamedAQuestionIsAskedOfThatAccount) {
  asked();
  targets::rename_account(db, "prod", "live");
  EXPECT_EQ(attributions::due(db, kStart + kHour, kStart)[0].account, "live");
}

}  // namespace
}  // namespace codedriftd::test
