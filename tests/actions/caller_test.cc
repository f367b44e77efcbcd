#include "actions/caller.h"

#include <gtest/gtest.h>

namespace codedriftd::test {
namespace {

TEST(Caller, IsNamedWithItsHostWhereSeveralWriteTheRecord) {
  EXPECT_EQ(actor_of(0), "uid:0(root)");
  EXPECT_EQ(actor_of(0, "ops-1"), "uid:0(root)@ops-1");
  EXPECT_EQ(actor_of(64'123, "ops-1"), "uid:64123@ops-1");
  EXPECT_TRUE(this_caller("ops-1").actor.ends_with("@ops-1"));
  EXPECT_EQ(this_caller().actor.find('@'), std::string::npos);
}

}  // namespace
}  // namespace codedriftd::test
