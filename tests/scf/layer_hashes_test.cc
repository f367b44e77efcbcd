#include "scf/layer_hashes.h"

#include <gtest/gtest.h>

namespace codedriftd::test {
namespace {

TEST(LayerHashes, KnowAVersionForAnHour) {
  LayerHashes hashes;
  const MonoTime start{};
  const LayerName deps{"prod", "ap-guangzhou", "deps", 3};
  hashes.add(deps, sha256("a"), start);
  EXPECT_LE(LayerHashes::kKeptFor, std::chrono::hours(1));
  EXPECT_EQ(hashes.find(deps, start + LayerHashes::kKeptFor - Millis{1}), sha256("a"));
  EXPECT_EQ(hashes.find(deps, start + LayerHashes::kKeptFor), std::nullopt);
  hashes.add(deps, sha256("b"), start + LayerHashes::kKeptFor);
  EXPECT_EQ(hashes.find(deps, start + LayerHashes::kKeptFor), sha256("b"));
  EXPECT_EQ(hashes.size(), 1U);
}

TEST(LayerHashes, TellAccountsRegionsNamesAndVersionsApart) {
  LayerHashes hashes;
  hashes.add({"prod", "ap-guangzhou", "deps", 3}, sha256("a"), {});
  for (const LayerName& other :
       {LayerName{"test", "ap-guangzhou", "deps", 3}, LayerName{"prod", "ap-tokyo", "deps", 3},
        LayerName{"prod", "ap-guangzhou", "dep", 3}, LayerName{"prod", "ap-guangzhou", "deps", 4}}) {
    EXPECT_EQ(hashes.find(other, {}), std::nullopt);
  }
  hashes.clear();
  EXPECT_EQ(hashes.find({"prod", "ap-guangzhou", "deps", 3}, {}), std::nullopt);
}

TEST(LayerHashes, ForgetTheOldestWhereTheyAreTooMany) {
  LayerHashes hashes;
  const auto layer = [](std::size_t i) { return LayerName{"prod", "r", "layer", static_cast<int64_t>(i)}; };
  for (std::size_t i = 0; i < LayerHashes::kMost + 10; ++i) hashes.add(layer(i), sha256("a"), {});
  EXPECT_EQ(hashes.size(), LayerHashes::kMost);
  EXPECT_EQ(hashes.find(layer(9), {}), std::nullopt);
  EXPECT_TRUE(hashes.find(layer(10), {}));
}

TEST(LayerHashes, KeepTheFirstAgeOfOneThatIsAddedTwice) {
  LayerHashes hashes;
  const MonoTime start{};
  const LayerName deps{"prod", "r", "deps", 3};
  hashes.add(deps, sha256("a"), start);
  hashes.add(deps, sha256("a"), start + Millis{1000});
  EXPECT_EQ(hashes.find(deps, start + LayerHashes::kKeptFor), std::nullopt);
  hashes.add({"prod", "r", "other", 1}, sha256("b"), start + LayerHashes::kKeptFor + Millis{2000});
  EXPECT_EQ(hashes.size(), 1U);
}

}  // namespace
}  // namespace codedriftd::test
