#include "commands/digest.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <sstream>

#include "base/json.h"
#include "support/temp_dir.h"

namespace codedriftd {
namespace {

using std::filesystem::perms;
using test::TempDir;

struct DigestRun {
  int code = -1;
  std::string out, err;
};

Result<Examination> nothing_to_examine(int) { return Error{"nothing is examined here"}; }

DigestRun digest(std::vector<std::string> args, const Examine& examine = nothing_to_examine) {
  std::ostringstream out, err;
  DigestRun run;
  run.code = run_digest(args, examine, out, err);
  run.out = out.str();
  run.err = err.str();
  return run;
}

/// A package of the files, which the examiner finds in it.
Examine finds(Examination found) {
  return [found](int) { return found; };
}

Examination two_files() {
  Examination found;
  found.files = {{"a", 0755, 5, sha256("hello")}, {"b/c", 0, 1, sha256("x")}};
  return found;
}

/// By the definition of Hash1, not by content_of().
const Sha256 kTwoFiles = sha256(sha256("hello").hex() + "  a\n" + sha256("x").hex() + "  b/c\n");

TEST(Digest, OfAFolderIsThatOfThePackageMadeOfIt) {
  const TempDir dir;
  dir.write("folder/a", "hello", perms(0644));
  dir.write("folder/b/c", "x", perms(0755));
  const std::string zip = dir.write("package.zip", "PK");
  const std::string expected = "h1:" + base64(kTwoFiles.bytes) + "\n";
  const DigestRun of_folder = digest({dir / "folder"});
  const DigestRun of_zip = digest({zip}, finds(two_files()));
  EXPECT_EQ(of_folder.out, expected) << of_folder.err;
  EXPECT_EQ(of_zip.out, expected) << of_zip.err;
  EXPECT_EQ(of_folder.code, 0);
  EXPECT_EQ(of_zip.code, 0);
  EXPECT_EQ(of_folder.err + of_zip.err, "");
  EXPECT_EQ(digest({dir / "folder", "--hex"}).out, kTwoFiles.hex() + "\n");
}

TEST(Digest, ThePackageIsOpenForTheExaminerAtItsFirstByte) {
  const TempDir dir;
  const std::string zip = dir.write("package.zip", "PK and more");
  std::string read(20, ' ');
  digest({zip}, [&](int fd) {
    read.resize(static_cast<std::size_t>(::read(fd, read.data(), read.size())));
    return two_files();
  });
  EXPECT_EQ(read, "PK and more");
}

TEST(Digest, TheManifestIsWhatTheDigestIsOver) {
  const TempDir dir;
  dir.write("a", "hello");
  dir.write("b/c", "x");
  const DigestRun run = digest({dir.path().string(), "--manifest"});
  EXPECT_EQ(sha256(run.out), kTwoFiles) << run.out;
  EXPECT_EQ(run.err, "");
}

TEST(Digest, WhatIsIgnoredIsInNeither) {
  const TempDir dir;
  dir.write("a", "hello");
  dir.write("b/c", "x");
  dir.write("node_modules/d/e", "y");
  dir.write("f.pyc", "z");
  const std::string path = dir.path().string();
  const std::vector<std::string> ignore{"--ignore", "node_modules/*", "--ignore=*.pyc"};
  std::vector<std::string> args{path, "--hex"};
  args.insert(args.end(), ignore.begin(), ignore.end());
  EXPECT_EQ(digest(args).out, kTwoFiles.hex() + "\n");
  args[1] = "--manifest";
  EXPECT_EQ(sha256(digest(args).out), kTwoFiles);
  EXPECT_EQ(digest({path, "--ignore", "node_module/*"}).err,
            "codedriftd digest: note: --ignore node_module/* matches no file\n");
}

TEST(Digest, NamesThatAreNotHarmlessAreEscapedAndThatIsNoted) {
  const TempDir dir;
  dir.write("a\x1b[2J", "x");
  const DigestRun run = digest({dir.path().string(), "--manifest"});
  EXPECT_EQ(run.out, sha256("x").hex() + "  a\\u{1b}[2J\n");
  EXPECT_EQ(
      run.err,
      "codedriftd digest: note: 1 of the names is shown with escapes; the digest is over the names as they are\n");
  EXPECT_EQ(digest({dir.path().string(), "--hex"}).out, sha256(sha256("x").hex() + "  a\x1b[2J\n").hex() + "\n");
}

TEST(Digest, AnAmbiguousPackageHasNoneAndTheReasonIsSaid) {
  const TempDir dir;
  const std::string zip = dir.write("package.zip", "PK");
  Examination found;
  found.ambiguous = "two entries have the name \x1b";
  for (const std::vector<std::string>& more :
       {std::vector<std::string>{}, {"--hex"}, {"--manifest"}, {"--ignore", "*"}}) {
    std::vector<std::string> args{zip};
    args.insert(args.end(), more.begin(), more.end());
    const DigestRun run = digest(args, finds(found));
    EXPECT_EQ(run.code, 1);
    EXPECT_EQ(run.out, "");
    EXPECT_EQ(run.err, "codedriftd digest: " + zip +
                           ": is ambiguous, and has no content digest: two entries have the name \\u{1b}\n");
  }
  const DigestRun json = digest({zip, "--json"}, finds(found));
  EXPECT_EQ(json.code, 1);
  EXPECT_TRUE(parse_json(json.out).at("content").is_null()) << json.out;
  EXPECT_EQ(parse_json(json.out).at("ambiguous"), found.ambiguous);
}

TEST(Digest, FindingsAreNotesAndChangeNothing) {
  const TempDir dir;
  const std::string zip = dir.write("package.zip", "PK");
  Examination found = two_files();
  for (int i = 0; i < 22; ++i) found.findings.push_back({"traversal", "../x\x07" + std::to_string(i)});
  const DigestRun run = digest({zip, "--hex"}, finds(found));
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(run.out, kTwoFiles.hex() + "\n");
  EXPECT_TRUE(run.err.starts_with("codedriftd digest: note: traversal: ../x\\u{7}0\n")) << run.err;
  EXPECT_TRUE(run.err.ends_with("note: and 2 more; --json has them\n")) << run.err;
  EXPECT_EQ(parse_json(digest({zip, "--json"}, finds(found)).out).at("findings").size(), 22U);
}

TEST(Digest, AsJsonHasBothFormsAndWithManifestEachFile) {
  const TempDir dir;
  const std::string zip = dir.write("package.zip", "PK");
  const DigestRun run = digest({zip, "--json", "--manifest", "--ignore", "none/*"}, finds(two_files()));
  EXPECT_EQ(parse_json(run.out),
            (Json{{"schema", "codedriftd.digest.v1"},
                  {"path", zip},
                  {"content", "h1:" + base64(kTwoFiles.bytes)},
                  {"hex", kTwoFiles.hex()},
                  {"files", 2},
                  {"bytes", 6},
                  {"ignored", 0},
                  {"ambiguous", nullptr},
                  {"findings", Json::array()},
                  {"manifest",
                   {{{"name", "a"}, {"mode", "0755"}, {"size", 5}, {"sha256", sha256("hello").hex()}},
                    {{"name", "b/c"}, {"mode", nullptr}, {"size", 1}, {"sha256", sha256("x").hex()}}}}}))
      << run.out;
  EXPECT_FALSE(parse_json(digest({zip, "--json"}, finds(two_files())).out).contains("manifest"));
}

TEST(Digest, WhatCannotBeReadIsAFailureThatNamesIt) {
  const TempDir dir;
  const std::string zip = dir.write("package.zip", "PK");
  Examination broken_name;
  broken_name.files = {{"a\nb", 0, 0, sha256("")}};
  std::filesystem::create_directory_symlink(".", dir / "loop");
  const struct {
    std::string path;
    Examine examine;
    std::string says;
  } cases[] = {
      {dir / "gone.zip", nothing_to_examine, "gone.zip: cannot be read: No such file or directory\n"},
      {"/dev/null", nothing_to_examine, "/dev/null: is neither a zip file nor a folder\n"},
      {zip, nothing_to_examine, "package.zip: nothing is examined here\n"},
      {zip, finds(broken_name), "package.zip: a file whose name has a line break has no content digest\n"},
      {dir.path().string(), nothing_to_examine, "/loop: is a symbolic link to a folder"},
  };
  for (const auto& c : cases) {
    const DigestRun run = digest({c.path}, c.examine);
    EXPECT_EQ(run.code, 1) << c.says;
    EXPECT_EQ(run.out, "") << c.says;
    EXPECT_NE(run.err.find(c.says), std::string::npos) << run.err;
    EXPECT_TRUE(run.err.starts_with("codedriftd digest: ")) << run.err;
  }
}

}  // namespace
}  // namespace codedriftd
