#include "package/text_diff.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "support/process.h"
#include "support/seed.h"
#include "support/temp_dir.h"

namespace codedriftd {
namespace {

using test::TempDir;

std::string hunks(std::string_view before, std::string_view after, const TextDiffOptions& options = {}) {
  return text_diff(before, after, options).hunks;
}

/// Text of up to `most` lines, of a few different ones, so that many are equal.
std::string random_text(std::mt19937_64& random, std::size_t most, unsigned kinds) {
  std::string text;
  for (std::size_t left = random() % (most + 1); left > 0; --left) text += fmt::format("line {}\n", random() % kinds);
  if (!text.empty() && random() % 4 == 0) text.pop_back();
  return text;
}

/// `text` with some lines taken away, added, replaced.
std::string edited(std::mt19937_64& random, const std::string& text, unsigned kinds) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    const auto what = random() % 12;
    if (what == 0) result += fmt::format("line {}\n", random() % kinds);
    if (what != 1) result += text.substr(at, end - at);
    at = end;
  }
  return result;
}

/// What `patch` makes of `before`, which stands in a file of its own.
std::string patched(const TempDir& dir, const std::string& before, const std::string& hunks) {
  const std::string file = dir.write("text", before);
  const std::string diff = dir.write("text.diff", "--- a/text\n+++ b/text\n" + hunks);
  const test::RunResult ran =
      test::run({.argv = {"patch", "-s", "-F0", "--no-backup-if-mismatch", "-o", dir / "patched", file, diff}});
  EXPECT_EQ(ran.status, (test::ExitStatus{0, 0})) << ran.out << ran.err << "\n" << hunks;
  std::ifstream in(dir / "patched", std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(TextDiff, IsWhatDiffWrites) {
  const struct {
    std::string_view before, after, hunks;
  } cases[] = {
      {"", "", ""},
      {"a\n", "a\n", ""},
      {"a\n", "b\n", "@@ -1 +1 @@\n-a\n+b\n"},
      {"", "a\n", "@@ -0,0 +1 @@\n+a\n"},
      {"a\n", "", "@@ -1 +0,0 @@\n-a\n"},
      {"a", "a\n", "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n"},
      {"a\n", "a", "@@ -1 +1 @@\n-a\n+a\n\\ No newline at end of file\n"},
      {"x\na", "y\na", "@@ -1,2 +1,2 @@\n-x\n+y\n a\n\\ No newline at end of file\n"},
      {"1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n",
       "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n"},
      // Six unchanged lines between two changes are shown; seven part them.
      {"a\n1\n2\n3\n4\n5\n6\nb\n", "A\n1\n2\n3\n4\n5\n6\nB\n",
       "@@ -1,8 +1,8 @@\n-a\n+A\n 1\n 2\n 3\n 4\n 5\n 6\n-b\n+B\n"},
      {"a\n1\n2\n3\n4\n5\n6\n7\nb\n", "A\n1\n2\n3\n4\n5\n6\n7\nB\n",
       "@@ -1,4 +1,4 @@\n-a\n+A\n 1\n 2\n 3\n@@ -6,4 +6,4 @@\n 5\n 6\n 7\n-b\n+B\n"},
      // Which of equal lines is the new one: the last.
      {"f() {\n}\n", "f() {\n}\ng() {\n}\n", "@@ -1,2 +1,4 @@\n f() {\n }\n+g() {\n+}\n"},
      {"a\na\nb\n", "a\na\na\nb\n", "@@ -1,3 +1,4 @@\n a\n a\n+a\n b\n"},
      {"a\r\n", "a\n", "@@ -1 +1 @@\n-a\r\n+a\n"},
  };
  for (const auto& c : cases) EXPECT_EQ(hunks(c.before, c.after), c.hunks) << c.before;
}

TEST(TextDiff, IsByteForByteThatOfDiffForOrdinaryChanges) {
  const TempDir dir;
  std::string code;
  for (int i = 0; i < 60; ++i) code += fmt::format("def f{}(x):\n    y = x + {}\n    return y\n\n", i, i);
  const auto replaced = [&](std::string text, std::string_view from, std::string_view to) {
    return text.replace(text.find(from), from.size(), to);
  };
  const std::vector<std::string> others = {
      replaced(code, "x + 30", "x - 30"),
      replaced(replaced(code, "x + 10", "x * 10"), "def f40(x):\n    y = x + 40\n    return y\n\n", ""),
      replaced(code, "def f7(", "def new(x):\n    pass\n\ndef f7("),
      "#!/usr/bin/python3\n" + code,
      code + "main()\n",
      code.substr(0, code.size() / 2),
      code + code,
  };
  for (const std::string& other : others) {
    const test::RunResult ran = test::run(
        {.argv = {"diff", "-u", "--label", "a", "--label", "b", dir.write("before", code), dir.write("after", other)}});
    ASSERT_EQ(ran.status, (test::ExitStatus{1, 0})) << ran.err;
    EXPECT_EQ("--- a\n+++ b\n" + hunks(code, other), ran.out);
  }
}

TEST(TextDiff, PatchMakesTheNewTextOfTheOld) {
  if (::access("/usr/bin/patch", X_OK) != 0) GTEST_SKIP() << "SKIPPED: needs patch (scripts/install-deps --test)";
  const uint64_t seed = test::seed();
  std::mt19937_64 random = test::random_from(seed);
  const TempDir dir;
  for (int round = 0; round < 60; ++round) {
    const auto kinds = static_cast<unsigned>(1 + random() % 40);
    const std::string before = random_text(random, 60, kinds);
    const std::string after = random() % 3 == 0 ? random_text(random, 60, kinds) : edited(random, before, kinds);
    // Little effort is the other way that a diff is made.
    const TextDiffOptions options{.context = 3, .effort = random() % 3 == 0 ? random() % 200 : 1'000'000};
    if (before == after || before.empty()) continue;  // patch would make a file of an empty one
    ASSERT_EQ(patched(dir, before, hunks(before, after, options)), after) << "round " << round;
  }
}

/// What the lines of a diff of one hunk over all say: the old text of ' ' and '-', the new one of ' ' and '+'.
std::pair<std::string, std::string> sides(std::string_view hunk) {
  std::pair<std::string, std::string> texts;
  char sign = ' ';
  hunk.remove_prefix(std::min(hunk.find('\n') + 1, hunk.size()));
  while (!hunk.empty()) {
    const std::string_view line = hunk.substr(0, hunk.find('\n') + 1);
    hunk.remove_prefix(line.size());
    if (line.front() == '\\') {
      if (sign != '+') texts.first.pop_back();
      if (sign != '-') texts.second.pop_back();
      continue;
    }
    sign = line.front();
    if (sign != '+') texts.first += line.substr(1);
    if (sign != '-') texts.second += line.substr(1);
  }
  return texts;
}

TEST(TextDiff, HasBothTextsInItAndNoLineMoreThanTheShortestHas) {
  const uint64_t seed = test::seed();
  std::mt19937_64 random = test::random_from(seed);
  for (int round = 0; round < 3'000; ++round) {
    const auto kinds = static_cast<unsigned>(1 + random() % 6);
    const std::string before = random_text(random, 14, kinds);
    const std::string after = random() % 2 == 0 ? random_text(random, 14, kinds) : edited(random, before, kinds);
    if (before == after) continue;
    const TextDiff diff = text_diff(before, after, {.context = 1'000});
    ASSERT_EQ(sides(diff.hunks), std::pair(before, after)) << "round " << round << "\n" << diff.hunks;
    // The longest common sequence of lines, by the book.
    std::vector<std::string> a, b;
    for (auto [text, lines] : {std::pair(&before, &a), std::pair(&after, &b)}) {
      for (std::size_t at = 0; at < text->size();) {
        const std::size_t end = std::min(text->find('\n', at), text->size() - 1) + 1;
        lines->push_back(text->substr(at, end - at));
        at = end;
      }
    }
    std::vector<std::vector<std::size_t>> common(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
    for (std::size_t i = 1; i <= a.size(); ++i) {
      for (std::size_t j = 1; j <= b.size(); ++j)
        common[i][j] = a[i - 1] == b[j - 1] ? common[i - 1][j - 1] + 1 : std::max(common[i - 1][j], common[i][j - 1]);
    }
    const std::size_t kept = common[a.size()][b.size()];
    ASSERT_EQ(diff.lines, (LineCounts{a.size() - kept, b.size() - kept})) << "round " << round << "\n" << diff.hunks;
  }
}

TEST(TextDiff, HostileTextsTakeNoMoreThanTheEffortAllows) {
  std::string before, after;
  for (unsigned i = 0; i < 100'000; ++i) {
    before += fmt::format("{}\n", (i * 7919) % 1000);
    after += fmt::format("{}\n", (i * 104729 + 13) % 1000);
  }
  const TextDiff diff = text_diff(before, after, {.context = 200'000, .effort = 1'000'000});
  EXPECT_EQ(diff.effort, 1'000'000U) << "it would go on for minutes";
  EXPECT_EQ(sides(diff.hunks), std::pair(before, after));
  EXPECT_LT(text_diff("a\nb\n", "a\nc\n").effort, 100U);
}

TEST(TextDiff, NoEffortAtAllIsAllTakenAwayAndAllPutThereButForWhatIsEqualAtTheEnds) {
  EXPECT_EQ(hunks("a\nx\nb\ny\nc\n", "a\nX\nb\nY\nc\n", {.context = 3, .effort = 0}),
            "@@ -1,5 +1,5 @@\n a\n-x\n-b\n-y\n+X\n+b\n+Y\n c\n");
}

TEST(TextDiff, TextIsUtf8WithoutNul) {
  EXPECT_TRUE(is_text(""));
  EXPECT_TRUE(is_text("def \xc3\xa4():\n\tpass\r\n"));
  EXPECT_FALSE(is_text(std::string_view("a\0b", 3)));
  EXPECT_FALSE(is_text("\xff\xfe"));
  EXPECT_FALSE(is_text("\xd6\xd0\xb9\xfa")) << "GBK";
}

TEST(TextDiff, IsMadeHarmlessLineByLineAndKeepsItsTabs) {
  EXPECT_EQ(harmless_diff("+\tx = 1;\x1b[31m\r\n-\xe2\x80\xae"
                          "evil\n"),
            "+\tx = 1;\\u{1b}[31m\\u{d}\n-\\u{202e}evil\n");
  EXPECT_EQ(harmless_diff(""), "");
  EXPECT_EQ(harmless_diff("no end"), "no end");
}

TEST(TextDiff, NamesAreWrittenAsPatchReadsThem) {
  EXPECT_EQ(diff_name("a/", "lib/pay.py"), "a/lib/pay.py");
  EXPECT_EQ(diff_name("b/", "my file"), "b/my file\t");
  EXPECT_EQ(diff_name("a/", "q\"\\\n\xff"), "\"a/q\\\"\\\\\\012\\377\"");
}

}  // namespace
}  // namespace codedriftd
