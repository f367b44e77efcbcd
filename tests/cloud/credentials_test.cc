#include "cloud/credentials.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "support/manual_clock.h"
#include "support/simulated_metadata.h"
#include "support/temp_dir.h"

namespace codedriftd::test {
namespace {

using Source = CredentialSpec::Source;
namespace fs = std::filesystem;

/// Every variable that a source reads, unset for the test and put back after it.
class CredentialsTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : kNames) {
      const char* value = std::getenv(name);
      saved_.emplace_back(name, value == nullptr ? std::nullopt : std::optional<std::string>(value));
      ::unsetenv(name);
    }
    ::setenv("HOME", dir.path().c_str(), 1);
  }
  void TearDown() override {
    for (const auto& [name, value] : saved_) {
      if (value) {
        ::setenv(name, value->c_str(), 1);
      } else {
        ::unsetenv(name);
      }
    }
  }

  static void set_env(const char* name, const std::string& value) { ::setenv(name, value.c_str(), 1); }

  TempDir dir;
  CredentialSpec spec;

 private:
  static constexpr const char* kNames[] = {"TENCENTCLOUD_SECRET_ID",      "TENCENTCLOUD_SECRET_KEY",
                                           "TENCENTCLOUD_TOKEN",          "TENCENTCLOUD_SESSION_TOKEN",
                                           "TENCENTCLOUD_SECURITY_TOKEN", "TENCENTCLOUD_CREDENTIALS_FILE",
                                           "CREDENTIALS_DIRECTORY",       "HOME"};
  std::vector<std::pair<const char*, std::optional<std::string>>> saved_;
};

void expect_found(const Result<Credentials, Unavailable>& found, std::string_view id, std::string_view key,
                  std::string_view token) {
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->secret_id, id);
  EXPECT_EQ(found->secret_key.reveal(), key);
  EXPECT_EQ(found->token.reveal(), token);
}

void expect_none(const Result<Credentials, Unavailable>& found, std::string_view part, bool broken) {
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message.find(part), std::string::npos) << found.error().message;
  EXPECT_EQ(found.error().broken, broken) << found.error().message;
  EXPECT_EQ(found.error().message.find("FAKE-KEY"), std::string::npos) << "a secret in a message";
}

TEST_F(CredentialsTest, EnvironmentGivesIdKeyAndATokenOfThreeNames) {
  spec.source = Source::env;
  expect_none(read_credentials(spec, Millis{1000}), "are not set", false);
  set_env("TENCENTCLOUD_SECRET_ID", "FAKE-ID");
  set_env("TENCENTCLOUD_SECRET_KEY", "FAKE-KEY");
  expect_found(read_credentials(spec, Millis{1000}), "FAKE-ID", "FAKE-KEY", "");
  set_env("TENCENTCLOUD_SECURITY_TOKEN", "FAKE-SECURITY");
  expect_found(read_credentials(spec, Millis{1000}), "FAKE-ID", "FAKE-KEY", "FAKE-SECURITY");
  set_env("TENCENTCLOUD_SESSION_TOKEN", "FAKE-SESSION");
  expect_found(read_credentials(spec, Millis{1000}), "FAKE-ID", "FAKE-KEY", "FAKE-SESSION");
  set_env("TENCENTCLOUD_TOKEN", "FAKE-TOKEN");
  expect_found(read_credentials(spec, Millis{1000}), "FAKE-ID", "FAKE-KEY", "FAKE-TOKEN");
  set_env("TENCENTCLOUD_TOKEN", "");
  expect_found(read_credentials(spec, Millis{1000}), "FAKE-ID", "FAKE-KEY", "FAKE-SESSION");
}

TEST_F(CredentialsTest, EnvironmentHalfSetNamesWhatIsMissing) {
  spec.source = Source::env;
  set_env("TENCENTCLOUD_SECRET_ID", "FAKE-ID");
  set_env("TENCENTCLOUD_SECRET_KEY", "");
  expect_none(read_credentials(spec, Millis{1000}), "TENCENTCLOUD_SECRET_KEY missing", true);
  set_env("TENCENTCLOUD_SECRET_ID", "");
  set_env("TENCENTCLOUD_SECRET_KEY", "FAKE-KEY");
  expect_none(read_credentials(spec, Millis{1000}), "TENCENTCLOUD_SECRET_ID missing", true);
  set_env("TENCENTCLOUD_SECRET_KEY", "");
  expect_none(read_credentials(spec, Millis{1000}), "are not set", false);
  set_env("TENCENTCLOUD_TOKEN", "FAKE-TOKEN");
  expect_none(read_credentials(spec, Millis{1000}), "TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY missing", true);
}

