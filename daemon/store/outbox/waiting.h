#pragma once
/// Which pending rows wait, as parts of SQL statements.
#include <string>
#include <string_view>

namespace codedriftd::outbox {

/// This row of outbox, named `row` in the statement, is held by a suspension. What was attempted before it is not, and
/// that silence begins or ends is told all the same.
std::string held_row(std::string_view row);

/// This row, of outbox or of event, is about drift: about_drift() of model/kinds.h.
std::string drift_row(std::string_view row);

}  // namespace codedriftd::outbox
