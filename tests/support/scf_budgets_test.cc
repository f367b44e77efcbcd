#include "support/scf_budgets.h"

#include <gtest/gtest.h>

namespace codedriftd::test {
namespace {

class ScfBudgetsTest : public testing::Test {
 protected:
  bool take(const std::string& action, const std::string& region = "ap-guangzhou", const std::string& key = "KEY") {
    ScfCall call;
    call.action = action;
    call.region = region;
    call.key_id = key;
    return budgets.take(call, now);
  }
  ScfStatistics statistics() {
    ScfStatistics out;
    budgets.add_to(out);
    return out;
  }

  ScfBudgets budgets;
  MonoTime now{std::chrono::hours(1)};
};

TEST_F(ScfBudgetsTest, AreOfAnActionOverAllRegions) {
  budgets.set_rates({{"ListFunctions", 2}});
  EXPECT_TRUE(take("ListFunctions", "ap-guangzhou"));
  EXPECT_TRUE(take("ListFunctions", "ap-beijing"));
  EXPECT_FALSE(take("ListFunctions", "ap-singapore"));
  EXPECT_TRUE(take("ListNamespaces")) << "another action has its own, here none";
  EXPECT_TRUE(take("ListFunctions", "ap-guangzhou", "OTHER-KEY")) << "so has another key";
  now += Millis{999};
  EXPECT_FALSE(take("ListFunctions"));
  now += Millis{1};
  EXPECT_TRUE(take("ListFunctions")) << "a second after the first ones; the refused counted for nothing";
  budgets.set_rates({{"ListFunctions", 0}});
  now += Millis{5000};
  EXPECT_FALSE(take("ListFunctions"));
}

TEST_F(ScfBudgetsTest, CountTheCallsOfEachAction) {
  budgets.set_rates({{"ListFunctions", 2}});
  for (const char* region : {"ap-guangzhou", "ap-beijing", "ap-beijing"}) take("ListFunctions", region);
  now += Millis{2000};
  take("ListFunctions");
  const ScfActionStatistics counted = statistics().by_action.at("ListFunctions");
  EXPECT_EQ(counted.calls, 3U);
  EXPECT_EQ(counted.refused, 1U);
  EXPECT_EQ(counted.busiest_second, 2U);
  EXPECT_EQ(counted.busiest_second_sent, 3U);
  EXPECT_EQ(statistics().busiest_second, 0U) << "of GetFunctionAddress alone";
  budgets.forget();
  EXPECT_TRUE(statistics().by_action.empty());
}

TEST_F(ScfBudgetsTest, HoldGetFunctionAddressForEachRegionToo) {
  budgets.set_region_rate(1);
  EXPECT_TRUE(take("GetFunctionAddress", "ap-guangzhou"));
  EXPECT_FALSE(take("GetFunctionAddress", "ap-guangzhou"));
  EXPECT_TRUE(take("GetFunctionAddress", "ap-beijing"));
  EXPECT_TRUE(take("ListFunctions"));
  budgets.set_rates({{"GetFunctionAddress", 2}});
  EXPECT_FALSE(take("GetFunctionAddress", "ap-singapore")) << "both hold";
  EXPECT_EQ(statistics().busiest_second, 1U);
  EXPECT_EQ(statistics().busiest_second_sent, 2U);
}

TEST(ScfRates, AreTheDocumentedOnes) {
  EXPECT_EQ(documented_rates().at("GetFunctionAddress"), 20U);
  EXPECT_EQ(documented_rates().at("ListFunctions"), 100U);
  EXPECT_EQ(documented_rates().at("GetFunction"), 100U);
  EXPECT_EQ(documented_rates().at("DescribeEvents"), 20U);
  EXPECT_EQ(documented_rates().size(), 10U);
}

}  // namespace
}  // namespace codedriftd::test
