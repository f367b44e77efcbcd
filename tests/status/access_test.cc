#include "status/access.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/sha256.h"
#include "support/temp_dir.h"
#include "support/test_ca.h"

namespace codedriftd::test {
namespace {

constexpr char kToken[] = "fake-token-0123456789abcdef";

class AccessTest : public testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& text, std::filesystem::perms mode) {
    const std::string path = dir.path() / name;
    std::ofstream(path) << text;
    std::filesystem::permissions(path, mode);
    return path;
  }
  std::string token_file(const std::string& text) {
    return file("page.token", text, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }
  TempDir dir;
};

TEST_F(AccessTest, WithoutATokenEverybodyMayAsk) {
  const auto access = Access::load({});
  ASSERT_TRUE(access);
  EXPECT_TRUE((*access)->allows(""));
  EXPECT_TRUE((*access)->allows("Bearer anything"));
  EXPECT_EQ((*access)->identity(), nullptr);
}

TEST_F(AccessTest, TheTokenIsShownAsABearerTokenOrAsThePasswordOfAnyUser) {
  HttpSettings settings;
  settings.token_file = token_file(std::string(kToken) + "\n");
  const auto access = Access::load(settings);
  ASSERT_TRUE(access) << access.error().message;
  const auto basic = [](const std::string& pair) { return "Basic " + base64(pair); };
  const std::string token = kToken;
  const std::vector<std::pair<std::string, bool>> table{
      {"Bearer " + token, true},
      {"bearer   " + token, true},
      {basic("anybody:" + token), true},
      {basic(":" + token), true},
      {"", false},
      {token, false},
      {"Bearer", false},
      {"Bearer ", false},
      {"Bearer " + token + "0", false},
      {"Bearer " + token.substr(1), false},
      {"Bearer " + token + " ", false},
      {"Digest " + token, false},
      {basic(token), false},
      {basic(token + ":"), false},
      {basic("anybody:" + token + "\n"), false},
      {"Basic anybody:" + token, false},
      {"Basic", false},
  };
  for (const auto& [header, allowed] : table) EXPECT_EQ((*access)->allows(header), allowed) << header;
}

TEST_F(AccessTest, AFileThatIsNoGoodIsRefusedWithItsNameAndARemedy) {
  struct Case {
    const char* text;
    const char* words;
  };
  for (const Case& c : {Case{"", "empty"}, Case{"short", "has 5 characters, which can be guessed"},
                        Case{"two words are not a token", "one word of printable ASCII"},
                        Case{"t\xC3\xB6ken-0123456789abcdef", "one word of printable ASCII"}}) {
    HttpSettings settings;
    settings.token_file = token_file(c.text);
    const auto access = Access::load(settings);
    ASSERT_FALSE(access) << c.text;
    EXPECT_NE(access.error().message.find("token_file: " + settings.token_file), std::string::npos)
        << access.error().message;
    EXPECT_NE(access.error().message.find(c.words), std::string::npos) << access.error().message;
    if (*c.text != '\0') {
      EXPECT_EQ(access.error().message.find(c.text), std::string::npos) << "a secret is not shown";
    }
  }
  HttpSettings missing;
  missing.token_file = dir.path() / "nothing";
  EXPECT_FALSE(Access::load(missing));
  HttpSettings open_to_others;
  open_to_others.token_file = file("open.token", kToken, std::filesystem::perms::all);
  EXPECT_FALSE(Access::load(open_to_others));
}

TEST_F(AccessTest, ACertificateNeedsTheKeyThatBelongsToIt) {
  TestCa ca(dir.path().string());
  const TlsFiles one = ca.server(), other = ca.server();
  HttpSettings settings;
  settings.tls_certificate = one.certificate;
  settings.tls_key = one.key;
  const auto access = Access::load(settings);
  ASSERT_TRUE(access) << access.error().message;
  EXPECT_NE((*access)->identity(), nullptr);
  settings.tls_key = other.key;
  EXPECT_FALSE(Access::load(settings));
  settings.tls_key = one.certificate;
  EXPECT_FALSE(Access::load(settings));
  settings.tls_certificate = dir.path() / "nothing.pem";
  const auto nothing = Access::load(settings);
  ASSERT_FALSE(nothing);
  EXPECT_NE(nothing.error().message.find("nothing.pem"), std::string::npos) << nothing.error().message;
}

}  // namespace
}  // namespace codedriftd::test
