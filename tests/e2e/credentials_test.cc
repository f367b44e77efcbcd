/// Where the key comes from, and that a new one is found.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "e2e/daemon.h"
#include "support/simulated_metadata.h"

namespace codedriftd::test {
namespace {

/// The cloud takes only `second` from now on, and `hand_out` puts it where the daemon looks: it has to find it there by
/// itself.
void expect_rotation(Daemon& daemon, const ScfCredential& second, const std::function<void()>& hand_out) {
  daemon.start();
  ASSERT_TRUE(daemon.wait_for_status("charge", "in_sync")) << daemon.log();
  hand_out();
  daemon.cloud().set_credentials({second});
  daemon.cloud().reset_statistics();
  EXPECT_TRUE(eventually([&] { return daemon.cloud().statistics().accepted >= 2; }, Millis{40'000})) << daemon.log();
  daemon.deploy("charge", "hurried");
  EXPECT_TRUE(daemon.wait_for_alert("drift.detected")) << daemon.log();
}

TEST(Credentials, ProfileIsReadAgainWhenTheCloudRefusesTheKey) {
  Daemon daemon(DaemonOptions{.cloud = accepting(kFirstKey)});
  const auto write = [&](const ScfCredential& c) {
    daemon.dir().write("profile",
                       fmt::format("[default]\nsecret_id = none\nsecret_key = none\n[watch]\nsecret_id = {}\n"
                                   "secret_key = {}\n",
                                   c.secret_id, c.secret_key));
  };
  write(kFirstKey);
  daemon.env.clear();
  daemon.config.credentials =
      fmt::format("source = \"profile\"\nfile = \"{}\"\nprofile = \"watch\"", daemon.dir() / "profile");
  expect_rotation(daemon, kSecondKey, [&] { write(kSecondKey); });
}

TEST(Credentials, FilesUnderTheCredentialsDirectoryAreReadAgainWhenTheCloudRefusesTheKey) {
  Daemon daemon(DaemonOptions{.cloud = accepting(kFirstKey)});
  const auto write = [&](const ScfCredential& c) {
    daemon.dir().write("credentials/scf.id", c.secret_id + "\n");
    daemon.dir().write("credentials/scf.key", c.secret_key + "\n");
  };
  write(kFirstKey);
  daemon.env = {{"CREDENTIALS_DIRECTORY", daemon.dir() / "credentials"}};
  daemon.config.credentials = "source = \"files\"\nsecret_id_file = \"scf.id\"\nsecret_key_file = \"scf.key\"";
  expect_rotation(daemon, kSecondKey, [&] { write(kSecondKey); });
}

TEST(Credentials, ARolesTemporaryKeysAreFetchedAgainWhenTheCloudRefusesThem) {
  SimulatedMetadata metadata;
  SimulatedMetadata::Keys keys;
  keys.expires = SystemClock{}.wall() + std::chrono::hours(1);
  metadata.set_keys(keys);
  Daemon daemon(DaemonOptions{.cloud = accepting({keys.secret_id, keys.secret_key, keys.token})});
  daemon.env.clear();
  daemon.config.credentials = fmt::format("source = \"cvm-role\"\nendpoint = \"{}\"", metadata.endpoint());
  const ScfCredential next{"FAKE-TMP-SECRET-ID-2", "FAKE-TMP-SECRET-KEY-2-NOT-A-REAL-KEY", "FAKE-TMP-TOKEN-2"};
  expect_rotation(daemon, next, [&] {
    keys.secret_id = next.secret_id;
    keys.secret_key = next.secret_key;
    keys.token = next.token;
    metadata.set_keys(keys);
  });
}

TEST(Credentials, TheChainTakesTheRoleWhereThereIsNoOtherKey) {
  SimulatedMetadata metadata;
  const SimulatedMetadata::Keys keys;
  Daemon daemon(DaemonOptions{.cloud = accepting({keys.secret_id, keys.secret_key, keys.token})});
  daemon.env = {{"HOME", daemon.dir().path().string()}};
  daemon.config.credentials = fmt::format("source = \"chain\"\nendpoint = \"{}\"", metadata.endpoint());
  daemon.start();
  EXPECT_TRUE(daemon.wait_for_status("charge", "in_sync")) << daemon.log();
}

TEST(Credentials, ASecretFileThatOthersCanReadIsRefusedWithTheRemedy) {
  Daemon daemon(DaemonOptions{.cloud = accepting(kFirstKey)});
  daemon.env.clear();
  daemon.dir().write("scf.id", kFirstKey.secret_id);
  const std::string key = daemon.dir().write("scf.key", kFirstKey.secret_key, std::filesystem::perms(0644));
  daemon.config.credentials = fmt::format("source = \"files\"\nsecret_id_file = \"{}\"\nsecret_key_file = \"{}\"",
                                          daemon.dir() / "scf.id", key);
  daemon.config.alerts = webhook_alert("ops", daemon.receiver().url(), daemon.secret_file());
  daemon.start();
  EXPECT_TRUE(eventually([&] { return daemon.logged("chmod 0600 " + key); })) << daemon.log();
  ASSERT_TRUE(daemon.wait_for_alert("account.failing")) << daemon.log();
  EXPECT_EQ(daemon.alerts().at(0).at("reason"), "credentials");
  EXPECT_EQ(daemon.alerts().at(0).at("error").at("code"), "Client.NoCredentials");
  EXPECT_EQ(daemon.cloud().statistics().requests, 0U);
  EXPECT_EQ(daemon.status("charge").at("status"), "unobserved");

  std::filesystem::permissions(key, std::filesystem::perms(0600));
  daemon.hangup();
  EXPECT_TRUE(daemon.wait_for_status("charge", "in_sync", Millis{40'000})) << daemon.log();
  EXPECT_TRUE(daemon.wait_for_alert("account.recovered")) << daemon.log();
}

TEST(Credentials, AWebhookSecretThatOthersCanReadIsRefusedWithTheRemedy) {
  Daemon daemon;
  std::filesystem::permissions(daemon.secret_file(), std::filesystem::perms(0644));
  daemon.start();
  EXPECT_TRUE(eventually([&] { return daemon.logged("chmod 0600 " + daemon.secret_file()); })) << daemon.log();
  EXPECT_TRUE(daemon.wait_for_status("charge", "in_sync"));
  std::filesystem::permissions(daemon.secret_file(), std::filesystem::perms(0600));
  daemon.hangup();
  daemon.deploy("charge", "hurried");
  EXPECT_TRUE(daemon.wait_for_alert("drift.detected")) << daemon.log();
}

}  // namespace
}  // namespace codedriftd::test
