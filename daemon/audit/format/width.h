#pragma once
/// Text as wide as a terminal shows it.
#include <cstddef>
#include <string>
#include <string_view>

namespace codedriftd {

/// How many columns of a terminal `text` takes: one for each code point, two for East Asian wide ones and emoji.
/// REQUIRES: valid UTF-8 without control characters.
std::size_t display_width(std::string_view text);
/// At most `widest` columns of `text`, the last one "…" if something was cut.
std::string shortened(std::string_view text, std::size_t widest);

}  // namespace codedriftd
