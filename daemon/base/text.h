#pragma once
#include <string>
#include <string_view>

namespace codedriftd {

/// Foreign text made storable: valid UTF-8 without U+0000, which not every database keeps (each bad byte becomes
/// U+FFFD, and so does U+0000), of at most `max_characters` code points.
std::string clean_utf8(std::string_view text, std::size_t max_characters = 1000);
/// True if `text` is valid UTF-8.
bool valid_utf8(std::string_view text);
/// Text made harmless for a terminal, a log line or a table cell: control characters (C0, DEL, C1), line and
/// paragraph separators and bidirectional controls become `\u{…}` with their code point in hex. Invalid UTF-8 becomes
/// U+FFFD.
std::string harmless(std::string_view text);
/// The same for text of several lines: each is made harmless.
std::string harmless_lines(std::string_view text);
/// Without the spaces, tabs and line breaks (CR, LF) at both ends.
std::string_view trimmed(std::string_view text);
/// The longest prefix of at most `max_bytes` bytes that does not cut a UTF-8 character.
std::string_view utf8_prefix(std::string_view text, std::size_t max_bytes);
/// The candidate nearest to `word` by edit distance, if it is near enough to be a typo (a third of its length at most);
/// empty otherwise.
template <typename Range>
std::string nearest(std::string_view word, const Range& candidates);
/// Insertions, deletions, substitutions, and swaps of two neighbours that make `b` of `a`.
std::size_t edit_distance(std::string_view a, std::string_view b);

template <typename Range>
std::string nearest(std::string_view word, const Range& candidates) {
  std::string best;
  std::size_t best_distance = word.size() / 3 + 1;
  for (const auto& candidate : candidates) {
    const std::size_t distance = edit_distance(word, std::string_view(candidate));
    if (distance < best_distance) {
      best_distance = distance;
      best = std::string(candidate);
    }
  }
  return best;
}

}  // namespace codedriftd
