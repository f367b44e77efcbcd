#pragma once
/// Which pending rows wait, as parts of SQL statements.
#include <string>
#include <string_view>

namespace codedriftd::outbox {

/// This row of outbox, named `row` in the statement, is held by a suspension. What was attempted before it is not, and
/// that silence begins or ends is told all the same.
std::string held_row(std::string_view row);

/// The pending rows that row `o` of the same destination and target waits for; to be used with EXISTS.
std::string earlier_row();

}  // namespace codedriftd::outbox
