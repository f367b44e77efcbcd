#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace codedriftd {
namespace {

Result<int> halve(int number) {
  if (number % 2 != 0) return Error{"odd"};
  return number / 2;
}

TEST(Result, HoldsAValueOrAnError) {
  const auto good = halve(4);
  ASSERT_TRUE(good.ok());
  EXPECT_TRUE(static_cast<bool>(good));
  EXPECT_EQ(*good, 2);
  const auto bad = halve(3);
  EXPECT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().message, "odd");
}

TEST(Result, AskedForAValueItHasNotItThrows) {
  auto bad = halve(3);
  EXPECT_THROW((void)bad.value(), std::logic_error);
  EXPECT_THROW((void)*bad, std::logic_error);
  EXPECT_THROW((void)halve(3).value(), std::logic_error);
}

TEST(Result, GivesItsValueAway) {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(7));
  const std::unique_ptr<int> taken = std::move(result).value();
  EXPECT_EQ(*taken, 7);
}

TEST(Result, ReachesIntoItsValue) {
  Result<std::string> result(std::string("abc"));
  result->push_back('d');
  EXPECT_EQ(result->size(), 4U);
}

TEST(Result, WithoutAValueIsDoneOrNot) {
  EXPECT_TRUE(Checked(Done{}).ok());
  EXPECT_FALSE(Checked(Error{"no"}).ok());
}

}  // namespace
}  // namespace codedriftd
