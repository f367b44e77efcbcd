#include "attribution/queries.h"

#include <gtest/gtest.h>

namespace codedriftd {
namespace {

constexpr WallTime kHappened{Millis{1'795'478'400'000}};
constexpr Millis kOneMinute{60'000}, kOneHour = 60 * kOneMinute, kOneDay = 24 * kOneHour;

TEST(AuditTries, WhatIsNotFoundIsAskedAgainAfterTenMinutesHalfAnHourAndTwoHours) {
  const struct {
    const char* what;
    unsigned tries;
    bool answered;
    Millis now;                  ///< after the event
    std::optional<Millis> next;  ///< nullopt: never
  } cases[] = {
      {"the first", 1, true, 2 * kOneMinute, 10 * kOneMinute},
      {"the second", 2, true, 10 * kOneMinute, 30 * kOneMinute},
      {"the third", 3, true, 30 * kOneMinute, 2 * kOneHour},
      {"the last", 4, true, 2 * kOneHour, std::nullopt},
      {"the first, long after: the daemon was stopped", 1, true, 3 * kOneHour, std::nullopt},
      {"one between the times", 1, true, 25 * kOneMinute, 26 * kOneMinute},
      {"no answer, as if it had been one", 1, false, 2 * kOneMinute, 10 * kOneMinute},
      {"no answer at the last", 4, false, 2 * kOneHour, 4 * kOneHour},
      {"no answer, long after", 1, false, 3 * kOneHour, 3 * kOneHour + kOneMinute},
      {"an answer after the last", 9, true, 12 * kOneHour, std::nullopt},
      {"no answer at all for a day", kMostAuditTries, false, kOneDay, std::nullopt},
      {"an event in the future", 1, true, -kOneDay, -kOneDay + 2 * kOneHour},
  };
  for (const auto& c : cases) {
    const auto next = next_audit_try(kHappened, c.tries, c.answered, kHappened + c.now);
    EXPECT_EQ(next, c.next ? std::optional(kHappened + *c.next) : std::nullopt) << c.what;
  }
}

attributions::Question question_of(int64_t seq, WallTime from, WallTime to, std::string account = "prod",
                                   std::string region = "ap-guangzhou") {
  attributions::Question question;
  question.event_seq = seq;
  question.account = std::move(account);
  question.change = {std::move(region), "default", "f" + std::to_string(seq), from, to};
  return question;
}

TEST(AuditQueries, OneReadingServesAllChangesOfAnAccountAndRegion) {
  const auto queries = audit_queries({question_of(3, kHappened + kOneHour, kHappened + 2 * kOneHour),
                                      question_of(1, kHappened, kHappened + 3 * kOneHour),
                                      question_of(2, kHappened, kHappened + kOneMinute, "other"),
                                      question_of(4, kHappened, kHappened, "prod", "ap-singapore")});
  ASSERT_EQ(queries.size(), 3U);
  EXPECT_EQ(queries[0].account, "other");
  EXPECT_EQ(queries[1].region, "ap-guangzhou");
  EXPECT_EQ(queries[1].questions.size(), 2U);
  EXPECT_EQ(queries[1].from, kHappened - kAuditSlack);
  EXPECT_EQ(queries[1].to, kHappened + 3 * kOneHour + kAuditSlack);
  EXPECT_EQ(queries[2].region, "ap-singapore");
  EXPECT_TRUE(audit_queries({}).empty());
}

TEST(AuditQueries, ChangesMoreThanADayApartAreAskedForApart) {
  const Millis day = kOneDay + 2 * kAuditSlack;
  EXPECT_EQ(
      audit_queries({question_of(1, kHappened, kHappened), question_of(2, kHappened + day, kHappened + day)}).size(),
      1U);
  const auto queries = audit_queries({question_of(1, kHappened, kHappened),
                                      question_of(2, kHappened + day + Millis{1}, kHappened + day + kOneMinute)});
  ASSERT_EQ(queries.size(), 2U);
  EXPECT_EQ(queries[0].to, kHappened + kAuditSlack);
  EXPECT_EQ(queries[1].from, kHappened + day + Millis{1} - kAuditSlack);
}

TEST(AuditQueries, NoneIsAboutMoreThanTheCloudAnswersFor) {
  std::vector<attributions::Question> questions;
  for (int day = 0; day < 60; ++day)
    questions.push_back(question_of(day, kHappened + day * kOneDay, kHappened + (day + 1) * kOneDay));
  const auto queries = audit_queries(questions);
  EXPECT_EQ(queries.size(), 3U);
  std::size_t asked = 0;
  for (const AuditQuery& query : queries) {
    EXPECT_LT(query.to - query.from, 30 * kOneDay);
    asked += query.questions.size();
  }
  EXPECT_EQ(asked, 60U);
}

TEST(AuditQueries, AskForWhatHasAPartInOneOfTheirChanges) {
  attributions::Question gone = question_of(1, kHappened, kHappened), moved = question_of(2, kHappened, kHappened);
  gone.change.kind = ChangeKind::missing;
  moved.change.kind = ChangeKind::alias_missing;
  EXPECT_EQ(audit_queries({gone})[0].actions, (std::vector<std::string_view>{"DeleteFunction"}));
  EXPECT_EQ(audit_queries({gone, moved})[0].actions,
            (std::vector<std::string_view>{"DeleteFunction", "CopyFunction", "DeleteAlias"}));
}

TEST(AuditQueries, OneThatIsTooLargeIsAskedInHalvesUntilThatIsNoLess) {
  std::vector<attributions::Question> questions;
  for (const int hour : {3, 0, 2, 1, 4})
    questions.push_back(question_of(hour, kHappened + hour * kOneHour, kHappened + (hour + 1) * kOneHour));
  questions[4].change.kind = ChangeKind::missing;
  const auto query = audit_queries(questions);
  ASSERT_EQ(query.size(), 1U);
  const auto parts = halves(query[0]);
  ASSERT_EQ(parts.size(), 2U);
  EXPECT_EQ(parts[0].account, "prod");
  EXPECT_EQ(parts[0].region, "ap-guangzhou");
  EXPECT_EQ(parts[0].from, kHappened - kAuditSlack);
  EXPECT_EQ(parts[0].to, kHappened + 2 * kOneHour + kAuditSlack);
  EXPECT_EQ(parts[0].questions.size(), 2U);
  EXPECT_EQ(parts[1].from, kHappened + 2 * kOneHour - kAuditSlack);
  EXPECT_EQ(parts[1].to, kHappened + 5 * kOneHour + kAuditSlack);
  EXPECT_EQ(parts[1].questions.size(), 3U);
  const auto last = halves(parts[1]);
  ASSERT_EQ(last.size(), 2U);
  ASSERT_EQ(last[0].questions.size(), 1U);
  EXPECT_TRUE(halves(last[0]).empty());
  EXPECT_TRUE(halves(audit_queries({question_of(1, kHappened, kHappened + kOneHour),
                                    question_of(2, kHappened, kHappened + kOneHour)})[0])
                  .empty());
}

}  // namespace
}  // namespace codedriftd
