#include "base/bell.h"

#include <gtest/gtest.h>

#include <thread>

namespace codedriftd {
namespace {

using namespace std::chrono_literals;

TEST(Bell, ARingIsRememberedOnce) {
  Bell bell;
  bell.ring();
  bell.ring();
  EXPECT_TRUE(bell.wait_for({}, 1h));
  EXPECT_FALSE(bell.wait_for({}, 0ms));
}

TEST(Bell, ARingEndsAWait) {
  Bell bell;
  std::jthread ringer([&] { bell.ring(); });
  EXPECT_TRUE(bell.wait_for({}, 1h));
}

TEST(Bell, AStopEndsAWaitWithoutARing) {
  Bell bell;
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  EXPECT_FALSE(bell.wait_for(stop.get_token(), 1h));
}

TEST(Bell, ATimeoutEndsAWaitWithoutARing) {
  Bell bell;
  EXPECT_FALSE(bell.wait_for({}, 1ms));
}

}  // namespace
}  // namespace codedriftd
