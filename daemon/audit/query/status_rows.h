#pragma once
/// What the status report and a plan have in common.
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "audit/format/report.h"

namespace codedriftd {

/// The fields of a row, as the contract lists them.
std::span<const std::string_view> status_fields();
Row status_row(const SelectedTarget& selected);
/// "not observed", "in sync": for people.
std::string_view status_words(Status status);
/// How many targets have each status.
class StatusCounts {
 public:
  void add(Status status) { ++counts_[static_cast<std::size_t>(status)]; }
  int64_t of(Status status) const { return counts_[static_cast<std::size_t>(status)]; }
  /// A number for each status, and `selected`.
  OrderedJson summary() const;
  /// "1 drifted, 41 in sync, 2 not observed": what there is, in this order.
  std::string line(std::span<const Status> order) const;
  /// 2: something is drifted or missing; else 3: unobserved, unreviewed or pending; else 0.
  int detailed_exit() const;

 private:
  std::array<int64_t, kStatuses.size()> counts_{};
};

}  // namespace codedriftd
