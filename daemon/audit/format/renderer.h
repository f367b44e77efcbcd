#pragma once
#include <optional>
#include <string_view>

#include "audit/format/report.h"

namespace codedriftd {

enum class Format { table, json, ndjson, csv, markdown };
std::optional<Format> parse_format(std::string_view name);

/// Writes one report as text: row() for each row, then end() once. Appends to a string, so that the database's snapshot
/// need not be held while somebody reads at their leisure.
class Renderer {
 public:
  virtual ~Renderer() = default;
  virtual void row(const Row& row) = 0;
  virtual void end(const ReportEnd& end) = 0;
};

}  // namespace codedriftd
