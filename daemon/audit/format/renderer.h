#pragma once
#include <optional>
#include <string_view>

#include "audit/format/report.h"

namespace codedriftd {

enum class Format { table, json, ndjson, csv, markdown };
std::optional<Format> parse_format(std::string_view name);

/// How a table looks. A bool is that about its colour alone.
struct Look {
  bool colour = false;
  std::size_t width = 0;  ///< of the terminal that it has to fit; 0: everything is shown
  bool utc = false;       ///< times in full, also where it has to fit
  Look(bool coloured, std::size_t wide = 0, bool in_full = false)  // NOLINT: implicit on purpose
      : colour(coloured), width(wide), utc(in_full) {}
};

/// Writes one report as text: row() for each row, then end() once. Appends to a string, so that the database's snapshot
/// need not be held while somebody reads at their leisure.
class Renderer {
 public:
  virtual ~Renderer() = default;
  virtual void row(const Row& row) = 0;
  virtual void end(const ReportEnd& end) = 0;
};

}  // namespace codedriftd
