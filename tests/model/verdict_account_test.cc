#include <gtest/gtest.h>

#include "base/json.h"
#include "model/verdict.h"

namespace codedriftd {
namespace {

constexpr WallTime kNow{Millis{1'800'000'000'000}};
const PollError kError{"AuthFailure.SecretIdNotFound", "no such key", "req-9"};

AccountDecision decide_prod(const AccountState& state, const AccountInput& input) {
  return decide_account("prod", "ap-guangzhou", state, input, kNow);
}

TEST(Account, OpensAtFiveAndMoreThanHalfStaleOrWithACause) {
  struct Row {
    unsigned watched, stale;
    bool cause, failing;
  };
  for (const Row& row :
       {Row{4, 4, false, false}, Row{5, 5, false, true}, Row{9, 5, false, true}, Row{10, 5, false, false},
        Row{11, 5, false, false}, Row{11, 6, false, true}, Row{100, 50, false, false}, Row{100, 51, false, true},
        Row{1, 0, true, true}, Row{0, 0, false, false}}) {
    const auto decision = decide_prod({}, {row.watched, row.stale, row.cause, "stale", std::nullopt});
    EXPECT_EQ(decision.state.failing, row.failing) << row.stale << " of " << row.watched;
    EXPECT_EQ(decision.events.size(), row.failing ? 1U : 0U) << row.stale << " of " << row.watched;
  }
}

TEST(Account, ACauseNamesItselfAndConcernsAll) {
  const auto decision = decide_prod({}, {42, 0, true, "credentials", kError});
  EXPECT_EQ(decision.state.reason, "credentials");
  EXPECT_EQ(decision.state.since, kNow);
  const NewEvent& event = decision.events.at(0);
  EXPECT_EQ(event.kind, "account.failing");
  EXPECT_EQ(event.severity, Severity::warning);
  EXPECT_EQ(event.actor, "daemon");
  EXPECT_EQ(event.target, std::nullopt);
  EXPECT_TRUE(alerts_by_default(event));
  EXPECT_EQ(
      *event.data,
      (Json{{"reason", "credentials"},
            {"error", {{"code", "AuthFailure.SecretIdNotFound"}, {"message", "no such key"}, {"request_id", "req-9"}}},
            {"functions", 42}}));
  EXPECT_EQ(
      event.facts.summary,
      "42 of 42 functions of account prod in ap-guangzhou cannot be seen (credentials: AuthFailure.SecretIdNotFound).");
}

TEST(Account, RecoversOnceWhenNeitherHolds) {
  auto state = decide_prod({}, {10, 6, false, "denied", kError}).state;
  EXPECT_TRUE(decide_prod(state, {10, 6, false, "denied", kError}).events.empty()) << "said once";
  EXPECT_TRUE(decide_prod(state, {10, 0, true, "clock", kError}).events.empty()) << "another cause, the same alarm";
  const auto decision = decide_prod(state, {10, 2, false, "denied", kError});
  EXPECT_FALSE(decision.state.failing);
  EXPECT_EQ(decision.state.since, std::nullopt);
  const NewEvent& event = decision.events.at(0);
  EXPECT_EQ(event.kind, "account.recovered");
  EXPECT_EQ(event.severity, Severity::info);
  EXPECT_EQ(event.facts.account, "prod");
  EXPECT_EQ(event.facts.region, "ap-guangzhou");
  EXPECT_EQ(*event.data, (Json{{"reason", "denied"}, {"error", nullptr}, {"functions", 2}}));
  EXPECT_EQ(event.facts.summary,
            "Most functions of account prod in ap-guangzhou can be seen again; 2 of 10 still cannot.");
  EXPECT_TRUE(decide_prod(decision.state, {10, 2, false, "denied", kError}).events.empty());
}

TEST(Account, WithoutAReasonItIsStale) {
  EXPECT_EQ(decide_prod({}, {5, 5, false, "", std::nullopt}).state.reason, "stale");
}

TEST(Account, AWrongClockIsToldInTheWordsOfWhatWasMeasured) {
  const PollError clock{"Client.Clock",
                        "this machine's clock is 900 s behind the cloud's; the cloud takes signatures of at most 300 s",
                        ""};
  EXPECT_EQ(decide_prod({}, {17, 0, true, "clock", clock}).events.at(0).facts.summary,
            "this machine's clock is 900 s behind the cloud's: none of the 17 functions of prod/ap-guangzhou can be "
            "polled.");
  EXPECT_EQ(decide_prod({}, {1, 0, true, "clock", clock}).events.at(0).facts.summary,
            "this machine's clock is 900 s behind the cloud's: the function of prod/ap-guangzhou cannot be polled.");
}

}  // namespace
}  // namespace codedriftd
