#include "base/guarded.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace codedriftd {
namespace {

TEST(Guarded, LosesNothingBetweenThreads) {
  Guarded<int> count;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 10'000; ++i) ++*count.lock();
      });
    }
  }
  EXPECT_EQ(count.copy(), 40'000);
}

TEST(Guarded, ALockHoldsForItsScope) {
  Guarded<std::vector<int>> values(std::vector<int>{1});
  std::jthread other;
  {
    Locked locked(values);
    other = std::jthread([&] { values.lock()->push_back(3); });
    locked->push_back(2);
  }
  other.join();
  EXPECT_EQ(values.copy(), (std::vector<int>{1, 2, 3})) << "the other could not come in between";
}

}  // namespace
}  // namespace codedriftd
