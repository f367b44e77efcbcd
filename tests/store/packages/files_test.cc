#include "store/packages/files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "store/packages/packages.h"
#include "store/store_support.h"

namespace codedriftd::test {
namespace {

namespace fs = std::filesystem;

struct Folder {
  TempDir dir;
  std::string path = dir / "packages";
  PackageFolder folder = made(path);

  static PackageFolder made(const std::string& path) {
    auto made = PackageFolder::make(path);
    if (!made) throw std::runtime_error(made.error().message);
    return std::move(made).value();
  }
  std::string file(std::string_view content) const { return path + "/" + sha256(content).hex() + ".zip"; }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(path)) names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
  }
};

/// Open as a download is: without a name, its position at the end.
UniqueFd nameless(const std::string& folder, std::string_view content) {
  UniqueFd fd(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!fd.valid() || ::write(fd.get(), content.data(), content.size()) != static_cast<ssize_t>(content.size()))
    throw std::runtime_error("no nameless file");
  return fd;
}

std::string read_whole(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

template <typename T>
std::string refusal_of(const Result<T>& result) {
  return result ? "no error" : result.error().message;
}
#define EXPECT_SAYS(result, words)                          \
  do {                                                      \
    const std::string said = refusal_of(result);            \
    EXPECT_NE(said.find(words), std::string::npos) << said; \
  } while (false)

const std::string kBytes = "PK\x03\x04 some package";

TEST(PackageFolder, IsMadeForItsOwnerAloneAndOpenedAgain) {
  const Folder made;
  EXPECT_EQ(mode_of(made.path), 0700U);
  EXPECT_TRUE(PackageFolder::open(made.path));
  EXPECT_TRUE(PackageFolder::make(made.path)) << "it is there already";
  EXPECT_SAYS(PackageFolder::open(made.path + "2"), "No such file");
  EXPECT_SAYS(PackageFolder::make(made.dir / "no/such/parent"), "cannot be made");
}

TEST(PackageFolder, KeepsANamelessFileUnderItsHash) {
  const Folder made;
  const UniqueFd from = nameless(made.dir.path(), kBytes);
  struct stat before {
  }, after{};
  ASSERT_EQ(::fchmod(from.get(), 0666), 0);
  ASSERT_EQ(::fstat(from.get(), &before), 0);
  const Checked kept = made.folder.keep(sha256(kBytes), from);
  ASSERT_TRUE(kept) << kept.error().message;
  EXPECT_EQ(read_whole(made.file(kBytes)), kBytes);
  EXPECT_EQ(mode_of(made.file(kBytes)), 0600U);
  ASSERT_EQ(::stat(made.file(kBytes).c_str(), &after), 0);
  EXPECT_EQ(after.st_ino, before.st_ino) << "not a byte was copied";
  EXPECT_EQ(made.names().size(), 1U);
  EXPECT_EQ(made.folder.path_of(sha256(kBytes)), made.file(kBytes));
}

TEST(PackageFolder, CopiesWhatCannotBeGivenAName) {
  const Folder made;
  const std::string large(1'000'000, 'z');
  made.dir.write("named", large, fs::perms::all);
  UniqueFd named(::open((made.dir / "named").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(made.folder.keep(sha256(large), named));
  EXPECT_EQ(read_whole(made.file(large)), large);
  EXPECT_EQ(mode_of(made.file(large)), 0600U);
  EXPECT_EQ(mode_of(made.dir / "named"), 0777U) << "whose file it is, nobody knows";
  EXPECT_EQ(fs::hard_link_count(made.dir / "named"), 1U);

  UniqueFd gone(::open((made.dir / "named").c_str(), O_RDONLY | O_CLOEXEC));
  fs::remove(made.dir / "named");
  ASSERT_TRUE(made.folder.keep(sha256("gone"), gone)) << "a file that lost its name cannot be given another";
  EXPECT_EQ(read_whole(made.file("gone")), large);

  UniqueFd memory(::memfd_create("package", MFD_CLOEXEC));
  ASSERT_EQ(::write(memory.get(), "abc", 3), 3);
  ASSERT_TRUE(made.folder.keep(sha256("abc"), memory)) << "another file system";
  EXPECT_EQ(read_whole(made.file("abc")), "abc");
}

TEST(PackageFolder, ReplacesWhatStandsThere) {
  const Folder made;
  made.dir.write("packages/" + sha256(kBytes).hex() + ".zip", "damaged");
  made.dir.write("packages/" + sha256(kBytes).hex() + ".unfinished", "half");
  ASSERT_TRUE(made.folder.keep(sha256(kBytes), nameless(made.dir.path(), kBytes)));
  EXPECT_EQ(read_whole(made.file(kBytes)), kBytes);
  EXPECT_EQ(made.names().size(), 1U);
}

TEST(PackageFolder, DoesNotFollowALinkInTheFilesPlace) {
  const Folder made;
  made.dir.write("victim", "untouched");
  fs::create_symlink(made.dir / "victim", made.file(kBytes));
  fs::create_symlink(made.dir / "victim", made.path + "/" + sha256(kBytes).hex() + ".unfinished");
  EXPECT_SAYS(made.folder.open_package(sha256(kBytes), PackageFolder::Verify::no), "is no regular file; remove it");
  ASSERT_TRUE(made.folder.keep(sha256(kBytes), nameless(made.dir.path(), kBytes)));
  EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(made.file(kBytes)))) << "the link was replaced";
  made.dir.write("named", "abc");
  fs::create_symlink(made.dir / "victim", made.path + "/" + sha256("abc").hex() + ".unfinished");
  ASSERT_TRUE(made.folder.keep(sha256("abc"), UniqueFd(::open((made.dir / "named").c_str(), O_RDONLY | O_CLOEXEC))));
  EXPECT_EQ(read_whole(made.dir / "victim"), "untouched");
}

TEST(PackageFolder, RefusesAFolderThatIsALinkOrAFile) {
  const TempDir dir;
  fs::create_directory(dir.path() / "elsewhere");
  fs::permissions(dir.path() / "elsewhere", fs::perms::owner_all);
  fs::create_directory_symlink(dir.path() / "elsewhere", dir.path() / "packages");
  dir.write("file", "");
  EXPECT_SAYS(PackageFolder::make(dir / "packages"), "is no folder (or a link to one)");
  EXPECT_SAYS(PackageFolder::make(dir / "file"), "is no folder (or a link to one)");
}

TEST(PackageFolder, RefusesWhatIsOpenToOthers) {
  const Folder made;
  ASSERT_TRUE(made.folder.keep(sha256(kBytes), nameless(made.dir.path(), kBytes)));
  ASSERT_EQ(::chmod(made.file(kBytes).c_str(), 0640), 0);
  EXPECT_SAYS(made.folder.open_package(sha256(kBytes), PackageFolder::Verify::no), "is open to others (mode 0640)");
  EXPECT_SAYS(made.folder.open_package(sha256(kBytes), PackageFolder::Verify::no), "chmod 600");
  ASSERT_EQ(::chmod(made.path.c_str(), 0750), 0);
  EXPECT_SAYS(PackageFolder::open(made.path), "chmod 700");
}

TEST(PackageFolder, RefusesWhatIsSomebodyElses) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  const Folder made;
  ASSERT_TRUE(made.folder.keep(sha256(kBytes), nameless(made.dir.path(), kBytes)));
  ASSERT_EQ(::chown(made.file(kBytes).c_str(), 65'533, 65'533), 0);
  EXPECT_SAYS(made.folder.open_package(sha256(kBytes), PackageFolder::Verify::no), "belongs to uid 65533");
  ASSERT_EQ(::chown(made.path.c_str(), 65'533, 65'533), 0);
  EXPECT_SAYS(PackageFolder::open(made.path), "belongs to uid 65533");
}