TEST_F(CredentialsTest, RefusesWhatCannotStandInAHeader) {
  spec.source = Source::env;
  set_env("TENCENTCLOUD_SECRET_ID", "FAKE-ID\r\nInjected: yes");
  set_env("TENCENTCLOUD_SECRET_KEY", "FAKE-KEY");
  expect_none(read_credentials(spec, Millis{1000}), "secret id holds", true);
}

TEST_F(CredentialsTest, ProfileIsReadFromTheFirstPlaceThatIsGiven) {
  spec.source = Source::profile;
  expect_none(read_credentials(spec, Millis{1000}), "/etc/tencentcloud/credentials does not exist", false);
  dir.write(".tencentcloud/credentials",
            "# comment\n; another\n[other]\nsecret_id = WRONG\n\n [default] \n secret_id = FAKE-ID-HOME \r\n"
            "secret_key=FAKE-KEY=with=equals\nunknown = ignored\nnonsense\n[third]\nsecret_id = WRONG\n");
  expect_found(read_credentials(spec, Millis{1000}), "FAKE-ID-HOME", "FAKE-KEY=with=equals", "");
  set_env("TENCENTCLOUD_CREDENTIALS_FILE", dir.write("env-file",
                                                     "[default]\nsecret_id=FAKE-ID-ENV\nsecret_key=FAKE-KEY\n"
                                                     "[ci]\nsecret_id=FAKE-ID-CI\nsecret_key=FAKE-KEY\ntoken=FAKE-T"));
  expect_found(read_credentials(spec, Millis{1000}), "FAKE-ID-ENV", "FAKE-KEY", "");
  spec.profile = "ci";
  expect_found(read_credentials(spec, Millis{1000}), "FAKE-ID-CI", "FAKE-KEY", "FAKE-T");
  spec.profile_file = dir.write("given", "[ci]\nsecret_id=FAKE-ID-GIVEN\nsecret_key=FAKE-KEY\n");
  expect_found(read_credentials(spec, Millis{1000}), "FAKE-ID-GIVEN", "FAKE-KEY", "");
}

TEST_F(CredentialsTest, ProfileSaysWhatIsWrongWithTheFile) {
  spec.source = Source::profile;
  spec.profile_file = dir / "absent";
  expect_none(read_credentials(spec, Millis{1000}), "does not exist", false);
  spec.profile_file = dir.write("file", "[other]\nsecret_id = FAKE-ID\n");
  expect_none(read_credentials(spec, Millis{1000}), "has no section [default]; it has [other]", true);
  dir.write("file", "[default]\nsecret_id = FAKE-ID\n");
  expect_none(read_credentials(spec, Millis{1000}), "secret_key is missing", true);
  dir.write("file", "[default]\nsecret_key = FAKE-KEY\n");
  expect_none(read_credentials(spec, Millis{1000}), "secret_id is missing", true);
  dir.write("file", "[default]\nsecret_id = FAKE ID\nsecret_key = FAKE-KEY\n");
  expect_none(read_credentials(spec, Millis{1000}), "secret id holds", true);
  dir.write("file", "[default]\nsecret_id = FAKE-ID\nsecret_key = FAKE-KEY\n",
            fs::perms::owner_all | fs::perms::others_read);
  expect_none(read_credentials(spec, Millis{1000}), "chmod", true);
}

TEST_F(CredentialsTest, AProfileFileWithAByteOrderMarkIsReadLikeAnother) {
  spec.source = Source::profile;
  spec.profile_file = dir.write("file", "\xEF\xBB\xBF[default]\r\nsecret_id = FAKE-ID\r\nsecret_key = FAKE-KEY\r\n");
  expect_found(read_credentials(spec, Millis{1000}), "FAKE-ID", "FAKE-KEY", "");
}

