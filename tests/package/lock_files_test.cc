#include "package/lock_files.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace codedriftd {
namespace {

using Told = std::vector<std::string>;

Told told(std::string_view name, std::string_view before, std::string_view after) {
  const auto changes = lock_changes(name, before, after);
  if (!changes) return {"unreadable"};
  Told lines;
  for (const VersionChange& change : *changes) lines.push_back(to_string(change));
  return lines;
}

constexpr std::string_view kOther = ": the same version from another origin, or with another checksum";

TEST(LockFiles, AreKnownByTheLastPartOfTheirName) {
  for (const char* name :
       {"package-lock.json", "app/package-lock.json", "npm-shrinkwrap.json", "requirements.txt", "requirements-dev.txt",
        "go.sum", "x/go.sum", "yarn.lock", "poetry.lock", "uv.lock", "Cargo.lock"})
    EXPECT_TRUE(is_lock_file(name)) << name;
  for (const char* name :
       {"package.json", "my-package-lock.json", "go.mod", "requirements.txt/x", "requirements.py", ""})
    EXPECT_FALSE(is_lock_file(name)) << name;
  EXPECT_FALSE(lock_changes("index.py", "a==1", "a==2"));
}

TEST(LockFiles, PackageLockOfVersion1HasNestedDependencies) {
  EXPECT_EQ(told("package-lock.json",
                 R"({"lockfileVersion":1,"dependencies":{"lodash":{"version":"4.17.20","integrity":"sha512-a"},
                     "a":{"version":"1.0.0","dependencies":{"lodash":{"version":"3.0.0"}}},"gone":{"version":"1"}}})",
                 R"({"lockfileVersion":1,"dependencies":{"lodash":{"version":"4.17.21","integrity":"sha512-b"},
                     "a":{"version":"1.0.0","dependencies":{"lodash":{"version":"3.0.0"}}},"new":{"version":"2"}}})"),
            (Told{"gone 1 removed", "lodash 4.17.20 -> 4.17.21", "new 2 added"}));
}

TEST(LockFiles, PackageLockOfVersions2And3HasPlaces) {
  const auto lock = [](const char* version, const char* nested, const char* resolved) {
    return fmt::format(
        R"({{"name":"shop","lockfileVersion":3,"packages":{{"":{{"version":"{}"}},"packages/own":{{"version":"7"}},
           "node_modules/@aws/s3":{{"version":"3.1.0","resolved":"{}","integrity":"sha512-x"}},
           "node_modules/a/node_modules/lodash":{{"version":"{}"}},"node_modules/lodash":{{"version":"4.17.20"}}}}}})",
        version, resolved, nested);
  };
  EXPECT_EQ(told("package-lock.json", lock("1", "3.0.0", "https://r/s3"), lock("2", "3.0.1", "https://r/s3")),
            (Told{"lodash 3.0.0 -> 3.0.1"}));
  EXPECT_EQ(told("package-lock.json", lock("1", "3.0.0", "https://r/s3"), lock("1", "3.0.0", "https://evil/s3")),
            (Told{"@aws/s3 3.1.0" + std::string(kOther)}))
      << "a package that is exchanged without a new version is told";
  EXPECT_EQ(told("package-lock.json", lock("1", "3.0.0", "x"), lock("2", "3.0.0", "x")), (Told{"unreadable"}))
      << "the texts differ, and no version does: shown as any other file";
}

TEST(LockFiles, RequirementsHaveVersionsOptionsAndHashes) {
  EXPECT_EQ(told("requirements.txt", "# own\nrequests==2.31.0  # why\nflask[async]>=2,<3\nboto3\n\nold==1\n",
                 "requests == 2.32.0\r\nflask[async]>=2,<4\nnew\nboto3\n--index-url https://evil/simple\n"),
            (Told{"--index-url https://evil/simple added", "flask[async] >=2,<3 -> >=2,<4", "new (no version) added",
                  "old 1 removed", "requests 2.31.0 -> 2.32.0"}));
  EXPECT_EQ(
      told("requirements.txt", "a==1 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\n", "a==1 --hash=sha256:22\n"),
      (Told{"a 1" + std::string(kOther)}));
  EXPECT_EQ(told("requirements.txt", "a==1\n", "a @ git+https://example.com/a\n"),
            (Told{"a 1 -> @ git+https://example.com/a"}));
}

