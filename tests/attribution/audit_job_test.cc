#include "attribution/audit_job.h"

#include <gtest/gtest.h>

#include "attribution/audit_log.h"
#include "scf/requests.h"

namespace codedriftd::test {
namespace {

constexpr WallTime kAuditFrom{Millis{1'795'478'400'000}};  // 2026-11-24T00:00:00Z
const std::vector<std::string_view> kAsked{"CreateFunction", "UpdateFunctionCode"};
constexpr WallTime kAuditTo = kAuditFrom + Millis{600'000};

struct AuditJobTest : testing::Test {
  AuditLog log;
  AuditJob job{"prod", "ap-guangzhou", kAuditFrom, kAuditTo, kAsked};

  void carry_out(WallTime at = kAuditTo) {
    carry(
        job, [this](const ReadCall& call) { return log.answer(call); }, at);
  }
};

TEST_F(AuditJobTest, AsksForTheCallsPageAfterPage) {
  for (int i = 0; i < 120; ++i) log.add("charge", kAuditFrom + Millis{1000 * i});
  EXPECT_EQ(job.trouble().code, "Client.Unfinished");
  carry_out();
  EXPECT_EQ(job.trouble(), PollError{});
  EXPECT_FALSE(job.too_large());
  EXPECT_EQ(job.asked_at(), kAuditTo);
  ASSERT_EQ(job.records().size(), 120U);
  EXPECT_EQ(job.records().back(), log.records.back());
  ASSERT_EQ(log.calls.size(), 3U);
  for (const ReadCall& call : log.calls) {
    EXPECT_EQ(call.action, Action::describe_events);
    EXPECT_EQ(call.account, "prod");
    EXPECT_EQ(call.region, "ap-guangzhou");
  }
  EXPECT_EQ(log.calls[0].body, requests::describe_events(kAuditFrom, kAuditTo, kAsked, ""));
  EXPECT_EQ(log.calls[2].body, requests::describe_events(kAuditFrom, kAuditTo, kAsked, "100"));
}

TEST_F(AuditJobTest, KeepsNothingThatWasNotAskedFor) {
  log.add("charge", kAuditFrom);
  log.add("charge", kAuditFrom);
  log.records.back().region = "ap-singapore";
  log.add("charge", kAuditFrom);
  log.records.back().action = "PublishVersion";
  carry(job, [this](const ReadCall& call) {
    ReadAnswer answer = log.answer(call);
    auto& page = std::get<AuditPage>(answer.content);
    for (const Millis off : {Millis{-1}, Millis{600'001}}) {
      page.records.push_back(page.records[0]);
      page.records.back().time = kAuditFrom + off;
    }
    return answer;
  });
  ASSERT_EQ(job.records().size(), 1U);
  EXPECT_EQ(job.records()[0], log.records[0]);
}

TEST_F(AuditJobTest, ARefusalEndsItAndSaysWhetherAPermissionIsMissing) {
  for (const bool denied : {true, false}) {
    AuditJob refused{"prod", "ap-guangzhou", kAuditFrom, kAuditTo, kAsked};
    log.refuses = denied ? "UnauthorizedOperation.CAM" : "InternalError";
    carry(refused, [this](const ReadCall& call) { return log.answer(call); });
    EXPECT_EQ(refused.trouble().code, log.refuses);
    EXPECT_EQ(refused.denied(), denied);
  }
  EXPECT_EQ(log.calls.size(), 2U);
}

TEST_F(AuditJobTest, AReadingThatBreaksOffIsNone) {
  for (int i = 0; i < 60; ++i) log.add("charge", kAuditFrom);
  carry(job, [this](const ReadCall& call) {
    if (!log.calls.empty()) log.refuses = "InternalError";
    return log.answer(call);
  });
  EXPECT_EQ(job.trouble().code, "InternalError");
}

TEST_F(AuditJobTest, AnAuditLogWithoutAnEndIsGivenUp) {
  log.page = 1;
  for (unsigned i = 0; i < kMostAuditPages + 10; ++i) log.add("charge", kAuditFrom);
  carry_out();
  EXPECT_EQ(job.trouble().code, "Client.TooLarge");
  EXPECT_TRUE(job.too_large());
  EXPECT_EQ(log.calls.size(), kMostAuditPages);
  AuditJob circling{"prod", "ap-guangzhou", kAuditFrom, kAuditTo, kAsked};
  int answers = 0;
  carry(circling, [&](const ReadCall&) {
    ++answers;
    AuditPage page;
    page.next = "7";
    return read_ok(page);
  });
  EXPECT_EQ(circling.trouble().code, "Client.BadAnswer");
  EXPECT_EQ(answers, 2);
}

TEST_F(AuditJobTest, AnAnswerToAnotherQuestionIsABadOne) {
  carry(job, [](const ReadCall&) { return read_ok(NamespacePage{}); });
  EXPECT_EQ(job.trouble().code, "Client.BadAnswer");
}

}  // namespace
}  // namespace codedriftd::test
