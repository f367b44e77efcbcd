#include "support/seed.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace codedriftd::test {
namespace {

class SeedTest : public testing::Test {
 protected:
  SeedTest() {
    if (const char* value = std::getenv("CODEDRIFTD_SEED")) saved_ = value;
    ::unsetenv("CODEDRIFTD_SEED");
  }
  ~SeedTest() override {
    ::unsetenv("CODEDRIFTD_SEED");
    if (saved_) ::setenv("CODEDRIFTD_SEED", saved_->c_str(), 1);
  }
  static void set(const char* value) { ::setenv("CODEDRIFTD_SEED", value, 1); }

 private:
  std::optional<std::string> saved_;
};

TEST_F(SeedTest, IsTheFixedOneUnlessTheEnvironmentNamesAnother) {
  EXPECT_EQ(seed(4), 4U);
  set("17");
  EXPECT_EQ(seed(4), 17U);
  EXPECT_EQ(seed(), 17U);
  set("18446744073709551615");
  EXPECT_EQ(seed(), UINT64_MAX);
}

TEST_F(SeedTest, IsDrawnWhereNoneIsFixedOrOneIsAskedFor) {
  EXPECT_NE(seed(), seed()) << "once in four thousand million times";
  set("random");
  EXPECT_NE(seed(4), seed(4));
}

TEST_F(SeedTest, IsSaidTogetherWithTheWayToHaveItAgain) {
  testing::internal::CaptureStderr();
  seed(4711);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "seed 4711; the same again with CODEDRIFTD_SEED=4711\n");
}

TEST_F(SeedTest, WhatIsNoNumberIsRefusedAndNotTakenForZero) {
  for (const char* value : {"x", "1x", "-1", " 1", "18446744073709551616"}) {
    set(value);
    EXPECT_THROW(seed(4), std::runtime_error) << value;
  }
}

TEST_F(SeedTest, StreamsOfOneSeedDifferAndEachCanBeHadAgain) {
  EXPECT_EQ(random_from(7)(), random_from(7)());
  EXPECT_NE(random_from(7)(), random_from(8)());
  EXPECT_NE(random_from(7)(), random_from(7, 1)());
  EXPECT_NE(random_from(7)(), random_from(7 + (uint64_t{1} << 32))());
}

}  // namespace
}  // namespace codedriftd::test
