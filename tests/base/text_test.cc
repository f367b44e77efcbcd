#include "base/text.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace codedriftd {
namespace {

#define FFFD "\xEF\xBF\xBD"

TEST(CleanUtf8, ReplacesEachBadByte) {
  struct Row {
    std::string_view text, clean;
  };
  for (const Row& row : {
           Row{"", ""},
           Row{"plain", "plain"},
           Row{"\xc3\xa4\xe6\xbc\xa2\xf0\x9f\x99\x82", "\xc3\xa4\xe6\xbc\xa2\xf0\x9f\x99\x82"},
           Row{"a\xff"
               "b",
               "a" FFFD "b"},
           Row{"\xc3", FFFD},                             // cut off
           Row{"\xe6\xbc", FFFD FFFD},                    // cut off
           Row{"\xc0\x80", FFFD FFFD},                    // overlong NUL
           Row{"\xe0\x80\x80", FFFD FFFD FFFD},           // overlong
           Row{"\xed\xa0\x80", FFFD FFFD FFFD},           // a surrogate
           Row{"\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD},  // beyond U+10FFFF
           Row{"\x80", FFFD},
           Row{"\xc3(", FFFD "("},
       }) {
    EXPECT_EQ(clean_utf8(row.text), row.clean);
    EXPECT_TRUE(valid_utf8(row.clean));
    EXPECT_EQ(valid_utf8(row.text), row.text == row.clean);
  }
}

TEST(CleanUtf8, ReplacesTheCharacterThatEndsATextElsewhere) {
  const std::string text("be\0fore\0", 8);
  EXPECT_TRUE(valid_utf8(text));
  EXPECT_EQ(clean_utf8(text), "be" FFFD "fore" FFFD);
  EXPECT_EQ(clean_utf8(text, 3), "be" FFFD);
}

TEST(CleanUtf8, CutsAfterCharactersNotBytes) {
  EXPECT_EQ(clean_utf8("\xc3\xa4\xc3\xb6\xc3\xbc", 2), "\xc3\xa4\xc3\xb6");
  EXPECT_EQ(clean_utf8("abc", 0), "");
  EXPECT_EQ(clean_utf8(std::string(2000, 'x')).size(), 1000U);
}

TEST(Harmless, ShowsWhatATerminalWouldObey) {
  struct Row {
    std::string_view text, safe;
  };
  for (const Row& row : {
           Row{"plain \xc3\xa4", "plain \xc3\xa4"},
           Row{"\x1b[31mred", "\\u{1b}[31mred"},
           Row{"a\nb\tc\r", "a\\u{a}b\\u{9}c\\u{d}"},
           Row{std::string_view("\0", 1), "\\u{0}"},
           Row{"\x7f", "\\u{7f}"},
           Row{"\xc2\x9b"
               "31m",
               "\\u{9b}31m"},                 // CSI as one C1 character
           Row{"\xe2\x80\xae", "\\u{202e}"},  // right-to-left override
           Row{"\xe2\x81\xa6", "\\u{2066}"},  // an isolate
           Row{"\xe2\x80\xa8", "\\u{2028}"},  // line separator
           Row{"\xd8\x9c", "\\u{61c}"},       // Arabic letter mark
           Row{"\xff", FFFD},
       }) {
    EXPECT_EQ(harmless(row.text), row.safe);
  }
}

TEST(Trimmed, TakesBlanksAndLineBreaksOffBothEndsAlone) {
  EXPECT_EQ(trimmed(" \t\r\n a \t b\r\n"), "a \t b");
  EXPECT_EQ(trimmed("a"), "a");
  EXPECT_EQ(trimmed("\v\xC2\xA0"), "\v\xC2\xA0") << "no other white space";
  EXPECT_EQ(trimmed(" \r\n"), "");
  EXPECT_EQ(trimmed(""), "");
}

TEST(Utf8Prefix, DoesNotCutACharacter) {
  const std::string_view text = "a\xe6\xbc\xa2z";
  EXPECT_EQ(utf8_prefix(text, 0), "");
  EXPECT_EQ(utf8_prefix(text, 1), "a");
  EXPECT_EQ(utf8_prefix(text, 2), "a");
  EXPECT_EQ(utf8_prefix(text, 3), "a");
  EXPECT_EQ(utf8_prefix(text, 4), "a\xe6\xbc\xa2");
  EXPECT_EQ(utf8_prefix(text, 5), text);
  EXPECT_EQ(utf8_prefix(text, 500), text);
}

TEST(Nearest, FindsATypoAndNothingFarther) {
  const std::array<std::string_view, 4> keys{"interval", "qualifier", "name", "names"};
  EXPECT_EQ(nearest("intervall", keys), "interval");
  EXPECT_EQ(nearest("qualifer", keys), "qualifier");
  EXPECT_EQ(nearest("nmae", keys), "name") << "two neighbours swapped are one edit";
  EXPECT_EQ(nearest("nxxe", keys), "") << "two edits of four are more than a third";
  EXPECT_EQ(nearest("name", keys), "name");
  EXPECT_EQ(nearest("nam", keys), "name");
  EXPECT_EQ(nearest("timeout", keys), "");
  EXPECT_EQ(nearest("", keys), "");
  EXPECT_EQ(nearest("x", std::vector<std::string>{"y"}), "");
}

TEST(EditDistance, CountsInsertionsDeletionsAndSubstitutions) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("abc", ""), 3U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("chekc", "check"), 1U);
}

}  // namespace
}  // namespace codedriftd
