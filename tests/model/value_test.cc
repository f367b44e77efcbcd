#include "model/value.h"

#include <gtest/gtest.h>

#include <set>

namespace codedriftd::test {
namespace {

const std::string kHexA(64, 'a');
const std::string kHexB(64, 'b');
const Sha256 kDigestA = *Sha256::from_hex(kHexA), kDigestB = *Sha256::from_hex(kHexB);

TEST(TextOf, NamesLayersInTheOrderInWhichTheyCount) {
  EXPECT_EQ(text_of(std::vector<UsedLayer>{}), "no layers");
  EXPECT_EQ(text_of(std::vector<UsedLayer>{{"deps", 3, kDigestA}}), "deps:3 sha256:" + kHexA);
  EXPECT_EQ(text_of(std::vector<UsedLayer>{{"deps", 3, kDigestA}, {"agent", 12, kDigestB}}),
            "deps:3 sha256:" + kHexA + "\nagent:12 sha256:" + kHexB);
}

TEST(TextOf, NamesWhereAnAliasLeads) {
  EXPECT_EQ(text_of(AliasRoute{"7", "", ""}), "version 7");
  EXPECT_EQ(text_of(AliasRoute{"$LATEST", "", ""}), "version $LATEST");
  EXPECT_EQ(text_of(AliasRoute{"7", "8", "10%"}), "version 7, 10% to version 8");
  EXPECT_EQ(text_of(AliasRoute{"7", "8", "invoke.headers.User exact \"alice\""}),
            "version 7, invoke.headers.User exact \"alice\" to version 8");
}

TEST(TextOf, DiffersWhereTheValuesDo) {
  std::set<std::string> texts;
  const std::vector<std::vector<UsedLayer>> layers{
      {},
      {{"deps", 3, kDigestA}},
      {{"deps", 3, kDigestB}},
      {{"deps", 4, kDigestA}},
      {{"dep", 3, kDigestA}},
      {{"deps", 3, kDigestA}, {"agent", 1, kDigestB}},
      {{"agent", 1, kDigestB}, {"deps", 3, kDigestA}},
      {{"deps", 3, kDigestA}, {"deps", 3, kDigestA}},
  };
  const std::vector<AliasRoute> routes{
      {"7", "", ""},     {"8", "", ""},     {"7", "8", "10%"},
      {"7", "8", "11%"}, {"7", "9", "10%"}, {"7", "9", "10% to version 8, 10%"},
  };
  for (const auto& value : layers) texts.insert(text_of(value));
  for (const auto& value : routes) texts.insert(text_of(value));
  EXPECT_EQ(texts.size(), layers.size() + routes.size());
}

TEST(ImageDigest, IsWhatTheReferenceEndsWith) {
  for (const std::string& uri : {"ccr.example/team/charge:v7@sha256:" + kHexA, "ccr.example/charge@sha256:" + kHexA,
                                 "h:5000/a@b@sha256:" + kHexA}) {
    EXPECT_EQ(image_digest(uri), kDigestA) << uri;
  }
  for (const std::string& uri :
       {std::string(), std::string("ccr.example/team/charge:v7"), "@sha256:" + kHexA, "sha256:" + kHexA,
        "ccr.example/charge@sha256:" + kHexA.substr(1), "ccr.example/charge@sha256:" + kHexA + "a",
        "ccr.example/charge@sha512:" + kHexA, "ccr.example/charge@sha256:" + kHexA + "@sha256:", kHexA}) {
    EXPECT_EQ(image_digest(uri), std::nullopt) << uri;
  }
}

}  // namespace
}  // namespace codedriftd::test