TEST(PackageFolder, OpensAPackageAndHoldsItAgainstItsHashWhereThatIsAsked) {
  const Folder made;
  EXPECT_SAYS(made.folder.open_package(sha256(kBytes), PackageFolder::Verify::yes), "it is not kept");
  ASSERT_TRUE(made.folder.keep(sha256(kBytes), nameless(made.dir.path(), kBytes)));
  for (const auto verify : {PackageFolder::Verify::no, PackageFolder::Verify::yes}) {
    const auto opened = made.folder.open_package(sha256(kBytes), verify);
    ASSERT_TRUE(opened) << opened.error().message;
    std::string read(100, ' ');
    read.resize(static_cast<std::size_t>(::read(opened->get(), read.data(), read.size())));
    EXPECT_EQ(read, kBytes) << "from its beginning";
  }
  std::ofstream(made.file(kBytes), std::ios::app) << "x";
  EXPECT_TRUE(made.folder.open_package(sha256(kBytes), PackageFolder::Verify::no));
  EXPECT_SAYS(made.folder.open_package(sha256(kBytes), PackageFolder::Verify::yes), "are not those of its hash");
}

TEST(PackageFolder, DoesNotHangOnAPipeInAFilesPlace) {
  const Folder made;
  ASSERT_EQ(::mkfifo(made.file(kBytes).c_str(), 0600), 0);
  EXPECT_SAYS(made.folder.open_package(sha256(kBytes), PackageFolder::Verify::yes), "is no regular file");
}

