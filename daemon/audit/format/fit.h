#pragma once
/// A table that fits a terminal: what all rows share is said once, empty columns go, long cells are cut. Pure.
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace codedriftd {

struct FitColumn {
  std::string heading;
  std::size_t least = 0;   ///< it may be cut to that width; 0: never
  bool addresses = false;  ///< its cells are addresses of targets, or "-"
  unsigned spare = 0;      ///< the column with the most goes first where all of them are too wide; 0: it stays
};

struct FittedTable {
  std::vector<std::string> above;   ///< lines for over the table: what all rows share, and what does not fit
  std::vector<bool> shown;          ///< of each column
  std::vector<std::size_t> widths;  ///< of each column, its heading included
};

/// Makes `rows` (cells in order of `columns`; "-" is an empty one) at most `width` wide, with `before` columns in front
/// of each row and two between cells, as far as that can be: cells are shortened. Where all addresses share account,
/// region and namespace, or their qualifier, cells have the rest, and `above` the pattern of them all.
FittedTable fit_table(const std::vector<FitColumn>& columns, const std::vector<std::vector<std::string>*>& rows,
                      std::size_t width, std::size_t before = 0);

/// "9m ago", "in 2h", "now": in the largest unit of d, h, m, s, rounded down.
std::string short_time(WallTime time, WallTime now);

/// The column that `field` makes, as a table of people shows it.
FitColumn fit_column(std::string_view field, std::string_view heading, unsigned spare);

}  // namespace codedriftd
