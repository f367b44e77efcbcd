#include "model/value.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
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

TEST(TextOf, DiffersWhateverStandsInNames) {
  const std::string line = ":3 sha256:" + kHexA;
  const std::vector<std::vector<UsedLayer>> layers{
      {},
      {{"no layers", 3, kDigestA}},
      {{"", 3, kDigestA}},
      {{"\"\"", 3, kDigestA}},
      {{"a" + line + "\nb", 3, kDigestA}},  // one that would read as two
      {{"a", 3, kDigestA}, {"b", 3, kDigestA}},
      {{"\"a\"" + line + "\n\"b\"", 3, kDigestA}},
      {{"a b", 3, kDigestA}},
      {{"\"a b\"", 3, kDigestA}},
      {{"a:3", 3, kDigestA}},
      {{"a", 33, kDigestA}},
      {{"a,b=c@d", 3, kDigestA}},
      {{"a\nb", 3, kDigestA}},
      {{"a\\u{a}b", 3, kDigestA}},
      {{"a\\\\u{a}b", 3, kDigestA}},
      {{"\xff", 3, kDigestA}},
      {{"\xfe", 3, kDigestA}},
      {{"\\xff", 3, kDigestA}},
      {{"\xEF\xBF\xBD", 3, kDigestA}},
  };
  const std::string split = split_by_weight(0.1);
  const std::vector<AliasRoute> routes{
      {"7", "", ""},
      {"", "", ""},
      {"\"\"", "", ""},
      {"7", "", split},
      {"7", "\"\"", split},
      {"7", "8", ""},
      {"7", "8", split},
      {"7, 10% to version 8", "", ""},
      {"7", "8 to version 9", split},
      {"7", "9", split + " to version \"8"},
      {"7", "9", split + " to version 8"},
      {"7 to version 8", "9", split},
      {"7", "8\n", split},
      {"7", "8\\u{a}", split},
      {"7", "a\" to version \"b", split},
      {"7", "b", split + " to version a"},
      {"7", "b", split + " to version \"a\""},
  };
  std::set<std::string> texts;
  for (const auto& value : layers) EXPECT_TRUE(texts.insert(text_of(value)).second) << text_of(value);
  for (const auto& value : routes) {
    EXPECT_TRUE(texts.insert(text_of(value)).second) << text_of(value);
    EXPECT_EQ(text_of(value).find('\n'), std::string::npos) << text_of(value);
  }
  for (const auto& value : layers) {
    const std::string text = text_of(value);
    EXPECT_EQ(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1,
              std::max<std::size_t>(value.size(), 1));
  }
}

TEST(Split, IsAPercentageWhereThatIsTheWeightExactly) {
  const struct {
    double weight;
    const char* text;
  } cases[] = {{0, "0%"},
               {-0.0, "0%"},
               {0.1, "10%"},
               {0.07, "7%"},
               {0.005, "0.5%"},
               {0.333333, "33.3333%"},
               {1, "100%"},
               {0.3333333, "0.3333333 of the calls"},
               {0.100000000001, "0.100000000001 of the calls"},
               {1e-9, "1e-09 of the calls"}};
  for (const auto& each : cases) EXPECT_EQ(split_by_weight(each.weight), each.text);
}

TEST(Split, OfTwoWeightsDiffersHoweverNearTheyAre) {
  for (const double weight : {0.1, 0.07, 0.3, 1.0 / 3, 0.999999, 1e-5}) {
    const double next = std::nextafter(weight, 1);
    EXPECT_NE(split_by_weight(weight), split_by_weight(next)) << weight;
    EXPECT_NE(split_by_weight(weight), split_by_weight(std::nextafter(weight, 0))) << weight;
  }
}

TEST(Split, OfTwoRulesDiffersWhateverStandsInThem) {
  EXPECT_EQ(split_by_rule("invoke.headers.User", "exact", "alice"), "invoke.headers.User exact \"alice\"");
  const std::string x(5'000, 'x');
  const std::vector<std::array<std::string, 3>> rules{
      {"a b", "c", "d"},     {"a", "b c", "d"},      {"a", "b", "c d"},   {"a", "b", "c\" d \"e"},
      {"a", "", "b"},        {"", "a", "b"},         {"a", "b", ""},      {"a", "b", "\n"},
      {"a", "b", "\\u{a}"},  {"a", "b", "\\\\u{a}"}, {"a", "b", "\""},    {"a", "b", "\\\""},
      {"a", "b", "\x1b"},    {"a", "b", "\xff"},     {"a", "b", "\\xff"}, {"10%", "", ""},
      {"a", "b", x},         {"a", "b", x + "x"},    {"a", "b", x + "y"}, {"a", "b" + x, ""},
      {"a", "b", "c=d,e@f"}, {"a", "b", "c=d\ne@f"}};
  std::set<std::string> texts{split_by_weight(0.1)};
  for (const auto& [key, method, expression] : rules) {
    const std::string text = split_by_rule(key, method, expression);
    EXPECT_TRUE(texts.insert(text).second) << text;
    EXPECT_EQ(text.find('\n'), std::string::npos);
    EXPECT_LT(text.size(), 500U);
    // Not even what is cut off of a long one can be written as a short one.
    EXPECT_TRUE(texts.insert(split_by_rule("a", "b", text)).second) << text;
  }
}

TEST(WordsOfValue, AreOneHarmlessLineWithShortHashes) {
  EXPECT_EQ(words_of_value(text_of(std::vector<UsedLayer>{{"deps", 3, kDigestA}, {"agent", 12, kDigestB}})),
            "deps:3 aaaaaaaaaaaa, agent:12 bbbbbbbbbbbb");
  EXPECT_EQ(words_of_value("deps:3 sha256:" + kHexA, 64), "deps:3 " + kHexA);
  EXPECT_EQ(words_of_value("version 7, 10% to version 8"), "version 7, 10% to version 8");
  EXPECT_EQ(words_of_value("no layers"), "no layers");
  EXPECT_EQ(words_of_value("a\x1b[2J\xE2\x80\xAE\nb"), "a\\u{1b}[2J\\u{202e}, b");
  // What an alias's rule says is not cut, whatever it looks like.
  const std::string rule = "version 7, " + split_by_rule("k", "exact", "sha256:" + kHexA) + " to version 8";
  EXPECT_EQ(words_of_value(rule), rule);
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
