#include "service/state_folder.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>

#include "support/as_user.h"
#include "support/temp_dir.h"

namespace codedriftd::test {
namespace {

std::string refusal(const std::string& folder) {
  try {
    prepare_state_folder(folder);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

TEST(StateFolder, IsMadeForItsOwnerAndGroup) {
  const TempDir dir;
  EXPECT_EQ(refusal(dir / "a/state"), "");
  struct stat info {};
  ASSERT_EQ(::stat((dir / "a/state").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0750U);
}

TEST(StateFolder, ThatEverybodyCanWriteToIsRefused) {
  const TempDir dir;
  std::filesystem::permissions(dir.path(), std::filesystem::perms(0757));
  EXPECT_NE(refusal(dir.path()).find("chmod o-w"), std::string::npos);
}

TEST(StateFolder, WithAFileOfSomebodyElseIsRefusedNamingOwnerAndRemedy) {
  if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: needs root, to have files of two users; CI runs it as root";
  constexpr uid_t kService = 64'101;
  for (const char* name : {"codedriftd.lock", "codedriftd.db", "codedriftd.db-wal", "codedriftd.db-shm"}) {
    const TempDir dir;
    ASSERT_EQ(::chown(dir.path().c_str(), kService, kService), 0);
    dir.write(name, "");  // root's, as a command run by root leaves it
    std::string said;
    as_user(kService, {}, [&] { said = refusal(dir.path()); });
    EXPECT_EQ(said, fmt::format(
                        "{0}: cannot be written: it belongs to uid:0(root), and this process is uid:{1}; chown {1} {0}",
                        dir / name, kService));
    ASSERT_EQ(::chown((dir / name).c_str(), kService, kService), 0);
    as_user(kService, {}, [&] { said = refusal(dir.path()); });
    EXPECT_EQ(said, "");
  }
}

}  // namespace
}  // namespace codedriftd::test
