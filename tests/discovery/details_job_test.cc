#include "discovery/details_job.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "discovery/catalogue.h"

namespace codedriftd::test {
namespace {

/// One function with `count` versions and aliases.
class DetailsJobTest : public testing::Test {
 protected:
  ReadAnswer answer(const ReadCall& call) {
    asked.push_back(call.action);
    if (refuse && call.action == *refuse) return read_refused(refuse_code);
    EXPECT_NE(call.body.find("\"charge\""), std::string::npos) << call.body;
    const std::size_t from = call.action == Action::get_function ? 0 : number_in(call, "Offset");
    if (call.action == Action::list_versions) {
      VersionPage page;
      page.total = static_cast<int64_t>(versions.size());
      for (std::size_t i = from; i < std::min(from + 100, versions.size()); ++i, ++page.entries) {
        if (versions[i] != "$LATEST") page.versions.push_back(versions[i]);
      }
      return read_ok(page);
    }
    if (call.action == Action::list_aliases) {
      AliasPage page;
      page.total = static_cast<int64_t>(aliases.size());
      for (std::size_t i = from; i < std::min(from + 100, aliases.size()); ++i, ++page.entries)
        page.aliases.push_back({aliases[i], {"7", "", ""}});
      return read_ok(page);
    }
    FunctionDetail detail;
    detail.image_uri = image;
    return read_ok(detail);
  }
  Details read(unsigned with_versions, bool with_aliases, bool with_layers, bool with_image = false) {
    asked.clear();
    DetailWish wish{"prod", "ap-guangzhou", "default", "charge", with_versions, with_aliases, with_layers, with_image};
    DetailsJob job(wish);
    carry(job, [this](const ReadCall& call) {
      ReadAnswer given = answer(call);
      if (after) after();
      return given;
    });
    return job.take_details();
  }

  std::vector<std::string> versions{"$LATEST", "9", "10", "1"}, aliases{"live", "$DEFAULT"};
  std::string image;
  std::optional<Action> refuse;
  std::string refuse_code = "UnauthorizedOperation.CAM";
  std::function<void()> after;
  std::vector<Action> asked;
};

TEST_F(DetailsJobTest, ReadsWhatIsWishedForAndNothingElse) {
  image = "ccr.ccs.tencentyun.com/a/b:c@sha256:00";
  const Details all = read(2, true, true);
  EXPECT_TRUE(all.complete) << all.trouble.message;
  EXPECT_EQ(all.versions, (std::vector<std::string>{"10", "9", "1"}));
  ASSERT_EQ(all.aliases->size(), 2U);
  EXPECT_EQ(all.aliases->at(0).name, "$DEFAULT");
  EXPECT_EQ(all.aliases->at(1).route.version, "7");
  EXPECT_EQ(all.image, true);
  EXPECT_EQ(all.calls, 3U);
  EXPECT_EQ(asked, (std::vector{Action::list_versions, Action::list_aliases, Action::get_function}));

  EXPECT_TRUE(read(1, false, false).complete);
  EXPECT_EQ(asked, std::vector{Action::list_versions});
  EXPECT_TRUE(read(0, true, false).complete);
  EXPECT_EQ(asked, std::vector{Action::list_aliases});
  EXPECT_EQ(read(0, false, false, true).image, true);
  EXPECT_EQ(asked, std::vector{Action::get_function});
  EXPECT_TRUE(read(0, false, false).complete);
  EXPECT_TRUE(asked.empty());
}

TEST_F(DetailsJobTest, PagesListsOfAnyLength) {
  versions = {"$LATEST"};
  for (int i = 1; i <= 350; ++i) versions.push_back(std::to_string(i));
  aliases.clear();
  for (int i = 0; i < 230; ++i) aliases.push_back(fmt::format("a{}", 1000 + i));
  const Details details = read(1, true, false);
  EXPECT_TRUE(details.complete) << details.trouble.message;
  ASSERT_EQ(details.versions->size(), 350U);
  EXPECT_EQ(details.versions->front(), "350");
  EXPECT_EQ(details.versions->back(), "1");
  EXPECT_EQ(details.aliases->size(), 230U);
}

TEST_F(DetailsJobTest, AListThatMovesIsReadAgainThreeTimesAtMost) {
  for (int i = 100; i <= 250; ++i) versions.push_back(std::to_string(i));
  int published = 0;
  after = [&] {
    if (published++ == 0) versions.insert(versions.begin(), "9999");
  };
  const Details once = read(1, false, false);
  EXPECT_TRUE(once.complete) << once.trouble.message;
  EXPECT_EQ(once.versions->front(), "9999");
  after = [&] { versions.insert(versions.begin(), std::to_string(10'000 + published++)); };
  const Details never = read(1, true, false);
  EXPECT_FALSE(never.complete);
  EXPECT_EQ(never.trouble.code, kMovedCode);
}

TEST_F(DetailsJobTest, WhatIsRefusedKeepsNothingElseFromBeingRead) {
  image = "ccr.ccs.tencentyun.com/a/b:c@sha256:00";
  refuse = Action::list_aliases;
  const Details denied = read(1, true, true);
  EXPECT_FALSE(denied.complete);
  EXPECT_FALSE(denied.missing);
  EXPECT_EQ(denied.trouble.code, "UnauthorizedOperation.CAM");
  ASSERT_TRUE(denied.versions);
  EXPECT_EQ(denied.versions->size(), 3U);
  EXPECT_EQ(denied.aliases, std::nullopt) << "not known is not the same as none";
  EXPECT_EQ(denied.image, true);
  EXPECT_EQ(asked.size(), 3U);
  refuse = Action::list_versions;
  const Details of_aliases = read(1, true, false);
  EXPECT_EQ(of_aliases.versions, std::nullopt);
  EXPECT_EQ(of_aliases.aliases->size(), 2U);
  EXPECT_EQ(of_aliases.image, std::nullopt) << "nobody asked";
  EXPECT_FALSE(of_aliases.complete);
}

TEST_F(DetailsJobTest, OfAFunctionThatIsNotThereNothingElseIsAsked) {
  refuse = Action::list_versions;
  refuse_code = "ResourceNotFound.Function";
  EXPECT_TRUE(read(1, true, true).missing);
  EXPECT_EQ(asked, std::vector{Action::list_versions});
}

TEST_F(DetailsJobTest, AListOfVersionsWithoutEvenTheLatestIsNoAnswer) {
  versions = {"$LATEST"};
  EXPECT_TRUE(read(1, false, false).complete) << "none is published";
  versions.clear();
  const Details empty = read(1, true, false);
  EXPECT_FALSE(empty.complete);
  EXPECT_EQ(empty.versions, std::nullopt);
  EXPECT_EQ(empty.trouble.code, "Client.BadAnswer");
  EXPECT_EQ(empty.aliases->size(), 2U);
}

TEST_F(DetailsJobTest, AnAnswerOfAnotherKindOrAnEarlyEndIsNotComplete) {
  DetailsJob odd({"prod", "ap-guangzhou", "default", "charge", 1, false, false, false});
  carry(odd, [](const ReadCall&) { return read_ok(AliasPage()); });
  EXPECT_EQ(odd.take_details().trouble.code, "Client.BadAnswer");
  DetailsJob unfinished({"prod", "ap-guangzhou", "default", "charge", 1, false, false, false});
  EXPECT_EQ(unfinished.take_details().trouble.code, kUnfinishedCode);
}

}  // namespace
}  // namespace codedriftd::test
