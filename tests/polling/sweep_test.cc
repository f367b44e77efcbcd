#include "polling/sweep.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "polling/fake_api.h"
#include "support/manual_clock.h"

namespace codedriftd::test {
namespace {

using namespace std::chrono_literals;

/// A FakeApi for which time passes while it waits.
class PassingApi final : public Api {
 public:
  explicit PassingApi(ManualClock& clock) : clock_(clock) {}
  FakeApi fake;
  void start(const ApiCall& call, Callback done) override { fake.start(call, std::move(done)); }
  void turn(Millis at_most) override {
    clock_.advance(std::max(at_most, 1ms));
    fake.turn(at_most);
  }
  void wake() override {}
  std::size_t in_flight() const override { return fake.in_flight(); }

 private:
  ManualClock& clock_;
};

class SweepTest : public testing::Test {
 protected:
  void run(int count, double rate = 1000) {
    std::vector<Target> targets;
    for (int i = 0; i < count; ++i)
      targets.push_back({"prod", i % 2 == 0 ? "ap-guangzhou" : "ap-shanghai", "default", fmt::format("f{}", i), "1"});
    std::vector<const Target*> pointers;
    for (const Target& target : targets) pointers.push_back(&target);
    answers.assign(targets.size(), {});
    SweepHooks hooks;
    hooks.answered = [&](std::size_t index, const Observation& observation, WallTime) {
      answers[index].push_back(observation.outcome);
    };
    hooks.progress = [&](std::size_t done) { words.push_back(done); };
    given_up = sweep(api, clock, pointers, {{"prod", {"a key", rate}}}, hooks);
  }

  ManualClock clock;
  PassingApi api{clock};
  std::vector<std::vector<Outcome>> answers;
  std::vector<std::size_t> words;
  std::vector<GivenUp> given_up;
};

TEST_F(SweepTest, AsksEachTargetOnceWithinOnePaceForAllRegions) {
  api.fake.answer_with = [](const Target&) { return observed("reviewed"); };
  const MonoTime begun = clock.mono();
  run(40, 10);
  for (const auto& each : answers) EXPECT_EQ(each, std::vector<Outcome>{Outcome::observed});
  EXPECT_GE(clock.mono() - begun, 3900ms) << "twenty in each of two regions, at ten a second together";
  EXPECT_LE(clock.mono() - begun, 5s);
  EXPECT_EQ(words.back(), 40U);
}

TEST_F(SweepTest, RetriesAsTheDaemonDoesAndAsksTwiceForWhatIsNotFound) {
  int failures = 2;
  api.fake.answer_with = [&](const Target& target) {
    if (target.function == "f1") return refused("ResourceNotFound.Function");
    return failures-- > 0 ? refused("InternalError") : observed("reviewed");
  };
  const MonoTime begun = clock.mono();
  run(2);
  EXPECT_EQ(answers[0], std::vector<Outcome>{Outcome::observed});
  EXPECT_EQ(answers[1], (std::vector<Outcome>{Outcome::missing, Outcome::missing}));
  EXPECT_GE(clock.mono() - begun, 2s);
}

TEST_F(SweepTest, GivesUpOnARegionWhoseCredentialsAreRefused) {
  api.fake.answer_with = [](const Target& target) {
    return target.region == "ap-shanghai" ? refused("AuthFailure.SecretIdNotFound") : observed("reviewed");
  };
  run(200);
  ASSERT_EQ(given_up.size(), 1U);
  EXPECT_EQ(given_up[0].region, "ap-shanghai");
  EXPECT_EQ(given_up[0].error.code, "AuthFailure.SecretIdNotFound");
  std::size_t asked = 0;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (i % 2 == 1) {
      asked += answers[i].size();
    } else {
      EXPECT_EQ(answers[i], std::vector<Outcome>{Outcome::observed});
    }
  }
  EXPECT_GE(asked, 3U);
  EXPECT_EQ(words.back(), 200U);
}

TEST_F(SweepTest, AnErrorOfTheCloudsOwnDoesNotHideThatTheCredentialsAreRefused) {
  int call = 0;
  api.fake.answer_with = [&](const Target&) {
    return call++ / 2 % 2 == 0 ? refused("AuthFailure.UnauthorizedOperation") : refused("LimitExceeded");
  };
  run(200);
  EXPECT_EQ(given_up.size(), 2U) << "one for each region";
  EXPECT_LT(call, 30);
}

}  // namespace
}  // namespace codedriftd::test
