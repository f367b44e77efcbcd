#include "base/sha256.h"

#include <gtest/gtest.h>

#include <set>

namespace codedriftd {
namespace {

std::span<const uint8_t> bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

TEST(Sha256, MatchesThePublishedVectors) {
  EXPECT_EQ(sha256("").hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc").hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  // RFC 4231, test cases 1 and 2.
  EXPECT_EQ(hmac_sha256(std::string(20, '\x0b'), "Hi There").hex(),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hmac_sha256("Jefe", "what do ya want for nothing?").hex(),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hmac_sha256({}, {}).hex(), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(Sha256, HexGoesBothWaysInEitherCase) {
  const Sha256 digest = sha256("abc");
  EXPECT_EQ(Sha256::from_hex(digest.hex()), digest);
  std::string upper = digest.hex();
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  EXPECT_EQ(Sha256::from_hex(upper), digest);
  EXPECT_EQ(Sha256::from_bytes(digest.bytes), digest);
}

TEST(Sha256, RefusesWhatIsNo64HexDigits) {
  const std::string good(64, 'a');
  EXPECT_TRUE(Sha256::from_hex(good).has_value());
  for (const std::string& text : {std::string(), std::string(63, 'a'), std::string(65, 'a'), std::string(64, 'g'),
                                  std::string(63, 'a') + " ", std::string(62, 'a') + "0x", std::string(64, '\0')}) {
    EXPECT_FALSE(Sha256::from_hex(text).has_value()) << text;
  }
  EXPECT_FALSE(Sha256::from_bytes(bytes("short")).has_value());
}

TEST(Hex, WritesTwoLowerCaseDigitsAByte) {
  EXPECT_EQ(hex(bytes(std::string_view("\x00\x0f\xff", 3))), "000fff");
  EXPECT_EQ(hex({}), "");
}

TEST(Base64, MatchesRfc4648AndGoesBothWays) {
  struct Row {
    std::string_view data, text;
  };
  for (const Row& row : {Row{"", ""}, Row{"f", "Zg=="}, Row{"fo", "Zm8="}, Row{"foo", "Zm9v"}, Row{"foob", "Zm9vYg=="},
                         Row{"fooba", "Zm9vYmE="}, Row{"foobar", "Zm9vYmFy"}, Row{"\xff\xfe\xfb", "//77"}}) {
    EXPECT_EQ(base64(bytes(row.data)), row.text);
    EXPECT_EQ(base64_decode(row.text), row.data);
  }
}

TEST(Base64, RefusesEverythingElse) {
  for (const std::string_view text :
       {"Z", "Zg", "Zg=", "Zg===", "Z===", "====", "Zm9v\n", "Zm 9v===", "Zg==Zg==", "=Zg=", "Zm-_", " Zg=", "Zg= "}) {
    EXPECT_EQ(base64_decode(text), std::nullopt) << text;
  }
  EXPECT_EQ(base64_decode(std::string_view()), "") << "a view of nothing at all";
}

TEST(Random, IdsAre26CharactersOfBase32AndDiffer) {
  std::set<std::string> ids;
  for (int i = 0; i < 100; ++i) {
    const std::string id = random_id();
    EXPECT_EQ(id.size(), 26U);
    EXPECT_EQ(id.find_first_not_of("abcdefghijklmnopqrstuvwxyz234567"), std::string::npos) << id;
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), 100U);
}

TEST(Random, BytesAreAsManyAsAskedFor) {
  EXPECT_EQ(random_bytes(0), "");
  EXPECT_EQ(random_bytes(1000).size(), 1000U);
  EXPECT_NE(random_bytes(32), random_bytes(32));
}

}  // namespace
}  // namespace codedriftd
