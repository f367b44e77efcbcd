#include <gtest/gtest.h>

#include "model/verdict.h"
#include "model/verdict_story.h"

namespace codedriftd {
namespace {

using namespace story;

TargetState after(const std::vector<Input>& inputs) {
  TargetState state;
  WallTime now = kStart;
  for (const Input& input : inputs) state = decide(kTarget, state, input, now += 1min).state;
  return state;
}

TEST(Status, NamesGoBothWays) {
  for (const Status status : kStatuses) {
    EXPECT_EQ(parse_status(to_string(status)), status);
  }
  EXPECT_EQ(parse_status("fine"), std::nullopt);
  for (const AcceptedSource source : {AcceptedSource::first_seen, AcceptedSource::approval, AcceptedSource::pin,
                                      AcceptedSource::deploy, AcceptedSource::content}) {
    EXPECT_EQ(parse_accepted_source(to_string(source)), source);
  }
  EXPECT_EQ(parse_accepted_source(""), std::nullopt);
}

TEST(Status, StalenessBeginsWhenTheLastAnswerIsTooOld) {
  const TargetState state = after({watch(), see('A')});  // seen at 00:02, stale_after 20 minutes
  const auto fresh = status_of(state, kStart + 22min, DaemonStay{kStart + 22min});
  EXPECT_EQ(fresh.status, Status::in_sync);
  EXPECT_EQ(fresh.since, kStart + 2min);
  const auto stale = status_of(state, kStart + 22min + 1ms, DaemonStay{kStart + 22min});
  EXPECT_EQ(stale.status, Status::unobserved);
  EXPECT_EQ(stale.reason, "stale");
  EXPECT_EQ(stale.since, kStart + 22min);
}

TEST(Status, AStoppedDaemonIsTheReasonOnceItIsSilentForLongerThanStale) {
  const TargetState state = after({watch(), see('A')});
  const WallTime now = kStart + 1h;
  EXPECT_EQ(status_of(state, now, DaemonStay{now}).reason, "stale");
  EXPECT_EQ(status_of(state, now, DaemonStay{now - 20min}).reason, "stale");
  EXPECT_EQ(status_of(state, now, DaemonStay{now - 21min}).reason, "daemon_not_running");
  EXPECT_EQ(status_of(state, now, std::nullopt).reason, "daemon_not_running");
  EXPECT_EQ(status_of(state, kStart + 10min, std::nullopt).status, Status::in_sync) << "not stale yet";
  EXPECT_EQ(status_of(after({watch()}), now, std::nullopt).reason, "daemon_not_running");
  const auto drifted = status_of(after({watch(), see('A'), see('X')}), now, std::nullopt);
  EXPECT_EQ(drifted.status, Status::drifted);
  EXPECT_EQ(drifted.reason, "stale");

  TargetState impatient = state;
  impatient.stale_after = 10s;
  EXPECT_EQ(status_of(impatient, now, DaemonStay{now - 11s}).reason, "stale") << "it may still run";
  EXPECT_EQ(status_of(impatient, now, DaemonStay{now - 61s}).reason, "daemon_not_running");
  EXPECT_EQ(status_of(impatient, now, DaemonStay{now - 11s, true}).reason, "daemon_not_running");
  EXPECT_EQ(status_of(impatient, now, DaemonStay{now - 10s, true}).reason, "stale");
}

TEST(Status, MissingStaysMissingHoweverOldTheAnswer) {
  const TargetState state = after({watch(), see('A'), see('X'), gone(), gone()});
  const auto view = status_of(state, kStart + 24h, std::nullopt);
  EXPECT_EQ(view.status, Status::missing) << "and comes before drifted";
  EXPECT_EQ(view.reason, "ResourceNotFound.Function");
  EXPECT_EQ(view.since, kStart + 5min);
}

TEST(Status, TheReasonForNotSeeingIsTheLastPolls) {
  const WallTime now = kStart + 1h;
  const auto reason = [&](const Input& poll) {
    return status_of(after({watch(), see('A'), poll}), now, DaemonStay{now}).reason;
  };
  EXPECT_EQ(reason(updating()), "updating");
  EXPECT_EQ(reason(denied()), "denied");
  EXPECT_EQ(reason(failed()), "failed");
  EXPECT_EQ(reason(no_answer(Outcome::denied, "code_secret", "UnauthorizedOperation.CodeSecret")), "code_secret");
  EXPECT_EQ(reason(no_answer(Outcome::failed, "clock", "Client.Clock")), "clock");
  EXPECT_EQ(reason(no_answer(Outcome::failed, "credentials", "Client.NoCredentials")), "failed");
  EXPECT_EQ(reason(no_answer(Outcome::denied, "credentials", "AuthFailure.SecretIdNotFound")), "denied");
  EXPECT_EQ(reason(no_answer(Outcome::denied, "", "UnauthorizedOperation")), "denied");
  EXPECT_EQ(reason(no_answer(Outcome::observed, "", "")), "failed") << "\"observed\" without a hash";
}

TEST(Status, SinceIsTheLastChangeOfStatus) {
  TargetState state = after({watch(), see('A'), see('A'), see('X'), see('Y'), failed()});
  EXPECT_EQ(status_of(state, kStart + 7min, DaemonStay{kStart}).since, kStart + 4min);
  // Approved while stale: from then on it is merely unobserved.
  state = decide(kTarget, state, approve('Y'), kStart + 2h).state;
  const auto view = status_of(state, kStart + 3h, DaemonStay{kStart + 3h});
  EXPECT_EQ(view.status, Status::unobserved);
  EXPECT_EQ(view.since, kStart + 2h);
}

TEST(Status, ANeverSeenTargetIsUnobservedSinceItIsWatched) {
  EXPECT_EQ(status_of(after({watch(), failed(), failed()}), kStart + 1h, DaemonStay{kStart}).since, kStart + 1min);
  EXPECT_EQ(status_of(TargetState{}, kStart, DaemonStay{kStart}).since, kStart) << "nothing is known: now";
}

TEST(VerdictTime, NeverGoesBackForOneTarget) {
  TargetState state = after({watch(), see('A'), see('X')});
  const Decision decision = decide(kTarget, state, see('A'), kStart - 3h);
  EXPECT_EQ(decision.state.last_polled_at, kStart + 3min);
  EXPECT_EQ(decision.state.last_success_at, kStart + 3min);
  EXPECT_EQ(decision.state.status_since, kStart + 3min);
  EXPECT_EQ(decision.state.live_since, kStart + 3min);
}

TEST(VerdictTime, MoreThanADayAheadCountsAsNow) {
  TargetState state = after({watch(), see('A'), see('X')});
  const WallTime now = kStart - 48h;
  const Decision decision = decide(kTarget, state, see('A'), now);
  EXPECT_EQ(decision.state.last_polled_at, now);
  EXPECT_EQ(decision.state.status_since, now);
  const auto view = status_of(state, now, DaemonStay{kStart});
  EXPECT_EQ(view.status, Status::drifted);
  EXPECT_EQ(view.reason, "") << "its last answer counts as now";
  EXPECT_EQ(view.since, now);
}

TEST(VerdictTime, ADayOfDowntimeMakesNoEvent) {
  const TargetState state = after({watch(), see('A')});
  const Decision restarted = decide(kTarget, state, watch(), kStart + 24h);
  EXPECT_TRUE(restarted.events.empty());
  EXPECT_TRUE(decide(kTarget, restarted.state, tick(0ms), kStart + 24h).events.empty());
}

TEST(VerdictState, CountsFailuresSinceTheLastAnswerAndKeepsTheLastError) {
  TargetState state = after({watch(), see('A'), failed(), denied()});
  EXPECT_EQ(state.consecutive_failures, 2U);
  EXPECT_EQ(state.last_error->code, "UnauthorizedOperation.CAM");
  EXPECT_EQ(state.last_polled_at, kStart + 4min);
  EXPECT_EQ(state.last_success_at, kStart + 2min);
  state = decide(kTarget, state, gone(), kStart + 5min).state;
  EXPECT_EQ(state.consecutive_failures, 0U);
  EXPECT_EQ(state.last_error->code, "ResourceNotFound.Function");
  EXPECT_EQ(state.last_success_at, kStart + 5min);
  state = decide(kTarget, state, see('A'), kStart + 6min).state;
  EXPECT_EQ(state.last_error, std::nullopt);
  EXPECT_EQ(state.live_since, kStart + 6min) << "a run of a hash ends with \"not found\"";
}

}  // namespace
}  // namespace codedriftd
