#include "control/permissions.h"

#include <gtest/gtest.h>

namespace codedriftd::test {
namespace {

using Names = std::vector<std::string>;

constexpr uid_t kSelf = 990;

Caller user(uid_t uid, std::set<gid_t> groups = {}) { return {uid, "", "", std::move(groups)}; }

TEST(Permissions, ByDefaultRootAcceptsAndTheOpsGroupAnnounces) {
  const ControlSettings settings;
  EXPECT_EQ(settings.allowed.size(), kControlVerbs.size());
  for (const char* verb : {"approve", "drop", "diff", "prune"})
    EXPECT_EQ(settings.allowed.find(verb)->second, Names{"root"}) << verb;
  for (const char* verb : {"expect", "poll", "reload", "replay", "suspend", "test"})
    EXPECT_EQ(settings.allowed.find(verb)->second, (Names{"root", "%codedriftd-ops"})) << verb;
}

TEST(Permissions, AreByUserAndByEveryGroupOfTheCaller) {
  ControlSettings settings;
  for (auto& [verb, names] : settings.allowed) names = {"root"};
  settings.allowed["expect"] = {"daemon", "%sys"};  // users and groups that every Debian has: 1 and 3
  const Permissions permissions(settings, kSelf);
  const struct {
    Caller caller;
    bool expect, approve;
  } cases[] = {
      {user(0), true, true},          {user(kSelf), true, true},      {user(1), true, false},
      {user(500), false, false},      {user(500, {3}), true, false},  {user(500, {100, 3}), true, false},
      {user(500, {4}), false, false}, {user(500, {0}), false, false},  // root's group is not root
  };
  for (const auto& each : cases) {
    EXPECT_EQ(permissions.may(each.caller, "expect"), each.expect) << each.caller.uid;
    EXPECT_EQ(permissions.may(each.caller, "approve"), each.approve) << each.caller.uid;
    EXPECT_EQ(permissions.may_ask(each.caller), each.expect) << each.caller.uid;
  }
  EXPECT_TRUE(permissions.unknown().empty());
}

TEST(Permissions, SayWhomTheyAllow) {
  ControlSettings settings;
  settings.allowed["approve"] = {"root"};
  settings.allowed["poll"] = {"alice", "root", "%ops", "bob"};
  const Permissions permissions(settings, kSelf);
  EXPECT_EQ(permissions.allowed("approve"), "root");
  EXPECT_EQ(permissions.allowed("expect"), "root and group codedriftd-ops");
  EXPECT_EQ(permissions.allowed("poll"), "root, user alice, group ops and user bob");
}

TEST(Permissions, OfNamesThatThisMachineDoesNotKnowAllowNobodyAndAreTold) {
  ControlSettings settings;
  settings.allowed["approve"] = {"no-such-user", "%no-such-group"};
  const Permissions permissions(settings, kSelf);
  EXPECT_FALSE(permissions.may(user(500, {500}), "approve"));
  EXPECT_TRUE(permissions.may(user(0), "approve"));
  EXPECT_EQ(permissions.unknown(), (std::set<std::string>{"no-such-user", "%no-such-group"}));
}

}  // namespace
}  // namespace codedriftd::test
