#include "package/folder.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "support/temp_dir.h"

namespace codedriftd {
namespace {

using std::filesystem::perms;
using test::TempDir;

std::string error_of(const Result<Manifest>& read) { return read ? "none" : read.error().message; }

TEST(Folder, HasEveryFileWithItsNameModeSizeAndDigest) {
  const TempDir dir;
  dir.write("b.py", "print(1)\n", perms(0644));
  dir.write("a/b/c", "", perms(0600));
  dir.write("a-b", "x", perms(0755));
  dir.write(".hidden", "h", perms(0400));
  std::filesystem::create_directories(dir / "empty/folder");
  const auto read = read_folder(dir.path().string(), {});
  ASSERT_TRUE(read) << error_of(read);
  EXPECT_EQ(*read, (Manifest{{".hidden", 0400, 1, sha256("h")},
                             {"a-b", 0755, 1, sha256("x")},
                             {"a/b/c", 0600, 0, sha256("")},
                             {"b.py", 0644, 9, sha256("print(1)\n")}}));
  EXPECT_EQ(*read_folder(dir.path().string() + "/", {}), *read);
}

TEST(Folder, OfNothingIsAnEmptyManifest) {
  const TempDir dir;
  EXPECT_EQ(*read_folder(dir.path().string(), {}), Manifest());
}

TEST(Folder, ALargeFileIsHashedPieceByPiece) {
  const TempDir dir;
  const std::string content(1'000'001, 'x');
  dir.write("large", content, perms(0644));
  EXPECT_EQ(*read_folder(dir.path().string(), {}), (Manifest{{"large", 0644, content.size(), sha256(content)}}));
}

TEST(Folder, MayItselfBeALink) {
  const TempDir dir;
  dir.write("release-7/index.py", "x", perms(0644));
  std::filesystem::create_directory_symlink("release-7", dir / "current");
  EXPECT_EQ(read_folder(dir / "current", {}).value().size(), 1U);
}

TEST(Folder, ALinkToAFileIsThatFile) {
  const TempDir dir;
  dir.write("outside", "shared", perms(0640));
  std::filesystem::create_directory(dir / "package");
  std::filesystem::create_symlink("../outside", dir / "package/inside");
  EXPECT_EQ(*read_folder(dir / "package", {}), (Manifest{{"inside", 0640, 6, sha256("shared")}}));
}

TEST(Folder, WhatIsNoFileIsAnErrorThatNamesIt) {
  const struct {
    const char* name;
    void (*make)(const std::string& path);
    const char* says;
  } cases[] = {
      {"loop", [](const std::string& path) { std::filesystem::create_directory_symlink(".", path); },
       "is a symbolic link to a folder"},
      {"lost", [](const std::string& path) { std::filesystem::create_symlink("nowhere", path); },
       "is a symbolic link that leads nowhere: No such file or directory"},
      {"self", [](const std::string& path) { std::filesystem::create_symlink("self", path); },
       "is a symbolic link that leads nowhere: Too many levels"},
      {"null", [](const std::string& path) { std::filesystem::create_symlink("/dev/null", path); },
       "is neither a file nor a folder"},
      {"pipe", [](const std::string& path) { ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0); },
       "is neither a file nor a folder"},
      {"socket",
       [](const std::string& path) {
         const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
         sockaddr_un address{};
         address.sun_family = AF_UNIX;
         std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
         EXPECT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
         ::close(fd);
       },
       "is neither a file nor a folder"},
      {"two\nlines", [](const std::string& path) { std::ofstream(path) << "x"; }, "has no content digest"},
  };
  for (const auto& c : cases) {
    const TempDir dir;
    std::filesystem::create_directory(dir / "sub");
    c.make(dir / (std::string("sub/") + c.name));
    const std::string error = error_of(read_folder(dir.path().string(), {}));
    EXPECT_NE(error.find(c.says), std::string::npos) << c.name << ": " << error;
    EXPECT_TRUE(error.starts_with(dir / "sub/")) << error;
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  }
}

TEST(Folder, ThatIsNoneOrNotThereIsAnError) {
  const TempDir dir;
  const std::string file = dir.write("file", "x");
  EXPECT_EQ(error_of(read_folder(file, {})), file + ": is no folder");
  EXPECT_EQ(error_of(read_folder(dir / "gone", {})), (dir / "gone") + ": cannot be read: No such file or directory");
}

TEST(Folder, WhatMayNotBeReadIsAnErrorThatNamesIt) {
  if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: needs root, to read as who may not; CI runs it as root";
  const TempDir dir;
  std::filesystem::permissions(dir.path(), perms(0755));
  dir.write("sub/secret", "x", perms(0600));
  std::filesystem::permissions(dir / "sub", perms(0755));
  ASSERT_EQ(::seteuid(64'103), 0);
  const std::string file = error_of(read_folder(dir.path().string(), {}));
  ASSERT_EQ(::seteuid(0), 0);
  EXPECT_EQ(file, (dir / "sub/secret") + ": cannot be read: Permission denied");
  std::filesystem::permissions(dir / "sub", perms(0700));
  ASSERT_EQ(::seteuid(64'103), 0);
  const std::string folder = error_of(read_folder(dir.path().string(), {}));
  ASSERT_EQ(::seteuid(0), 0);
  EXPECT_EQ(folder, (dir / "sub") + ": cannot be read: Permission denied");
}

TEST(Folder, AFileThatIsWrittenToWhileItIsReadIsAnError) {
  // This file is never twice of the size that it says: it is no longer than 0 bytes, and has content.
  const TempDir dir;
  std::filesystem::create_symlink("/proc/self/status", dir / "status");
  const std::string error = error_of(read_folder(dir.path().string(), {}));
  EXPECT_NE(error.find("/status: changed while it was read"), std::string::npos) << error;
}

TEST(Folder, IsReadWithinTheLimits) {
  const TempDir dir;
  dir.write("a/1", "12345");
  dir.write("b/2", "12345");
  const std::string path = dir.path().string();
  EXPECT_TRUE(read_folder(path, {.package = 0, .unpacked = 10, .files = 2}).ok());
  EXPECT_EQ(error_of(read_folder(path, {.unpacked = 9, .files = 2})), path + ": has more than 9 bytes of files");
  EXPECT_EQ(error_of(read_folder(path, {.unpacked = 10, .files = 1})), path + ": has more than 1 folders");
  dir.write("3", "");
  EXPECT_EQ(error_of(read_folder(path, {.unpacked = 10, .files = 2})), path + ": has more than 2 files");
}

}  // namespace
}  // namespace codedriftd
