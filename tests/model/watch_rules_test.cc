#include "model/watch_rules.h"

#include <gtest/gtest.h>

namespace codedriftd {
namespace {

FoundFunction found(std::string ns, std::string name, std::map<std::string, std::string> tags = {}) {
  FoundFunction function;
  function.ns = std::move(ns);
  function.name = std::move(name);
  function.tags = std::move(tags);
  return function;
}

FoundFunction found_without_word_of_tags() {
  FoundFunction function = found("x", "y");
  function.tags.reset();
  return function;
}

WatchRule rule_at(std::string where) {
  WatchRule rule;
  rule.where = std::move(where);
  rule.account = "prod";
  rule.regions = {"ap-tokyo", "ap-guangzhou"};
  return rule;
}

TEST(WatchRules, SayOfEachFunctionWhetherItIsWatchedAndWhy) {
  WatchPlan plan;
  plan.rules.push_back(rule_at("f:1"));
  plan.rules.back().names = {"pay-*", "ledger"};
  plan.rules.back().namespaces = {"default", "env-*"};
  plan.rules.back().except = {"*-dev", "pay-old"};
  plan.rules.push_back(rule_at("f:2"));
  plan.rules.back().names = {"pay-old", "pay-x-dev"};
  plan.rules.back().except = {"pay-x-*"};
  plan.rules.push_back(rule_at("f:3"));
  plan.rules.back().tags = {{"team", "pay"}, {"stage", "*"}};
  plan.named = {{{"prod", "ap-tokyo", "default", "pay-pinned"}, "f:9"},
                {{"prod", "ap-tokyo", "default", "other"}, "f:10"},
                {{"prod", "ap-tokyo", "default", "pay-named-dev"}, "f:11"}};

  using enum InventoryState;
  const struct {
    const char* what;
    const char *account, *region;
    FoundFunction function;
    InventoryState state;
    int rule;  ///< -1: none
    const char* where;
  } cases[] = {
      {"a pattern", "prod", "ap-tokyo", found("default", "pay-a"), watched, 0, "f:1"},
      {"the other region", "prod", "ap-guangzhou", found("default", "pay-a"), watched, 0, "f:1"},
      {"the other name", "prod", "ap-tokyo", found("env-7", "ledger"), watched, 0, "f:1"},
      {"a region that no rule has", "prod", "ap-seoul", found("default", "pay-a"), unmanaged, -1, ""},
      {"a region's beginning", "prod", "ap", found("default", "pay-a"), unmanaged, -1, ""},
      {"another account", "test", "ap-tokyo", found("default", "pay-a"), unmanaged, -1, ""},
      {"another namespace", "prod", "ap-tokyo", found("shop", "pay-a"), unmanaged, -1, ""},
      {"another name", "prod", "ap-tokyo", found("default", "repay-a"), unmanaged, -1, ""},
      {"letters count", "prod", "ap-tokyo", found("default", "Pay-a"), unmanaged, -1, ""},
      {"excepted", "prod", "ap-tokyo", found("default", "pay-a-dev"), excluded, 0, "f:1"},
      {"excepted by one, watched by a later one", "prod", "ap-tokyo", found("default", "pay-old"), watched, 1, "f:2"},
      {"excepted by two: the first is named", "prod", "ap-tokyo", found("default", "pay-x-dev"), excluded, 0, "f:1"},
      {"excepted where only the second matches", "prod", "ap-tokyo", found("shop", "pay-x-dev"), excluded, 1, "f:2"},
      {"every tag", "prod", "ap-tokyo", found("x", "y", {{"team", "pay"}, {"stage", ""}, {"more", "1"}}), watched, 2,
       "f:3"},
      {"a tag that is missing", "prod", "ap-tokyo", found("x", "y", {{"team", "pay"}}), unmanaged, -1, ""},
      {"a tag of another value", "prod", "ap-tokyo", found("x", "y", {{"team", "payroll"}, {"stage", "1"}}), unmanaged,
       -1, ""},
      {"tags that are not told", "prod", "ap-tokyo", found_without_word_of_tags(), unmanaged, -1, ""},
      {"named, and no rule matches", "prod", "ap-tokyo", found("default", "other"), watched, -1, "f:10"},
      {"named, and a rule matches too", "prod", "ap-tokyo", found("default", "pay-pinned"), watched, 0, "f:9"},
      {"named, and a rule takes it out", "prod", "ap-tokyo", found("default", "pay-named-dev"), watched, -1, "f:11"},
      {"named in another region only", "prod", "ap-guangzhou", found("default", "other"), unmanaged, -1, ""},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    const Judgement judged = judge(c.account, c.region, c.function, plan);
    EXPECT_EQ(judged.state, c.state);
    EXPECT_EQ(judged.rule, c.rule < 0 ? nullptr : &plan.rules[static_cast<std::size_t>(c.rule)]);
    EXPECT_EQ(judged.where, c.where);
  }
}

TEST(WatchRules, OfWhichThereAreNoneLeaveEverythingUnmanaged) {
  const Judgement judged = judge("prod", "ap-tokyo", found("default", "a"), {});
  EXPECT_EQ(judged.state, InventoryState::unmanaged);
  EXPECT_EQ(judged.rule, nullptr);
  EXPECT_EQ(judged.where, "");
}

}  // namespace
}  // namespace codedriftd
