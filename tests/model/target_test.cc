#include "model/target.h"

#include <gtest/gtest.h>

namespace codedriftd {
namespace {

TEST(Target, AddressGoesBothWays) {
  const Target target{"prod", "ap-guangzhou", "default", "charge", "$LATEST"};
  EXPECT_EQ(target.address(), "prod/ap-guangzhou/default/charge:$LATEST");
  const auto parsed = Target::parse(target.address());
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(*parsed, target);
}

TEST(Target, RefusesWhatIsNoAddressAndSaysWhy) {
  struct Row {
    std::string address, says;
  };
  for (const Row& row :
       {Row{"", "has the form ACCOUNT/REGION/NAMESPACE/FUNCTION:QUALIFIER"}, Row{"charge", "has the form"},
        Row{"a/b/c/d", "has the form"}, Row{"a/b/c:d", "has the form"}, Row{"/b/c/d:e", "its account \"\""},
        Row{"a/b b/c/d:e", "its region \"b b\""}, Row{"a/b//d:e", "its namespace \"\""},
        Row{"a/b/c/d*:e", "its function \"d*\""}, Row{"a/b/c/d:", "its qualifier \"\""},
        Row{"a/b/c/d:e:f", "its qualifier \"e:f\""}, Row{"a/b/c/d:e/f", "its qualifier \"e/f\""},
        Row{"a/b/c/d:\x1b[1m", "\\u{1b}"}, Row{"a/b/c/" + std::string(65, 'd') + ":e", "its function"}}) {
    const auto parsed = Target::parse(row.address);
    ASSERT_FALSE(parsed.ok()) << row.address;
    EXPECT_NE(parsed.error().message.find(row.says), std::string::npos) << parsed.error().message;
  }
}

TEST(Target, PartsAreOneTo64OfTheNamedCharacters) {
  EXPECT_TRUE(valid_part("AZaz09_.$-"));
  EXPECT_TRUE(valid_part(std::string(64, 'x')));
  for (const std::string& part : {std::string(), std::string(65, 'x'), std::string("a/b"), std::string("a:b"),
                                  std::string("a b"), std::string("\xc3\xa4"), std::string("a\0b", 3)}) {
    EXPECT_FALSE(valid_part(part)) << part;
  }
}

TEST(Glob, MatchesAllOfTheText) {
  struct Row {
    std::string_view pattern, text;
    bool matches;
  };
  for (const Row& row :
       {Row{"*", "", true}, Row{"*", "a/b", true}, Row{"", "", true}, Row{"", "a", false}, Row{"?", "", false},
        Row{"?", "a", true}, Row{"a?c", "abc", true}, Row{"a?c", "a/c", true}, Row{"drift.*", "drift.detected", true},
        Row{"drift.*", "drift", false}, Row{"prod/*:$LATEST", "prod/ap/default/f:$LATEST", true},
        Row{"*/f:*", "p/r/n/f:1", true}, Row{"*a*b*", "xxaxxbxx", true}, Row{"*a*b", "xxbxxa", false},
        Row{"ab**", "ab", true}, Row{"abc", "ab", false}, Row{"ab", "abc", false}, Row{"*ab", "aab", true}}) {
    EXPECT_EQ(glob_match(row.pattern, row.text), row.matches) << row.pattern << " on " << row.text;
  }
}

TEST(Glob, ManyStarsAreNoTrap) {
  std::string pattern;
  for (int i = 0; i < 100; ++i) pattern += "*a";
  pattern += "b";
  EXPECT_FALSE(glob_match(pattern, std::string(5000, 'a')));
}

}  // namespace
}  // namespace codedriftd
