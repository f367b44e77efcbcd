#include "cloud/profile_file.h"

#include <gtest/gtest.h>

namespace codedriftd::test {
namespace {

std::string summary(std::string_view text, std::string_view section = "default") {
  const auto keys = read_profile_section(text, section);
  if (!keys) return keys.error().message;
  return keys->secret_id + "|" + std::string(keys->secret_key.reveal()) + "|" + std::string(keys->token.reveal());
}

TEST(ProfileFile, IsReadAsPythonsConfigparserReadsIt) {
  EXPECT_EQ(summary("[default]\nsecret_id = I\nsecret_key = K\ntoken = T\n"), "I|K|T");
  EXPECT_EQ(summary("[default]  # the usual one\nSecret_Id: I\nSECRET_KEY : K\n"), "I|K|");
  EXPECT_EQ(summary("# a\n; b\n\n[default] ; x ]\n"), "has no section [default]; it has [default] ; x]")
      << "a header goes up to the last bracket of its line";
  EXPECT_EQ(summary("[default]\nsecret_id=I:=J\nsecret_key:K=L:M\n"), "I:=J|K=L:M|") << "the first delimiter counts";
  EXPECT_EQ(summary("[DEFAULT]\ntoken = T\nsecret_id = D\n[default]\nsecret_id = I\nsecret_key = K\n"), "I|K|T");
  EXPECT_EQ(summary("[a]\nsecret_id = A\n[default]\nsecret_id = I\nsecret_key = K\n", "a"), "A||");
  EXPECT_EQ(summary("[default]\nsecret_id = I # no comment\nsecret_key = K\n"), "I # no comment|K|");
}

TEST(ProfileFile, NamesTheSectionsThereAre) {
  EXPECT_EQ(summary("[prod]\n[Default]\n"), "has no section [default]; it has [prod], [Default]");
  EXPECT_EQ(summary("secret_id = I\n"), "has no section [default], and no other either; put [default] above the keys");
  std::string many;
  for (int i = 0; i < 15; ++i) many += "[p" + std::to_string(i) + "]\n";
  EXPECT_TRUE(summary(many).ends_with("[p9] and 5 more")) << summary(many);
}

TEST(ProfileFile, RefusesQuotesWithoutRepeatingWhatIsInThem) {
  for (const char* text :
       {"[default]\nsecret_id = I\nsecret_key = \"FAKE-KEY\"\n", "[default]\nsecret_key = 'FAKE-KEY'\n"}) {
    const std::string said = summary(text);
    EXPECT_NE(said.find("secret_key stands in quotes"), std::string::npos) << said;
    EXPECT_EQ(said.find("FAKE"), std::string::npos) << said;
  }
}

}  // namespace
}  // namespace codedriftd::test