TEST_F(CredentialsTest, FilesWithAByteOrderMarkAreReadLikeOthers) {
  spec.source = Source::files;
  spec.secret_id_file = dir.write("id",
                                  "\xEF\xBB\xBF"
                                  "FAKE-ID\n");
  spec.secret_key_file = dir.write("key",
                                   "\xEF\xBB\xBF"
                                   "FAKE-KEY\n");
  expect_found(read_credentials(spec, Millis{1000}), "FAKE-ID", "FAKE-KEY", "");
}

TEST_F(CredentialsTest, FilesAreReadAndRelativeOnesUnderSystemdsFolder) {
  spec.source = Source::files;
  expect_none(read_credentials(spec, Millis{1000}), "have to be given", true);
  spec.secret_id_file = "id";
  spec.secret_key_file = dir.write("key", "FAKE-KEY\n");
  expect_none(read_credentials(spec, Millis{1000}), "CREDENTIALS_DIRECTORY", true);
  set_env("CREDENTIALS_DIRECTORY", dir.path().string());
  expect_none(read_credentials(spec, Millis{1000}), "id", true);
  dir.write("id", "  FAKE-ID\n");
  expect_found(read_credentials(spec, Millis{1000}), "FAKE-ID", "FAKE-KEY", "");
  spec.token_file = "token";
  expect_none(read_credentials(spec, Millis{1000}), "token", true);
  dir.write("token", "FAKE-TOKEN");
  expect_found(read_credentials(spec, Millis{1000}), "FAKE-ID", "FAKE-KEY", "FAKE-TOKEN");
  dir.write("key", "FAKE-KEY", fs::perms::owner_all | fs::perms::others_read);
  expect_none(read_credentials(spec, Millis{1000}), "chmod", true);
}

TEST_F(CredentialsTest, RoleKeysComeFromTheMetadataServiceAndNeverThroughAProxy) {
  SimulatedMetadata metadata;
  metadata.set_keys({"FAKE-TMP", "FAKE-KEY", "FAKE-TOKEN", WallTime{Millis{1'900'000'000'000}}});
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  spec.source = Source::cvm_role;
  spec.metadata_endpoint = metadata.endpoint() + "/";
  auto found = read_credentials(spec, Millis{3000});
  ::unsetenv("http_proxy");
  expect_found(found, "FAKE-TMP", "FAKE-KEY", "FAKE-TOKEN");
  EXPECT_EQ(found->expires, WallTime{Millis{1'900'000'000'000}});
  EXPECT_NE(found->source.find("codedriftd-reader"), std::string::npos);
  EXPECT_EQ(metadata.requests(), 2U);
  spec.role = "codedriftd-reader";
  expect_found(read_credentials(spec, Millis{3000}), "FAKE-TMP", "FAKE-KEY", "FAKE-TOKEN");
  EXPECT_EQ(metadata.requests(), 3U) << "a role that is given is not asked for";
  spec.role = "../../user-data";
  expect_none(read_credentials(spec, Millis{3000}), "characters no role has", true);
  EXPECT_EQ(metadata.requests(), 3U);
}

TEST_F(CredentialsTest, EveryBadAnswerOfTheMetadataServiceIsAnError) {
  SimulatedMetadata metadata;
  spec.source = Source::cvm_role;
  spec.metadata_endpoint = metadata.endpoint();
  struct Case {
    SimulatedMetadata::Mode mode;
    const char* message;
  };
  using Mode = SimulatedMetadata::Mode;
  for (const std::string role : {"", "codedriftd-reader"}) {
    spec.role = role;
    for (const Case& c :
         {Case{Mode::no_role, "HTTP 404"}, Case{Mode::redirect, "HTTP 302"}, Case{Mode::http_500, "HTTP 500"},
          Case{Mode::silent, "no whole answer within the deadline"}, Case{Mode::garbage, "cvm-role"}}) {
      SCOPED_TRACE(c.message);
      metadata.set_mode(c.mode);
      const auto found = read_credentials(spec, Millis{300});
      ASSERT_FALSE(found);
      EXPECT_NE(found.error().message.find(c.message), std::string::npos) << found.error().message;
    }
    metadata.set_mode(Mode::not_success);
    expect_none(read_credentials(spec, Millis{3000}), "Code \"Failed\"", true);
    metadata.set_mode(Mode::missing_key);
    expect_none(read_credentials(spec, Millis{3000}), "TmpSecretKey", true);
  }
  EXPECT_EQ(metadata.elsewhere_requests(), 0U) << "a redirect was followed";
}

