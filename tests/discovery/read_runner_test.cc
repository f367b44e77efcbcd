#include "discovery/read_runner.h"

#include <gtest/gtest.h>

#include "discovery/scripted_read_api.h"

namespace codedriftd::test {
namespace {

using namespace std::chrono_literals;

/// Makes the same call `count` times.
class Repeat final : public ReadJob {
 public:
  Repeat(ReadCall call, int count) : call_(std::move(call)), left_(count) {}
  std::optional<ReadCall> next() override {
    if (left_-- == 0) return std::nullopt;
    return call_;
  }
  void take(ReadAnswer answer, WallTime) override {
    if (throws) throw std::runtime_error("simulated: out of memory");
    answers.push_back(std::move(answer));
  }
  std::vector<ReadAnswer> answers;
  bool throws = false;

 private:
  ReadCall call_;
  int left_;
};

class ReadRunnerTest : public testing::Test {
 protected:
  ReadRunnerTest() {
    api.answer_with = [](const ReadCall&) { return read_ok(FunctionPage()); };
    runner.set_paces({{"prod", {"a key", 5}}, {"second", {"a key", 5}}, {"other", {"another key", 5}}});
  }
  std::shared_ptr<Repeat> begin(int count, Action action = Action::list_functions, std::string region = "ap-guangzhou",
                                std::string account = "prod") {
    auto job = std::make_shared<Repeat>(ReadCall{action, std::move(account), std::move(region), "{}"}, count);
    runner.start(job, [this, job] { over.emplace(job.get(), clock.mono()); });
    return job;
  }
  /// Until all jobs are over; how long it took.
  Millis finish() {
    const MonoTime begun = clock.mono();
    for (int turns = 0; runner.jobs() > 0 && turns < 100'000; ++turns) runner.turn(1s);
    EXPECT_EQ(runner.jobs(), 0U);
    return std::chrono::duration_cast<Millis>(clock.mono() - begun);
  }

  ManualClock clock;
  ScriptedReadApi api{clock};
  ReadRunner runner{api, clock};
  std::map<const Repeat*, MonoTime> over;
};

TEST_F(ReadRunnerTest, CallsOfOneActionShareAPaceOverAllRegionsAndAccountsOfAKey) {
  for (int i = 0; i < 10; ++i) {
    begin(15, Action::list_functions, "ap-guangzhou");
    begin(15, Action::list_functions, "ap-shanghai", "second");
  }
  const Millis took = finish();
  EXPECT_GE(took, 3900ms) << "300 calls at three quarters of 100 a second";
  EXPECT_LE(took, 4700ms);
  EXPECT_EQ(runner.stats().calls.at(Action::list_functions), 300U);
  EXPECT_EQ(over.size(), 20U);
}

TEST_F(ReadRunnerTest, OtherActionsAndOtherKeysHavePacesOfTheirOwn) {
  for (int i = 0; i < 15; ++i) {
    begin(2, Action::get_account);
    begin(2, Action::list_versions);
    begin(2, Action::get_account, "ap-guangzhou", "other");
  }
  const Millis took = finish();
  EXPECT_GE(took, 1900ms) << "30 calls at three quarters of 20 a second";
  EXPECT_LE(took, 2400ms);
}

TEST_F(ReadRunnerTest, ALongJobInOneRegionDoesNotKeepOthersWaiting) {
  const auto first = begin(300, Action::get_account, "ap-guangzhou");
  const auto second = begin(300, Action::get_account, "ap-guangzhou");
  for (int i = 0; i < 30; ++i) runner.turn(1s);
  const MonoTime asked = clock.mono();
  const auto brief = begin(3, Action::get_account, "ap-shanghai");
  finish();
  EXPECT_LE(over.at(brief.get()) - asked, 800ms) << "every third call is its own";
  EXPECT_GE(over.at(first.get()) - asked, 30s);
  EXPECT_EQ(second->answers.size(), 300U);
}

TEST_F(ReadRunnerTest, RetriesWhatMayWorkSoonOnANewConnection) {
  int failures = 2;
  api.answer_with = [&](const ReadCall&) {
    return failures-- > 0 ? read_refused("InternalError") : read_ok(FunctionPage());
  };
  const auto job = begin(2);
  finish();
  ASSERT_EQ(job->answers.size(), 2U);
  EXPECT_EQ(job->answers[0].error.code, "");
  ASSERT_EQ(api.sent.size(), 4U);
  EXPECT_FALSE(api.sent[0].call.new_connection);
  EXPECT_TRUE(api.sent[1].call.new_connection);
  EXPECT_TRUE(api.sent[2].call.new_connection);
  EXPECT_FALSE(api.sent[3].call.new_connection);
  EXPECT_GE(api.sent[1].at - api.sent[0].at, 200ms);
}

TEST_F(ReadRunnerTest, TheJobGetsTheErrorWhenItsAttemptsAreUsedUp) {
  struct Case {
    const char* code;
    std::size_t attempts;
  };
  for (const Case& one : std::vector<Case>{{"InternalError", 3},
                                           {"RequestLimitExceeded", 3},
                                           {"AuthFailure.SignatureFailure", 2},
                                           {"UnauthorizedOperation.CAM", 1},
                                           {"ResourceNotFound.Namespace", 1}}) {
    SCOPED_TRACE(one.code);
    api.sent.clear();
    api.answer_with = [&](const ReadCall&) { return read_refused(one.code); };
    const auto job = begin(1);
    finish();
    EXPECT_EQ(api.sent.size(), one.attempts);
    ASSERT_EQ(job->answers.size(), 1U);
    EXPECT_EQ(job->answers[0].error.code, one.code);
  }
  EXPECT_EQ(runner.stats().refused_by_limit, 3U);
}

TEST_F(ReadRunnerTest, SlowsDownWhenTheLimitRefuses) {
  const auto hundred = [&] {
    for (int i = 0; i < 10; ++i) begin(10, Action::get_account);
    return finish();
  };
  const Millis before = hundred();
  int calls = 0;
  api.answer_with = [&](const ReadCall&) {
    return ++calls % 10 == 0 && calls < 100 ? read_refused("RequestLimitExceeded") : read_ok(AccountUsage());
  };
  hundred();
  EXPECT_GE(hundred(), before * 12 / 10);
}

TEST_F(ReadRunnerTest, AnAccountWithoutAPaceHasNoCredentialsAndNothingIsSent) {
  const auto job = begin(2, Action::list_functions, "ap-guangzhou", "unknown");
  runner.turn(1s);
  EXPECT_EQ(runner.jobs(), 0U);
  EXPECT_EQ(over.size(), 1U);
  ASSERT_EQ(job->answers.size(), 2U);
  EXPECT_EQ(job->answers[0].error.code, "Client.NoCredentials");
  EXPECT_TRUE(job->answers[0].meaning.account_cause);
  EXPECT_TRUE(api.sent.empty());
}

TEST_F(ReadRunnerTest, AnAccountThatIsTakenOutWhileCallsWaitEndsThem) {
  std::vector<std::shared_ptr<Repeat>> jobs;
  for (int i = 0; i < 30; ++i) jobs.push_back(begin(2, Action::get_account));
  runner.turn(1s);
  runner.set_paces({{"other", {"another key", 5}}});
  finish();
  EXPECT_LE(api.sent.size(), 3U);
  for (const auto& job : jobs) EXPECT_EQ(job->answers.size(), 2U);
  EXPECT_EQ(over.size(), 30U);
}

TEST_F(ReadRunnerTest, AReloadKeepsWhatWaitsAndWhatWasLearned) {
  for (int i = 0; i < 30; ++i) begin(2, Action::get_account);
  const MonoTime begun = clock.mono();
  for (int i = 0; i < 20; ++i) {
    runner.turn(1s);
    runner.set_paces({{"prod", {"a key", 5}}});
  }
  finish();
  EXPECT_EQ(over.size(), 30U);
  EXPECT_EQ(api.sent.size(), 60U);
  EXPECT_GE(clock.mono() - begun, 3900ms) << "no burst after a reload";
}

TEST_F(ReadRunnerTest, ACallThatCannotBeStartedFailedAndNothingElse) {
  api.start_throws = true;
  const auto job = begin(1);
  finish();
  ASSERT_EQ(job->answers.size(), 1U);
  EXPECT_EQ(job->answers[0].error.code, "Client.Network");
}

TEST_F(ReadRunnerTest, AJobThatThrowsIsOverAndOthersGoOn) {
  const auto bad = begin(5);
  bad->throws = true;
  const auto good = begin(5);
  finish();
  EXPECT_EQ(over.size(), 2U);
  EXPECT_EQ(good->answers.size(), 5U);
}

TEST_F(ReadRunnerTest, AnEndThatThrowsKeepsNoOtherFromItsEnd) {
  runner.start(std::make_shared<Repeat>(ReadCall{Action::get_account, "prod", "r", "{}"}, 0),
               [] { throw std::runtime_error("simulated"); });
  begin(0);
  EXPECT_THROW(runner.turn(1s), std::runtime_error);
  EXPECT_EQ(over.size(), 1U);
}

}  // namespace
}  // namespace codedriftd::test
