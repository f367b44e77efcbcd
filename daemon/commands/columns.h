#pragma once
/// The plain tables of `check`.
#include <cstddef>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace codedriftd {

using Line = std::vector<std::string>;

/// Rows as columns, two spaces apart; the first row is the heading.
void print_columns(const std::vector<Line>& rows, std::ostream& out);

/// "1 target", "3 targets".
std::string plural(std::size_t count, std::string_view noun);

}  // namespace codedriftd
