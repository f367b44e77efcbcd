#include "model/changes.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace codedriftd {
namespace {

PackageFile package_file(std::string name, std::string_view content = "x", uint32_t mode = 0644) {
  return {std::move(name), mode, content.size(), sha256(content)};
}

std::vector<std::string> described(const Changes& changes) {
  std::vector<std::string> files;
  for (const ChangedFile& file : changes.files) files.push_back(std::string(to_string(file.change)) + " " + file.name);
  return files;
}

using Described = std::vector<std::string>;

TEST(Changes, EachFileIsToldOnceWithWhatHappenedToIt) {
  const Changes changes = compare(
      {package_file("a", "1"), package_file("gone"), package_file("mode", "m", 0644), package_file("same")},
      {package_file("a", "2", 0755), package_file("mode", "m", 0755), package_file("new"), package_file("same")});
  EXPECT_EQ(described(changes), (Described{"changed a", "removed gone", "mode mode", "added new"}));
  EXPECT_EQ(changes.added, 1U);
  EXPECT_EQ(changes.removed, 1U);
  EXPECT_EQ(changes.changed, 1U);
  EXPECT_EQ(changes.modes, 1U) << "a's other mode stands beside its other content";
  EXPECT_TRUE(changes.files[0].other_mode());
  EXPECT_FALSE(changes.same_content);
  EXPECT_FALSE(changes.same_modes);
}

TEST(Changes, SameContentAndSameModesAreWhatTheDigestsSay) {
  const Manifest one{package_file("a"), package_file("b")};
  const struct {
    Manifest other;
    bool same_content, same_modes;
  } cases[] = {
      {one, true, true},
      {{package_file("a"), package_file("b", "x", 0755)}, true, false},
      {{package_file("a"), package_file("b", "y")}, false, true},
      {{package_file("a"), package_file("b", "y", 0600)}, false, false},
      {{package_file("a"), package_file("c")}, false, true},
      {{package_file("a")}, false, true},
      {{}, false, true},
  };
  for (const auto& c : cases) {
    const Changes changes = compare(one, c.other);
    EXPECT_EQ(changes.same_content, c.same_content);
    EXPECT_EQ(changes.same_content, content_of(one) == content_of(c.other));
    EXPECT_EQ(changes.same_modes, c.same_modes);
    EXPECT_EQ(changes.same_content && changes.same_modes, exact_content_of(one) == exact_content_of(c.other));
  }
}

TEST(Changes, AModeThatOneSideDoesNotKnowIsNoOther) {
  const Changes changes = compare({package_file("a", "x", 0)}, {package_file("a", "x", 0755)});
  EXPECT_TRUE(changes.files.empty());
  EXPECT_TRUE(changes.same_content && changes.same_modes);
}

TEST(Changes, NamesAreSortedByTheirBytesAlsoBeyondAscii) {
  const Changes changes =
      compare({}, {package_file("a"), package_file("z"), package_file("\xc3\xa4"), package_file("\xff")});
  EXPECT_EQ(described(changes), (Described{"added a", "added z", "added \xc3\xa4", "added \xff"}));
  EXPECT_EQ(compare({package_file("z"), package_file("\xff")}, {package_file("z"), package_file("\xff")}).files.size(),
            0U);
}

TEST(Changes, OwnFilesComeBeforeDependencies) {
  const Changes changes = compare({}, {package_file("lib/node_modules/a.js"), package_file("node_modules/a/i.js"),
                                       package_file("python/lib/x.py"), package_file("z.py")});
  EXPECT_EQ(described(changes), (Described{"added z.py", "added lib/node_modules/a.js", "added node_modules/a/i.js",
                                           "added python/lib/x.py"}));
}

TEST(Changes, DependenciesAreToldByTheFoldersTheyLieIn) {
  for (const char* name : {"node_modules/a", "x/node_modules/a/b", "vendor/github.com/a.go", "site-packages/a.py",
                           "python/lib/python3.9/a.py", ".venv/lib/a", "requests-2.1.dist-info/RECORD",
                           "src/__pycache__/a.pyc", "nodejs/node_modules/a"})
    EXPECT_TRUE(is_dependency(name)) << name;
  for (const char* name : {"index.py", "node_modules", "my_node_modules/a", "vendors/a", "lib/pay.py", "python/a.py",
                           "src/python/lib/a.py", "a.dist-info", "", "/", "vendor.js"})
    EXPECT_FALSE(is_dependency(name)) << name;
}

TEST(Changes, AsASentence) {
  const auto sentence = [](const Manifest& before, const Manifest& after) {
    return changes_sentence(compare(before, after));
  };
  EXPECT_EQ(sentence({package_file("a")}, {package_file("a")}), "the same content");
  EXPECT_EQ(sentence({package_file("a")}, {package_file("a", "y")}), "1 file changed: a");
  EXPECT_EQ(sentence({package_file("a"), package_file("b")}, {package_file("a", "y"), package_file("c")}),
            "1 file changed, 1 added, 1 removed: a, b, c");
  EXPECT_EQ(sentence({package_file("boot")}, {package_file("boot", "x", 0755)}), "1 file with another mode: boot");
  Manifest many;
  for (const char* name : {"1", "2", "3", "4", "5", "6", "7"}) many.push_back(package_file(name));
  EXPECT_EQ(sentence({}, many), "7 files added: 1, 2, 3, 4, 5 and 2 more");
  many.resize(5);
  EXPECT_EQ(sentence(many, {}), "5 files removed: 1, 2, 3, 4, 5");
}

TEST(Changes, ANameCannotPassForTheSentenceAroundIt) {
  EXPECT_EQ(changes_sentence(compare({}, {package_file("a and 9 more")})), "1 file added: \"a and 9 more\"");
  EXPECT_EQ(changes_sentence(compare({}, {package_file("a,\"b")})), "1 file added: \"a,\\\"b\"");
  EXPECT_EQ(changes_sentence(compare({}, {package_file("\x1b[2J\xff")})), "1 file added: \\u{1b}[2J\xef\xbf\xbd");
  const std::string longest(200, 'n');
  EXPECT_EQ(shown_name(longest), longest);
  EXPECT_EQ(shown_name(longest + "n"), longest + "…");
}

TEST(Changes, AsJsonHaveTheContractsMembersAndTwentyFilesAtMost) {
  Manifest many;
  for (int i = 10; i < 35; ++i) many.push_back(package_file("f" + std::to_string(i)));
  const Json json = changes_json(compare({package_file("f10", "old"), package_file("g\x07")}, many));
  EXPECT_EQ(json.at("added"), 24);
  EXPECT_EQ(json.at("removed"), 1);
  EXPECT_EQ(json.at("changed"), 1);
  EXPECT_EQ(json.at("modes"), 0);
  EXPECT_EQ(json.at("same_content"), false);
  EXPECT_EQ(json.at("examined"), true);
  EXPECT_EQ(json.at("files").size(), 20U);
  EXPECT_EQ(json.at("files").at(0), (Json{{"name", "f10"}, {"change", "changed"}}));
  EXPECT_EQ(changes_json(compare({package_file("g\x07")}, {})).at("files").at(0).at("name"), "g\\u{7}");
  EXPECT_NO_THROW(canonical_json(json));
}

}  // namespace
}  // namespace codedriftd
