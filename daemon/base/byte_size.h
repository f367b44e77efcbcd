#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace codedriftd {

/// A whole number and one unit of B, KiB, MiB, GiB, TiB: "100MiB", "2GiB"; "0" alone is zero. Nullopt for anything else
/// ("100MB" has two meanings, "1.5GiB" is 1536MiB), and for what does not fit into 63 bits: SQLite's integers.
std::optional<uint64_t> parse_byte_size(std::string_view text);
/// The shortest exact form that parse_byte_size reads: "100MiB", "1536KiB", "999B", "0".
std::string format_byte_size(uint64_t bytes);

}  // namespace codedriftd
