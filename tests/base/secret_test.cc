#include "base/secret.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <type_traits>

#include "support/temp_dir.h"

namespace codedriftd {
namespace {

static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);
static_assert(!std::is_convertible_v<Secret, std::string> && !std::is_convertible_v<std::string, Secret>);
static_assert(!fmt::is_formattable<Secret>::value);

TEST(Wipe, OverwritesTheBytesAndEmptiesTheText) {
  std::string text = "fake-secret-that-is-longer-than-a-short-string";
  text.reserve(100);
  const char* bytes = text.data();
  const std::size_t length = text.size();
  wipe(text);
  EXPECT_TRUE(text.empty());
  ASSERT_EQ(text.data(), bytes);
  text.resize(length, 'x');  // within the same buffer, whose bytes behind the end were wiped
  EXPECT_EQ(std::string(bytes, length), std::string(length, 'x'));
}

TEST(Secret, MovesLeaveNothingBehind) {
  for (const std::string_view text : {"short", "fake-secret-that-is-longer-than-a-short-string"}) {
    Secret first{std::string(text)};
    Secret second(std::move(first));
    EXPECT_EQ(second.reveal(), text);
    EXPECT_TRUE(first.empty());  // NOLINT: what a move leaves is the question
    Secret third;
    third = std::move(second);
    EXPECT_EQ(third.reveal(), text);
    EXPECT_TRUE(second.empty());  // NOLINT
    Secret& same = third;
    third = std::move(same);
    EXPECT_EQ(third.reveal(), text) << "moved onto itself";
  }
}

TEST(Secret, ACloneIsItsOwn) {
  const Secret secret{std::string("fake")};
  const Secret copy = secret.clone();
  EXPECT_EQ(copy.reveal(), "fake");
  EXPECT_NE(copy.reveal().data(), secret.reveal().data());
  EXPECT_TRUE(Secret().empty());
}

class SecretFile : public testing::Test {
 protected:
  SecretFile() { ::unsetenv("CREDENTIALS_DIRECTORY"); }
  ~SecretFile() override { ::unsetenv("CREDENTIALS_DIRECTORY"); }
  std::string make(std::string_view text, mode_t mode = 0600) {
    const std::string path = folder_ + "/secret";
    std::ofstream(path) << text;
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path;
  }
  void expect_refused(const std::string& path, std::string_view says) {
    const auto secret = read_secret_file(path);
    ASSERT_FALSE(secret.ok()) << path;
    EXPECT_NE(secret.error().message.find(path), std::string::npos) << secret.error().message;
    EXPECT_NE(secret.error().message.find(says), std::string::npos) << secret.error().message;
  }
  const test::TempDir dir_;
  const std::string folder_ = dir_.path().string();
};

TEST_F(SecretFile, IsReadWithoutTheSpaceAroundIt) {
  const auto secret = read_secret_file(make(" \tfake value\r\n\n"));
  ASSERT_TRUE(secret.ok()) << secret.error().message;
  EXPECT_EQ(secret->reveal(), "fake value");
}

TEST_F(SecretFile, MayBeReadByTheGroup) {
  for (const mode_t mode : {0400U, 0440U, 0600U, 0640U}) {
    std::filesystem::remove(folder_ + "/secret");
    EXPECT_TRUE(read_secret_file(make("fake", mode)).ok()) << std::oct << mode;
  }
}

TEST_F(SecretFile, IsRefusedWhenOthersCanReadOrChangeIt) {
  for (const mode_t mode : {0604U, 0602U, 0601U, 0620U, 0660U, 0644U, 0666U}) {
    std::filesystem::remove(folder_ + "/secret");
    expect_refused(make("fake", mode), "chmod 0600");
  }
}

TEST_F(SecretFile, OfAContainerIsRefusedWithARemedyThatWorksThere) {
  expect_refused(make("fake", 0444), "mount it with mode 0400 and uid");
}

TEST_F(SecretFile, LosesItsByteOrderMark) {
  const auto secret = read_secret_file(make("\xEF\xBB\xBF fake\n"));
  ASSERT_TRUE(secret.ok());
  EXPECT_EQ(secret->reveal(), "fake");
  expect_refused(make("\xEF\xBB\xBF\n"), "is empty");
}

TEST_F(SecretFile, IsRefusedWhenThereIsNone) {
  expect_refused(folder_ + "/nothing", "No such file");
  expect_refused(folder_, "not a regular file");
  const std::string fifo = folder_ + "/fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  expect_refused(fifo, "not a regular file");
}

TEST_F(SecretFile, IsRefusedWhenEmptyOrHuge) {
  expect_refused(make(""), "is empty");
  expect_refused(make(" \n"), "is empty");
  EXPECT_TRUE(read_secret_file(make(std::string(65'536, 'x'))).ok());
  expect_refused(make(std::string(65'537, 'x')), "65536 at most");
}

TEST_F(SecretFile, ARelativeOneIsLookedUpAmongTheCredentials) {
  make("fake");
  expect_refused("secret", "$CREDENTIALS_DIRECTORY");
  ::setenv("CREDENTIALS_DIRECTORY", "", 1);
  expect_refused("secret", "$CREDENTIALS_DIRECTORY");
  ::setenv("CREDENTIALS_DIRECTORY", folder_.c_str(), 1);
  const auto secret = read_secret_file("secret");
  ASSERT_TRUE(secret.ok());
  EXPECT_EQ(secret->reveal(), "fake");
}

}  // namespace
}  // namespace codedriftd