/// Where no file may grow beyond `bytes`: what a full disk does, and a quota.
class NoRoom {
 public:
  explicit NoRoom(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  NoRoom(const NoRoom&) = delete;
  ~NoRoom() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  void (*handler_)(int);
  rlimit before_{};
};

TEST(PackageFolder, WithoutRoomLeavesNothingHalfWritten) {
  const Folder made;
  const std::string large(1'000'000, 'z');
  made.dir.write("named", large);
  const UniqueFd named(::open((made.dir / "named").c_str(), O_RDONLY | O_CLOEXEC));
  made.dir.write("packages/" + sha256(large).hex() + ".zip", "what stood there");
  {
    const NoRoom full(500'000);
    EXPECT_SAYS(made.folder.keep(sha256(large), named), "cannot be written: File too large");
  }
  EXPECT_EQ(made.names().size(), 1U);
  EXPECT_EQ(read_whole(made.file(large)), "what stood there");
  EXPECT_TRUE(made.folder.keep(sha256(large), named)) << "and it is kept once there is room";
  EXPECT_EQ(read_whole(made.file(large)), large);
}

TEST(PackageFolder, SaysWhatCannotBeReadOrReplaced) {
  const Folder made;
  const UniqueFd writable(::open((made.dir / "w").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  EXPECT_SAYS(made.folder.keep(sha256(kBytes), writable), "cannot be written: Bad file descriptor");
  fs::create_directories(made.file(kBytes) + "/inside");
  EXPECT_SAYS(made.folder.keep(sha256(kBytes), nameless(made.dir.path(), kBytes)), "cannot be written: Is a directory");
  EXPECT_SAYS(made.folder.open_package(sha256(kBytes), PackageFolder::Verify::no), "is no regular file");
  EXPECT_SAYS(made.folder.remove(sha256(kBytes)), "cannot be removed");
  EXPECT_EQ(made.names().size(), 1U) << "nothing half written is left";
}

TEST(PackageFolder, ListsItsPackagesAndNothingElse) {
  const Folder made;
  for (const char* content : {"a", "bb", "ccc"})
    ASSERT_TRUE(made.folder.keep(sha256(content), nameless(made.dir.path(), content)));
  std::string upper = sha256("d").hex();
  std::ranges::transform(upper, upper.begin(), [](char c) { return static_cast<char>(std::toupper(c)); });
  for (const std::string& name : {std::string("notes"), upper + ".zip", sha256("e").hex() + ".unfinished",
                                  sha256("f").hex(), sha256("g").hex() + ".zip.old"})
    made.dir.write("packages/" + name, "0123456789");
  std::vector<Sha256> expected{sha256("a"), sha256("bb"), sha256("ccc")};
  std::ranges::sort(expected);
  EXPECT_EQ(made.folder.list().value(), expected);
  EXPECT_EQ(made.folder.bytes().value(), 6U);
  ASSERT_TRUE(made.folder.remove(sha256("bb")));
  ASSERT_TRUE(made.folder.remove(sha256("bb"))) << "it is not there, as wanted";
  EXPECT_EQ(made.folder.list()->size(), 2U) << "and the list can be read again";
  ASSERT_TRUE(made.folder.remove_unfinished());
  EXPECT_EQ(made.names().size(), 6U) << "of what is not ours nothing was touched";
}

TEST(PackageFolder, AndTheRecordAgreeAgainAfterACrash) {
  Store store;
  const Folder made;
  Examination examination;
  for (const char* content : {"both", "row alone", "known"}) {
    examination.package_bytes = std::string_view(content).size();
    packages::save(store.db, sha256(content), examination, kStart);
  }
  packages::set_kept(store.db, sha256("both"));
  packages::set_kept(store.db, sha256("row alone"));
  // A file whose row was not committed, one whose row is there and does not say so, and one that is half written.
  for (const char* content : {"both", "file alone", "known"})
    ASSERT_TRUE(made.folder.keep(sha256(content), nameless(made.dir.path(), content)));
  made.dir.write("packages/" + sha256("x").hex() + ".unfinished", "half");
  const auto mended = packages::mend(store.db, made.folder);
  ASSERT_TRUE(mended) << mended.error().message;
  std::vector<Sha256> files{sha256("file alone"), sha256("known")};
  std::ranges::sort(files);
  EXPECT_EQ(*mended, (packages::Strays{files, {sha256("row alone")}}));
  EXPECT_EQ(packages::kept(store.db), std::vector{sha256("both")});
  EXPECT_EQ(made.folder.list().value(), std::vector{sha256("both")});
  EXPECT_EQ(made.names().size(), 1U);
  EXPECT_TRUE(packages::find(store.db, sha256("row alone"))) << "what is known of it stays";
  EXPECT_EQ(packages::mend(store.db, made.folder).value(), packages::Strays{}) << "nothing is left to do";
}

}  // namespace
}  // namespace codedriftd::test