TEST_F(CredentialsTest, ChainTakesTheFirstThatHasSomething) {
  SimulatedMetadata metadata;
  spec.metadata_endpoint = metadata.endpoint();
  auto found = read_credentials(spec, Millis{3000});
  expect_found(found, "FAKE-TMP-SECRET-ID-1", "FAKE-TMP-SECRET-KEY-1-NOT-A-REAL-KEY", "FAKE-TMP-TOKEN-1");
  dir.write(".tencentcloud/credentials", "[default]\nsecret_id = FAKE-ID-HOME\nsecret_key=FAKE-KEY\n");
  expect_found(read_credentials(spec, Millis{3000}), "FAKE-ID-HOME", "FAKE-KEY", "");
  set_env("TENCENTCLOUD_SECRET_ID", "FAKE-ID-ENV");
  testing::internal::CaptureStderr();
  expect_found(read_credentials(spec, Millis{3000}), "FAKE-ID-HOME", "FAKE-KEY", "");
  const std::string logged = testing::internal::GetCapturedStderr();
  EXPECT_NE(logged.find("TENCENTCLOUD_SECRET_KEY missing"), std::string::npos)
      << "half set is passed over, with a warning";
  set_env("TENCENTCLOUD_SECRET_KEY", "FAKE-KEY");
  expect_found(read_credentials(spec, Millis{3000}), "FAKE-ID-ENV", "FAKE-KEY", "");
  EXPECT_EQ(metadata.key_requests(), 1U);
}

TEST_F(CredentialsTest, ChainWithoutAnythingSaysWhatWasTried) {
  SimulatedMetadata metadata;
  metadata.set_mode(SimulatedMetadata::Mode::no_role);
  spec.metadata_endpoint = metadata.endpoint();
  const auto found = read_credentials(spec, Millis{3000});
  ASSERT_FALSE(found);
  for (const char* part : {"environment: ", "profile: ", "cvm-role: "}) {
    EXPECT_NE(found.error().message.find(part), std::string::npos) << found.error().message;
  }
}

// ---- the provider -------------------------------------------------------------------------------------------------

