#pragma once
/// The two formats for people. Private to audit/: see render.h.
#include <memory>
#include <string>
#include <string_view>

#include "audit/format/renderer.h"

namespace codedriftd {

std::unique_ptr<Renderer> make_table(const Report& report, WallTime now, const Look& look, std::string& out);
std::unique_ptr<Renderer> make_markdown(const Report& report, std::string& out);

/// How many columns of a terminal `text` takes: one for each code point, two for East Asian wide ones and emoji.
/// REQUIRES: valid UTF-8 without control characters.
std::size_t display_width(std::string_view text);
/// At most `widest` columns of `text`, the last one "…" if something was cut.
std::string shortened(std::string_view text, std::size_t widest);
/// Text as Markdown shows it literally, inside a table or not.
std::string markdown_text(std::string_view text);

}  // namespace codedriftd
