#include <gtest/gtest.h>
#include <sys/stat.h>

#include "package/package_file.h"
#include "support/zip_writer.h"

namespace codedriftd::test {
namespace {

using namespace std::string_literals;

struct NamesCase {
  std::vector<ZipEntry> entries;
  std::string findings;
};

const NamesCase kNames[] = {
    {{{.name = "a"}, {.name = "b/"}, {.name = "b/c"}}, ""},
    {{{.name = "a/../b"}}, "traversal:a/../b"},
    {{{.name = ".."}}, "traversal:.."},
    {{{.name = "..a"}, {.name = "b.."}, {.name = "..."}}, ""},
    {{{.name = "a/./b"}}, "dot-part:a/./b"},
    {{{.name = "./"}, {.name = "./a"}, {.name = "././b"}}, ""},
    {{{.name = "./a"}, {.name = "././a"}}, "dot-part:././a dot-part:./a"},
    {{{.name = "/a"}}, "absolute-path:/a"},
    {{{.name = "//a"}}, "absolute-path://a empty-part://a"},
    {{{.name = "C:a"}}, "absolute-path:C:a"},
    {{{.name = "\\a"}}, "absolute-path:\\a backslash:\\a"},
    {{{.name = "a\\b"}}, "backslash:a\\b"},
    {{{.name = "a//b"}}, "empty-part:a//b"},
    {{{.name = "a//"}}, "empty-part:a//"},
    {{{.name = "a\0"s}}, "nul:a\0"s},
    {{{.name = "a\x1b"}}, "control-character:a\x1b"},
    {{{.name = "a\xe2\x80\xae", .flags = 0x800}}, "control-character:a\xe2\x80\xae"},
    {{{.name = "\xe5\x87\xbd.py"}}, "no-utf8-flag:\xe5\x87\xbd.py"},
    {{{.name = "\xe5\x87\xbd.py", .flags = 0x800}}, ""},
    {{{.name = "\xff", .flags = 0x800}}, "not-utf8:\xff"},
    {{{.name = "a", .content = "/etc", .mode = S_IFLNK | 0777}}, "symlink:a"},
    {{{.name = "a", .mode = S_IFIFO | 0600}}, "special-file:a"},
    {{{.name = "Read.me"}, {.name = "read.me"}}, "case:Read.me case:read.me"},
    {{{.name = "A/"}, {.name = "a/"}}, "case:A/ case:a/"},
    {{{.name = "A"}, {.name = "b"}, {.name = "c/a"}}, ""},
    {{{.name = "a"}, {.name = "a/b"}, {.name = "a b"}, {.name = "a!"}}, "file-and-folder:a"},
    {{{.name = "a"}, {.name = "a/"}}, "file-and-folder:a"},
    {{{.name = "a"}, {.name = "ab/c"}}, ""},
};

TEST(ZipNames, EachFindingIsShownForWhatItIsFor) {
  for (const NamesCase& row : kNames) {
    const Examination read = read_bytes(zip_of(row.entries));
    EXPECT_EQ(read.ambiguous, "") << row.entries[0].name;
    EXPECT_EQ(findings_of(read), row.findings) << row.entries[0].name;
  }
}

TEST(ZipNames, ADotInFrontIsLeftOutUnlessThatIsAnotherFile) {
  EXPECT_EQ(names_of(read_bytes(zip_of({{.name = "./a"}, {.name = "././b/c"}})).files), "a b/c");
  EXPECT_EQ(names_of(read_bytes(zip_of({{.name = "./a"}, {.name = "a"}, {.name = "./b"}})).files), "./a a b");
}

TEST(ZipNames, OnlyTheFirstFindingsAreKept) {
  std::vector<ZipEntry> entries;
  for (int i = 0; i < 150; ++i) entries.push_back({.name = "\\" + std::to_string(i)});
  const Examination read = read_bytes(zip_of(entries));
  EXPECT_EQ(read.files.size(), 150U);
  ASSERT_EQ(read.findings.size(), kMostFindings);
  EXPECT_EQ(read.findings[0], (Finding{"absolute-path", "\\0"}));
  EXPECT_EQ(read.findings[1], (Finding{"backslash", "\\0"}));
  EXPECT_EQ(read.findings[2], (Finding{"absolute-path", "\\1"}));
}

}  // namespace
}  // namespace codedriftd::test
