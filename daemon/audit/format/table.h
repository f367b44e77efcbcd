#pragma once
/// The two formats for people. Private to audit/: see render.h.
#include <memory>
#include <string>
#include <string_view>

#include "audit/format/renderer.h"

namespace codedriftd {

std::unique_ptr<Renderer> make_table(const Report& report, WallTime now, const Look& look, std::string& out);
std::unique_ptr<Renderer> make_markdown(const Report& report, std::string& out);

/// Text as Markdown shows it literally, inside a table or not.
std::string markdown_text(std::string_view text);

}  // namespace codedriftd
