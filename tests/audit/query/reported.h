#pragma once
/// What a report gives, for the tests of reports.
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "audit/query/reports.h"
#include "base/json.h"
#include "support/recorded.h"

namespace codedriftd::test {

struct Reported {
  std::vector<OrderedJson> rows;
  std::vector<std::string> problems;
  ReportEnd end;

  /// The row about `target`; fails the test if there is none.
  const OrderedJson& of(const std::string& target) const {
    for (const OrderedJson& row : rows) {
      if (row.at("target") == target) return row;
    }
    throw std::out_of_range("no row about " + target);
  }
  std::vector<std::string> column(const char* field) const {
    std::vector<std::string> values;
    for (const OrderedJson& row : rows)
      values.push_back(row.at(field).is_string() ? row.at(field).get<std::string>() : row.at(field).dump());
    return values;
  }
};

inline Reported report(Recorded& recorded, const Report& what, WallTime now, const Selection& selection = {}) {
  Database db = recorded.open_reader();
  Reported reported;
  reported.end = what.run(db, selection, now, [&](const Row& row) {
    ASSERT_EQ(row.values.size(), what.fields.size());
    OrderedJson object = OrderedJson::object();
    for (std::size_t i = 0; i < row.values.size(); ++i) object[std::string(what.fields[i])] = row.values[i];
    reported.rows.push_back(std::move(object));
    if (!row.problem.empty()) reported.problems.push_back(row.problem);
  });
  return reported;
}

inline Selection select(std::vector<std::string> targets) {
  Selection selection;
  selection.targets = std::move(targets);
  return selection;
}

}  // namespace codedriftd::test
