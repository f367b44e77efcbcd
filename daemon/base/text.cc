#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

namespace codedriftd {
namespace {

constexpr char32_t kBad = 0xFFFFFFFF;
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// Takes one code point off the front of `text`: its value, or kBad for a byte that is not part of valid UTF-8 (then
/// one byte is taken). REQUIRES: !text.empty().
char32_t take_code_point(std::string_view& text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  std::size_t length = 1;
  char32_t value = first;
  char32_t least = 0;
  if (first >= 0xF0 && first <= 0xF4) {
    length = 4, value = first & 7U, least = 0x10000;
  } else if (first >= 0xE0 && first < 0xF0) {
    length = 3, value = first & 15U, least = 0x800;
  } else if (first >= 0xC2 && first < 0xE0) {
    length = 2, value = first & 31U, least = 0x80;
  } else if (first >= 0x80) {
    text.remove_prefix(1);
    return kBad;
  }
  if (text.size() < length) {
    text.remove_prefix(1);
    return kBad;
  }
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) {
      text.remove_prefix(1);
      return kBad;
    }
    value = (value << 6) | (byte(i) & 63U);
  }
  if (value < least || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
    text.remove_prefix(1);
    return kBad;
  }
  text.remove_prefix(length);
  return value;
}

bool is_dangerous(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x061C || c == 0x200E || c == 0x200F || c == 0x2028 ||
         c == 0x2029 || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;
}

}  // namespace

std::string clean_utf8(std::string_view text, std::size_t max_characters) {
  std::string clean;
  for (std::size_t count = 0; !text.empty() && count < max_characters; ++count) {
    const char* start = text.data();
    const char32_t c = take_code_point(text);
    if (c != kBad && c != 0) {
      clean.append(start, static_cast<std::size_t>(text.data() - start));
    } else {
      clean += kReplacement;
    }
  }
  return clean;
}

bool valid_utf8(std::string_view text) {
  while (!text.empty()) {
    if (take_code_point(text) == kBad) return false;
  }
  return true;
}

std::string harmless(std::string_view text) {
  // Nearly all text is plain, and is harmless as it is.
  if (std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; })) return std::string(text);
  std::string safe;
  safe.reserve(text.size());
  while (!text.empty()) {
    const char* start = text.data();
    const char32_t c = take_code_point(text);
    if (c == kBad) {
      safe += kReplacement;
    } else if (is_dangerous(c)) {
      safe += fmt::format("\\u{{{:x}}}", static_cast<uint32_t>(c));
    } else {
      safe.append(start, static_cast<std::size_t>(text.data() - start));
    }
  }
  return safe;
}

std::string harmless_lines(std::string_view text) {
  std::string lines;
  for (std::size_t from = 0;;) {
    const std::size_t end = std::min(text.find('\n', from), text.size());
    lines += harmless(text.substr(from, end - from));
    if (end == text.size()) return lines;
    lines += '\n';
    from = end + 1;
  }
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::string_view utf8_prefix(std::string_view text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) return text;
  std::size_t end = max_bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  // Rows of the table of distances between prefixes: this one and the two before it.
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, substituted});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

}  // namespace codedriftd
