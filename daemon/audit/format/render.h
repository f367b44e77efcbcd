#pragma once
#include <memory>
#include <string>

#include "audit/format/renderer.h"

namespace codedriftd {

/// json      {"schema":"codedriftd.NAME.v1","generated_at":…,"rows":[…],"summary":{…}}, one row a line
/// ndjson    one row a line
/// csv       RFC 4180 (CRLF) with a heading; null is empty; `gaps` is how many there are, other lists and objects are
///           JSON text; a cell that begins with = + - @ gets a leading '; control and bidi characters but tab, CR, LF
///           are `\u{…}`
/// markdown  the table's columns with whole hashes, escaped; then the remarks
/// table     aligned columns for people, then the remarks; as wide as it has to be, or fitted to a terminal (fit.h)
/// A row with a problem has it as one more member `problem` in json and ndjson, and on a line of its own in a table.
/// JSON escapes control and bidi characters (`\u009b`): the same values, harmless on a terminal.
/// `out` and `report` must outlive the renderer.
std::unique_ptr<Renderer> make_renderer(Format format, const Report& report, WallTime generated_at, const Look& look,
                                        std::string& out);

}  // namespace codedriftd