TEST(LockFiles, GoSumHasModules) {
  const std::string line = "golang.org/x/mod v0.7.0 h1:LapD9S96=\n";
  EXPECT_EQ(told("go.sum", line + "golang.org/x/mod v0.7.0/go.mod h1:iBbtSC=\n",
                 "golang.org/x/mod v0.8.0 h1:LUYupS=\ngolang.org/x/mod v0.8.0/go.mod h1:iBbtSC=\na.b/c v1.0.0 h1:x=\n"),
            (Told{"a.b/c v1.0.0 added", "golang.org/x/mod v0.7.0 -> v0.8.0"}));
  EXPECT_EQ(told("go.sum", line, "golang.org/x/mod v0.7.0 h1:other=\n"),
            (Told{"golang.org/x/mod v0.7.0" + std::string(kOther)}));
  EXPECT_EQ(told("go.sum", line, "golang.org/x/mod v0.8.0\n"), (Told{"unreadable"}));
  EXPECT_EQ(told("go.sum", line, ""), (Told{"golang.org/x/mod v0.7.0 removed"}));
}

TEST(LockFiles, YarnOfBothForms) {
  EXPECT_EQ(
      told("yarn.lock",
           "# yarn lockfile v1\n\n\"@babel/core@^7.0.0\", \"@babel/core@^7.1.0\":\n  version \"7.1.0\"\n  resolved "
           "\"https://r/1#a\"\n  dependencies:\n    version \"^9\"\n\nms@2.0.0:\n  version \"2.0.0\"\n",
           "# yarn lockfile v1\n\n\"@babel/core@^7.0.0\":\n  version \"7.2.0\"\n  resolved "
           "\"https://r/2#a\"\n\nms@2.0.0:\n  version \"2.0.0\"\n  integrity sha512-x\n"),
      (Told{"@babel/core 7.1.0 -> 7.2.0", "ms 2.0.0" + std::string(kOther)}));
  EXPECT_EQ(told("yarn.lock",
                 "__metadata:\n  version: 6\n\n\"ms@npm:2.0.0\":\n  version: 2.0.0\n  resolution: \"ms@npm:2.0.0\"\n",
                 "__metadata:\n  version: 6\n\n\"ms@npm:2.1.0\":\n  version: 2.1.0\n  resolution: \"ms@npm:2.1.0\"\n"),
            (Told{"ms 2.0.0 -> 2.1.0"}));
  EXPECT_EQ(told("yarn.lock", "ms@2:\n  version \"2\"\n", "no lock file\n"), (Told{"unreadable"}));
}

TEST(LockFiles, TablesOfPackages) {
  constexpr std::string_view kPoetry =
      "[[package]]\nname = \"idna\"\nversion = \"3.4\"\nfiles = [\n    {file = \"idna\", hash = \"sha256:aa\"},\n]\n\n"
      "[package.dependencies]\nversion = \"9\"\n\n[metadata]\nversion = \"2\"\n";
  EXPECT_EQ(told("poetry.lock", kPoetry,
                 "[[package]]\nname = \"idna\"\nversion = \"3.6\"\n[[package]]\nname = \"six\"\nversion = \"1\"\n"),
            (Told{"idna 3.4 -> 3.6", "six 1 added"}));
  std::string exchanged(kPoetry);
  exchanged.replace(exchanged.find("sha256:aa"), 9, "sha256:bb");
  EXPECT_EQ(told("uv.lock", kPoetry, exchanged), (Told{"idna 3.4" + std::string(kOther)}));
  EXPECT_EQ(told("Cargo.lock", kPoetry, "[package]\nname = \"x\"\n"), (Told{"unreadable"}));
}

TEST(LockFiles, WhatIsNotWhatItsNameSaysIsShownAsAnyOtherFile) {
  const std::string good = R"({"lockfileVersion":1,"dependencies":{"a":{"version":"1"}}})";
  const std::string deep = std::string(100'000, '[');
  for (const std::string& bad : {std::string(), std::string("{"), std::string("[]"), std::string("{}"), deep,
                                 std::string("\xff"), std::string(R"({"lockfileVersion":1,"dependencies":[1]})"),
                                 std::string(R"({"lockfileVersion":3,"packages":7})"),
                                 std::string(R"({"lockfileVersion":1,"dependencies":{"a":7}})"),
                                 std::string(R"({"lockfileVersion":3,"packages":{"node_modules/a":null}})"),
                                 std::string(std::size_t{5} << 20, ' ')}) {
    EXPECT_EQ(told("package-lock.json", good, bad), (Told{"unreadable"})) << bad.substr(0, 60);
    EXPECT_EQ(told("package-lock.json", bad, good), (Told{"unreadable"})) << bad.substr(0, 60);
  }
  std::string many;
  for (int i = 0; i <= 100'000; ++i) many += fmt::format("p{}==1\n", i);
  EXPECT_EQ(told("requirements.txt", "a==1\n", many), (Told{"unreadable"}));
}

TEST(LockFiles, ForeignNamesAreShownHarmless) {
  EXPECT_EQ(told("requirements.txt", "a==1\n", "a==\x1b[2J\n"), (Told{"a 1 -> \\u{1b}[2J"}));
}

}  // namespace
}  // namespace codedriftd
