#include "discovery/detail_troubles.h"

#include <gtest/gtest.h>

namespace codedriftd::test {
namespace {

Details detail_of(const std::string& name, const std::string& code, const std::string& region = "ap-tokyo") {
  Details details;
  details.wish = {"prod", region, "default", name, 1, true, false, false};
  details.trouble = {code, "said by the cloud", "request-1"};
  details.complete = code.empty();
  return details;
}

/// "warning", "recovered" or "".
std::string word_of(const std::optional<DetailTroubles::Word>& word) {
  if (!word) return "";
  return word->recovered ? "recovered" : "warning";
}

TEST(DetailTroubles, AreToldOnceForAnAccountRegionAndCodeUntilNoFunctionHasThemAnyMore) {
  DetailTroubles troubles;
  const MonoTime now{};
  const std::string denied = "UnauthorizedOperation.CAM";
  const auto word = troubles.note(detail_of("f0", denied), now);
  ASSERT_EQ(word_of(word), "warning");
  EXPECT_NE(word->text.find("prod/ap-tokyo/default/f0"), std::string::npos);
  EXPECT_NE(word->text.find("said by the cloud"), std::string::npos);
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 1'000; ++i)
      EXPECT_EQ(word_of(troubles.note(detail_of("f" + std::to_string(i), denied), now)), "");
  }
  EXPECT_EQ(word_of(troubles.note(detail_of("f0", denied, "ap-seoul"), now)), "warning") << "another region";
  EXPECT_EQ(word_of(troubles.note(detail_of("f0", "InternalError"), now)), "warning") << "another code";
  EXPECT_EQ(word_of(troubles.note(detail_of("f0", ""), now)), "recovered") << "of that code";
  for (int i = 1; i < 999; ++i) EXPECT_EQ(word_of(troubles.note(detail_of("f" + std::to_string(i), ""), now)), "");
  EXPECT_EQ(word_of(troubles.note(detail_of("f999", ""), now)), "recovered");
  EXPECT_EQ(word_of(troubles.note(detail_of("f999", ""), now)), "");
  EXPECT_EQ(word_of(troubles.note(detail_of("f7", denied), now)), "warning") << "it is there again";
}

TEST(DetailTroubles, OfAFunctionThatIsNotThereAreNone) {
  DetailTroubles troubles;
  Details gone = detail_of("f0", "ResourceNotFound.Function");
  gone.missing = true;
  EXPECT_EQ(word_of(troubles.note(gone, {})), "");
  EXPECT_EQ(word_of(troubles.note(detail_of("f0", "InternalError"), {})), "warning");
  EXPECT_EQ(word_of(troubles.note(gone, {})), "recovered");
}

TEST(DetailTroubles, ThatLastAreToldOnceMoreEachDay) {
  DetailTroubles troubles;
  MonoTime now{};
  EXPECT_EQ(word_of(troubles.note(detail_of("f0", "InternalError"), now)), "warning");
  EXPECT_EQ(word_of(troubles.note(detail_of("f0", "InternalError"), now += std::chrono::hours(23))), "");
  EXPECT_EQ(word_of(troubles.note(detail_of("f1", "InternalError"), now += std::chrono::hours(1))), "warning");
}

}  // namespace
}  // namespace codedriftd::test
