#pragma once
/// A unified diff of two texts, as `diff -u` writes it. Pure.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace codedriftd {

struct TextDiffOptions {
  std::size_t context = 3;  ///< unchanged lines around each change
  /// How many comparisons of lines may be spent on finding a short diff. What is not settled then is shown as all its
  /// lines taken away and all put there: longer than it has to be, and as correct.
  uint64_t effort = 20'000'000;
};

/// How many lines a diff takes away and adds.
struct LineCounts {
  std::size_t removed = 0, added = 0;
  friend bool operator==(const LineCounts&, const LineCounts&) = default;
};

struct TextDiff {
  /// "@@ -1,3 +1,4 @@\n", then lines that begin with ' ', '-' or '+', and "\ No newline at end of file" where it is so;
  /// empty if the texts are equal. The bytes of the texts as they are: harmless_diff() is for people.
  std::string hunks;
  LineCounts lines;
  uint64_t effort = 0;  ///< what it took of options.effort
};

/// From `before` to `after`, both any bytes; a line ends with '\n' and nothing else. `patch` makes `after` of `before`
/// with it. Time and memory grow with the lines of both and options.effort, whatever stands in them. Throws
/// std::length_error for texts of 2^31 lines or more.
TextDiff text_diff(std::string_view before, std::string_view after, const TextDiffOptions& options = {});

/// True for what is shown as text: valid UTF-8 without NUL.
bool is_text(std::string_view content);

/// A diff made harmless for a terminal: as harmless_lines(), but tabs stay, since they are in ordinary code.
std::string harmless_diff(std::string_view diff);

/// The name of a file behind "--- " and "+++ ", as git and patch write and read it: in double quotes with escapes
/// where it holds a quote, a backslash, a control character or a byte beyond ASCII. `prefix`: "a/" or "b/".
std::string diff_name(std::string_view prefix, std::string_view name);

}  // namespace codedriftd
