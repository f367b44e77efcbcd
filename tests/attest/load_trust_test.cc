// The keys of [trust], from the configuration to an attestation that is believed.
#include "attest/load_trust.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "settings/load.h"
#include "support/as_user.h"
#include "support/temp_dir.h"
#include "support/test_signer.h"

namespace codedriftd {
namespace {

using test::TempDir;
using test::TestSigner;

Settings settings_in(const TempDir& folder, const std::string& text) {
  auto settings = load_settings(folder.write("codedriftd.toml", text));
  if (!settings) throw std::runtime_error(format_mistakes(settings.error()));
  return std::move(settings).value();
}

TEST(LoadedTrust, BelievesWhatTheConfigurationsKeySigned) {
  const TempDir folder;
  const TestSigner ci = TestSigner::ecdsa();
  folder.write("keys/ci.pub", ci.public_pem());
  const LoadedTrust trust = load_trust(settings_in(folder,
                                                   "[trust.ci]\n"
                                                   "public_key_file = \"keys/ci.pub\"\n"
                                                   "targets = [\"prod/*\"]\n"
                                                   "builder = \"https://ci.example.com/*\"\n"
                                                   "source = \"git+https://git.example.com/shop/*\"\n"));
  ASSERT_EQ(trust.keys.size(), 1U);
  EXPECT_TRUE(trust.mistakes.empty() && trust.forbidden.empty());
  const auto verified = [&](const std::string& builder, const std::string& account) {
    const std::string payload = test::provenance(builder, "https://git.example.com/shop/pay").dump();
    return verify(test::envelope_with(payload, {ci.signature(payload)}).dump(), trust.keys,
                  {account, "ap-guangzhou", "default", "charge", "$LATEST"});
  };
  const auto taken = verified("https://ci.example.com/7", "prod");
  ASSERT_TRUE(taken) << taken.error().message;
  EXPECT_EQ(taken->key, "ci");
  EXPECT_FALSE(verified("https://ci.example.org/7", "prod"));
  const auto refused = verified("https://ci.example.com/7", "test");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("codedriftd.toml:1) may attest \"prod/*\""), std::string::npos)
      << refused.error().message;
}

TEST(LoadedTrust, TellsOfEachKeyThatCannotBeUsedWhereItIsNamed) {
  const TempDir folder;
  folder.write("good.pub", TestSigner::ed25519().public_pem());
  folder.write("bad.pub", "x");
  const LoadedTrust trust =
      load_trust(settings_in(folder,
                             "[trust.a]\npublic_key_file = \"none.pub\"\ntargets = [\"*\"]\n"
                             "[trust.b]\npublic_key_file = \"good.pub\"\ntargets = [\"*\"]\n"
                             "[trust.c]\npublic_key_file = \"bad.pub\"\ntargets = [\"*\"]\n"
                             "[trust.d]\npublic_key_file = \"good.pub\"\ntargets = [\"test/*\"]\n"));
  ASSERT_EQ(trust.keys.size(), 2U);
  EXPECT_EQ(trust.keys[0].name, "b");
  EXPECT_EQ(trust.keys[1].name, "d");
  const std::string main = folder / "codedriftd.toml";
  EXPECT_EQ(format_mistakes(trust.mistakes), main + ":2:19: 'public_key_file': " + (folder / "none.pub") +
                                                 ": cannot be read: No such file or directory\n" + main +
                                                 ":8:19: 'public_key_file': " + (folder / "bad.pub") +
                                                 ": holds no public key in PEM (\"-----BEGIN PUBLIC KEY-----\")\n");
}

TEST(LoadedTrust, TellsApartWhatThisUserAloneMayNotRead) {
  if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: needs root, to read as another user; CI runs it as root";
  const TempDir folder;  // closed to others
  folder.write("ci.pub", TestSigner::ed25519().public_pem());
  const Settings settings = settings_in(folder, "[trust.ci]\npublic_key_file = \"ci.pub\"\ntargets = [\"*\"]\n");
  LoadedTrust trust;
  test::as_user(65'534, {}, [&] { trust = load_trust(settings); });
  EXPECT_TRUE(trust.keys.empty() && trust.mistakes.empty());
  ASSERT_EQ(trust.forbidden.size(), 1U);
  EXPECT_EQ(trust.forbidden[0].place.line, 2U);
  EXPECT_EQ(load_trust(settings).keys.size(), 1U);
}

}  // namespace
}  // namespace codedriftd