/// Waits until `condition` holds, with an upper bound that only a failing test reaches.
bool eventually(const std::function<bool()>& condition) {
  const SystemClock clock;
  const MonoTime give_up = clock.mono() + Millis{10'000};
  while (!condition()) {
    if (clock.mono() > give_up) return false;
    std::this_thread::yield();
  }
  return true;
}

class CredentialProviderTest : public CredentialsTest {
 protected:
  CredentialProviderTest() {
    spec.source = Source::cvm_role;
    spec.metadata_endpoint = metadata.endpoint();
    spec.role = "codedriftd-reader";
    give_keys("1", Millis(std::chrono::hours(1)));
  }
  void give_keys(const std::string& number, Millis life) {
    metadata.set_keys({"FAKE-TMP-" + number, "FAKE-KEY-" + number, "FAKE-TOKEN-" + number, clock.wall() + life});
  }
  static std::string id_of(CredentialProvider& provider) {
    const auto current = provider.current();
    return current ? (*current)->secret_id : "none: " + current.error().message;
  }

  ManualClock clock;
  SimulatedMetadata metadata;
};

TEST_F(CredentialProviderTest, HasNothingBeforeItLoadedAndSaysSo) {
  CredentialProvider provider("prod", spec, clock);
  EXPECT_FALSE(provider.current());
  ASSERT_TRUE(provider.load());
  EXPECT_EQ(id_of(provider), "FAKE-TMP-1");
}

TEST_F(CredentialProviderTest, TakesNewKeysFiveMinutesBeforeTheOldOnesExpire) {
  CredentialProvider provider("prod", spec, clock);
  ASSERT_TRUE(provider.load());
  give_keys("2", Millis(std::chrono::hours(2)));
  clock.advance(std::chrono::minutes(54));
  EXPECT_EQ(id_of(provider), "FAKE-TMP-1");
  EXPECT_EQ(metadata.key_requests(), 1U);
  clock.advance(std::chrono::minutes(1));
  EXPECT_TRUE(eventually([&] { return id_of(provider) == "FAKE-TMP-2"; }));
  EXPECT_EQ(metadata.key_requests(), 2U);
}

TEST_F(CredentialProviderTest, KeepsTheOldKeysWhileTheRefreshFailsAndTriesAgainWithBackOff) {
  CredentialProvider provider("prod", spec, clock);
  ASSERT_TRUE(provider.load());
  metadata.set_mode(SimulatedMetadata::Mode::http_500);
  clock.advance(std::chrono::minutes(56));
  EXPECT_TRUE(eventually([&] { return id_of(provider) == "FAKE-TMP-1" && metadata.key_requests() == 2; }));
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(id_of(provider), "FAKE-TMP-1");
  EXPECT_EQ(metadata.key_requests(), 2U) << "not before the back-off is over";
  metadata.set_mode(SimulatedMetadata::Mode::normal);
  give_keys("2", Millis(std::chrono::hours(2)));
  EXPECT_TRUE(eventually([&] {
    clock.advance(Millis{100});
    return id_of(provider) == "FAKE-TMP-2";
  }));
}

TEST_F(CredentialProviderTest, AStormOfRefusalsCausesOneRead) {
  CredentialProvider provider("prod", spec, clock);
  ASSERT_TRUE(provider.load());
  const uint64_t generation = (*provider.current())->generation;
  give_keys("2", Millis(std::chrono::hours(1)));
  for (int i = 0; i < 1000; ++i) provider.refused(generation);
  EXPECT_TRUE(eventually([&] { return id_of(provider) == "FAKE-TMP-2"; }));
  for (int i = 0; i < 1000; ++i) provider.refused(generation);  // of requests sent before
  EXPECT_NE((*provider.current())->generation, generation);
  EXPECT_EQ(metadata.key_requests(), 2U);
}

TEST_F(CredentialProviderTest, KeysThatDidNotChangeKeepTheirGenerationAndAreAskedForAgainAfterTenSeconds) {
  CredentialProvider provider("prod", spec, clock);
  ASSERT_TRUE(provider.load());
  const uint64_t generation = (*provider.current())->generation;
  provider.refused(generation);
  EXPECT_TRUE(eventually([&] { return metadata.key_requests() == 2; }));
  clock.advance(Millis{9'999});
  provider.refused(generation);
  clock.advance(Millis{1});
  provider.refused(generation);
  EXPECT_TRUE(eventually([&] { return metadata.key_requests() == 3; }));
  EXPECT_EQ((*provider.current())->generation, generation);
}

TEST_F(CredentialProviderTest, ARefusalOfEarlierKeysIsIgnoredHoweverLateItComes) {
  CredentialProvider provider("prod", spec, clock);
  ASSERT_TRUE(provider.load());
  const uint64_t earlier = (*provider.current())->generation;
  give_keys("2", Millis(std::chrono::hours(1)));
  provider.refused(earlier);
  ASSERT_TRUE(eventually([&] { return id_of(provider) == "FAKE-TMP-2"; }));
  clock.advance(Millis{60'000});  // the pause after a refusal is over
  provider.refused(earlier);
  // Nothing was read because of it, and no pause has begun: a refusal of the keys in use is heard.
  EXPECT_EQ(metadata.key_requests(), 2U);
  give_keys("3", Millis(std::chrono::hours(1)));
  provider.read_again();
  ASSERT_TRUE(eventually([&] { return id_of(provider) == "FAKE-TMP-3"; }));
  EXPECT_EQ(metadata.key_requests(), 3U);
  give_keys("4", Millis(std::chrono::hours(1)));
  provider.refused((*provider.current())->generation);
  EXPECT_TRUE(eventually([&] { return id_of(provider) == "FAKE-TMP-4"; }));
}

TEST_F(CredentialProviderTest, LooksAgainWhereThereWasNothing) {
  metadata.set_mode(SimulatedMetadata::Mode::no_role);
  CredentialProvider provider("prod", spec, clock);
  const Checked loaded = provider.load();
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().message.find("HTTP 404"), std::string::npos);
  metadata.set_mode(SimulatedMetadata::Mode::normal);
  provider.refused(0);
  EXPECT_TRUE(eventually([&] { return id_of(provider) == "FAKE-TMP-1"; }));
}

TEST_F(CredentialProviderTest, ReadsSecretFilesAgainWhenTheyAreRefused) {
  CredentialSpec files;
  files.source = Source::files;
  files.secret_id_file = dir.write("id", "FAKE-ID-OLD");
  files.secret_key_file = dir.write("key", "FAKE-KEY");
  CredentialProvider provider("prod", files, clock);
  ASSERT_TRUE(provider.load());
  dir.write("id", "FAKE-ID-NEW");
  EXPECT_EQ(id_of(provider), "FAKE-ID-OLD");
  provider.refused((*provider.current())->generation);
  EXPECT_TRUE(eventually([&] { return id_of(provider) == "FAKE-ID-NEW"; }));
  // What somebody still holds stays valid.
  dir.write("id", "FAKE-ID-NEWEST");
  const auto held = *provider.current();
  clock.advance(Millis{20'000});
  provider.refused(held->generation);
  EXPECT_TRUE(eventually([&] { return id_of(provider) == "FAKE-ID-NEWEST"; }));
  EXPECT_EQ(held->secret_id, "FAKE-ID-NEW");
}

TEST_F(CredentialProviderTest, ReadsAgainWhenAskedToHoweverShortlyAfterARefusal) {
  CredentialProvider provider("prod", spec, clock);
  ASSERT_TRUE(provider.load());
  const uint64_t generation = (*provider.current())->generation;
  provider.refused(generation);
  EXPECT_TRUE(eventually([&] { return metadata.key_requests() == 2; }));
  give_keys("2", Millis(std::chrono::hours(1)));
  provider.refused(generation);  // within ten seconds: ignored
  provider.read_again();
  EXPECT_TRUE(eventually([&] { return id_of(provider) == "FAKE-TMP-2"; }));
  give_keys("3", Millis(std::chrono::hours(1)));
  provider.read_again();
  EXPECT_TRUE(eventually([&] { return id_of(provider) == "FAKE-TMP-3"; }));
}

TEST_F(CredentialProviderTest, ReadsAgainWhenAskedToWhereThereWasNothing) {
  metadata.set_mode(SimulatedMetadata::Mode::no_role);
  CredentialProvider provider("prod", spec, clock);
  ASSERT_FALSE(provider.load());
  provider.refused(0);
  EXPECT_TRUE(eventually([&] { return metadata.requests() == 2; }));
  metadata.set_mode(SimulatedMetadata::Mode::normal);
  provider.read_again();
  EXPECT_TRUE(eventually([&] { return id_of(provider) == "FAKE-TMP-1"; }));
}

TEST_F(CredentialProviderTest, EndsAtOnceWhileTheMetadataServiceIsSilent) {
  const SystemClock real;
  auto provider = std::make_unique<CredentialProvider>("prod", spec, clock);
  ASSERT_TRUE(provider->load());
  metadata.set_mode(SimulatedMetadata::Mode::silent);
  provider->refused((*provider->current())->generation);
  EXPECT_TRUE(eventually([&] { return metadata.key_requests() == 2; }));
  const MonoTime start = real.mono();
  provider.reset();
  EXPECT_LT(real.mono() - start, Millis{1500});
}

TEST_F(CredentialProviderTest, FirstReadEndsAtItsDeadline) {
  const SystemClock real;
  metadata.set_mode(SimulatedMetadata::Mode::silent);
  spec.role = "";
  CredentialProvider provider("prod", spec, clock);
  const MonoTime start = real.mono();
  EXPECT_FALSE(provider.load(Millis{200}));
  EXPECT_LT(real.mono() - start, Millis{1500});
}

}  // namespace
}  // namespace codedriftd::test
