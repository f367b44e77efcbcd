#include "http_sink/mask.h"

#include <gtest/gtest.h>

namespace codedriftd::http_sink {
namespace {

TEST(Mask, TakesOutWhatAUrlMayHideAndLeavesWhatItDoesNot) {
  Mask mask;
  mask.add_url("https://hooks.example.com/services/T0123456789ABCDEFG?key=fake-key-1&v=1#part");
  EXPECT_EQ(mask.apply("got key=fake-key-1&v=1"), "got ***");
  EXPECT_EQ(mask.apply("no such key: fake-key-1"), "no such key: ***");
  EXPECT_EQ(mask.apply("/services/T0123456789ABCDEFG is gone"), "*** is gone");
  EXPECT_EQ(mask.apply("no room T0123456789ABCDEFG"), "no room ***");
  EXPECT_EQ(mask.apply("hooks.example.com v1 services"), "hooks.example.com v1 services");
}

TEST(Mask, AnAddressThatIsASecretIsMaskedPartByPart) {
  Mask mask;
  mask.add_url("https://hooks.example.com/services/T01FAKE23/B0FAKE4567/fakefakefake?key=fake-key-1");
  EXPECT_EQ(mask.apply("no team T01FAKE23 with B0FAKE4567"), "no team *** with ***");
  EXPECT_EQ(mask.apply("POST /services/T01FAKE23/B0FAKE4567/fakefakefake?key=fake-key-1 at hooks.example.com"),
            "POST *** at hooks.example.com");
  EXPECT_EQ(mask.apply("fakefakefake fake-key-1"), "*** ***");
  EXPECT_EQ(mask.apply("services"), "services");
  Mask prefix;
  prefix.add_url("https://am.example.com/t/fake/?a=b#top");
  EXPECT_EQ(prefix.apply("POST /t/fake/?a=b, GET /t/fake/x, PUT /t/fake"), "POST ***, GET ***x, PUT ***");
  Mask bare;
  bare.add_url("https://hooks.example.com");
  EXPECT_EQ(bare.apply("hooks.example.com"), "hooks.example.com");
}

TEST(Mask, AHostIsNoSecretHoweverLong) {
  Mask mask;
  mask.add_url("https://a-very-long-host-name.example.com");
  EXPECT_EQ(mask.apply("a-very-long-host-name.example.com"), "a-very-long-host-name.example.com");
}

TEST(Mask, FindsASecretThatAJsonWriterEscaped) {
  Mask mask;
  mask.add("fake/secret/1");
  EXPECT_EQ(mask.apply(R"({"echo":"fake\/secret\/1","again":"fake/secret/1"})"), R"({"echo":"***","again":"***"})");
}

TEST(Mask, ReplacesTheLongerOfTwoThatOverlap) {
  Mask mask;
  mask.add("abcd");
  mask.add("abcdefgh");
  EXPECT_EQ(mask.apply("abcdefgh abcd"), "*** ***");
}

TEST(Mask, IgnoresWhatIsTooShortToBeASecret) {
  Mask mask;
  mask.add("abc");
  mask.add("");
  EXPECT_EQ(mask.apply("abc"), "abc");
}

}  // namespace
}  // namespace codedriftd::http_sink
