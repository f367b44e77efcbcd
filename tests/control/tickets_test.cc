#include "control/tickets.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/json.h"
#include "support/manual_clock.h"

namespace codedriftd::test {
namespace {

using namespace std::chrono_literals;

TEST(Tickets, SayHowMuchIsLeftAndWhatCameOfTheRest) {
  ManualClock clock;
  Tickets tickets(clock);
  const auto issued = tickets.issue(1000, 4);
  ASSERT_TRUE(issued);
  for (const PollEnd end : {PollEnd::answered, PollEnd::answered, PollEnd::unwatched}) issued->ticket->over(end);
  const auto found = tickets.find(issued->id, 1000);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(*found->progress(),
            (Json{{"total", 4}, {"left", 1}, {"answered", 2}, {"unanswered", 0}, {"unrecorded", 0}, {"unwatched", 1}}));
}

TEST(Tickets, CarryAnOutcomeAndNothingIsLeftThen) {
  ManualClock clock;
  Tickets tickets(clock);
  const auto issued = tickets.issue(0, 1);
  issued->ticket->progress();
  EXPECT_FALSE(issued->ticket->told()) << "it is not over";
  issued->ticket->finish(Json{{"loaded", "watching 2 functions"}});
  EXPECT_FALSE(issued->ticket->told());
  const JsonBox progress = tickets.find(issued->id, 0)->progress();
  EXPECT_TRUE(issued->ticket->told());
  EXPECT_EQ(progress->at("left"), 0);
  EXPECT_EQ(progress->at("loaded"), "watching 2 functions");
}

TEST(Tickets, AreSeenByWhoeverWasGivenThemAndByRoot) {
  ManualClock clock;
  Tickets tickets(clock);
  const std::string id = tickets.issue(1000, 1)->id;
  EXPECT_NE(tickets.find(id, 1000), nullptr);
  EXPECT_NE(tickets.find(id, 0), nullptr);
  EXPECT_EQ(tickets.find(id, 1001), nullptr);
  EXPECT_EQ(tickets.find("no such ticket", 0), nullptr);
}

TEST(Tickets, AreFewAndForgottenWhenNobodyAsksAnyMore) {
  ManualClock clock;
  Tickets tickets(clock);
  constexpr uid_t kUser = 64'200;
  const std::string first = tickets.issue(kUser, 1)->id;
  for (std::size_t i = 1; i < Tickets::kMost; ++i)
    ASSERT_TRUE(tickets.issue(kUser + static_cast<uid_t>(i / Tickets::kMostOfOneUser), 1));
  EXPECT_FALSE(tickets.issue(kUser + 100, 1));
  EXPECT_TRUE(tickets.issue(0, 1));
  EXPECT_TRUE(tickets.issue(::geteuid(), 1));
  clock.advance(Tickets::kForgottenAfter);
  EXPECT_NE(tickets.find(first, kUser), nullptr);
  clock.advance(1ms);
  EXPECT_TRUE(tickets.issue(kUser + 100, 1)) << "all others are forgotten";
  EXPECT_NE(tickets.find(first, kUser), nullptr) << "this one was asked for";
}

TEST(Tickets, OneUserHasAFewUnderWayAndRootAsManyAsItAsksFor) {
  ManualClock clock;
  Tickets tickets(clock);
  constexpr uid_t kUser = 64'200;
  const auto first = tickets.issue(kUser, 1);
  for (std::size_t i = 1; i < Tickets::kMostOfOneUser; ++i) ASSERT_TRUE(tickets.issue(kUser, 1));
  EXPECT_FALSE(tickets.issue(kUser, 1));
  EXPECT_TRUE(tickets.issue(kUser + 1, 1));
  first->ticket->over(PollEnd::answered);
  EXPECT_TRUE(tickets.issue(kUser, 1)) << "one of them is done";
  for (std::size_t i = 0; i < 2 * Tickets::kMost; ++i) EXPECT_TRUE(tickets.issue(0, 1));
}

}  // namespace
}  // namespace codedriftd::test
