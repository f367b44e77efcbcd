#include "package/render_diff.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <map>

#include "package/folder.h"
#include "support/process.h"
#include "support/seed.h"
#include "support/temp_dir.h"

namespace codedriftd {
namespace {

using std::filesystem::perms;
using test::TempDir;

/// A package in memory.
struct Tree {
  struct TreeFile {
    std::string content;
    uint32_t mode = 0644;
  };
  std::map<std::string, TreeFile> files;

  Manifest manifest() const {
    Manifest all;
    for (const auto& [name, file] : files) all.push_back({name, file.mode, file.content.size(), sha256(file.content)});
    return all;
  }
  auto contents() const {
    return [this](const PackageFile& file) -> std::optional<std::string> { return files.at(file.name).content; };
  }
};

std::string rendered(const Tree& before, const Tree& after, DiffOptions options, bool at_hand = true) {
  const Manifest old_files = before.manifest(), new_files = after.manifest();
  DiffSide old_side{old_files}, new_side{new_files};
  if (at_hand) {
    old_side.content = before.contents();
    new_side.content = after.contents();
  }
  std::string out;
  render_diff(old_side, new_side, options, [&](std::string_view text) { out += text; });
  return out;
}

const std::string kPicture{"\x89PNG\0\0", 6};
const std::string kOtherPicture{"\x89PNG\0\0\0\0", 8};

Tree tree_before() {
  return {{{"gone.py", {"a\nb\n"}},
           {"index.py", {"1\n2\n3\n"}},
           {"logo.png", {kPicture}},
           {"node_modules/a/index.js", {"old\n"}},
           {"requirements.txt", {"requests==2.31.0\n"}},
           {"same", {"x"}},
           {"scf_bootstrap", {"#!/bin/sh\n"}}}};
}
Tree tree_after() {
  return {{{"index.py", {"1\ntwo\x1b[2J\n3\n"}},
           {"lib/new file", {"n"}},
           {"logo.png", {kOtherPicture}},
           {"node_modules/a/index.js", {"new\n"}},
           {"requirements.txt", {"requests==2.32.0\n"}},
           {"same", {"x"}},
           {"scf_bootstrap", {"#!/bin/sh\n", 0755}}}};
}

TEST(RenderDiff, NothingIsWrittenWhereNothingChanged) {
  for (const DiffForm form : {DiffForm::name_status, DiffForm::stat, DiffForm::patch})
    EXPECT_EQ(rendered(tree_before(), tree_before(), {.form = form}), "");
}

TEST(RenderDiff, AsNameAndStatusOwnFilesFirst) {
  EXPECT_EQ(rendered(tree_before(), tree_after(), {.form = DiffForm::name_status}),
            "D\tgone.py\nM\tindex.py\nA\tlib/new file\nM\tlogo.png\nM\trequirements.txt\nm\tscf_bootstrap\n"
            "M\tnode_modules/a/index.js\n");
}

TEST(RenderDiff, AsStat) {
  EXPECT_EQ(rendered(tree_before(), tree_after(), {.form = DiffForm::stat}),
            " gone.py                 | 2 --\n"
            " index.py                | 2 +-\n"
            " lib/new file            | 1 +\n"
            " logo.png                | Bin 6 -> 8 bytes\n"
            " requirements.txt        | 2 +-\n"
            "     requests 2.31.0 -> 2.32.0\n"
            " scf_bootstrap           | mode 644 -> 755\n"
            " node_modules/a/index.js | 2 +-\n"
            " 7 files changed, 4 insertions(+), 5 deletions(-)\n");
}

TEST(RenderDiff, AsStatWithoutContentsHasSizes) {
  Tree before{{{"a", {"12345"}}, {"b", {"1"}}}}, after{{{"a", {"1234"}}, {"c", {"12"}}}};
  EXPECT_EQ(rendered(before, after, {.form = DiffForm::stat}, false),
            " a | 5 -> 4 bytes\n b | 1 bytes\n c | 2 bytes\n 3 files changed\n");
}

TEST(RenderDiff, StatFitsItsWidthAndNoBarDisappears) {
  std::string many;
  for (int i = 0; i < 500; ++i) many += "line\n";
  const std::string name(100, 'n');
  Tree before{{{"a", {"1\n"}}}}, after{{{"a", {"2\n"}}, {name, {many}}}};
  const std::string stat = rendered(before, after, {.form = DiffForm::stat, .width = 60});
  EXPECT_NE(stat.find(" …nnn"), std::string::npos) << stat;
  EXPECT_NE(stat.find("|   2 +-\n"), std::string::npos) << stat;
  EXPECT_EQ(stat.substr(0, stat.find('\n')).size(), 1 + 1 + 29 + 3 + 3 + 1 + 2U) << stat;
  std::size_t start = 0;
  for (std::size_t end = stat.find('\n'); end != std::string::npos; start = end + 1, end = stat.find('\n', start))
    EXPECT_LE(end - start, 62U) << stat;
}

TEST(RenderDiff, AsPatchForPeopleIsHarmlessAndTellsALockFileByItsVersions) {
  EXPECT_EQ(
      rendered(tree_before(), tree_after(), {}),
      "diff --git a/gone.py b/gone.py\ndeleted file mode 100644\n--- a/gone.py\n+++ /dev/null\n"
      "@@ -1,2 +0,0 @@\n-a\n-b\n"
      "diff --git a/index.py b/index.py\n--- a/index.py\n+++ b/index.py\n"
      "@@ -1,3 +1,3 @@\n 1\n-2\n+two\\u{1b}[2J\n 3\n"
      "diff --git \"a/lib/new file\" \"b/lib/new file\"\nnew file mode 100644\n--- /dev/null\n+++ b/lib/new file\t\n"
      "@@ -0,0 +1 @@\n+n\n\\ No newline at end of file\n"
      "# changed logo.png: no text, 6 -> 8 bytes, sha256 " +
          sha256(kPicture).hex() + " -> " + sha256(kOtherPicture).hex() +
          "\n"
          "# changed requirements.txt, by its versions:\n#   requests 2.31.0 -> 2.32.0\n"
          "diff --git a/scf_bootstrap b/scf_bootstrap\nold mode 100644\nnew mode 100755\n"
          "diff --git a/node_modules/a/index.js b/node_modules/a/index.js\n"
          "--- a/node_modules/a/index.js\n+++ b/node_modules/a/index.js\n@@ -1 +1 @@\n-old\n+new\n");
}

TEST(RenderDiff, AsPatchForPatchHasTheBytesAndTheLockFileToo) {
  const std::string patch = rendered(tree_before(), tree_after(), {.safe = false});
  EXPECT_NE(patch.find("+two\x1b[2J\n"), std::string::npos) << patch;
  EXPECT_NE(patch.find("-requests==2.31.0\n+requests==2.32.0\n"), std::string::npos) << patch;
}

TEST(RenderDiff, AnEmptyFileComesAndGoesWithoutLines) {
  const Tree empty{{{"a", {""}}}};
  EXPECT_EQ(rendered({}, empty, {}), "diff --git a/a b/a\nnew file mode 100644\nindex 0000000..e69de29\n");
  EXPECT_EQ(rendered(empty, {}, {}), "diff --git a/a b/a\ndeleted file mode 100644\nindex e69de29..0000000\n");
}

TEST(RenderDiff, ContentThatIsNotAtHandIsSizesAndHashes) {
  Tree before{{{"a", {"1"}}}}, after{{{"a", {"22"}}}};
  const std::string line = fmt::format("# changed a: content not at hand, 1 -> 2 bytes, sha256 {} -> {}\n",
                                       sha256("1").hex(), sha256("22").hex());
  EXPECT_EQ(rendered(before, after, {}, false), line);
  EXPECT_EQ(rendered(before, after, {.most_bytes = 1}), line) << "too large to be shown";
  const Manifest old_files = before.manifest(), new_files = after.manifest();
  std::string out;
  render_diff({old_files, before.contents()},
              {new_files, [](const PackageFile&) -> std::optional<std::string> { return "33"; }}, {},
              [&](std::string_view text) { out += text; });
  EXPECT_EQ(out, line) << "other content than the manifest says";
}

TEST(RenderDiff, EndsWhenThereIsTooMuchOfIt) {
  Tree after;
  for (int i = 0; i < 100; ++i) after.files[fmt::format("f{:02}", i)] = {"some text\n"};
  for (const DiffForm form : {DiffForm::name_status, DiffForm::stat, DiffForm::patch}) {
    const std::string out = rendered({}, after, {.form = form, .most_output = 50});
    EXPECT_LT(out.size(), 1'000U);
    EXPECT_TRUE(out.ends_with(" files more\n")) << out;
  }
}

TEST(RenderDiff, NamesAreHarmlessUnlessAskedForAsTheyAre) {
  Tree after{{{"a\x1b[2J", {"x"}}}};
  EXPECT_EQ(rendered({}, after, {.form = DiffForm::name_status}), "A\ta\\u{1b}[2J\n");
  EXPECT_EQ(rendered({}, after, {.form = DiffForm::name_status, .safe = false}), "A\ta\x1b[2J\n");
  EXPECT_EQ(rendered({}, after, {.form = DiffForm::stat}).find('\x1b'), std::string::npos);
  EXPECT_EQ(rendered({}, after, {}).find('\x1b'), std::string::npos);
}

// ---- what patch and git make of it

void store(const Tree& tree, const TempDir& dir, const std::string& folder) {
  std::filesystem::create_directories(dir / folder);
  for (const auto& [name, file] : tree.files)
    dir.write(folder + "/" + name, file.content, static_cast<perms>(file.mode));
}

Tree random_tree(std::mt19937_64& random) {
  Tree tree;
  for (const char* name : {"a.py", "b c.py", "lib/\xc3\xa4.py", "lib/\"q\"", "go.sum", "x/y/z", "empty", "run"}) {
    if (random() % 4 == 0) continue;
    std::string text;
    for (auto lines = random() % 30; lines > 0; --lines) text += fmt::format("line {}\n", random() % 9);
    if (!text.empty() && random() % 5 == 0) text.pop_back();
    tree.files[name] = {text, random() % 3 == 0 ? 0755U : 0644U};
  }
  return tree;
}

TEST(RenderDiff, AsPatchMakesTheOneTreeOfTheOtherByGitAndByPatch) {
  if (::access("/usr/bin/git", X_OK) != 0 || ::access("/usr/bin/patch", X_OK) != 0)
    GTEST_SKIP() << "SKIPPED: needs git and patch (scripts/install-deps --test)";
  const uint64_t used = test::seed();
  std::mt19937_64 random = test::random_from(used);
  for (int round = 0; round < 12; ++round) {
    const Tree before = random_tree(random), after = random_tree(random);
    const TempDir dir;
    store(before, dir, "git");
    store(before, dir, "patch");
    const std::string patch = dir.write("patch.diff", rendered(before, after, {.safe = false}));
    if (std::filesystem::file_size(patch) == 0) continue;
    const auto git = test::run({.argv = {"git", "apply", "--whitespace=nowarn", patch},
                                .env = {{"GIT_CEILING_DIRECTORIES", dir.path().string()}},
                                .folder = dir / "git"});
    const auto gnu = test::run({.argv = {"patch", "-s", "-p1", "-F0", "-i", patch}, .folder = dir / "patch"});
    EXPECT_EQ(git.status, (test::ExitStatus{0, 0})) << git.err << "round " << round;
    EXPECT_EQ(gnu.status, (test::ExitStatus{0, 0})) << gnu.out << gnu.err << "round " << round;
    ASSERT_EQ(*read_folder(dir / "git", {}), after.manifest()) << "round " << round;
    ASSERT_EQ(content_of(*read_folder(dir / "patch", {})), content_of(after.manifest())) << "round " << round;
  }
}

}  // namespace
}  // namespace codedriftd
