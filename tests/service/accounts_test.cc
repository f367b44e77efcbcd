#include "service/accounts.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "settings/load.h"
#include "support/simulated_metadata.h"
#include "support/temp_dir.h"

namespace codedriftd::test {
namespace {

Settings settings_with(const std::string& text) {
  auto loaded = load_settings_text("f", text);
  EXPECT_TRUE(loaded) << format_mistakes(loaded.error());
  return std::move(*loaded);
}

TEST(Accounts, AreWaitedForSideBySideWhereAMetadataServiceIsSilent) {
  SimulatedMetadata metadata;
  metadata.set_mode(SimulatedMetadata::Mode::silent);
  std::string text;
  for (int i = 0; i < 20; ++i) {
    text += fmt::format("[account.a{}]\n[account.a{}.credentials]\nsource = \"cvm-role\"\nendpoint = \"{}\"\n", i, i,
                        metadata.endpoint());
  }
  const Settings settings = settings_with(text);
  const SystemClock clock;
  Accounts accounts(clock);
  const MonoTime start = clock.mono();
  EXPECT_EQ(accounts.apply(settings).size(), 20U);
  EXPECT_LT(clock.mono() - start, Millis{9'000}) << "one after the other they take forty seconds";
}

TEST(Accounts, ShareAPaceWhereTheyHaveOneKeyAndEndpointWhereverTheyHaveItFrom) {
  const TempDir dir;
  const auto files = [&](const char* name, const char* id) {
    return fmt::format(
        "[account.{0}.credentials]\nsource = \"files\"\nsecret_id_file = \"{1}\"\nsecret_key_file = \"{2}\"\n", name,
        dir.write(std::string(name) + ".id", id), dir.write(std::string(name) + ".key", "FAKE-KEY"));
  };
  const Settings settings =
      settings_with("[account.a]\nrequests_per_second = 5\n" + files("a", "FAKE-ID-1") + "[account.b]\n" +
                    files("b", "FAKE-ID-1") + "[account.c]\n" + files("c", "FAKE-ID-2") +
                    "[account.d]\nendpoint = \"https://scf.ap-tokyo.tencentcloudapi.com\"\n" + files("d", "FAKE-ID-1"));
  const SystemClock clock;
  Accounts accounts(clock);
  accounts.apply(settings);
  const Paces paces = accounts.paces(settings);
  EXPECT_EQ(paces.at("a").key, paces.at("b").key);
  EXPECT_NE(paces.at("a").key, paces.at("c").key) << "another key";
  EXPECT_NE(paces.at("a").key, paces.at("d").key) << "another endpoint";
  EXPECT_EQ(limits_of(paces).at(paces.at("b").key), 5) << "the lowest of their limits";
}

}  // namespace
}  // namespace codedriftd::test
