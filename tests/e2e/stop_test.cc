/// Stopping, whatever is in flight.
#include <gtest/gtest.h>

#include <csignal>

#include "e2e/daemon.h"
#include "e2e/record.h"
#include "store/db/sqlite.h"

namespace codedriftd::test {
namespace {

class Stop : public testing::TestWithParam<int> {};

TEST_P(Stop, TakesLessThanFiveSecondsWithCallsAndADeliveryHanging) {
  Daemon daemon;
  daemon.deploy("refund", "reviewed");
  daemon.config.functions.emplace_back("refund", "");
  daemon.config.account = "timeout = \"1m\"";
  daemon.config.alerts += faulty_alert("hanging", "hang");
  daemon.receiver().set_default({.fault = Fault::never_answer});
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  ASSERT_TRUE(daemon.wait_for_status("refund", "in_sync"));
  daemon.cloud().set_fault(Daemon::key("refund"), Fault::never_answer);
  daemon.deploy("charge", "hurried");
  ASSERT_TRUE(daemon.receiver().wait_for(1, kSoonEnough));
  daemon.cloud().set_fault(Daemon::key("charge"), Fault::drip_body);
  const auto hanging = [&](const char* answer) { return daemon.cloud().statistics().by_answer.contains(answer); };
  ASSERT_TRUE(eventually([&] { return hanging("fault:never_answer") && hanging("fault:drip_body"); }));

  const MonoTime asked = SystemClock{}.mono();
  EXPECT_EQ(daemon.stop(GetParam()), (ExitStatus{0, 0})) << daemon.log();
  EXPECT_LT(SystemClock{}.mono() - asked, std::chrono::seconds(5)) << daemon.log();
  EXPECT_EQ(daemon.kinds().back(), "daemon.stopped");
  EXPECT_TRUE(whole_record(daemon.database()));

  daemon.cloud().clear();
  daemon.receiver().set_default({});
  daemon.start();
  EXPECT_EQ(daemon.rows({"events", "--kind", "daemon.started"}).back().at("data").at("previous_stop"), "clean");
  // What hung in delivery at the stop is not lost.
  EXPECT_TRUE(daemon.receiver().wait_for(2, Millis{40'000})) << daemon.log();
  EXPECT_TRUE(same_bytes_under_one_id(daemon.receiver().requests(), kWebhookSecret));
}
INSTANTIATE_TEST_SUITE_P(By, Stop, testing::Values(SIGTERM, SIGINT),
                         [](const auto& signal) { return signal.param == SIGTERM ? "SIGTERM" : "SIGINT"; });

TEST(StopGuard, AStopThatCannotFinishEndsWithinFiveSecondsAndTheNextStartSaysSo) {
  Daemon daemon;
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  {
    Database holder = sqlite::open_writer(daemon.database());
    holder.execute("BEGIN IMMEDIATE");  // the last word waits for it, and longer than a stop may take
    const MonoTime asked = SystemClock{}.mono();
    EXPECT_EQ(daemon.stop(), (ExitStatus{1, 0})) << daemon.log();
    EXPECT_LT(SystemClock{}.mono() - asked, std::chrono::seconds(5)) << daemon.log();
    holder.execute("ROLLBACK");
  }
  EXPECT_NE(daemon.kinds().back(), "daemon.stopped");
  EXPECT_TRUE(whole_record(daemon.database()));
  daemon.start();
  EXPECT_EQ(daemon.rows({"events", "--kind", "daemon.started"}).back().at("data").at("previous_stop"), "unclean");
  EXPECT_TRUE(daemon.wait_for_polls());
}

}  // namespace
}  // namespace codedriftd::test
