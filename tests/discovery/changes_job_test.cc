#include "discovery/changes_job.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "discovery/catalogue.h"

namespace codedriftd::test {
namespace {

using namespace std::chrono_literals;

class ChangesJobTest : public testing::Test {
 protected:
  using Change = std::function<void(FunctionPage&, int asked)>;
  NewestChanges look(std::optional<WallTime> since, const Change& change = {}) {
    cloud.calls.clear();
    ChangesJob job("prod", "ap-guangzhou", "default", since, WallTime{5000s});
    carry(
        job,
        [&, asked = 0](const ReadCall& call) mutable {
          ReadAnswer answer = cloud.answer(call);
          ++asked;
          if (auto* page = std::get_if<FunctionPage>(&answer.content); page && change) change(*page, asked);
          return answer;
        },
        WallTime{5001s});
    return job.take_changes();
  }
  static std::vector<std::string> names_of(const NewestChanges& changes) {
    std::vector<std::string> names;
    for (const FoundFunction& function : changes.functions) names.push_back(function.name);
    return names;
  }

  Catalogue cloud;
};

TEST_F(ChangesJobTest, ShowsWhatIsNotOlderThanAskedForNewestFirstInOneCall) {
  cloud.add("default", "old", 100);
  cloud.add("default", "at", 200);
  cloud.add("default", "after", 201);
  cloud.add("default", "newest", 300);
  for (int i = 0; i < 200; ++i) cloud.add("default", fmt::format("older{}", i), 50);
  const NewestChanges changes = look(WallTime{200s});
  EXPECT_TRUE(changes.complete) << changes.trouble.message;
  EXPECT_EQ(names_of(changes), (std::vector<std::string>{"newest", "after", "at"}));
  EXPECT_EQ(changes.calls, 1U);
  EXPECT_EQ(changes.ns, "default");
  EXPECT_EQ(changes.began, WallTime{5000s});
  EXPECT_EQ(changes.ended, WallTime{5001s});
  EXPECT_TRUE(look(WallTime{301s}).functions.empty());
}

TEST_F(ChangesJobTest, TakesMorePagesOnlyWhileTheLastFunctionOfAPageIsNotOlder) {
  cloud.add_many("default", 1000);
  EXPECT_EQ(look(WallTime{901s}).calls, 1U);  // 99 of them
  const NewestChanges all = look(WallTime{750s});
  EXPECT_TRUE(all.complete);
  EXPECT_EQ(all.functions.size(), 250U);
  EXPECT_EQ(all.calls, 3U);
  EXPECT_EQ(look(WallTime{0s}).functions.size(), 1000U);
}

TEST_F(ChangesJobTest, WithoutAMomentOnePageIsAll) {
  cloud.add_many("default", 1000);
  const NewestChanges changes = look(std::nullopt);
  EXPECT_TRUE(changes.complete);
  EXPECT_EQ(changes.functions.size(), 100U);
  EXPECT_EQ(changes.functions[0].name, "f10999");
}

TEST_F(ChangesJobTest, AnEmptyNamespaceHasNoChanges) {
  cloud.namespaces["default"];
  EXPECT_TRUE(look(WallTime{0s}).complete);
}

TEST_F(ChangesJobTest, MoreThanTwoThousandAreLeftToTheListing) {
  cloud.add_many("default", 2500);
  const NewestChanges changes = look(WallTime{0s});
  EXPECT_FALSE(changes.complete);
  EXPECT_EQ(changes.trouble.code, kTooManyCode);
  EXPECT_EQ(changes.trouble.message, "2020 changes and more: the next listing has them");
  EXPECT_EQ(changes.calls, kMostChangePages);
}

TEST_F(ChangesJobTest, AFunctionWithoutAModTimeMayBeNew) {
  cloud.add("default", "old", 100);
  cloud.add("default", "untold").modified_at = std::nullopt;
  EXPECT_EQ(names_of(look(WallTime{200s})), std::vector<std::string>{"untold"});
}

TEST_F(ChangesJobTest, ChangesBetweenTwoPagesShowNothingTwice) {
  cloud.add_many("default", 300);
  const NewestChanges changes = look(WallTime{50s}, [&](FunctionPage&, int asked) {
    if (asked == 1) cloud.namespaces["default"]["f10000"].modified_at = WallTime{4000s};
  });
  EXPECT_TRUE(changes.complete);
  auto names = names_of(changes);
  EXPECT_EQ(names.size(), 250U);
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
}

TEST_F(ChangesJobTest, WhatCannotBeTrustedIsIncompleteAndEnds) {
  struct Case {
    const char* name;
    const char* code;
    Change change;
  };
  const std::vector<Case> cases{
      {"not in the order asked for: changes would be hidden", "Client.BadAnswer",
       [](FunctionPage& page, int) { std::reverse(page.functions.begin(), page.functions.end()); }},
      {"a function of another namespace", "Client.BadAnswer",
       [](FunctionPage& page, int) { page.functions[3].ns = "other"; }},
      {"five deleted between two pages", "Client.Moved",
       [&](FunctionPage&, int asked) {
         if (asked > 1) return;
         for (int i = 299; i > 294; --i) cloud.namespaces["default"].erase(fmt::format("f{}", 10'000 + i));
       }},
      {"the same page again and again", "Client.Moved",
       [first = FunctionPage()](FunctionPage& page, int asked) mutable {
         if (asked == 1) first = page;
         page = first;
       }},
      {"empty pages", "Client.Moved", [](FunctionPage& page, int) { page.functions.clear(); }},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name);
    cloud = {};
    cloud.add_many("default", 300);
    const NewestChanges changes = look(WallTime{0s}, one.change);
    EXPECT_FALSE(changes.complete);
    EXPECT_EQ(changes.trouble.code, one.code);
    EXPECT_LE(changes.calls, 4U);
  }
}

TEST_F(ChangesJobTest, ARefusedCallIsItsTrouble) {
  const NewestChanges changes = look(WallTime{0s});  // no such namespace
  EXPECT_FALSE(changes.complete);
  EXPECT_EQ(changes.trouble, (PollError{"ResourceNotFound.Namespace", "simulated", "request-2"}));
  ChangesJob unfinished("prod", "ap-guangzhou", "default", std::nullopt, WallTime{});
  EXPECT_EQ(unfinished.take_changes().trouble.code, kUnfinishedCode);
  ChangesJob odd("prod", "ap-guangzhou", "default", std::nullopt, WallTime{});
  carry(odd, [](const ReadCall&) { return read_ok(AccountUsage()); });
  EXPECT_EQ(odd.take_changes().trouble.code, "Client.BadAnswer");
}

}  // namespace
}  // namespace codedriftd::test
