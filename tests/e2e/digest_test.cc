/// The digest of the built program, held against programs that know nothing of it: coreutils, and Go's own dirhash.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/sha256.h"
#include "support/process.h"
#include "support/seed.h"
#include "support/temp_dir.h"

namespace codedriftd::test {
namespace {

/// The line of the help text, for the folder $1; it is wrong about links and about names with a backslash.
constexpr char kShellLine[] =
    R"(cd "$1" && find . -type f | sed 's|^\./||' | LC_ALL=C sort | xargs -r -d '\n' sha256sum -- | sha256sum)";

RunResult digest_command(std::vector<std::string> args) {
  args.insert(args.begin(), {CODEDRIFTD_BINARY_DIR "/codedriftd", "digest"});
  return run({.argv = args});
}

std::string digest_of(const std::string& path, std::vector<std::string> more = {}) {
  more.insert(more.begin(), path);
  const RunResult ran = digest_command(more);
  EXPECT_EQ(ran.status, (ExitStatus{0, 0})) << ran.err;
  return ran.out;
}

/// A folder of up to forty files with names as people, and others, give them.
void fill(const TempDir& dir, const std::string& folder, std::mt19937_64& random, bool odd_names) {
  const std::vector<std::string> plain{"a",       "A",          "a.b",  "a-b",         "B",     "z_",       "index.py",
                                       ".hidden", "with space", "数据", "caf\xc3\xa9", "-dash", "'quoted'", "~"};
  const std::vector<std::string> odd{"back\\slash", "\xff\xfe", "tab\there", "\x01", "\xf0\x9f\x98\x80", "\"", "cr\r"};
  std::filesystem::create_directory(dir / folder);
  for (auto left = random() % 40; left > 0; --left) {
    std::string name = folder;
    for (auto depth = random() % 4; depth > 0; --depth) name += fmt::format("/d{}", random() % 3);
    const auto& names = odd_names && random() % 3 == 0 ? odd : plain;
    name += fmt::format("/{}{}", names[random() % names.size()], random() % 2 == 0 ? "" : ".txt");
    dir.write(name, std::string(random() % 3 == 0 ? 0 : random() % 100'000, static_cast<char>(random())),
              random() % 2 == 0 ? std::filesystem::perms(0644) : std::filesystem::perms(0755));
  }
}

/// Packs the files of a folder with Python: in random order, stored or deflated, with other times.
constexpr char kPack[] = R"py(
import os, random, sys, zipfile
folder, zip, seed = sys.argv[1:]
random.seed(seed)
names = [os.path.relpath(os.path.join(at, name), folder) for at, _, files in os.walk(folder) for name in files]
random.shuffle(names)
with zipfile.ZipFile(zip, "w") as package:
    for name in names:
        entry = zipfile.ZipInfo(name, (random.randrange(1980, 2030), 1, 1, 0, 0, 0))
        entry.external_attr = (0o100000 | os.stat(os.path.join(folder, name)).st_mode & 0o777) << 16
        entry.compress_type = random.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
        package.writestr(entry, open(os.path.join(folder, name), "rb").read())
)py";
/// A package of entries with the content "x", named on the command line; a name may stand twice.
constexpr char kPackNames[] = R"py(
import sys, warnings, zipfile
warnings.simplefilter("ignore")
with zipfile.ZipFile(sys.argv[1], "w") as package:
    for name in sys.argv[2:]:
        package.writestr(name, "x")
)py";

TEST(DigestCommand, IsWhatCoreutilsSay) {
  const uint64_t used = seed();
  std::mt19937_64 random = random_from(used);
  for (int round = 0; round < 10; ++round) {
    const TempDir dir;
    fill(dir, "package", random, false);
    const RunResult shell = run({.argv = {"sh", "-c", kShellLine, "sh", dir / "package"}});
    ASSERT_EQ(shell.status, (ExitStatus{0, 0})) << shell.err;
    ASSERT_EQ(digest_of(dir / "package", {"--hex"}), shell.out.substr(0, 64) + "\n") << "round " << round;
  }
}

TEST(DigestCommand, TheLineThatIsTriedIsThatOfTheHelp) {
  const std::string help = digest_command({"--help"}).out;
  for (const char* part :
       {R"(find . -type f | sed 's|^\./||' | LC_ALL=C sort |)", R"(xargs -r -d '\n' sha256sum -- | sha256sum)"}) {
    EXPECT_NE(help.find(part), std::string::npos) << help;
    EXPECT_NE(std::string(kShellLine).find(part), std::string::npos) << part;
  }
}

TEST(DigestCommand, ItsManifestIsCheckedBySha256sum) {
  const TempDir dir;
  dir.write("package/index.py", "print(1)\n");
  dir.write("package/lib/with space", "x");
  const std::string lines = dir.write("manifest", digest_of(dir / "package", {"--manifest"}));
  const RunResult checked = run({.argv = {"sha256sum", "-c", "--strict", lines}, .folder = dir / "package"});
  EXPECT_EQ(checked.out, "index.py: OK\nlib/with space: OK\n") << checked.err;
  const RunResult whole = run({.argv = {"sha256sum", lines}});
  EXPECT_EQ(whole.out.substr(0, 64) + "\n", digest_of(dir / "package", {"--hex"}));
}

TEST(DigestCommand, IsGosDirhash) {
  if (::access("/usr/bin/go", X_OK) != 0 || ::access("/usr/share/gocode/src/golang.org/x/mod", R_OK) != 0)
    GTEST_SKIP() << "SKIPPED: needs golang-go and golang-golang-x-mod-dev (scripts/install-deps --test)";
  const TempDir dir;
  const RunResult built = run({.argv = {"/usr/bin/go", "build", "-o", dir / "go_dirhash",
                                        CODEDRIFTD_SOURCE_DIR "/tests/e2e/go_dirhash/main.go"},
                               .env = {{"GO111MODULE", "off"},
                                       {"GOPATH", "/usr/share/gocode"},
                                       {"GOCACHE", dir / "cache"},
                                       {"GOPROXY", "off"},
                                       {"CGO_ENABLED", "0"},
                                       {"GOFLAGS", ""}}},
                              Millis{240'000});
  ASSERT_EQ(built.status, (ExitStatus{0, 0})) << built.err;
  const uint64_t used = seed();
  std::mt19937_64 random = random_from(used);
  std::vector<std::string> command{dir / "go_dirhash"};
  std::string ours;
  for (int round = 0; round < 12; ++round) {
    const std::string folder = fmt::format("package-{}", round);
    fill(dir, folder, random, true);
    dir.write("elsewhere", "outside of them all");
    if (random() % 2 == 0) std::filesystem::create_symlink("../elsewhere", dir / (folder + "/link"));
    command.push_back(dir / folder);
    ours += digest_of(dir / folder);
    if (round % 5 != 0) continue;
    // Of a package too, where it has no entries for folders: Go's HashZip takes them for files.
    fill(dir, folder + "-packed", random, false);
    const std::string zip = dir / (folder + ".zip");
    const RunResult packed = run({.argv = {"python3", "-c", kPack, dir / (folder + "-packed"), zip, "1"}});
    ASSERT_EQ(packed.status, (ExitStatus{0, 0})) << packed.err;
    command.push_back(zip);
    ours += digest_of(zip);
  }
  const RunResult gos = run({.argv = command});
  ASSERT_EQ(gos.status, (ExitStatus{0, 0})) << gos.err;
  EXPECT_EQ(ours, gos.out);
}

TEST(DigestCommand, OfAPackageIsThatOfItsFolderHoweverItIsPacked) {
  const uint64_t used = seed();
  std::mt19937_64 random = random_from(used);
  for (int round = 0; round < 3; ++round) {
    const TempDir dir;
    fill(dir, "package", random, false);
    const std::string folder = digest_of(dir / "package");
    for (const char* zip : {"one.zip", "other.zip"}) {
      const RunResult packed =
          run({.argv = {"python3", "-c", kPack, dir / "package", dir / zip, std::to_string(random())}});
      ASSERT_EQ(packed.status, (ExitStatus{0, 0})) << packed.err;
      ASSERT_EQ(digest_of(dir / zip), folder) << "round " << round;
      ASSERT_EQ(digest_of(dir / zip, {"--manifest"}), digest_of(dir / "package", {"--manifest"}));
    }
  }
}

TEST(DigestCommand, AnAmbiguousPackageFailsAndAStrangeOneIsNoted) {
  const TempDir dir;
  const std::string zip = dir / "package.zip";
  ASSERT_EQ(code_of(run({.argv = {"python3", "-c", kPackNames, zip, "index.py", "index.py"}})), 0);
  const RunResult twice = digest_command({zip});
  EXPECT_EQ(twice.status, (ExitStatus{1, 0}));
  EXPECT_EQ(twice.out, "");
  EXPECT_NE(twice.err.find(zip + ": is ambiguous, and has no content digest: "), std::string::npos) << twice.err;
  ASSERT_EQ(code_of(run({.argv = {"python3", "-c", kPackNames, zip, "../index.py"}})), 0);
  const RunResult strange = digest_command({zip, "--manifest"});
  EXPECT_EQ(strange.status, (ExitStatus{0, 0}));
  EXPECT_EQ(strange.out, sha256("x").hex() + "  ../index.py\n");
  EXPECT_EQ(strange.err, "codedriftd digest: note: traversal: ../index.py\n");
  dir.write("package.zip", "no zip at all");
  const RunResult none = digest_command({zip});
  EXPECT_EQ(none.status, (ExitStatus{1, 0}));
  EXPECT_NE(none.err.find(zip), std::string::npos) << none.err;
}

TEST(DigestCommand, NeedsNoConfigurationAndFailsWith1) {
  const TempDir dir;
  const RunResult gone = digest_command({dir / "gone"});
  EXPECT_EQ(gone.status, (ExitStatus{1, 0}));
  EXPECT_EQ(gone.out, "");
  EXPECT_EQ(gone.err, fmt::format("codedriftd digest: {}: cannot be read: No such file or directory\n", dir / "gone"));
  const RunResult linked = digest_command({"--config", "/nonexistent", dir.path().string()});
  EXPECT_EQ(linked.out, "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n") << "the digest of nothing";
}

}  // namespace
}  // namespace codedriftd::test
