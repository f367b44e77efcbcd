#pragma once
/// What a report is, whatever it reports: rows under named fields, and what comes after them.
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "select/selection.h"

namespace codedriftd {

/// Names of canonical texts ("live", "accepted"), each with its text; empty: it is not on record.
using NamedValues = std::vector<std::pair<std::string_view, std::string>>;

/// One row: a value for each of the report's fields, in their order.
struct Row {
  std::vector<OrderedJson> values;
  std::string problem;  ///< not empty: what is stored of this row contradicts itself, and how
  /// What tables show people in place of a field's value.
  std::vector<std::pair<std::string_view, OrderedJson>> shown = {};
  /// What tables show people beneath the row: by name, the texts of values that are no code (model/value.h).
  NamedValues beneath = {};

  /// The value of the field at `place` as tables show it.
  const OrderedJson& shown_at(std::size_t place, std::string_view field) const {
    for (const auto& [name, value] : shown) {
      if (name == field) return value;
    }
    return values[place];
  }
};
using Emit = std::function<void(Row)>;

/// One column of the table (for people): a field, its heading, and the widest it may be on a terminal (0: never cut).
/// `spare` says what goes first where a terminal is too narrow, as in fit.h.
struct Column {
  std::string_view field, heading;
  std::size_t widest;
  unsigned spare = 0;
};

/// What comes after the rows.
struct ReportEnd {
  OrderedJson summary = OrderedJson::object();
  int64_t rows = 0;                  ///< emitted
  int64_t problems = 0;              ///< rows among them with a problem
  std::vector<std::string> above;    ///< for people: what has to be read before the rows
  std::vector<std::string> remarks;  ///< for people: notes and claims, and last a summary in one line
  OrderedJson of_any_status{};       ///< status: the summary as it is where no status is asked for
  std::optional<WallTime> as_of{};   ///< status: the past moment that the rows are of
  OrderedJson fleet{};               ///< status of a record on a server: who keeps it; else null
  std::string nothing{};             ///< not empty: nothing is there of what was asked for; this is why
  int detailed_exit = 0;             ///< status: 2, 3 or 0, as --detailed-exitcode says
};

struct Report {
  std::string_view name;  ///< "status"; the schema is codedriftd.NAME.v1
  std::span<const std::string_view> fields;
  std::span<const Column> columns;
  ReportEnd (*run)(Database& db, const Selection& selection, WallTime now, const Emit& emit);
};

}  // namespace codedriftd
