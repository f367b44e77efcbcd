#include "commands/columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>

namespace codedriftd {

void print_columns(const std::vector<Line>& rows, std::ostream& out) {
  std::vector<std::size_t> widths(rows.front().size(), 0);
  for (const Line& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const Line& row : rows) {
    std::string line = " ";
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += i + 1 == row.size() ? fmt::format(" {}", row[i]) : fmt::format(" {:{}} ", row[i], widths[i]);
    }
    out << line << '\n';
  }
}

std::string plural(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace codedriftd
